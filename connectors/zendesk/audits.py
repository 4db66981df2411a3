"""What a call of ours has made, found by the call's id. https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/

The id is sent as the update's metadata, which Zendesk keeps on the audit.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chalicelib.core.model import Written
from connectors.base import Call
from connectors.zendesk import OURS, words
from connectors.zendesk.session import Desk

MOST_AUDITS = 100
MOST_TICKETS = 10

_Json = dict[str, Any]


def lookup(desk: Desk, kind: str, record: str, conversation: str, call: Call) -> Written | None:
    """Find what `call` made: the newest ticket of the conversation that carries it, or the comment on `record`.

    Tickets are listed by external id, not searched: the search index lags by minutes.
    """
    if kind != "create_ticket":
        return _among(record, newest(desk, record), call)
    listed = desk.zenpy.tickets(external_id=quote(OURS + conversation, safe=""))["tickets"]
    for ticket in sorted(listed, key=lambda one: -one["id"])[:MOST_TICKETS]:
        number = str(ticket["id"])
        if found := _among(number, _page(desk, number, sort_order="asc")["audits"], call):
            return found
    return None


def newest(desk: Desk, record: str) -> list[_Json]:
    """The newest hundred audits of a ticket, newest first.

    `sort_order` works here but is not documented for audits: should it be ignored, the newest are on the last page.
    """
    answer = _page(desk, record, sort_order="desc")
    audits = answer["audits"]
    if answer.get("next_page") and audits[0]["id"] < audits[-1]["id"]:
        last = -(-answer["count"] // MOST_AUDITS)
        audits = [
            one for page in (last - 1, last) for one in _page(desk, record, sort_order="desc", page=page)["audits"]
        ]
    return sorted(audits, key=lambda audit: -audit["id"])[:MOST_AUDITS]


def comments_of(audit: _Json) -> tuple[str, ...]:
    """The ids of the comments that an audit made: those of its events are the comments' own."""
    return tuple(str(event["id"]) for event in audit.get("events") or [] if event.get("type") == "Comment")


def _page(desk: Desk, record: str, **parameters: Any) -> _Json:
    tickets = desk.zenpy.tickets
    answer: _Json = tickets._query_zendesk(
        tickets.endpoint.audits, "ticket_audit", id=record, per_page=MOST_AUDITS, cursor_pagination=False, **parameters
    )
    return answer


def _among(record: str, audits: list[_Json], call: Call) -> Written | None:
    for audit in audits:
        if ((audit.get("metadata") or {}).get("custom") or {}).get(words.CALL) == call.id:
            return Written(record, comments_of(audit))
    return None
