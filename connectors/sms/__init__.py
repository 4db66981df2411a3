"""SMS and MMS through Twilio. https://www.twilio.com/docs/messaging

This file is what a webhook's acknowledgement needs; reading, sending and the account's side are imported when used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.base import ChannelConnector, Field, WebhookResponse
from connectors.shared.twilio import form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.model import Attachment, Event, File, Finding, OutboundFile, OutboundMessage
    from connectors.base import Call, WebhookRequest

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CONSOLE = "Twilio's console, Account Dashboard, Account Info: "


class Sms(ChannelConnector):
    """A telephone number, or a messaging service with several, of a Twilio account."""

    name = "sms"
    title = "SMS (Twilio)"
    fields = (
        Field(
            "account_sid", "Account SID", _CONSOLE + "Account SID.", pattern="AC[0-9a-fA-F]{32}", example="AC0123..."
        ),
        Field("auth_token", "Auth token", _CONSOLE + "Auth Token. Twilio signs its webhooks with it.", secret=True),
        Field(
            "previous_auth_token",
            "Previous auth token",
            "While you rotate: the one before.",
            secret=True,
            required=False,
        ),
        Field("api_key", "API key", "Calls go out under it, where given: SK...", required=False, pattern=r"SK\w{32}"),
        Field("api_secret", "API key's secret", "Shown once, when the key is made.", secret=True, required=False),
        Field(
            "from",
            "Number",
            "The number that customers write to, or a messaging service's SID.",
            pattern=rf"{E164.pattern}|MG[0-9a-fA-F]{{32}}",
            example="+15005550006",
        ),
        Field("mms", "Send pictures as MMS", "yes or no: a link is sent instead.", pattern="yes|no", default="no"),
        Field(
            "api_url",
            "API address",
            "Advanced: another region's address, or the sandbox's.",
            required=False,
            pattern=r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?[^\s?#]*",
            default="https://api.twilio.com",
        ),
    )
    capabilities = frozenset({"files", "replies", "delivery", "opt_out", "register", "webhooks"})
    keep_query = True
    effects = {"send": "lookup", "send_file": "lookup"}  # noqa: RUF012  the contract declares it as a ClassVar

    def verify(self, request: WebhookRequest) -> None:
        form.verify(self.settings, self.webhook_url, request)

    def accepted(self, request: WebhookRequest) -> WebhookResponse:
        """Empty TwiML, so that Twilio answers the customer nothing of its own; a status callback wants no words."""
        if b"&MessageStatus=" in b"&" + request.body:
            return WebhookResponse(204)
        return WebhookResponse(200, '<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")

    def group(self, request: WebhookRequest) -> str:
        fields = form.fields(request.body)
        if "MessageStatus" in fields:
            return f"status {request.query or fields['MessageSid']}"
        return f"{fields['From']} {fields['To']}"

    def parse(self, request: WebhookRequest) -> list[Event]:
        from connectors.sms import parse

        return [parse.event(request, self.settings)]

    def send(self, message: OutboundMessage, call: Call) -> str:
        from connectors.sms import send

        return send.send(self, message, call)

    def send_file(self, outbound: OutboundFile, call: Call) -> str:
        from connectors.sms import send

        return send.send_file(self, outbound, call)

    def lookup(self, kind: str, to: Mapping[str, str], call: Call) -> str | None:
        from connectors.sms import send

        return send.lookup(self, to, call)

    def fetch_file(self, attachment: Attachment, limit: int) -> File:
        from connectors.sms import account

        return account.fetch(self.settings, attachment, limit)

    def address(self, to: str) -> dict[str, str]:
        """Takes a number in international form; blanks, hyphens and brackets may stand in it."""
        number = re.sub(r"[\s().\u00a0-]", "", to)
        if not E164.fullmatch(number):
            raise ValueError("write the number in international form: + and the country's code, as in +442079460000")
        ours = self.settings.get("from", "")
        return {"to": number, "from": ours} if E164.fullmatch(ours) else {"to": number}

    def check(self) -> list[Finding]:
        """Look at the account, the number and where its messages go. Raises `BadCredentials` in Twilio's words."""
        from connectors.sms import account

        return account.check(self)

    def identity(self) -> dict[str, str]:
        """`mms` is set to no where the number cannot send any."""
        from connectors.sms import account

        return account.identity(self)

    def register(self) -> list[Finding]:
        """Have the number, or the messaging service, send its messages to `webhook_url`."""
        from connectors.sms import account

        return account.register(self)


CONNECTOR = Sms
