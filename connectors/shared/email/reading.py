"""Mail as it was received: who wrote what to whom, and its files. https://www.rfc-editor.org/rfc/rfc5322

Nothing in a mail can make `read` raise but what is no mail at all (`Unparsable`): everything beyond the caps is left
out and named in `notes`, everything broken is read as far as it goes. Time and space are in proportion to the mail's
size. Addresses are pairs (address in lower case, name); message ids stand without their angle brackets.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.base import CannotCarry, Unparsable

from . import addresses, bodies, charsets, headers, mime
from .bodies import Part

if TYPE_CHECKING:
    from chalicelib.core.model import File

    from .addresses import Address
    from .automatic import Automatic

MOST_RECIPIENTS = 100  # kept of To and of Cc
MOST_TEXT = 100_000  # characters kept of what was written, and of what was quoted
MOST_HTML = 200_000  # characters kept
MOST_RICH = 1_000_000  # characters of HTML that are looked through for its words
MOST_SUBJECT = 500
_STUB = 400  # characters: a plain text longer than this says something itself

_SPEAKS_OF_HTML = re.compile(r"html|browser|web ?mail|rich text|online", re.IGNORECASE)
_IS_HTML = re.compile(r"\s*(?:<!doctype html|<html|<head|<body|<div|<table|<p>)", re.IGNORECASE)
_EMBEDDED = re.compile(r"data:[\w/+.-]{0,60};base64,[A-Za-z0-9+/=\s]+")


@dataclass(frozen=True)
class Mail:
    """A mail.

    message_id   its own id; where it has none, `sha256.…@missing.invalid`, the same each time this mail is read
    in_reply_to  the ids that it answers; `references` those of its thread, the oldest first
    sender       the first address of From, ("", name) where it holds none; `senders` is how many addresses it holds:
                 more than one proves nothing of any of them
    to, cc       at most MOST_RECIPIENTS of each; `recipients` is how many there were
    reply_to     where answers are wanted, () where nothing is said
    sent_at      ms, by the sender's own clock; None where it gives no date that makes sense
    text         what its writer wrote; `quoted` what they left of other mails
    html         as it came, not made safe: never show it
    notes        what was left out, in words
    """

    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    sender: Address
    senders: int
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    recipients: int
    reply_to: tuple[Address, ...]
    subject: str
    sent_at: int | None
    text: str
    quoted: str
    html: str
    attachments: tuple[Part, ...]
    automatic: Automatic
    notes: tuple[str, ...]


def read(raw: bytes) -> Mail:
    """Read a mail as it came over the wire. Raises `Unparsable` where it is none."""
    from . import automatic, replies

    tree = mime.cut(raw)
    message = tree.root.message
    found = bodies.contents(tree)
    written, html = _written(found.bodies)
    split = replies.split(written[: 2 * MOST_TEXT])
    listed = {name: _addresses(tree, name) for name in ("from", "to", "cc", "reply-to")}
    senders = listed["from"] if listed["from"].kept else _addresses(tree, "sender")
    notes = [
        *tree.notes,
        *_left_out(f"the first {bodies.MOST_WORDS} bytes of its texts were read", found.cut),
        *_left_out(f"{found.unlisted} more files are not listed", found.unlisted),
        *_left_out(
            f"the first {MOST_TEXT} characters of its text are kept", len(written) > 2 * MOST_TEXT or _long(split)
        ),
        *_left_out(f"the first {MOST_HTML} characters of its HTML are kept", len(html) > MOST_HTML),
    ]
    for name in ("to", "cc"):
        kept, count = len(listed[name].kept), listed[name].count
        notes += _left_out(f"{kept} of {count} recipients ({name}) are kept", count > kept)
    return Mail(
        message_id=_message_id(tree),
        in_reply_to=headers.ids(mime.first(message, "in-reply-to")),
        references=headers.ids(" ".join(mime.every(message, "references"))),
        sender=senders.kept[0] if senders.kept else ("", _line(tree, "from")[: addresses.MOST_NAME]),
        senders=senders.count,
        to=listed["to"].kept,
        cc=listed["cc"].kept,
        recipients=listed["to"].count + listed["cc"].count,
        reply_to=listed["reply-to"].kept,
        subject=charsets.untwisted(_line(tree, "subject"))[:MOST_SUBJECT],
        sent_at=headers.sent_at(mime.first(message, "date")),
        text=split.visible[:MOST_TEXT],
        quoted=split.quoted[:MOST_TEXT],
        html=html[:MOST_HTML],
        attachments=found.files,
        automatic=automatic.recognise(message),
        notes=tuple(notes),
    )


def part(raw: bytes, key: str, limit: int) -> File:
    """Take a file out of a mail by the key that `read` gave it; `CannotCarry` where it is not there or is larger."""
    from chalicelib.core.model import File

    number, enclosed, which = key.partition("u")
    try:
        tree = mime.cut(raw)
    except Unparsable as problem:
        raise CannotCarry(str(problem)) from None
    piece = _find(tree.root, number)
    if piece is None:
        raise CannotCarry(f"the mail has no part {key[:100]}")
    name, media_type, data = bodies.name_of(piece), piece.media_type, bodies.content(tree, piece)
    if enclosed:
        inside = dict(enumerate(bodies.enclosed(data), 1))
        if not which.isdecimal() or int(which[:9]) not in inside:
            raise CannotCarry(f"the mail has no part {key[:100]}")
        (name, data), media_type = inside[int(which)], "application/octet-stream"
    if len(data) > limit:
        raise CannotCarry(f"the file has {len(data)} bytes, and {limit} are allowed")
    return File(name, media_type, data)


def _find(root: mime.Piece, key: str) -> mime.Piece | None:
    """The part of a key; a mail that is one part alone is its part 1."""
    if not (root.pieces and root.media_type.startswith("multipart/")):
        return root if key == "1" else None
    waiting = [root]
    while waiting:
        piece = waiting.pop()
        if piece.key == key and key:
            return piece
        waiting += [inner for inner in piece.pieces if key == inner.key or key.startswith(inner.key + ".")]
    return None


def _written(found: tuple[bodies.Body, ...]) -> tuple[str, str]:
    """All that a mail says as plain text, and as HTML."""
    html = _EMBEDDED.sub("data:,", "\n".join(body.html for body in found if body.html))
    return "\n\n".join(text for text in map(_plain, found) if text.strip()), html


def _plain(body: bodies.Body) -> str:
    """A text as plain text: the plain form, unless it only says that there is another one."""
    if _IS_HTML.match(body.plain):
        return _text_of(body.html or body.plain)
    plain = body.plain.strip()
    if plain and not (body.html and len(plain) < _STUB and _SPEAKS_OF_HTML.search(plain)):
        return body.plain
    text = _text_of(body.html) if body.html else ""
    return text if len(text.strip()) > len(plain) else body.plain


def _text_of(html: str) -> str:
    from . import html_text

    return html_text.text_of(_EMBEDDED.sub("data:,", html)[:MOST_RICH])


def _addresses(tree: mime.Tree, name: str) -> addresses.Addresses:
    return addresses.read(",".join(mime.every(tree.root.message, name)), MOST_RECIPIENTS)


def _line(tree: mime.Tree, name: str) -> str:
    return headers.text(mime.first(tree.root.message, name)[: mime.MOST_VALUE])


def _long(split: object) -> bool:
    return any(len(getattr(split, side)) > MOST_TEXT for side in ("visible", "quoted"))


def _left_out(note: str, happened: object) -> list[str]:
    return [note] if happened else []


def _message_id(tree: mime.Tree) -> str:
    """The mail's own id, or one made of what stays the same when a server sends it once more.

    Without a date, nothing tells the same words sent twice from one mail sent once more: then all of it counts.
    """
    message = tree.root.message
    for given in headers.ids(mime.first(message, "message-id")):
        return given
    digest = hashlib.sha256()
    if headers.sent_at(mime.first(message, "date")) is None:
        digest.update(tree.raw)
    else:
        for name in ("date", "from", "to", "subject"):
            digest.update(mime.first(message, name).encode("utf-8", "surrogateescape") + b"\n")
        digest.update(memoryview(tree.raw)[tree.root.start :])
    return f"sha256.{digest.hexdigest()[:40]}{headers.MADE_UP}"
