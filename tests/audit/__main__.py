"""`make audit`: whether a package that is installed, or goes to the functions, has a known vulnerability.

It asks OSV's database. Where that cannot be reached it says "not run", and fails nothing. An advisory that cannot be
used against Deskweave stands in exceptions.toml, with its reason and an end.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path

from tests.audit import osv
from tests.audit.osv import Advisory, Package

ROOT = Path(__file__).resolve().parents[2]
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
SECONDS = 8.0
FOUND, BAD_EXCEPTION = 1, 2


class BadException(ValueError):
    """An exception without a reason or an end; the message says which."""


def installed(requirements: Path = ROOT / "requirements.txt") -> list[Package]:
    """Every package of this environment, those first that go to the functions."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    shipped = _closure([line for line in lines if re.match("[A-Za-z]", line)])
    known = {(_plain(one.name), one.version) for one in metadata.distributions() if one.name}
    known = {(name, version) for name, version in known if name != "deskweave"}
    found = [Package(name, version, name in shipped) for name, version in known]
    return sorted(found, key=lambda one: (not one.shipped, one.name))


def exceptions(path: Path, today: date) -> tuple[dict[str, str], list[str]]:
    """The advisories that are let pass, with the reason; and those whose end has come. Raises `BadException`."""
    try:
        listed = tomllib.loads(path.read_text(encoding="utf-8")).get("exception", [])
    except tomllib.TOMLDecodeError as error:
        raise BadException(f"{path.name}: {error}") from error
    passed, ended = {}, []
    for one in listed:
        if not (
            one.get("id") and one.get("package") and len(one.get("reason", "")) >= 10 and type(one.get("until")) is date
        ):
            raise BadException(f"{path.name}: {one.get('id', '?')} needs an id, a package, a reason and a day `until`")
        if one["until"] <= today:
            ended.append(one["id"])
        else:
            passed[one["id"]] = one["reason"]
    return passed, ended


def judged(found: Mapping[Package, Sequence[Advisory]], passed: Mapping[str, str]) -> list[str]:
    """A line for each vulnerability that is not let pass: what it is, and what to do."""
    told = []
    for package, advisories in found.items():
        for one in advisories:
            if {one.id, *one.aliases} & set(passed):
                continue
            where = "goes to the functions" if package.shipped else "is used on this machine alone"
            names = ", ".join((one.id, *one.aliases))
            mend = f"take {' or '.join(one.fixed)}" if one.fixed else "no version is without it yet"
            bounds = "requirements.txt" if package.shipped else "requirements-dev.txt"
            told.append(
                f"{package.name} {package.version} ({where}): {names}: {one.summary or 'no summary'}\n"
                f"  to do: {mend}: raise its bound in {bounds} and run `make setup`; or, where it cannot be used "
                f"against Deskweave, say why in tests/audit/exceptions.toml"
            )
    return told


def main(url: str, path: Path = EXCEPTIONS, today: date | None = None, seconds: float = SECONDS) -> int:
    """Ask, print, and return the exit code: 1 where something was found, 2 for a bad exception, else 0."""
    try:
        passed, ended = exceptions(path, today or datetime.now(UTC).date())
    except BadException as error:
        print(f"audit: {error}")
        return BAD_EXCEPTION
    packages = installed()
    try:
        found = osv.found(packages, url, seconds)
    except osv.Unreachable as error:
        print(f"audit: NOT RUN: the advisory database {url} cannot be reached ({error})")
        return 0
    told = judged(found, passed)
    for line in told:
        print(f"audit: {line}")
    for id in ended:
        print(f"audit: the exception for {id} has ended; look at it again")
    shipped = sum(package.shipped for package in packages)
    print(f"audit: {len(packages)} packages, {shipped} of them shipped: {len(told)} to mend, {len(passed)} let pass")
    return FOUND if told else 0


def _closure(wanted: list[str]) -> set[str]:
    """The packages that requirements bring, by plain name, with the extras that they ask for."""
    found: dict[str, set[str]] = {}
    while wanted:
        name, extras = _named(wanted.pop())
        if name in found and extras <= found[name]:
            continue
        found[name] = found.get(name, set()) | extras
        wanted += [need for need in _needs(name) if _asked_for(need, found[name])]
    return set(found)


def _named(requirement: str) -> tuple[str, set[str]]:
    part = re.match(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?", requirement)
    assert part, requirement
    return _plain(part[1]), {one.strip() for one in (part[2] or "").split(",") if one.strip()}


def _asked_for(need: str, extras: set[str]) -> bool:
    of = re.search(r"""extra\s*==\s*["']([^"']+)""", need)
    return of is None or of[1] in extras


def _needs(name: str) -> list[str]:
    try:
        return list(metadata.requires(name) or ())
    except metadata.PackageNotFoundError:
        return []


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(os.environ.get("DESKWEAVE_OSV_URL", osv.URL)))
