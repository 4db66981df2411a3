"""Rotating a connection's secret: the new one counts at once, the one before it for a grace.

When the grace ends stands beside the secret, so that every process refuses it from then on; nothing has to run for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.model import Finding
from chalicelib.services import go_live
from chalicelib.services.connections import BadSettings, in_force
from connectors import registry

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from connectors.base import Connector

PREVIOUS = "previous_"
# What we check the provider with, and never show it.
_CHECKED_WITH = ("signing_secret", "webhook_secret")
# Ms. Functions keep settings for five minutes, and one that has just begun works on for two.
STILL_USED = 7 * 60_000


@dataclass(frozen=True)
class Rotated:
    """What came of it.

    done            whether the new secret is kept; else the provider refused, and the first wrong finding says why
    accepted_until  ms, until when the secret before is accepted from the provider; 0 where it is not, or never was
    used_until      ms, until when functions may still sign in with the secret before; 0 where it signs nobody in
    """

    id: str
    provider: str
    field: str
    done: bool
    accepted_until: int = 0
    used_until: int = 0
    findings: tuple[Finding, ...] = ()


def rotatable(kind: type[Connector]) -> dict[str, str]:
    """The secrets of a connector: field -> the field that holds the one before it, "" where we accept none.

    What we check webhooks with has one; what the provider checks us with has its grace at the provider.
    """
    known = {field.key for field in kind.fields}
    secrets = [field.key for field in kind.fields if field.secret and not field.key.startswith(PREVIOUS)]
    return {key: PREVIOUS + key if PREVIOUS + key in known else "" for key in secrets}


def rotate(connection_id: str, field: str, new: str, grace: int, deps: Deps) -> Rotated:
    """Put a new secret in the place of one; the old one is accepted for `grace` ms more.

    Where the provider can tell, it is asked first; where it refuses the new one nothing is changed. Raises
    `BadSettings`, `NotFound`.
    """
    kind, kept = _kept(connection_id, deps)
    before = _field(kind, field)
    counting, _ = in_force(kept, deps.now())
    old, new = counting.get(field, ""), new.strip()
    if not new:
        raise BadSettings(f"the new {field} is empty")
    if new == old:
        raise BadSettings(f"this {field} is the one in use: nothing was changed")
    given, until = {field: new}, {}
    if before:
        given[before] = old if grace > 0 else ""
        until = {before: deps.now() + grace} if old and grace > 0 else {}
    changed = go_live.change(connection_id, given, deps, until, ask=field not in _CHECKED_WITH)
    if not changed.saved:
        return Rotated(connection_id, kind.name, field, False, findings=changed.findings)
    used = 0 if field in _CHECKED_WITH else deps.now() + STILL_USED
    return Rotated(connection_id, kind.name, field, True, until.get(before, 0), used, changed.findings)


def end(connection_id: str, field: str, deps: Deps) -> Rotated:
    """Refuse the secret before from now on. Raises `BadSettings` where none is accepted, `NotFound`."""
    kind, kept = _kept(connection_id, deps)
    before = _field(kind, field)
    if not before:
        raise BadSettings(f"{kind.title} itself decides how long it takes an old {field}: revoke it there")
    if not in_force(kept, deps.now())[0].get(before):
        raise BadSettings(f"no {field} but the present one is accepted: there is no grace to end")
    deps.connections.change(connection_id, {before: ""})
    return Rotated(connection_id, kind.name, field, True)


def _kept(connection_id: str, deps: Deps) -> tuple[type[Connector], dict[str, object]]:
    kept = deps.secrets.read(f"connections/{connection_id}")
    return registry.connector(kept["provider"]), kept


def _field(kind: type[Connector], field: str) -> str:
    known = rotatable(kind)
    if field not in known:
        raise BadSettings(f"{kind.title} has no secret {field}; it has {', '.join(known) or 'none'}")
    return known[field]
