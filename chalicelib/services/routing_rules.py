"""Replacing the routing rules, and going back to those before: the previous version is kept beside the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.model import Rule
from chalicelib.core.routing import read_rules
from chalicelib.services import settings

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

PARTITION, PREVIOUS = "SETTINGS", "routing.previous"


class NothingBefore(LookupError):
    """The rules were never changed."""


def replace(given: object, deps: Deps) -> tuple[Rule, ...]:
    """Set the rules and keep those before, for `undo`. Raises `routing.BadRule`; nothing is changed then."""
    read_rules(given)
    current = deps.table.get(PARTITION, "routing") or {"rules": []}
    deps.table.put({"pk": PARTITION, "sk": PREVIOUS, "rules": current["rules"], "at": deps.now()})
    return settings.set_rules(given, deps)


def undo(deps: Deps) -> tuple[Rule, ...]:
    """Go back to the rules before the last change; those of now are then the previous ones. Raises `NothingBefore`."""
    kept = deps.table.get(PARTITION, PREVIOUS)
    if kept is None:
        raise NothingBefore("the routing rules were never changed, so there is nothing to go back to")
    return replace(kept["rules"], deps)
