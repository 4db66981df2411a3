"""The parts of a mail, found within bounds. https://www.rfc-editor.org/rfc/rfc2046#section-5

The standard library's parser takes quadratic time for many parts and recurses out of its stack at depth 1,000. This
one cuts the mail at its boundaries, each level once, and stops at the caps below; what it makes are the standard
library's own `Message`s, so that what reads them need not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from connectors.base import Unparsable

from . import headers

MOST_BYTES = 50_000_000  # of a mail; SES takes in 40 MB
MOST_DEPTH = 30  # of multiparts and messages within each other; what lies deeper is not looked into
MOST_PARTS = 1_000  # of a mail that are looked at, multiparts and blocks of a delivery status included
MOST_HEADER_BYTES = 1_000_000  # of one part's headers
MOST_HEADERS = 1_000  # of one part
MOST_VALUE = 20_000  # characters of a header that names no addresses
MOST_CONTENT_VALUE = 4_000  # characters of Content-Type and its kind
MOST_STEPS = 300_000  # lines of headers and of boundaries that are looked at, in all
MOST_PAYLOAD = 200_000  # bytes of a text that its Message holds; the whole of it is read from the mail itself

_HEADER = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*")
_BLANK = re.compile(rb"\n\r?\n")
_LEADING = re.compile(rb"(?:\xef\xbb\xbf|\s)*")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")
REPORTS = ("message/delivery-status", "message/feedback-report")
_ADDRESSED = frozenset({"from", "to", "cc", "bcc", "reply-to", "resent-to", "resent-cc", "x-failed-recipients"})


@dataclass(frozen=True)
class Piece:
    """A part of a mail: where its content lies in the raw mail, and what it holds.

    key  its place as IMAP counts it ("1.2" is the second part of the first one), "" for the mail itself
    """

    key: str
    message: Message
    media_type: str
    parameters: dict[str, str]
    start: int
    end: int
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Tree:
    """A mail cut into its parts. `looked_at` is how many parts, `steps` how many headers and boundaries were read."""

    raw: bytes
    root: Piece
    notes: tuple[str, ...]
    looked_at: int
    steps: int


def cut(raw: bytes) -> Tree:
    """Cut a mail into its parts. Raises `Unparsable` where it has no header at all, or is too large to be looked at."""
    if len(raw) > MOST_BYTES:
        raise Unparsable(f"the mail has {len(raw)} bytes, and {MOST_BYTES} are read at most")
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    cutter = _Cutter(raw)
    leading = _LEADING.match(raw)
    start = leading.end() if leading else 0
    root = cutter.piece("", start, len(raw), 0, "text/plain")
    if not root.message.keys():
        raise Unparsable("this is no mail: it begins with no header")
    return Tree(raw, root, tuple(cutter.notes), cutter.looked_at, cutter.steps)


def first(message: Message, name: str) -> str:
    """The first header of a name, raw, "" where there is none. (`Message.get` makes an object of 8-bit values.)"""
    return next(iter(every(message, name)), "")


def every(message: Message, name: str) -> list[str]:
    """All headers of a name, raw."""
    return [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]


def is_message(media_type: str) -> bool:
    return media_type in ("message/rfc822", "message/global", "message/news")


class _Cutter:
    """Cuts one mail; recursion is as deep as MOST_DEPTH."""

    def __init__(self, raw: bytes) -> None:
        self.notes: dict[str, None] = {}
        self.looked_at = 0
        self.steps = 0
        self._raw = raw

    def piece(self, key: str, start: int, end: int, depth: int, default: str) -> Piece:
        """The part whose headers begin at `start`; its content ends before `end`."""
        self.looked_at += 1
        message, start = self._headers(start, end)
        message.set_default_type(default)
        given = first(message, "content-type")
        media_type = headers.eight_bit(given).partition(";")[0].strip().lower() or default
        if not _TYPE.fullmatch(media_type):
            media_type = default if "/" not in media_type else "application/octet-stream"
        parameters = headers.parameters(given)
        pieces = self._inside(key, media_type, parameters, message, start, end, depth)
        if pieces:
            message.set_payload([piece.message for piece in pieces])
        elif media_type.startswith(("text/", "message/", "multipart/")):
            message.set_payload(self._raw[start : min(end, start + MOST_PAYLOAD)].decode("ascii", "surrogateescape"))
        else:
            message.set_payload("")
        return Piece(key, message, media_type, parameters, start, end, pieces)

    def _inside(
        self, key: str, media_type: str, parameters: dict[str, str], message: Message, start: int, end: int, depth: int
    ) -> tuple[Piece, ...]:
        """The parts within a part, () where it has none or none may be looked at any more."""
        encoded = first(message, "content-transfer-encoding").strip().lower() == "base64"
        default, spans = "text/plain", []
        if media_type.startswith("multipart/"):
            spans = self._between(parameters.get("boundary", ""), start, end)
            default = "message/rfc822" if media_type == "multipart/digest" else default
        elif is_message(media_type) and not encoded and start < end:
            spans = [(start, end)]
        elif media_type in REPORTS and not encoded:
            return self._blocks(key, start, end)
        if spans and depth >= MOST_DEPTH:
            self.notes[f"parts deeper than {MOST_DEPTH} were not looked into"] = None
            return ()
        pieces = []
        for number, (begins, ends) in enumerate(spans, 1):
            if self._full():
                break
            inner = f"{key}.{number}" if key else str(number)
            pieces.append(self.piece(inner, begins, ends, depth + 1, default))
        return tuple(pieces)

    def _between(self, boundary: str, start: int, end: int) -> list[tuple[int, int]]:
        """Where the parts of a multipart lie: between lines of its boundary, the line end before each not counted."""
        mark = b"\n--" + boundary.encode("utf-8", "surrogateescape")
        spans: list[tuple[int, int]] = []
        began, at = -1, max(start - 1, 0)
        while boundary and self._step():
            found = self._raw.find(mark, at, end)
            if found < 0:
                break
            line_end = self._line_end(found + len(mark), end)
            rest = self._raw[found + len(mark) : line_end].strip()
            at = max(line_end - 1, found + 1)
            if rest not in (b"", b"--"):
                continue
            last = found - 1 if self._raw[found - 1 : found] == b"\r" else found
            if 0 <= began < last:
                spans.append((began, last))
            began = -1 if rest else line_end
            if rest or len(spans) >= MOST_PARTS:
                break
        return [*spans, (began, end)] if 0 <= began < end else spans

    def _blocks(self, key: str, start: int, end: int) -> tuple[Piece, ...]:
        """The blocks of headers of a report, each as a message without a body."""
        pieces: list[Piece] = []
        while start < end and not self._full():
            self.looked_at += 1
            message, after = self._headers(start, end)
            after = max(after, self._line_end(start, end))  # a line that is no header is left out
            if message.keys():
                message.set_payload("")
                pieces.append(Piece(f"{key}.{len(pieces) + 1}", message, "text/plain", {}, after, after))
            start = after
        return tuple(pieces)

    def _full(self) -> bool:
        if self.looked_at >= MOST_PARTS:
            self.notes[f"the parts after the first {MOST_PARTS} were not looked at"] = None
        return self.looked_at >= MOST_PARTS

    def _headers(self, start: int, end: int) -> tuple[Message, int]:
        """A block of headers, and where the content after it begins."""
        message = Message()
        limit = min(end, start + MOST_HEADER_BYTES)
        name, lines, kept, at = "", [b""], 0, start
        while at < limit and self._step():
            line_end = self._line_end(at, end)
            line = self._raw[at : min(line_end, limit)]
            found = _HEADER.match(line)
            if line[:1] in (b" ", b"\t"):
                lines.append(line)
            elif found:
                _add(message, name, lines)
                kept += 1
                name, lines = found[1].decode("ascii") if kept <= MOST_HEADERS else "", [line[found.end() :]]
            elif not line.startswith((b"From ", b">From ")):
                at = at if line.strip() else line_end
                break
            at = line_end
        else:
            at = self._after_headers(at, end)
        _add(message, name, lines)
        if kept > MOST_HEADERS:
            self.notes[f"headers after the first {MOST_HEADERS} were not read"] = None
        return message, at

    def _after_headers(self, at: int, end: int) -> int:
        """Where content begins after headers that were not read to their end."""
        if at >= end:
            return end
        self.notes[f"headers beyond {MOST_HEADER_BYTES} bytes were not read"] = None
        found = _BLANK.search(self._raw, at - 1, end)
        return found.end() if found else end

    def _step(self) -> bool:
        """Count one line that is looked at; False where there have been too many."""
        self.steps += 1
        if self.steps == MOST_STEPS:
            self.notes[f"headers and boundaries after the first {MOST_STEPS} were not looked at"] = None
        return self.steps < MOST_STEPS

    def _line_end(self, at: int, end: int) -> int:
        found = self._raw.find(b"\n", at, end)
        return end if found < 0 else found + 1


def _add(message: Message, name: str, lines: list[bytes]) -> None:
    """Add a header, its line ends taken out, cut where it is too long."""
    if not name:
        return
    low = name.lower()
    most = MOST_HEADER_BYTES if low in _ADDRESSED else MOST_VALUE
    most = MOST_CONTENT_VALUE if low.startswith("content-") else most
    value = b"".join(line.rstrip(b"\r\n") for line in lines)[:most].decode("ascii", "surrogateescape")
    message.set_raw(name, value.replace("\r", " ").replace("\x00", ""))
