"""Slack: Events API in, Web API out. https://docs.slack.dev/apis/events-api/

This file is what a webhook's acknowledgement needs, and imports nothing beyond the standard library's json and hmac;
reading, writing and text live beside it and are imported when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors import signing
from connectors.base import ChannelConnector, Field, InvalidWebhook, WebhookResponse
from connectors.slack import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.model import Attachment, Event, File, Finding, OutboundFile, OutboundMessage, Person
    from connectors.base import Call, WebhookRequest

API_URL = "https://slack.com/api/"


class Slack(ChannelConnector):
    """A Slack workspace: channels, threads, direct messages and Slack Connect."""

    name = "slack"
    title = "Slack"
    fields = (
        Field(
            "bot_token",
            "Bot token",
            "Your app's page, OAuth & Permissions: Bot User OAuth Token. Left empty, Slack's consent page gives it.",
            secret=True,
            required=False,
            pattern=r"xoxb-\S+",
            example="xoxb-...",
        ),
        Field(
            "signing_secret",
            "Signing secret",
            "Your app's page, Basic Information, App Credentials: Signing Secret.",
            secret=True,
            pattern=r"\S{16,}",
        ),
        Field(
            "previous_signing_secret",
            "Previous signing secret",
            "While you rotate the signing secret: the one before. Clear it a day later.",
            secret=True,
            required=False,
        ),
        Field(
            "profile_phone",
            "Trust telephone numbers in profiles",
            "yes: the number in a member's profile is theirs, and whoever calls or texts from it is the same customer. "
            "Only where your workspace's admins keep the profiles: members may write any number into their own.",
            required=False,
            pattern="yes|no",
            default="no",
        ),
        Field(
            "client_id",
            "Client id",
            "To let the app in by Slack's consent page: Basic Information, App Credentials.",
            required=False,
            pattern=r"[0-9.]{3,100}",
            example="123456789012.1234567890123",
        ),
        Field("client_secret", "Client secret", "It stands below the client id.", secret=True, required=False),
        Field("team_id", "Workspace id", "Filled by the check.", required=False, example="T0123456789"),
        Field("app_id", "App id", "Filled by the check.", required=False, example="A0123456789"),
        Field("bot_user_id", "Bot's user id", "Filled by the check.", required=False, example="U0123456789"),
        Field("bot_id", "Bot id", "Filled by the check.", required=False, example="B0123456789"),
        Field(
            "api_url",
            "API address",
            "Advanced: another address of Slack's Web API, for GovSlack or the sandbox.",
            required=False,
            pattern=r"https://\S+/|http://(127\.0\.0\.1|localhost)(:[0-9]+)?/\S*",
            default=API_URL,
        ),
    )
    capabilities = frozenset({"threads", "files", "edits", "deletes", "mentions", "shared_channels", "replies"})
    effects = {"send": "lookup", "send_file": "lookup"}  # noqa: RUF012  the contract declares it as a ClassVar
    settle_seconds = 30
    consented = ("bot_token",)

    def handshake(self, request: WebhookRequest) -> WebhookResponse | None:
        """Answer `url_verification` with its challenge, once its signature has been verified."""
        challenge = wire.challenge(request.body)
        if challenge is None:
            return None
        self.verify(request)
        return WebhookResponse(200, challenge)

    def verify(self, request: WebhookRequest) -> None:
        if request.method != "POST":
            raise InvalidWebhook("Slack's webhooks come by POST")
        signing.slack(
            self.settings.get("signing_secret", ""),
            request.headers.get("x-slack-request-timestamp", ""),
            request.headers.get("x-slack-signature", ""),
            request.body,
            request.now,
            previous=self.settings.get("previous_signing_secret", ""),
        )

    def group(self, request: WebhookRequest) -> str:
        return wire.group(wire.payload(request.body))

    def parse(self, request: WebhookRequest) -> list[Event]:
        from connectors.slack import parse

        return parse.events(request.body, self.settings)

    def address(self, to: str) -> dict[str, str]:
        """A channel's id (C...), a direct message's (D...) or a user's (U...); names are not unique in Slack."""
        from connectors.slack import account

        return account.address(to)

    def send(self, message: OutboundMessage, call: Call) -> str:
        from connectors.slack import send

        return send.send(self.settings, message, call)

    def send_file(self, outbound: OutboundFile, call: Call) -> str:
        from connectors.slack import files

        return files.send_file(self.settings, outbound, call)

    def lookup(self, kind: str, to: Mapping[str, str], call: Call) -> str | None:
        from connectors.slack import files, send

        return send.lookup(self.settings, to, call) if kind == "send" else files.lookup(self.settings, to, call)

    def fetch_file(self, attachment: Attachment, limit: int) -> File:
        from connectors.slack import files

        return files.fetch(self.settings, attachment, limit)

    def profile(self, key: str) -> Person:
        from connectors.slack import account

        return account.profile(self.settings, key)

    def check(self) -> list[Finding]:
        """Look at the token and its scopes. Raises `BadCredentials` in Slack's words where the token is refused."""
        from connectors.slack import account

        return account.check(self.settings)

    def consent(self, redirect: str, state: str) -> str:
        """Slack's page on which a workspace's admin installs the app; `redirect` must be among the app's own."""
        from connectors.slack import oauth

        return oauth.page(self.settings, redirect, state)

    def redeem(self, code: str, redirect: str) -> dict[str, str]:
        """The bot's token and whose it is. Raises `BadCredentials` in Slack's words."""
        from connectors.slack import oauth

        return oauth.redeem(self.settings, code, redirect)

    def identity(self) -> dict[str, str]:
        """Whose the token is: the fields `team_id`, `bot_user_id`, `bot_id` and `app_id`, to be kept as settings."""
        from connectors.slack import account

        return account.identity(self.settings)


CONNECTOR = Slack
