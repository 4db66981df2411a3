"""Zendesk's words for status and priority, and how our text is written in its comments.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#json-format
"""

from __future__ import annotations

import re
from html import escape
from typing import TypeVar

from chalicelib.core.model import Priority, Status
from connectors.base import Rejected

TAG = "deskweave"
CALL = "deskweave_call"
LONGEST = 60_000  # bytes: Zendesk takes 64 KB for a comment, marks and all
STATUS: dict[str, Status] = {status.value: status for status in Status if status is not Status.ON_HOLD}
STATUS["hold"] = Status.ON_HOLD
THEIR_STATUS = {ours: theirs for theirs, ours in STATUS.items()}
PRIORITY: dict[str, Priority] = {priority.value: priority for priority in Priority}
_Ours = TypeVar("_Ours")


def ours(table: dict[str, _Ours], theirs: object, what: str) -> _Ours:
    """Our word for theirs. Raises `Rejected` on one that we do not know: it goes to a person, never to a default."""
    if not isinstance(theirs, str) or theirs not in table:
        raise Rejected(f"Zendesk says the {what} is “{theirs}”, which Deskweave does not know")
    return table[theirs]


def clean(text: str) -> str:
    """A text that JSON and Zendesk can hold: no NUL, no half of a surrogate pair, no placeholder.

    Zendesk fills in {{placeholders}} in what an agent's token writes: a zero-width space keeps one from being one.
    """
    whole = text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("{{", "{\u200b{").replace("{%", "{\u200b%")


def html(text: str) -> str:
    """A plain text as HTML that shows it as it is.

    Zendesk reads `body` as Markdown, in which a customer could dress up a link or load a picture.
    """
    return "<p>" + re.sub(r"\r\n|\r|\n", "<br>", escape(text, quote=False)) + "</p>"


def cut(text: str) -> str:
    """The text if it fits a comment, else its beginning: the whole then travels as a file."""
    if len(html(text).encode()) <= LONGEST:
        return text
    return text.encode()[: LONGEST // 6].decode(errors="ignore") + "\n[…] The whole text is attached."
