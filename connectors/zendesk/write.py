"""What we write to Zendesk, and how it is found again.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#create-ticket
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_audits/
Every write carries its call's id as metadata, which Zendesk keeps on the audit; a new ticket as Idempotency-Key too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from zenpy.lib.api_objects import Ticket

from chalicelib.core.model import Comment, File, TicketChange, TicketChanged, TicketDraft, Written
from connectors.base import Call, ConnectorError, RecordClosed, TryLater
from connectors.zendesk import OURS, files, read, words
from connectors.zendesk.session import Conflict, Desk, Refused, under

ROUNDS = 3
MOST_AUDITS = 100
MOST_TICKETS = 10

_Json = dict[str, Any]


def create_ticket(desk: Desk, draft: TicketDraft, call: Call) -> Written:
    """Make a ticket with its first comment. A repeat looks first, since Zendesk forgets a key after about two hours."""
    if call.retry and (found := lookup(desk, "create_ticket", "", draft.conversation, call)):
        return found
    fields = {
        "subject": words.clean(draft.subject),
        "external_id": OURS + draft.conversation,
        "requester_id": int(draft.requester),
        "group_id": desk.group_id(draft.team),
        "priority": draft.priority.value if draft.priority else None,
        "tags": list(dict.fromkeys([words.TAG, *("_".join(tag.split()) for tag in draft.tags)])),
        "via_followup_source_id": int(draft.follows) if draft.follows else None,
        # The submitter becomes the first comment's author.
        "submitter_id": int(draft.comment.author) if draft.comment.author else None,
        **_comment(desk, draft.comment, call),
    }
    ticket = Ticket(**{name: value for name, value in fields.items() if value is not None})
    try:
        with under(call.id):
            return _written(desk, desk.zenpy.tickets.create(ticket))
    except Refused:
        # A key that is known with another body (files have new tokens now) is refused: the ticket is there by now.
        if call.retry and (found := lookup(desk, "create_ticket", "", draft.conversation, call)):
            return found
        raise


def add_comment(desk: Desk, record: str, comment: Comment, stamp: str, call: Call) -> Written:
    """Add a comment, unless the ticket changed since `stamp`: then look for this call first, and try again."""
    if call.retry and (found := lookup(desk, "add_comment", record, "", call)):
        return found
    fields = {"id": int(record), "safe_update": True, **_comment(desk, comment, call)}
    stamp = stamp or _shown(desk, record)["updated_at"]
    for _ in range(ROUNDS):
        try:
            return _written(desk, _update(desk, Ticket(**fields, updated_stamp=stamp)))
        except Conflict:
            if found := lookup(desk, "add_comment", record, "", call):
                return found
            stamp = _shown(desk, record)["updated_at"]
    raise TryLater(f"ticket {record} is being changed all the time", retry_after=5)


def update_ticket(desk: Desk, record: str, change: TicketChange, call: Call) -> Written:
    """Set the fields that are given to their values, and no other: to repeat it changes nothing."""
    ticket = Ticket(id=int(record), metadata={words.CALL: call.id})
    if change.status is not None:
        ticket.status = words.THEIR_STATUS[change.status]
    if change.priority is not None:
        ticket.priority = change.priority.value
    if change.team is not None:
        ticket.group_id = desk.group_id(change.team)
    return _written(desk, _update(desk, ticket))


def lookup(desk: Desk, kind: str, record: str, conversation: str, call: Call) -> Written | None:
    """Find what `call` made, among the newest hundred audits of the record or of the conversation's newest tickets.

    Tickets are listed by external id, not searched: the search index lags by minutes.
    """
    records = [record]
    if kind == "create_ticket":
        listed = desk.zenpy.tickets(external_id=quote(OURS + conversation, safe=""))["tickets"]
        records = [str(number) for number in sorted((one["id"] for one in listed), reverse=True)[:MOST_TICKETS]]
    for one in records:
        for audit in _audits(desk, one):
            if ((audit.get("metadata") or {}).get("custom") or {}).get(words.CALL) == call.id:
                # Whether an agent had solved the ticket by then decides if the comment has to open it again.
                state = _state(desk, _shown(desk, one)) if kind == "add_comment" else None
                return Written(one, _comments_of(audit), state)
    return None


def _audits(desk: Desk, record: str) -> list[_Json]:
    asked = {"sort_order": "desc", "per_page": MOST_AUDITS}
    answer = desk.list_of(record, "audits", **asked)
    audits: list[_Json] = answer["audits"]
    # The order is not documented for audits: should it be ignored, the newest are on the last pages.
    if answer.get("next_page") and audits[0]["id"] < audits[-1]["id"]:
        last = -(-answer["count"] // MOST_AUDITS)
        audits = [
            one for page in (last - 1, last) for one in desk.list_of(record, "audits", **asked, page=page)["audits"]
        ]
    return sorted(audits, key=lambda audit: -audit["id"])[:MOST_AUDITS]


def _comments_of(audit: _Json) -> tuple[str, ...]:
    return tuple(str(event["id"]) for event in audit.get("events") or [] if event.get("type") == "Comment")


def _update(desk: Desk, ticket: Ticket) -> _Json:
    try:
        answer: _Json = desk.zenpy.tickets.update(ticket)
    except Refused as refused:
        # Zendesk says so in the integration user's language: the ticket itself tells it in one.
        if refused.code == 422 and _shown(desk, ticket.id)["status"] == "closed":
            raise RecordClosed(f"ticket {ticket.id} is closed for good. {refused}") from refused
        raise
    return answer


def _shown(desk: Desk, record: str) -> _Json:
    ticket: _Json = desk.zenpy.tickets(id=record)["ticket"]
    return ticket


def _comment(desk: Desk, comment: Comment, call: Call) -> _Json:
    """The fields of a ticket that carry a comment; one that is too long goes whole as a file beside its beginning.

    Uploading it is harmless to repeat.
    """
    whole = words.clean(comment.text)
    text = words.cut(whole)
    # Zendesk refuses an empty comment.
    text = text if text.strip() else "(no text)"
    content: _Json = {"body": text, "html_body": words.html(text), "public": comment.public}
    if comment.author:
        content["author_id"] = int(comment.author)
    if words.cut(whole) != whole:
        content["uploads"] = [files.upload(desk, File("message.txt", "text/plain; charset=utf-8", whole.encode()))]
    status = {"status": words.THEIR_STATUS[comment.status]} if comment.status else {}
    return {"comment": content, "metadata": {words.CALL: call.id}, **status}


def _written(desk: Desk, answer: _Json) -> Written:
    ticket = answer["ticket"]
    return Written(str(ticket["id"]), _comments_of(answer.get("audit") or {}), _state(desk, ticket))


def _state(desk: Desk, ticket: _Json) -> TicketChanged | None:
    # The write is done: what cannot be read of its outcome must not make it look undone. The next hint tells it.
    try:
        return read.state(desk, ticket)
    except ConnectorError:
        return None
