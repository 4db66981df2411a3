"""Going live: a connection works only once its check finds nothing that would break or double messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.model import Finding
from connectors.base import ConnectorError

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from connectors.base import Connector

NOT_CHECKED = "not checked yet"


def connect(provider: str, settings: dict[str, str], deps: Deps) -> tuple[str, list[Finding]]:
    """Save a connection, paused, and let it go live if its check is clean; returns its id and the findings.

    Raises `BadSettings`, `registry.UnknownConnector`, and nothing for what the provider says: that is a finding.
    """
    connection_id = deps.connections.add(provider, settings, paused=NOT_CHECKED)
    return connection_id, go_live(connection_id, deps)


def go_live(connection_id: str, deps: Deps) -> list[Finding]:
    """Check a connection; let its work go on where nothing is wrong, else keep it paused and say why.

    Raises `LookupError` for a connection that is not there.
    """
    connector = deps.connections.open(connection_id)
    if connector is None:
        raise LookupError(f"there is no connection {connection_id}; `deskweave connections list` shows them")
    findings = _checked(connector)
    wrong = [finding for finding in findings if not finding.ok]
    if wrong:
        deps.connections.pause(connection_id, "; ".join(f"{finding.name}: {finding.detail}" for finding in wrong)[:500])
        return findings
    known = {key: value for key, value in connector.identity().items() if value}
    if known.items() - connector.settings.items():
        deps.connections.change(connection_id, known)
    deps.connections.resume(connection_id)
    return findings


def _checked(connector: Connector) -> list[Finding]:
    """What the check found; a provider that refuses or does not answer is a finding too, in its own words."""
    try:
        return connector.check()
    except ConnectorError as error:
        mend = "put the credentials right, or try again later"
        return [Finding(type(error).__name__, ok=False, detail=str(error), mend=mend)]
