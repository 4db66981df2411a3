"""/admin: connectors, and the connections of this stage."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib.api.door import FLAG, SETTINGS, TEXT, Asked, Refusal, operation

blueprint = Blueprint(__name__)

_CONNECTIONS = "/admin/connections"
_ONE = "/admin/connections/{connection}"
_CONSENT = {"provider": TEXT, "settings": SETTINGS, "redirect": TEXT}
_NEW = {"provider": TEXT, "settings": SETTINGS, "register": FLAG, "code": TEXT, "redirect": TEXT}


@operation(blueprint, "GET", "/admin/connectors", gives="[admin_connections.ConnectorShown]")
def connectors(asked: Asked) -> Any:
    """List the connectors, with the settings that each asks for."""
    from chalicelib.services import admin_connections

    return admin_connections.connectors()


@operation(blueprint, "GET", _CONNECTIONS, gives="[views.Connection]")
def connections(asked: Asked) -> Any:
    """List the connections, without their settings."""
    from chalicelib.services import read_admin

    return read_admin.connections(asked.deps)


@operation(
    blueprint,
    "POST",
    _CONNECTIONS,
    gives="admin_connections.Done",
    writes=True,
    body=_NEW,
    needs=("provider", "settings"),
    status=201,
    refuses=(409,),
)
def connect(asked: Asked) -> Any:
    """Connect an account: its credentials are checked with the provider before anything is saved."""
    from chalicelib.services import admin_connections, go_live

    provider, settings = asked.body["provider"], asked.body["settings"]
    if code := asked.body.get("code"):
        settings = admin_connections.redeemed(provider, settings, code, asked.body.get("redirect", ""))
    connected = go_live.connect(provider, settings, asked.deps, register=asked.body.get("register", False))
    return admin_connections.done(_saved(connected))


@operation(
    blueprint,
    "POST",
    "/admin/consent",
    gives="admin_connections.Consent",
    writes=True,
    body=_CONSENT,
    needs=("provider", "settings", "redirect"),
)
def consent(asked: Asked) -> Any:
    """Tell the provider's consent page; its code, once its state was compared, goes into the new connection."""
    from chalicelib.services import admin_connections

    return admin_connections.consent(**asked.body, deps=asked.deps)


@operation(blueprint, "GET", _ONE, gives="views.Connection")
def connection(asked: Asked, connection: str) -> Any:
    """Show a connection; of a secret setting only whether it is set."""
    from chalicelib.services import read_admin

    return read_admin.connection(connection, asked.deps)


@operation(
    blueprint,
    "PATCH",
    _ONE,
    gives="admin_connections.Done",
    writes=True,
    body={"settings": SETTINGS},
    needs=("settings",),
)
def change(asked: Asked, connection: str) -> Any:
    """Replace some settings, once the provider has taken them."""
    from chalicelib.services import admin_connections, go_live

    return admin_connections.done(_saved(go_live.change(connection, asked.body["settings"], asked.deps)))


@operation(blueprint, "DELETE", _ONE, gives="views.Connection", writes=True)
def remove(asked: Asked, connection: str) -> Any:
    """Remove a connection: its settings and secrets are forgotten, what it brought stays."""
    from chalicelib.services import admin_connections

    return admin_connections.remove(connection, asked.deps)


@operation(blueprint, "POST", _ONE + "/check", gives="admin_connections.Findings", writes=True)
def check(asked: Asked, connection: str) -> Any:
    """Look at the account at its provider; nothing is changed."""
    from chalicelib.services import admin_connections, go_live

    return admin_connections.findings(connection, go_live.check(connection, asked.deps), asked.deps)


@operation(blueprint, "POST", _ONE + "/pause", gives="views.Connection", writes=True, body={"reason": TEXT})
def pause(asked: Asked, connection: str) -> Any:
    """Hold all work towards the provider; what comes in is still taken, and kept."""
    from chalicelib.services import admin_connections

    return admin_connections.pause(connection, asked.body.get("reason") or "paused by hand", asked.deps)


@operation(
    blueprint,
    "POST",
    _ONE + "/resume",
    gives="admin_connections.Findings",
    writes=True,
    body={"without_check": FLAG},
)
def resume(asked: Asked, connection: str) -> Any:
    """Let work go on, once the account's check finds nothing wrong."""
    from chalicelib.services import admin_connections, go_live

    found = go_live.resume(connection, asked.deps, without_check=asked.body.get("without_check", False))
    return admin_connections.findings(connection, found, asked.deps)


@operation(blueprint, "POST", _ONE + "/register", gives="admin_connections.Findings", writes=True)
def register(asked: Asked, connection: str) -> Any:
    """Have the provider send its webhooks here, where it has an API for that; else a person does it."""
    from chalicelib.services import admin_connections, go_live

    return admin_connections.findings(connection, go_live.register_webhooks(connection, asked.deps), asked.deps)


@operation(blueprint, "POST", _ONE + "/test", gives="admin_try.Tested", writes=True, body={"to": TEXT}, needs=("to",))
def test(asked: Asked, connection: str) -> Any:
    """Send a test message over a channel, to a channel, number or address of yours."""
    from chalicelib.services import admin_try

    return admin_try.send(connection, asked.body["to"], asked.deps)


def _saved(connected: Any) -> Any:
    """What was saved. Raises `Refusal` in the provider's own words where nothing was."""
    if connected.saved:
        return connected
    wrong = next(finding for finding in connected.findings if not finding.ok)
    raise Refusal(422, "refused", wrong.detail, wrong.mend, findings=connected.findings)
