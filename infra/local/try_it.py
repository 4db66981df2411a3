"""Connections to the sandbox's accounts, made as an admin makes real ones: for `deskweave serve` and the demo."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.core.model import Finding
    from connectors.slack import Slack
    from infra.sandbox import Sandbox

Tell = Callable[[str], None]
# Zendesk's groups in a fresh sandbox are these teams; Support is where everything else goes.
RULES: list[dict[str, Any]] = [
    {"team": "Technical", "priority": "urgent", "words": ["outage", "down", "500"]},
    {"team": "Billing", "words": ["invoice", "refund", "charged", "payment", "VAT"]},
    {"team": "Technical", "priority": "high", "words": ["API", "webhook", "error", "export", "login"]},
]


class NotReady(Exception):
    """The check of an account still finds something; the message lists it, with what to do."""


def connect_sandbox(deps: Deps, sandbox: Sandbox, base_url: str, tell: Tell = lambda line: None) -> tuple[str, str]:
    """Connect the running app to the sandbox's accounts, and set routing rules; returns (Slack's id, Zendesk's id).

    base_url  where the app takes webhooks: base_url/webhooks/{provider}/{connection}
    tell      is given a line for each thing that an admin sees on the way
    Raises `NotReady` where an account's check does not pass in the end.
    """
    from chalicelib.services import settings

    slack = connect_slack(deps, sandbox, base_url, tell)
    zendesk = connect_zendesk(deps, sandbox, base_url, tell)
    settings.set_rules(RULES, deps)
    return slack, zendesk


def connect_slack(deps: Deps, sandbox: Sandbox, base_url: str, tell: Tell) -> str:
    """Add the workspace, paused until its check passes; who the bot is comes from Slack."""
    stand_in = sandbox.slack
    given = {"bot_token": stand_in.bot_token, "signing_secret": stand_in.signing_secret, "api_url": stand_in.api_url}
    connection = deps.connections.add("slack", given, paused="not checked yet")
    connector = cast("Slack", deps.connections.open(connection))
    _go_live(connection, connector.check(), deps)
    deps.connections.change(connection, connector.identity())
    stand_in.webhook_url = f"{base_url}/webhooks/slack/{connection}"
    if not stand_in.verify_url():
        raise NotReady("Slack: its url_verification was not answered")
    tell("Slack checked: token, scopes and address are right; the connection is live")
    return connection


def connect_zendesk(deps: Deps, sandbox: Sandbox, base_url: str, tell: Tell) -> str:
    """Add the account. Its check refuses a fresh Zendesk, which would mail every answer to the customer as well;
    the triggers are mended through Zendesk's API, as the check says, and it is checked again."""
    from infra.demo.agents import mend_triggers

    stand_in = sandbox.zendesk
    given = {
        "subdomain": stand_in.subdomain,
        "email": stand_in.integration_email,
        "api_token": stand_in.integration_token,
        "webhook_secret": stand_in.webhook_secret,
        "api_url": stand_in.url,
    }
    connection = deps.connections.add("zendesk", given, paused="not checked yet")
    stand_in.webhook_url = f"{base_url}/webhooks/zendesk/{connection}"
    connector = deps.connections.open(connection)
    assert connector is not None
    refused = [finding for finding in connector.check() if not finding.ok]
    for finding in refused:
        tell(f"Zendesk NOT live: {finding.name}: {finding.detail}. To mend: {finding.mend}")
    if refused:
        for title in mend_triggers(sandbox):
            tell(f"mended by the admin: “{title}” spares tickets tagged deskweave")
    _go_live(connection, connector.check(), deps)
    tell("Zendesk checked again: it mails no customer of ours; the connection is live")
    return connection


def _go_live(connection: str, findings: list[Finding], deps: Deps) -> None:
    left = [f"{finding.name}: {finding.detail} {finding.mend}" for finding in findings if not finding.ok]
    if left:
        raise NotReady("; ".join(left))
    deps.connections.resume(connection)
