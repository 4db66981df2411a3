"""What Zendesk says, in our words. https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from chalicelib.core.model import Attachment, Event, Hint, Page, Person, Role, TicketChanged, TicketCommented
from connectors.zendesk import OURS, conversation_of, words
from connectors.zendesk.session import Desk

PAGE_SIZE = 30
MOST_PAGES = 10
LOOK_BACK_SECONDS = 300
ROLES = {"end-user": Role.CUSTOMER, "agent": Role.AGENT, "admin": Role.AGENT}

_Json = dict[str, Any]
_Known = Callable[[Sequence[str]], set[str]]


def fetch(desk: Desk, hint: Hint, known: _Known) -> list[Event]:
    """Read a ticket and its newest comments: two reads, and one more for each page of 30 without a known comment.

    At most ten pages are read: of a ticket with more than 300 comments that are new to us, the oldest stay unread.
    """
    # The ticket first: a comment that arrives in between is then read too, under the older version.
    answer = desk.zenpy.tickets(id=hint.record, include=["groups"])
    desk.known.update({group["id"]: group["name"] for group in answer.get("groups") or []})
    changed = state(desk, answer["ticket"])
    return [*_comments(desk, hint.record, known), changed]


def state(desk: Desk, ticket: _Json) -> TicketChanged:
    """The state of a ticket; raises `Rejected` on a status or priority that we do not know."""
    return TicketChanged(
        record=str(ticket["id"]),
        status=words.ours(words.STATUS, ticket["status"], "status"),
        priority=words.ours(words.PRIORITY, ticket["priority"], "priority") if ticket.get("priority") else None,
        team=desk.team_of(ticket.get("group_id")),
        version=ticket["updated_at"],
        updated_at=_milliseconds(ticket["updated_at"]),
    )


def _milliseconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000)


def _comments(desk: Desk, record: str, known: _Known) -> list[TicketCommented]:
    new: dict[int, _Json] = {}
    users: dict[int, _Json] = {}
    asked = {"include": "users", "include_inline_images": "true", "sort_order": "desc", "per_page": PAGE_SIZE}
    for page in range(1, MOST_PAGES + 1):
        answer = desk.list_of(record, "comments", **asked, page=page)
        comments = {comment["id"]: comment for comment in answer["comments"]}
        users.update({user["id"]: user for user in answer.get("users") or []})
        have = known([str(number) for number in comments])
        new.update({number: comment for number, comment in comments.items() if str(number) not in have})
        if have or not answer.get("next_page"):
            break
    return [_comment(record, new[number], users) for number in sorted(new)]


def _comment(record: str, comment: _Json, users: Mapping[int, _Json]) -> TicketCommented:
    return TicketCommented(
        record=record,
        key=str(comment["id"]),
        author=_person(comment.get("author_id"), users),
        public=comment.get("public") is True,  # private unless it says otherwise
        text=comment.get("plain_body") or comment.get("body") or "",
        sent_at=_milliseconds(comment["created_at"]),
        order=f"{comment['id']:020d}",
        html=comment.get("html_body") or "",
        attachments=tuple(_attachment(file) for file in comment.get("attachments") or []),
    )


def _attachment(file: _Json) -> Attachment:
    media_type = file.get("content_type") or "application/octet-stream"
    size = file["size"] if isinstance(file.get("size"), int) else -1
    return Attachment(str(file["id"]), file.get("file_name") or "file", media_type, size, file.get("content_url") or "")


def _person(author: int | None, users: Mapping[int, _Json]) -> Person:
    """The author; Zendesk itself (-1), and somebody it does not tell about, are the system."""
    user = users.get(author) if author is not None else None
    if user is None:
        return Person(key=str(author), role=Role.SYSTEM)
    email = user.get("email") if user.get("verified") else None
    return Person(str(author), user.get("name") or "", email or "", ROLES.get(user.get("role", ""), Role.SYSTEM))


def changes(desk: Desk, cursor: str, now: int) -> Page:
    """Read one page of the incremental export, and leave out the tickets that are not ours.

    The cursor is "" (five minutes before `now`, in ms), `start:` and seconds, or `cursor:` and Zendesk's own.
    https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
    """
    here = cursor or f"start:{now // 1000 - LOOK_BACK_SECONDS}"
    kind, _, value = here.partition(":")
    given = {"start_time": int(value)} if kind == "start" else {"cursor": quote(value, safe="")}
    answer = desk.zenpy.tickets.incremental(**given)
    hints = {
        ticket["id"]: Hint(str(ticket["id"]), conversation_of(ticket.get("external_id")), ticket["updated_at"])
        for ticket in answer["tickets"]
        if words.TAG in (ticket.get("tags") or []) or str(ticket.get("external_id")).startswith(OURS)
    }
    after = answer.get("after_cursor")
    more = not answer.get("end_of_stream", True)
    return Page(tuple(hints.values()), f"cursor:{after}" if after else here, more)
