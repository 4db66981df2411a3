"""Going live: a connection works only once its check finds nothing that would break or double messages.

Nothing is saved before the provider has taken the credentials. What else is wrong leaves the connection paused, with
what to do about it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.model import Finding
from connectors import registry
from connectors.base import BadCredentials, ConnectorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.bootstrap import Deps
    from connectors.base import Connector

NOT_CHECKED = "not checked yet"
# SSM keeps 4,096; the webhook's address and the ids that the check fills in go with them.
_MOST_KEPT = 3_500
_SECRET = re.compile(r"[\x20-\x7e\r\n\t]*")


@dataclass(frozen=True)
class Connected:
    """What came of connecting an account, or of changing its settings.

    id        the connection's, "" where nothing was saved: the provider refused, and the first wrong finding says why
    live      whether it works; else it stays paused until what the findings say is mended
    webhook   where the provider has to send its webhooks, "" where the stage has no public address yet
    """

    id: str
    provider: str
    live: bool
    findings: tuple[Finding, ...]
    webhook: str = ""

    @property
    def saved(self) -> bool:
        return bool(self.id)


def connect(provider: str, settings: dict[str, str], deps: Deps, *, register: bool = False) -> Connected:
    """Check an account with its provider, then save it; it goes live if its check is clean.

    register  also have the provider send its webhooks here, where it has an API for that
    Raises `BadSettings`, `registry.UnknownConnector`, and nothing for what the provider says: that is a finding.
    """
    kind = registry.connector(provider)
    refused = _refused(kind(_checked_settings(kind, settings)))
    if refused:
        return Connected("", provider, live=False, findings=tuple(refused))
    connection_id = deps.connections.add(provider, settings, paused=NOT_CHECKED)
    registered = register_webhooks(connection_id, deps) if register else []
    findings = [*registered, *go_live(connection_id, deps)]
    return _connected(connection_id, provider, findings, deps)


def change(
    connection_id: str,
    settings: dict[str, str],
    deps: Deps,
    until: Mapping[str, int] | None = None,
    *,
    ask: bool = True,
) -> Connected:
    """Replace some settings, a rotated secret for instance, once the provider takes them; nothing else changes.

    until  when a setting stops to count by itself (ms), by its key
    ask    whether the provider is asked: it cannot tell whether what we check it with is right
    Raises `BadSettings`, and `LookupError` for a connection that is not there.
    """
    kept = _open(connection_id, deps)
    merged = _checked_settings(type(kept), {**kept.settings, **settings})
    connector = type(kept)(merged, connection_id, kept.webhook_url)
    refused = _refused(connector) if ask else []
    if refused:
        return Connected("", kept.name, live=False, findings=tuple(refused))
    deps.connections.change(connection_id, settings, until)
    return _connected(connection_id, kept.name, checked(connector) if ask else [], deps)


def check(connection_id: str, deps: Deps) -> list[Finding]:
    """What the check of a connection finds; it changes nothing. Raises `LookupError`."""
    return checked(_open(connection_id, deps))


def register_webhooks(connection_id: str, deps: Deps) -> list[Finding]:
    """Have the provider send its webhooks here; [] where a person has to do that. Raises `LookupError`."""
    connector = _open(connection_id, deps)
    if not can_register(type(connector)):
        return []
    if not connector.webhook_url and "webhooks" in connector.capabilities:
        mend = "deploy the stage, `deskweave finish` keeps its address, then register again"
        return [Finding("Webhook address", False, "this stage has no public address yet", mend)]
    try:
        return connector.register()
    except ConnectorError as error:
        return [_finding(error)]


def can_register(kind: type[Connector]) -> bool:
    """Whether a provider has an API by which its webhooks are set up."""
    from connectors.base import Connector

    return kind.register is not Connector.register


def go_live(connection_id: str, deps: Deps) -> list[Finding]:
    """Check a connection; let its work go on where nothing is wrong, else keep it paused and say why.

    Raises `LookupError` for a connection that is not there.
    """
    connector = _open(connection_id, deps)
    findings = checked(connector)
    wrong = [finding for finding in findings if not finding.ok]
    if wrong:
        deps.connections.pause(connection_id, "; ".join(f"{finding.name}: {finding.detail}" for finding in wrong)[:500])
        return findings
    known = {key: value for key, value in connector.identity().items() if value}
    if known.items() - connector.settings.items():
        deps.connections.change(connection_id, known)
    deps.connections.resume(connection_id)
    return findings


def resume(connection_id: str, deps: Deps, *, without_check: bool = False) -> list[Finding]:
    """Let a connection's work go on, once its check is clean; settles its failure. Raises `LookupError`."""
    from chalicelib.services import lanes

    _open(connection_id, deps)
    findings = [] if without_check else go_live(connection_id, deps)
    if without_check:
        deps.connections.resume(connection_id)
    if all(finding.ok for finding in findings) and (
        listed := lanes.resolved(f"connection-{connection_id}", "resumed", deps)
    ):
        deps.table.transact(listed)
    return findings


def checked(connector: Connector) -> list[Finding]:
    """What the check found; a provider that refuses or does not answer is a finding too, in its own words."""
    try:
        return connector.check()
    except ConnectorError as error:
        return [_finding(error)]
    except ValueError:  # what no header or address can carry; the error's own words would show the setting
        detail = "a setting holds characters that cannot be sent"
        return [Finding("Settings", False, detail, "copy the settings again, without blanks or line breaks")]


def _checked_settings(kind: type[Connector], settings: dict[str, str]) -> dict[str, str]:
    """The settings to keep. Raises `BadSettings`."""
    from chalicelib.services.connections import BadSettings, check_settings

    for key, why in getattr(kind, "refused", {}).items():
        if settings.get(key):
            raise BadSettings(f"{key}: {why}")
    found = check_settings(kind, settings)
    for field in kind.fields:
        if field.secret and not _SECRET.fullmatch(found[field.key]):
            raise BadSettings(f"{field.key} ({field.label}) holds characters that no such secret has: copy it again")
    if len(json.dumps(found)) > _MOST_KEPT:
        raise BadSettings(f"the settings are too long: {_MOST_KEPT} characters of JSON are kept at most")
    return found


def _refused(connector: Connector) -> list[Finding]:
    """The findings, where the first says that the account cannot be reached with these settings; else none.

    A connector looks at its credentials first, and stops there where they are wrong.
    """
    findings = checked(connector)
    return [] if findings and findings[0].ok else findings


def _connected(connection_id: str, provider: str, findings: list[Finding], deps: Deps) -> Connected:
    live = not deps.connections.state(connection_id).get("paused")
    webhook = deps.connections.webhook_url(provider, connection_id)
    return Connected(connection_id, provider, live, tuple(findings), webhook)


def _open(connection_id: str, deps: Deps) -> Connector:
    from chalicelib.services.read import Unknown

    connector = deps.connections.open(connection_id)
    if connector is None:
        raise Unknown(f"there is no connection {connection_id}; `deskweave connections list` shows them")
    return connector


def _finding(error: ConnectorError) -> Finding:
    if isinstance(error, BadCredentials):
        return Finding("Credentials", False, str(error), "put the credentials right, then try again")
    return Finding("Account", False, str(error), "see that the address and the ids are right, or try again later")
