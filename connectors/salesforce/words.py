"""Salesforce's words for status and priority, and how our text is written in its fields.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_case.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from html import escape
from typing import TypeVar

from chalicelib.core.model import Priority, Status
from connectors.base import Rejected

LONGEST_TEXT = 32_000  # characters, of EmailMessage.TextBody and Case.Description
LONGEST_HTML = 131_072  # characters, of EmailMessage.HtmlBody
LONGEST_NOTE = 4_000  # bytes, of CaseComment.CommentBody
CUT = "\n[…] Cut here: Salesforce holds no more."

_Ours = TypeVar("_Ours", bound=StrEnum)
# What takes a word's place where Salesforce has none of its kind.
_NEAREST: dict[Status, tuple[Status, ...]] = {
    Status.NEW: (Status.OPEN,),
    Status.OPEN: (Status.NEW,),
    Status.PENDING: (Status.ON_HOLD, Status.OPEN, Status.NEW),
    Status.ON_HOLD: (Status.PENDING, Status.OPEN, Status.NEW),
    Status.SOLVED: (Status.CLOSED,),
    Status.CLOSED: (Status.SOLVED,),
}
_NEAREST_PRIORITY: dict[Priority, tuple[Priority, ...]] = {
    Priority.LOW: (Priority.NORMAL,),
    Priority.NORMAL: (Priority.LOW, Priority.HIGH),
    Priority.HIGH: (Priority.URGENT, Priority.NORMAL),
    Priority.URGENT: (Priority.HIGH, Priority.NORMAL),
}


class Words:
    """An org's words: the settings' lines `Theirs=ours`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.statuses = {theirs: _word(Status, ours) for theirs, ours in lines(settings.get("statuses", ""))}
        self.priorities = {theirs: _word(Priority, ours) for theirs, ours in lines(settings.get("priorities", ""))}

    def status(self, theirs: object) -> Status:
        return _ours(self.statuses, theirs, "status")

    def priority(self, theirs: object) -> Priority:
        return _ours(self.priorities, theirs, "priority")

    def their_status(self, ours: Status) -> str:
        return _theirs(self.statuses, (ours, *_NEAREST[ours]), "status")

    def their_priority(self, ours: Priority) -> str:
        return _theirs(self.priorities, (ours, *_NEAREST_PRIORITY[ours]), "priority")

    def has_several(self, status: Status) -> bool:
        """Whether several of Salesforce's statuses stand for what `status` is written as: then one is left as it is."""
        written = self.status(self.their_status(status))
        return list(self.statuses.values()).count(written) > 1


def lines(setting: str) -> list[tuple[str, str]]:
    """The pairs of a setting that has one `left=right` on each line."""
    pairs = (line.rpartition("=") for line in setting.splitlines() if "=" in line)
    return [(left.strip(), right.strip()) for left, _, right in pairs]


def clean(text: str) -> str:
    """A text that JSON and Salesforce can hold: no control characters, no half of a surrogate pair, no reference.

    In a composite request Salesforce fills in `@{step.field}`, whoever wrote it: a zero-width space keeps it a word.
    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\r\n", "\n")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", "", whole).replace("@{", "@\u200b{")


def cut(text: str, longest: int) -> str:
    """The text, or its beginning, in at most `longest` UTF-16 units, which is what Salesforce counts."""
    if _units(text) <= longest:
        return text
    room = (longest - _units(CUT)) * 2
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + CUT


def mail_body(text: str) -> dict[str, str]:
    """The fields of an EmailMessage that hold a text: as HTML too where the plain one is too short for it."""
    text = clean(text) if clean(text).strip() else "(no text)"
    plain = {"TextBody": cut(text, LONGEST_TEXT)}
    if plain["TextBody"] == text:
        return plain
    html = "<br>".join(escape(text, quote=False).split("\n"))
    return {**plain, "HtmlBody": html} if _units(html) <= LONGEST_HTML else plain


def note_body(text: str, marker: str) -> str:
    """A note with its marker as the last line, in at most 4,000 bytes."""
    text = clean(text) if clean(text).strip() else "(no text)"
    end = f"\n\n{marker}"
    if len((text + end).encode()) > LONGEST_NOTE:
        room = LONGEST_NOTE - len((CUT + end).encode())
        text = text.encode()[:room].decode(errors="ignore") + CUT
    return text + end


def marker(reference: str) -> str:
    """How a note tells which call made it: a CaseComment has no field of ours."""
    return f"[deskweave {reference}]"


def _units(text: str) -> int:
    return len(text) + sum(one > "\uffff" for one in text)


def _word(kind: type[_Ours], ours: str) -> _Ours:
    try:
        return kind(ours)
    except ValueError:
        known = ", ".join(kind)
        raise Rejected(f"the settings map something to “{ours}”, which is none of {known}") from None


def _ours(table: Mapping[str, _Ours], theirs: object, what: str) -> _Ours:
    """Our word for theirs. Raises `Rejected` on one that nobody mapped: it goes to a person, never to a default."""
    if not isinstance(theirs, str) or theirs not in table:
        raise Rejected(f"Salesforce says the {what} is “{theirs}”: map it in the settings, for example {theirs}=open")
    return table[theirs]


def _theirs(table: Mapping[str, _Ours], wanted: tuple[_Ours, ...], what: str) -> str:
    for ours in wanted:
        for theirs, meant in table.items():
            if meant is ours:
                return theirs
    raise Rejected(f"the settings map no {what} of Salesforce to “{wanted[0]}”")
