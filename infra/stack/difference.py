"""What an upgrade changes, in plain words: versions, settings of functions, and what each function may do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import VERSION
from infra.stack import config, names
from infra.stack.config import Change
from infra.stack.deployed import Deployed

Statements = Mapping[str, Any]
# More of one kind is counted, not named.
_MANY = 6


def version_before(outputs: Mapping[str, str], found: Deployed) -> str:
    """The newest version that has had to do with a stage, "" where it is older than versions are noted (0.3)."""
    told = [outputs.get("Version", ""), *(str(one.get("version", "")) for one in found.functions.values())]
    return max(told, key=_number)


def warnings(before: str, now: str = VERSION) -> list[str]:
    """What to know about a change of version before it is made."""
    if _number(before) <= _number(now):
        return []
    return [
        f"This goes BACK from version {before} to {now}. Nothing that is kept gets lost: what {now} cannot read waits, "
        f"in the failure list, until {before} is back. Read docs/upgrading.md, Going back, first."
    ]


def of_file(change: Change, stage: str) -> list[str]:
    """What is different in a file that would be written; [] for a new one, and for a new stage."""
    if change.text is None or not change.path.exists():
        return []
    before, after = json.loads(change.path.read_text(encoding="utf-8")), json.loads(change.text)
    if change.path.name == "config.json":
        known = before["stages"].get(stage)
        return settings(known, after["stages"].get(stage, {})) if known else []
    return policy(before, after)


def settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What is different in a stage's settings: `lambda_functions.inbox.lambda_timeout: 60 -> 90`."""
    old, new = _flat(before), _flat(after)
    told = [
        f"{name}: {_shown(old[name])} -> {_shown(new[name])}" for name in old if name in new and old[name] != new[name]
    ]
    told += [f"{name}: {_shown(new[name])} is new" for name in new if name not in old]
    return told + [f"{name}: {_shown(old[name])} goes" for name in old if name not in new]


def policy(before: Statements, after: Statements) -> list[str]:
    """What a function may do in addition, and no longer: `may also dynamodb:PutItem on table/deskweave-prod`."""
    old, new = _allowed(before), _allowed(after)
    return [*_told("may also", new - old), *_told("may no longer", old - new)]


def of_functions(found: Deployed, place: Any, changes: Iterable[Change]) -> list[str]:
    """What the next `chalice deploy` changes of the functions that run: version, memory, time-outs, and policies."""
    texts = {change.path.name: change.text for change in changes}
    wanted = json.loads(texts.get("config.json") or (config.FOLDER / "config.json").read_text(encoding="utf-8"))
    stage = wanted["stages"].get(place.stage, {})
    told = []
    for name, runs in found.functions.items():
        given = stage.get("lambda_functions", {}).get(names.FUNCTIONS[name], {})
        memory = given.get("lambda_memory_size", stage.get("lambda_memory_size", runs["memory_mb"]))
        seconds = given.get("lambda_timeout", runs["seconds"])
        told += _moved(name, "version", runs.get("version") or "before 0.3", VERSION)
        told += _moved(name, "memory", f"{runs['memory_mb']} MB", f"{memory} MB")
        told += _moved(name, "time-out", f"{runs['seconds']} s", f"{seconds} s")
        if name in found.policies:
            told += [f"{name} {line}" for line in policy(found.policies[name], _policy(place, name))]
    return told


def _policy(place: Any, name: str) -> Statements:
    from infra.stack import policies

    return policies.policy(name, place)


def _moved(name: str, what: str, before: str, after: str) -> list[str]:
    return [f"{name}: {what} {before} -> {after}"] if before != after else []


def _number(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in value.items():
        found |= _flat(part, f"{before}{name}.") if isinstance(part, dict) else {f"{before}{name}": part}
    return found


def _shown(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _allowed(document: Statements) -> set[tuple[str, str]]:
    """Each action on each resource that a policy allows."""
    return {
        (action, resource)
        for statement in document.get("Statement", ())
        if statement.get("Effect") == "Allow"
        for action in _each(statement.get("Action", ()))
        for resource in _each(statement.get("Resource", ()))
    }


def _each(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _told(how: str, allowed: set[tuple[str, str]]) -> list[str]:
    """A line for each action, with the resources by the last part of their names."""
    by_action: dict[str, set[str]] = {}
    for action, resource in allowed:
        by_action.setdefault(action, set()).add(resource.split(":", 5)[-1].removeprefix(":"))
    return [f"{how} {action} on {_listed(sorted(on))}" for action, on in sorted(by_action.items())]


def _listed(found: list[str]) -> str:
    return ", ".join(found) if len(found) <= _MANY else f"{', '.join(found[:_MANY])} and {len(found) - _MANY} more"
