"""Connections to the sandbox's accounts, made as an admin makes real ones: for `deskweave serve` and the demo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.core.model import Finding
    from connectors.base import Connector
    from infra.sandbox import Sandbox

Tell = Callable[[str], None]
# Zendesk's groups and Salesforce's queues in a fresh sandbox are these teams; Support is where everything else goes.
RULES: list[dict[str, Any]] = [
    {"team": "Technical", "priority": "urgent", "words": ["outage", "down", "500"]},
    {"team": "Billing", "words": ["invoice", "refund", "charged", "payment", "VAT"]},
    {"team": "Technical", "priority": "high", "words": ["API", "webhook", "error", "export", "login"]},
]
# Whose accounts of which provider the connection is checked and told of.
TITLES = {"slack": "Slack", "sms": "Twilio", "ses": "Amazon SES", "zendesk": "Zendesk", "salesforce": "Salesforce"}


class NotReady(Exception):
    """The check of an account still finds something; the message lists it, with what to do."""


@dataclass(frozen=True)
class Connected:
    """The ids of the connections, by provider."""

    slack: str
    sms: str
    ses: str
    zendesk: str
    salesforce: str

    def listed(self) -> dict[str, str]:
        """Provider -> the connection's id."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def connect_sandbox(deps: Deps, sandbox: Sandbox, base_url: str, tell: Tell = lambda line: None) -> Connected:
    """Connect the running app to the sandbox's accounts, and set routing rules.

    base_url  where the app takes webhooks: base_url/webhooks/{provider}/{connection}; the stage's public address
    tell      is given a line for each thing that an admin sees on the way
    Raises `NotReady` where an account's check does not pass in the end.
    """
    from chalicelib.services import settings

    deps.connections.set_public_url(base_url)
    connected = Connected(
        slack=connect_slack(deps, sandbox, tell),
        sms=connect_sms(deps, sandbox, tell),
        ses=connect_ses(deps, sandbox, tell),
        zendesk=connect_zendesk(deps, sandbox, tell),
        salesforce=connect_salesforce(deps, sandbox, tell),
    )
    settings.set_rules(RULES, deps)
    return connected


def connect_slack(deps: Deps, sandbox: Sandbox, tell: Tell) -> str:
    """Add the workspace, paused until its check passes; who the bot is comes from Slack. Its admins vouch for the
    telephone numbers in its profiles, so those count as verified."""
    stand_in = sandbox.slack
    given = {"bot_token": stand_in.bot_token, "signing_secret": stand_in.signing_secret, "api_url": stand_in.api_url}
    connector = _added("slack", {**given, "profile_phone": "yes"}, deps)
    _go_live(connector, connector.check(), deps)
    deps.connections.change(connector.connection, connector.identity())
    stand_in.webhook_url = connector.webhook_url
    if not stand_in.verify_url():
        raise NotReady("Slack: its url_verification was not answered")
    tell("Slack checked: token, scopes and address are right; the connection is live")
    return connector.connection


def connect_sms(deps: Deps, sandbox: Sandbox, tell: Tell) -> str:
    """Add the telephone number; Twilio is told by its API where messages to it go."""
    stand_in = sandbox.twilio
    given = {
        "account_sid": stand_in.account_sid,
        "auth_token": stand_in.auth_token,
        "from": stand_in.number,
        "api_url": stand_in.api_url,
    }
    return _registered(_added("sms", given, deps), deps, tell)


def connect_ses(deps: Deps, sandbox: Sandbox, tell: Tell) -> str:
    """Add the support address; the receipt rule and the events' way are made by SES's API."""
    stand_in = sandbox.ses
    given = {
        "region": stand_in.region,
        "from_address": stand_in.address,
        "access_key_id": stand_in.access_key_id,
        "secret_access_key": stand_in.secret_access_key,
        "api_url": stand_in.api_url,
    }
    return _registered(_added("ses", given, deps), deps, tell)


def connect_zendesk(deps: Deps, sandbox: Sandbox, tell: Tell) -> str:
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
    connector = _added("zendesk", given, deps)
    stand_in.webhook_url = connector.webhook_url
    if _refused(connector, tell):
        for title in mend_triggers(sandbox):
            tell(f"mended by the admin: “{title}” spares tickets tagged deskweave")
    _go_live(connector, connector.check(), deps)
    tell("Zendesk checked again: it mails no customer of ours; the connection is live")
    return connector.connection


def connect_salesforce(deps: Deps, sandbox: Sandbox, tell: Tell) -> str:
    """Add the org. Its check refuses one that mails contacts by itself; the admin switches that off in its setup."""
    stand_in = sandbox.salesforce
    given = {
        "domain": stand_in.domain,
        "consumer_key": stand_in.consumer_key,
        "consumer_secret": stand_in.consumer_secret,
        "webhook_secret": stand_in.webhook_secret,
        "api_url": stand_in.url,
    }
    connector = _added("salesforce", given, deps)
    stand_in.webhook_url = connector.webhook_url
    if _refused(connector, tell):
        stand_in.spare()
        tell("mended by the admin: Salesforce mails no contact any more when a Case is commented on")
    _go_live(connector, connector.check(), deps)
    deps.connections.change(connector.connection, connector.identity())
    tell("Salesforce checked again: it mails no customer of ours; the connection is live")
    return connector.connection


def _added(provider: str, given: Mapping[str, str], deps: Deps) -> Connector:
    """The connector of a new connection that is paused until its check passes."""
    connection = deps.connections.add(provider, dict(given), paused="not checked yet")
    connector = deps.connections.open(connection)
    assert connector is not None
    return connector


def _registered(connector: Connector, deps: Deps, tell: Tell) -> str:
    done = connector.register()
    _go_live(connector, [*done, *connector.check()], deps)
    for finding in done:
        tell(f"{TITLES[connector.name]} set up by its API: {finding.detail}")
    tell(f"{TITLES[connector.name]} checked; the connection is live")
    return connector.connection


def _refused(connector: Connector, tell: Tell) -> bool:
    """Tell what an account's first check finds; whether that was anything."""
    refused = [finding for finding in connector.check() if not finding.ok]
    for finding in refused:
        tell(f"{TITLES[connector.name]} NOT live: {finding.name}: {finding.detail}. To mend: {finding.mend}")
    return bool(refused)


def _go_live(connector: Connector, findings: list[Finding], deps: Deps) -> None:
    left = [f"{finding.name}: {finding.detail} {finding.mend}" for finding in findings if not finding.ok]
    if left:
        raise NotReady(f"{TITLES[connector.name]}: {'; '.join(left)}")
    deps.connections.resume(connector.connection)
