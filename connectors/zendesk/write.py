"""What we write to Zendesk. https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#create-ticket

Every write carries its call's id: a new ticket as the Idempotency-Key too, an update as the audit's metadata.
"""

from __future__ import annotations

import time
from typing import Any

from zenpy.lib.api_objects import Ticket

from chalicelib.core.model import Comment, File, TicketChange, TicketChanged, TicketDraft, Written
from connectors.base import Call, ConnectorError, RecordClosed, TryLater
from connectors.zendesk import OURS, audits, files, read, words
from connectors.zendesk.session import Conflict, Desk, Refused, carrying

KEY_TRUSTED_MS = 3_600_000  # Zendesk keeps a key for about two hours
ROUNDS = 3

_Json = dict[str, Any]


def create_ticket(desk: Desk, draft: TicketDraft, call: Call) -> Written:
    """Make a ticket with its first comment. Within the hour a retry is safe by its key, later by a lookup."""
    late = call.retry and time.time() * 1000 - call.started_at > KEY_TRUSTED_MS
    if late and (found := audits.lookup(desk, "create_ticket", "", draft.conversation, call)):
        return found
    author = int(draft.comment.author) if draft.comment.author else None
    ticket = Ticket(
        subject=words.clean(draft.subject),
        external_id=OURS + draft.conversation,
        requester_id=int(draft.requester),
        submitter_id=author,  # the submitter becomes the first comment's author
        group_id=desk.group_id(draft.team),
        priority=draft.priority.value if draft.priority else None,
        tags=list(dict.fromkeys([words.TAG, *("_".join(tag.split()) for tag in draft.tags)])),
        metadata={words.CALL: call.id},
        comment=_comment(draft.comment, _tokens(desk, draft.comment, call)),
        **_status(draft.comment),
        **({"via_followup_source_id": int(draft.follows)} if draft.follows else {}),
    )
    try:
        with carrying({"Idempotency-Key": call.id}):
            return _written(desk, desk.zenpy.tickets.create(ticket))
    except Refused:
        # A key that is known with another body is refused: the first attempt's ticket is there.
        found = audits.lookup(desk, "create_ticket", "", draft.conversation, call) if call.retry else None
        if found is None:
            raise
        return found


def add_comment(desk: Desk, record: str, comment: Comment, stamp: str, call: Call) -> Written:
    """Add a comment, unless the ticket changed since `stamp`: then look for this call first, and try again."""
    if call.retry and (found := audits.lookup(desk, "add_comment", record, "", call)):
        return found
    content = _comment(comment, files.upload(desk, _files(comment)))
    stamp = stamp or _shown(desk, record)["updated_at"]
    for _ in range(ROUNDS):
        try:
            ticket = Ticket(
                id=int(record),
                comment=content,
                metadata={words.CALL: call.id},
                safe_update=True,
                updated_stamp=stamp,
                **_status(comment),
            )
            return _written(desk, _update(desk, ticket))
        except Conflict:
            if found := audits.lookup(desk, "add_comment", record, "", call):
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


def _status(comment: Comment) -> dict[str, str]:
    return {"status": words.THEIR_STATUS[comment.status]} if comment.status else {}


def _comment(comment: Comment, tokens: list[str]) -> _Json:
    text = words.cut(words.clean(comment.text)).strip()
    # Zendesk refuses an empty comment, even one with files.
    text = text or ", ".join(words.clean(file.name) for file in comment.files) or "(no text)"
    content: _Json = {"body": words.plain(text), "html_body": words.html(text), "public": comment.public}
    return (
        content
        | ({"author_id": int(comment.author)} if comment.author else {})
        | ({"uploads": tokens} if tokens else {})
    )


def _files(comment: Comment) -> list[File]:
    text = words.clean(comment.text)
    whole = [File("message.txt", "text/plain; charset=utf-8", text.encode())] if words.cut(text) != text else []
    return [*comment.files, *whole]


def _tokens(desk: Desk, comment: Comment, call: Call) -> list[str]:
    """The uploads of a new ticket, noted: under one key Zendesk wants the very same body again."""
    if call.retry and call.noted:
        return call.noted.split()
    tokens = files.upload(desk, _files(comment))
    if tokens:
        call.note(" ".join(tokens))
    return tokens


def _written(desk: Desk, answer: _Json) -> Written:
    return Written(
        str(answer["ticket"]["id"]), audits.comments_of(answer.get("audit") or {}), _state(desk, answer["ticket"])
    )


def _state(desk: Desk, ticket: _Json) -> TicketChanged | None:
    # The write is done: what cannot be read of its outcome must not make it look undone. The next hint tells it.
    try:
        return read.state(desk, ticket)
    except ConnectorError:
        return None
