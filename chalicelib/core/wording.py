"""The words that Deskweave itself writes into tickets: subjects, joined comments, notes about edits and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

SUBJECT_LENGTH = 80


@dataclass(frozen=True)
class Line:
    """One message as it stands in a comment: who wrote it, when (ms), what, and its files with a link to each."""

    author: str
    sent_at: int
    text: str
    files: tuple[tuple[str, str], ...] = ()


def subject(text: str, channel: str) -> str:
    """A ticket's subject: the first line of the first message, cut at a word."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not first:
        return f"Message on {channel}"
    if len(first) <= SUBJECT_LENGTH:
        return first
    cut = first[:SUBJECT_LENGTH].rsplit(" ", 1)[0] or first[:SUBJECT_LENGTH]
    return cut.rstrip(" ,.;:") + "…"


def comment(lines: Sequence[Line]) -> str:
    """The body of a comment that carries these messages; several are told apart by their time."""
    if len(lines) == 1:
        return _body(lines[0])
    return "\n\n".join(f"[{clock(line.sent_at)}] {_body(line)}" for line in lines)


def _body(line: Line) -> str:
    parts = [line.text] if line.text else []
    parts += [f"[file: {name}] {link}".rstrip() for name, link in line.files]
    return "\n".join(parts) or "(no text)"


def edited(author: str, sent_at: int, text: str) -> str:
    return (
        f"{author or 'The customer'} edited their message of {clock(sent_at)}. It now reads:\n\n{text or '(no text)'}"
    )


def deleted(author: str, sent_at: int) -> str:
    return f"{author or 'The customer'} deleted their message of {clock(sent_at)}."


def automatic(author: str, kind: str, line: Line) -> str:
    """What a machine sent in a person's name: agents see it, and it changes nothing."""
    return f"Automatic message ({kind}) from {author or 'the customer'}:\n\n{_body(line)}"


def relayed(author: str, provider: str, line: Line, *, by_agent: bool) -> str:
    """A comment that was made in another CRM."""
    return f"{author or ('An agent' if by_agent else 'The customer')} wrote in {provider}:\n\n{_body(line)}"


def file_lost(name: str, reason: str) -> str:
    return f"The file {name} could NOT be copied: {reason}"


def undelivered(channel: str, recipient: str, reason: str, *, complained: bool) -> str:
    """The provider told later that an answer did not arrive, or that its reader called it spam."""
    whom = f" by {recipient}" if recipient else ""
    if complained:
        return f"The answer on {channel} was marked as spam{whom}: {reason or 'no reason given'}"
    whom = f" to {recipient}" if recipient else ""
    return f"The answer on {channel} did NOT arrive{whom}: {reason or 'the provider gives no reason'}"


def not_delivered(channel: str, reason: str) -> str:
    return f"This reply was NOT delivered on {channel}: {reason}"


def in_doubt(channel: str) -> str:
    return f"It is NOT KNOWN whether this reply was delivered on {channel}; somebody is asked to look there."


def clock(ms: int) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
