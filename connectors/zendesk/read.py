"""What Zendesk says, in our words. https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_comments/"""

from __future__ import annotations

import time
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
ROLES: Mapping[str, Role] = {"end-user": Role.CUSTOMER, "agent": Role.AGENT, "admin": Role.AGENT}

_Json = dict[str, Any]
_Known = Callable[[Sequence[str]], set[str]]


def fetch(desk: Desk, hint: Hint, known: _Known) -> list[Event]:
    """Read a ticket and its newest comments: two reads, and one more for each page of 30 without a known comment.

    At most ten pages are read: of a ticket with more than 300 comments that are new to us, the oldest stay unread.
    """
    # The ticket first: a comment that arrives in between is then read too, under the older version.
    shown = desk.zenpy.tickets(id=hint.record, include=["groups"])
    names = {group["id"]: group["name"] for group in shown.get("groups") or []}
    changed = state(desk, shown["ticket"], names)
    return [*_comments(desk, hint.record, known), changed]


def state(desk: Desk, ticket: _Json, names: Mapping[int, str] | None = None) -> TicketChanged:
    """The state of a ticket; raises `Rejected` on a status or priority that we do not know."""
    return TicketChanged(
        record=str(ticket["id"]),
        status=words.status(ticket["status"]),
        priority=words.priority(ticket.get("priority")),
        team=desk.team_of(ticket.get("group_id"), names),
        version=ticket["updated_at"],
        updated_at=milliseconds(ticket["updated_at"]),
    )


def milliseconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000)


def _comments(desk: Desk, record: str, known: _Known) -> list[TicketCommented]:
    new: dict[int, _Json] = {}
    users: dict[int, _Json] = {}
    for page in range(1, MOST_PAGES + 1):
        answer = desk.zenpy.tickets._query_zendesk(
            desk.zenpy.tickets.endpoint.comments,
            "comment",
            id=record,
            include="users",
            include_inline_images="true",
            sort_order="desc",
            per_page=PAGE_SIZE,
            page=page,
            cursor_pagination=False,
        )
        comments = {comment["id"]: comment for comment in answer["comments"]}
        users.update({user["id"]: user for user in answer.get("users") or []})
        ours = known([str(number) for number in comments])
        new.update({number: comment for number, comment in comments.items() if str(number) not in ours})
        if ours or not answer.get("next_page"):
            break
    return [_comment(record, new[number], users) for number in sorted(new)]


def _comment(record: str, comment: _Json, users: Mapping[int, _Json]) -> TicketCommented:
    return TicketCommented(
        record=record,
        key=str(comment["id"]),
        author=_person(comment.get("author_id"), users),
        # A comment is private unless it says that it is public.
        public=comment.get("public") is True,
        text=comment.get("plain_body") or comment.get("body") or "",
        sent_at=milliseconds(comment["created_at"]),
        order=f"{comment['id']:020d}",
        html=comment.get("html_body") or "",
        attachments=tuple(
            Attachment(
                key=str(file["id"]),
                name=file.get("file_name") or "file",
                media_type=file.get("content_type") or "application/octet-stream",
                size=file["size"] if isinstance(file.get("size"), int) else -1,
                url=file.get("content_url") or "",
            )
            for file in comment.get("attachments") or []
        ),
    )


def _person(author: int | None, users: Mapping[int, _Json]) -> Person:
    """The author; Zendesk itself (-1), and somebody it does not tell about, are the system."""
    user = users.get(author) if author is not None else None
    if user is None:
        return Person(key=str(author), role=Role.SYSTEM)
    return Person(
        key=str(author),
        name=user.get("name") or "",
        email=(user.get("email") or "") if user.get("verified") else "",
        role=ROLES.get(str(user.get("role")), Role.SYSTEM),
    )


def changes(desk: Desk, cursor: str) -> Page:
    """Read one page of the incremental export, and leave out the tickets that are not ours.

    "" starts five minutes ago. https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
    """
    start = cursor or f"start:{int(time.time()) - LOOK_BACK_SECONDS}"
    kind, _, value = start.partition(":")
    if kind == "start":
        answer = desk.zenpy.tickets.incremental(start_time=int(value))
    else:
        answer = desk.zenpy.tickets.incremental(cursor=quote(value, safe=""))
    hints = {
        ticket["id"]: Hint(str(ticket["id"]), conversation_of(ticket.get("external_id")), ticket["updated_at"])
        for ticket in answer["tickets"]
        if words.TAG in (ticket.get("tags") or []) or str(ticket.get("external_id")).startswith(OURS)
    }
    after = answer.get("after_cursor")
    return Page(
        hints=tuple(hints.values()),
        cursor=f"cursor:{after}" if after else start,
        more=not answer.get("end_of_stream", True),
    )
