"""Zendesk's words for status and priority, and how our text is written in its comments.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#json-format
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from chalicelib.core.model import Priority, Status
from connectors.base import Rejected

TAG = "deskweave"
CALL = "deskweave_call"
LONGEST = 60_000  # bytes: Zendesk takes 64 KB for a comment

STATUS: Mapping[str, Status] = {
    "new": Status.NEW,
    "open": Status.OPEN,
    "pending": Status.PENDING,
    "hold": Status.ON_HOLD,
    "solved": Status.SOLVED,
    "closed": Status.CLOSED,
}
THEIR_STATUS = {ours: theirs for theirs, ours in STATUS.items()}
PRIORITY: Mapping[str, Priority] = {priority.value: priority for priority in Priority}


def status(theirs: object) -> Status:
    """Raise `Rejected` on a word that we do not know: it goes to a person, never to a default."""
    if not isinstance(theirs, str) or theirs not in STATUS:
        raise Rejected(f"Zendesk says the status is “{theirs}”, which Deskweave does not know")
    return STATUS[theirs]


def priority(theirs: object) -> Priority | None:
    if theirs is None:
        return None
    if not isinstance(theirs, str) or theirs not in PRIORITY:
        raise Rejected(f"Zendesk says the priority is “{theirs}”, which Deskweave does not know")
    return PRIORITY[theirs]


def clean(text: str) -> str:
    """What JSON and Zendesk can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut(text: str) -> str:
    """The text if it fits a comment, else what fits of it; the whole then travels as a file."""
    if len(text.encode()) <= LONGEST:
        return text
    return text.encode()[:LONGEST].decode(errors="ignore") + "\n[…] The whole text is attached."


def html(text: str) -> str:
    """A plain text as HTML that shows it as it is.

    Zendesk reads `body` as Markdown, in which a customer could dress up a link or load a picture, and fills in
    placeholders in an agent's words: a zero-width space keeps {{...}} from being one.
    """
    shown = escape(text, quote=False).replace("{{", "{\u200b{").replace("{%", "{\u200b%")
    return "<p>" + re.sub(r"\r\n|\r|\n", "<br>", shown) + "</p>"


def plain(text: str) -> str:
    """The same text for `body`, which the API asks for beside `html_body`."""
    return text.replace("{{", "{\u200b{").replace("{%", "{\u200b%")
