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

    from chalicelib.core import model
    from connectors.zendesk.session import Desk

EVENTS, TICKET_EVENTS = "zen:event-type:", "zen:event-type:ticket."
OURS = "deskweave:"  # before our ids, in Zendesk's external ids
_ID = re.compile("[1-9][0-9]{0,18}")
_STAMP = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_ADMIN = "Admin Center > Apps and integrations > "


class Zendesk(CrmConnector):
    """One Zendesk account. What each call does is told where it is done: read.py, write.py, contacts.py, check.py."""

    name = "zendesk"
    title = "Zendesk"
    fields = (
        Field("subdomain", "Subdomain", "acme for acme.zendesk.com", pattern="[a-z0-9][a-z0-9-]{0,62}", example="acme"),
        Field(
            "email", "Integration user", "The address of an administrator kept for Deskweave alone", example="d@x.test"
        ),
        Field("api_token", "API token", _ADMIN + "APIs > API tokens > Add API token", secret=True),
        Field("webhook_secret", "Signing secret", _ADMIN + "Webhooks > your webhook > Reveal secret", secret=True),
        Field("previous_webhook_secret", "Previous signing secret", "While you change it", secret=True, required=False),
        Field("groups", "Teams and groups", "For each team whose group has another name: team=group", required=False),
        Field("api_url", "API address", "Advanced: the local sandbox's", required=False, pattern=r"https?://[^\s?#]+"),
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
        stamp = request.headers.get("x-zendesk-webhook-signature-timestamp", "")
        given = request.headers.get("x-zendesk-webhook-signature", "")
        now, previous = self.settings.get("webhook_secret", ""), self.settings.get("previous_webhook_secret", "")
        signing.zendesk(now, stamp, given, request.body, request.now, previous)

    def group(self, request: WebhookRequest) -> str:
        return f"ticket:{_ticket(_body(request))[0]}"

    def parse(self, request: WebhookRequest) -> list[model.Event]:
        """Read our trigger's body (GUIDE.md) or an event subscription's: both are hints.

        https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/
        """
        from chalicelib.core.model import Hint, Ignored

        body = _body(request)
        kind = body.get("type")
        if isinstance(kind, str) and kind.startswith(EVENTS) and not kind.startswith(TICKET_EVENTS):
            return [Ignored(f"{kind.removeprefix(EVENTS)[:80]} is not about a ticket")]
        return [Hint(*_ticket(body))]

    def fetch(self, hint: model.Hint, known: Callable[[Sequence[str]], set[str]]) -> list[model.Event]:
        from connectors.zendesk import read

        return read.fetch(self._desk, hint, known)

    def changes(self, cursor: str, now: int) -> model.Page:
        from connectors.zendesk import read

        return read.changes(self._desk, cursor, now)

    def fetch_file(self, attachment: model.Attachment, limit: int) -> model.File:
        from connectors.zendesk import files

        return files.fetch(self._desk, attachment, limit)

    def upsert_contact(self, contact: model.Contact, call: Call) -> str:
        from connectors.zendesk import contacts

        return contacts.upsert(self._desk, contact)

    def create_ticket(self, draft: model.TicketDraft, call: Call) -> model.Written:
        from connectors.zendesk import write

        return write.create_ticket(self._desk, draft, call)

    def add_comment(self, record: str, comment: model.Comment, stamp: str, call: Call) -> model.Written:
        from connectors.zendesk import write

        return write.add_comment(self._desk, record, comment, stamp, call)

    def update_ticket(self, record: str, change: model.TicketChange, call: Call) -> model.Written:
        from connectors.zendesk import write

        return write.update_ticket(self._desk, record, change, call)

    def lookup(self, kind: str, record: str, conversation: str, call: Call) -> model.Written | None:
        from connectors.zendesk import write

        return write.lookup(self._desk, kind, record, conversation, call)

    def check(self) -> list[model.Finding]:
        from connectors.zendesk import check

        return check.findings(self._desk, self.connection, self.webhook_url)

    @cached_property
    def _desk(self) -> Desk:
        from connectors.zendesk.session import Desk

        return Desk(self.settings)


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


def _ticket(body: dict[str, object]) -> tuple[str, str, str]:
    """The ticket's id, our conversation and the ticket's version, whichever of the two kinds of webhook it is."""
    detail = body.get("detail")
    about, key = (detail, "id") if isinstance(detail, dict) else (body, "ticket_id")
    record, version = about.get(key), about.get("updated_at")
    # By type: in Python, True is a number too.
    if type(record) not in (str, int) or not _ID.fullmatch(str(record)):
        raise Unparsable("the webhook's body names no ticket: compare it with GUIDE.md")
    in_our_form = isinstance(version, str) and _STAMP.fullmatch(version)
    return str(record), conversation_of(about.get("external_id")), str(version) if in_our_form else ""


CONNECTOR = Zendesk
