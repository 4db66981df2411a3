"""The advisory database of open source, OSV: which known vulnerabilities packages have.

https://google.github.io/osv.dev/post-v1-querybatch/
https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

URL = "https://api.osv.dev"
_SECONDS = 4
_LARGEST = 20_000_000
T = TypeVar("T")


class Unreachable(Exception):
    """The database does not answer, or not in its own form; the message says what came instead."""


@dataclass(frozen=True)
class Package:
    """A package as it is installed. shipped: whether it goes to the functions, or is for work on this project alone."""

    name: str
    version: str
    shipped: bool = False


@dataclass(frozen=True)
class Advisory:
    """A known vulnerability. aliases are its names elsewhere; fixed the versions without it, oldest first."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    fixed: tuple[str, ...]


def found(packages: Sequence[Package], url: str, seconds: float) -> dict[Package, list[Advisory]]:
    """The advisories of each package that has any. Raises `Unreachable`, also once the time is over."""
    return _within(seconds, lambda: _found(packages, url))


def _found(packages: Sequence[Package], url: str) -> dict[Package, list[Advisory]]:
    queries = [{"package": {"name": one.name, "ecosystem": "PyPI"}, "version": one.version} for one in packages]
    answer = _ask(f"{url}/v1/querybatch", {"queries": queries})
    results = answer.get("results")
    if not isinstance(results, list) or len(results) != len(packages):
        raise Unreachable("it answers something else than asked")
    listed = {
        one: [known["id"] for known in result.get("vulns", ())] for one, result in zip(packages, results, strict=True)
    }
    return {one: [_advisory(id, one.name, url) for id in ids] for one, ids in listed.items() if ids}


def _advisory(id: str, package: str, url: str) -> Advisory:
    told = _ask(f"{url}/v1/vulns/{quote(id, safe='')}")
    fixed = [
        event["fixed"]
        for affected in told.get("affected", ())
        if _plain(affected.get("package", {}).get("name", "")) == _plain(package)
        for one in affected.get("ranges", ())
        if one.get("type") == "ECOSYSTEM"
        for event in one.get("events", ())
        if "fixed" in event
    ]
    return Advisory(id, tuple(told.get("aliases", ())), str(told.get("summary", "")), tuple(dict.fromkeys(fixed)))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _ask(url: str, body: Any = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            told = json.loads(answer.read(_LARGEST))
    except (OSError, ValueError) as error:
        raise Unreachable(str(getattr(error, "reason", error)) or type(error).__name__) from error
    if not isinstance(told, dict):
        raise Unreachable("it answers something else than asked")
    return told


def _within(seconds: float, act: Callable[[], T]) -> T:
    """Do it, for so long at most: looking a name up takes as long as the system wants."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(act())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise Unreachable(f"no answer within {seconds:g} seconds")
    return done[0]
