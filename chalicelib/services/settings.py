"""What an admin sets for the whole stage: today the routing rules. Read from the table, cached for a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from chalicelib.core.model import Rule
from chalicelib.core.routing import read_rules, write_rules

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_CACHED = 60_000
_rules: WeakKeyDictionary[Deps, tuple[int, tuple[Rule, ...]]] = WeakKeyDictionary()


def rules(deps: Deps) -> tuple[Rule, ...]:
    """The routing rules in their order; none where none are set."""
    cached = _rules.get(deps)
    if cached and 0 <= deps.now() - cached[0] < _CACHED:
        return cached[1]
    kept = deps.table.get("SETTINGS", "routing")
    read = read_rules(kept["rules"]) if kept else ()
    _rules[deps] = (deps.now(), read)
    return read


def set_rules(given: object, deps: Deps) -> tuple[Rule, ...]:
    """Replace the routing rules. Raises `routing.BadRule`; nothing is changed then."""
    read = read_rules(given)
    deps.table.put({"pk": "SETTINGS", "sk": "routing", "rules": write_rules(read), "at": deps.now()})
    _rules.pop(deps, None)
    return read
