"""Connectors and connections as the REST API and the `deskweave` command tell them, and what is done to connections."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.core.model import Finding
from chalicelib.services import admin_guide, go_live, read_admin
from chalicelib.services.go_live import Connected
from chalicelib.services.views import Connection
from connectors import registry

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from connectors.base import Connector


@dataclass(frozen=True)
class Field:
    """One setting that a connector asks for; the contract's `Field` as a plain value."""

    key: str
    label: str
    help: str
    secret: bool
    required: bool
    pattern: str
    example: str
    default: str


@dataclass(frozen=True)
class ConnectorShown:
    """A connector: what it can do, what it asks for, how each call is settled.

    consented  the fields that the provider's consent page fills in; registers whether it sets its webhooks up itself
    """

    name: str
    title: str
    kind: str
    capabilities: tuple[str, ...]
    effect: dict[str, str]
    fields: tuple[Field, ...]
    consented: tuple[str, ...]
    registers: bool


@dataclass(frozen=True)
class Done:
    """What came of connecting an account, or of changing one. next is the guide's next steps, Markdown."""

    id: str
    provider: str
    live: bool
    webhook: str
    findings: tuple[Finding, ...]
    next: str = ""


@dataclass(frozen=True)
class Findings:
    """What a check found, and whether nothing is wrong."""

    id: str
    ok: bool
    paused: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Consent:
    """The provider's consent page, and the state that comes back with its code."""

    url: str
    state: str


UnknownConnector = registry.UnknownConnector


class WrongState(ValueError):
    """The answer is not the one to our own question: somebody else's consent was sent here."""


def connectors() -> list[ConnectorShown]:
    """Every connector that is there."""
    return [_shown(registry.connector(name)) for name in registry.names()]


def done(connected: Connected) -> Done:
    """The outcome with what the guide says next."""
    told = admin_guide.next_step(connected.provider, connected.webhook) if connected.saved else ""
    return Done(connected.id, connected.provider, connected.live, connected.webhook, connected.findings, told)


def findings(connection_id: str, found: list[Finding], deps: Deps) -> Findings:
    """The findings of a connection, and how it stands now."""
    paused = bool(deps.connections.state(connection_id).get("paused"))
    return Findings(connection_id, all(one.ok for one in found), paused, tuple(found))


def pause(connection_id: str, reason: str, deps: Deps) -> Connection:
    """Hold all work towards a provider. Raises `Unknown`."""
    read_admin.connection(connection_id, deps)
    deps.connections.pause(connection_id, reason)
    return read_admin.connection(connection_id, deps)


def remove(connection_id: str, deps: Deps) -> Connection:
    """Forget a connection's settings and secrets; what it brought stays. Returns what it was. Raises `Unknown`."""
    from chalicelib.aws.errors import NotFound
    from chalicelib.aws.table import Delete
    from chalicelib.services.connections import PARTITION

    known = read_admin.connection(connection_id, deps)
    try:
        deps.connections.remove(connection_id)
    except NotFound:  # an earlier removal got half-way
        deps.table.delete(Delete(PARTITION, connection_id))
    return known


def consent(provider: str, settings: dict[str, str], redirect: str, deps: Deps) -> Consent:
    """Where an admin lets us in. Raises `registry.UnknownConnector`, and what the connector says is missing."""
    state = deps.random(24).hex()
    return Consent(_unsaved(provider, settings).consent(redirect, state), state)


def redeemed(provider: str, settings: dict[str, str], code: str, redirect: str) -> dict[str, str]:
    """The settings with those that the consent gives. Raises `BadCredentials` and the like in the provider's words."""
    return {**settings, **_unsaved(provider, settings).redeem(code, redirect)}


def same_state(ours: str, theirs: str) -> bool:
    """Whether an answer carries the state of our question; takes as long whatever differs."""
    return hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "replace"))


def _unsaved(provider: str, settings: dict[str, str]) -> Connector:
    """A connector with settings that are not complete yet, defaults filled in."""
    kind = registry.connector(provider)
    known: dict[str, Any] = {field.key: settings.get(field.key, "").strip() or field.default for field in kind.fields}
    return kind(known)


def _shown(kind: type[Connector]) -> ConnectorShown:
    return ConnectorShown(
        name=kind.name,
        title=kind.title,
        kind=kind.kind,
        capabilities=tuple(sorted(kind.capabilities)),
        effect=dict(kind.effects),
        fields=tuple(Field(**{name: getattr(one, name) for name in Field.__dataclass_fields__}) for one in kind.fields),
        consented=kind.consented,
        registers=go_live.can_register(kind),
    )
