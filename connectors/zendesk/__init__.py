"""Zendesk Support, through zenpy. https://developer.zendesk.com/api-reference/ticketing/introduction/

This module is on the ack path: zenpy, requests and the model's dataclasses are imported where they are used.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from connectors import signing
from connectors.base import Call, CrmConnector, Field, Unparsable, WebhookRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalicelib.core.model import (
        Attachment,
        Comment,
        Contact,
        Event,
        File,
        Finding,
        Hint,
        Page,
        TicketChange,
        TicketDraft,
        Written,
    )
    from connectors.zendesk.session import Desk

TICKET_EVENTS = "zen:event-type:ticket."
OURS = "deskweave:"
_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


class Zendesk(CrmConnector):
    """One Zendesk account. What each call does is told in read.py, write.py and check.py."""

    name = "zendesk"
    title = "Zendesk"
    fields: ClassVar[tuple[Field, ...]] = (
        Field(
            "subdomain",
            "Subdomain",
            "The first part of your Zendesk address: acme for acme.zendesk.com.",
            pattern="[a-z0-9][a-z0-9-]{0,62}",
            example="acme",
        ),
        Field(
            "email",
            "Integration user",
            "The e-mail address of an administrator kept for Deskweave alone.",
            pattern="[^@\\s]+@[^@\\s]+",
            example="deskweave@acme.example",
        ),
        Field(
            "api_token",
            "API token",
            "Admin Center > Apps and integrations > APIs > API tokens > Add API token.",
            secret=True,
        ),
        Field(
            "webhook_secret",
            "Webhook signing secret",
            "Admin Center > Apps and integrations > Webhooks > your webhook > Reveal secret.",
            secret=True,
        ),
        Field(
            "previous_webhook_secret",
            "Previous signing secret",
            "While you rotate the secret: the one before. Empty it once the new one is in use.",
            secret=True,
            required=False,
        ),
        Field(
            "groups",
            "Teams and groups",
            "One line for each team whose Zendesk group has another name: team=group name.",
            required=False,
            example="billing=Billing EMEA",
        ),
        Field(
            "api_url",
            "API address",
            "Advanced: where the API is, if not at https://{subdomain}.zendesk.com (the local sandbox).",
            required=False,
            pattern="https?://[^\\s/?#]+/?",
        ),
    )
    capabilities = frozenset(
        {"comments", "notes", "status", "priority", "groups", "files", "poll", "webhooks", "follow_ups"}
    )
    effects: ClassVar[Mapping[str, str]] = {
        "create_ticket": "key",
        "add_comment": "lookup",
        "update_ticket": "key",  # absolute values: to repeat it changes nothing
        "upsert_contact": "key",  # the customer's external id
    }
    settle_seconds = 60

    def verify(self, request: WebhookRequest) -> None:
        signing.zendesk(
            self.settings.get("webhook_secret", ""),
            request.headers.get("x-zendesk-webhook-signature-timestamp", ""),
            request.headers.get("x-zendesk-webhook-signature", ""),
            request.body,
            request.now,
            self.settings.get("previous_webhook_secret", ""),
        )

    def group(self, request: WebhookRequest) -> str:
        return f"ticket:{_ticket(_body(request))['id']}"

    def parse(self, request: WebhookRequest) -> list[Event]:
        """Read our trigger's body (GUIDE.md) or an event subscription's; both are hints.

        https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
        """
        from chalicelib.core.model import Hint, Ignored

        body = _body(request)
        kind = body.get("type")
        if isinstance(kind, str) and kind.startswith("zen:event-type:") and not kind.startswith(TICKET_EVENTS):
            return [Ignored(f"{kind.removeprefix('zen:event-type:')[:80]} is not about a ticket")]
        return [Hint(record, conversation, version) for record, conversation, version in [_ticket(body).values()]]

    @cached_property
    def _desk(self) -> Desk:
        from connectors.zendesk.session import Desk

        return Desk(self.settings)

    def fetch(self, hint: Hint, known: Callable[[Sequence[str]], set[str]]) -> list[Event]:
        from connectors.zendesk import read

        return read.fetch(self._desk, hint, known)

    def changes(self, cursor: str) -> Page:
        from connectors.zendesk import read

        return read.changes(self._desk, cursor)

    def fetch_file(self, attachment: Attachment, limit: int) -> File:
        from connectors.zendesk import files

        return files.fetch(self._desk, attachment, limit)

    def upsert_contact(self, contact: Contact, call: Call) -> str:
        from connectors.zendesk import contacts

        return contacts.upsert(self._desk, contact)

    def create_ticket(self, draft: TicketDraft, call: Call) -> Written:
        from connectors.zendesk import write

        return write.create_ticket(self._desk, draft, call)

    def add_comment(self, record: str, comment: Comment, stamp: str, call: Call) -> Written:
        from connectors.zendesk import write

        return write.add_comment(self._desk, record, comment, stamp, call)

    def update_ticket(self, record: str, change: TicketChange, call: Call) -> Written:
        from connectors.zendesk import write

        return write.update_ticket(self._desk, record, change, call)

    def lookup(self, kind: str, record: str, conversation: str, call: Call) -> Written | None:
        from connectors.zendesk import audits

        return audits.lookup(self._desk, kind, record, conversation, call)

    def check(self) -> list[Finding]:
        from connectors.zendesk import check

        return check.findings(self._desk, self.connection)


def conversation_of(external_id: object) -> str:
    """The conversation that an external id names; "" where the ticket is not one of ours."""
    return external_id.removeprefix(OURS) if isinstance(external_id, str) and external_id.startswith(OURS) else ""


def _body(request: WebhookRequest) -> dict[str, object]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Unparsable(f"the webhook's body is not JSON ({type(error).__name__}): compare it with GUIDE.md") from None
    if not isinstance(body, dict):
        raise Unparsable("the webhook's body is JSON, but no object: compare it with GUIDE.md")
    return body


def _ticket(body: dict[str, object]) -> dict[str, str]:
    """The ticket's id, our conversation and the ticket's version, whichever of the two kinds of webhook it is."""
    detail = body.get("detail")
    about = detail if isinstance(detail, dict) else body
    found = about.get("id") if about is detail else about.get("ticket_id")
    record = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    if not _ID.fullmatch(record):
        raise Unparsable("the webhook's body names no ticket: compare it with GUIDE.md")
    version = about.get("updated_at")
    known_form = isinstance(version, str) and _STAMP.fullmatch(version)
    return {
        "id": record,
        "conversation": conversation_of(about.get("external_id")),
        "version": str(version) if known_form else "",
    }


CONNECTOR = Zendesk
