"""What holds for the whole stage: the routing rules and the public address. From the table, cached for a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from chalicelib.core.model import Rule
from chalicelib.core.routing import read_rules, write_rules

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_CACHED = 60_000
_rules: WeakKeyDictionary[Deps, tuple[int, tuple[Rule, ...]]] = WeakKeyDictionary()
_public: WeakKeyDictionary[Deps, tuple[int, str]] = WeakKeyDictionary()


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


def public_url(deps: Deps) -> str:
    """The address under which the world reaches this stage, without a last slash; "" where it is not known yet."""
    cached = _public.get(deps)
    if cached and 0 <= deps.now() - cached[0] < _CACHED:
        return cached[1]
    url = str((deps.table.get("SETTINGS", "public") or {}).get("url", ""))
    _public[deps] = (deps.now(), url)
    return url


def set_public_url(url: str, deps: Deps) -> None:
    """Keep the stage's public address, as `deskweave finish` found it."""
    deps.table.put({"pk": "SETTINGS", "sk": "public", "url": url.rstrip("/"), "at": deps.now()})
    _public.pop(deps, None)
