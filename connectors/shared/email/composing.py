"""Mail as it is sent: a threaded answer, in text and HTML. https://www.rfc-editor.org/rfc/rfc5322

The same arguments give the same bytes, so that a call that is repeated sends the same mail. No value can open a header
or a part of its own: header values are put on one line and encoded, and addresses and ids must be what they say.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from connectors.base import CannotCarry

from . import addresses, charsets, headers, safe_html

if TYPE_CHECKING:
    from chalicelib.core.model import File

    from .addresses import Address

MOST_BYTES = 40_000_000  # of a mail, as SES takes it: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MOST_REFERENCES = 20  # ids: the first, and the last ones
MOST_SUBJECT = 250
MOST_LINE = 998  # https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1
_LINE = 76

# "Re" as mailers write it: English, German, Nordic, Dutch, Polish, Finnish, Italian, French, Spanish and Portuguese,
# Turkish, Hungarian, Greek, Hebrew, Russian, Chinese
_ANSWERED = re.compile(
    r"(?:\s*(?:re|aw|antwort|sv|vs|antw|odp|rif|r|réf|ref|rép|res|resp|ynt|vá|ynt|απ|σχετ|השב|ответ|на|回复|回覆|答复)"
    r"(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3})?\s*[:：])+\s*",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[ -~]*")
_BARE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_ID = re.compile(r"[!-;=?-~]{1,250}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")


def compose(
    *,
    sender: Address,
    to: Sequence[Address],
    subject: str,
    text: str,
    message_id: str,
    sent_at: int,
    html: str = "",
    cc: Sequence[Address] = (),
    in_reply_to: str = "",
    references: Sequence[str] = (),
    reply_to: str = "",
    files: Sequence[File] = (),
    automatic: bool = False,
) -> bytes:
    """A mail, ready for the wire (lines end in CR LF, all of it ASCII).

    `sent_at` is in ms; ids stand without brackets; `subject` is taken as it is, see `answer_subject`; `html` need not
    be safe; `reply_to` is one address, with its token. `automatic` marks it as RFC 3834 has it, so that no machine
    answers it. Raises `CannotCarry` for an address that mail cannot reach, and where the mail would be too large.
    """
    if not to:
        raise CannotCarry("the mail has nobody to go to")
    lines = [
        ("From", _mailbox(sender)),
        ("To", ",\r\n ".join(map(_mailbox, to))),
        ("Cc", ",\r\n ".join(map(_mailbox, cc))),
        ("Reply-To", addresses.sendable(reply_to) if reply_to else ""),
        ("Subject", _unstructured(charsets.line(subject)[:MOST_SUBJECT])),
        ("Date", format_datetime(datetime.fromtimestamp(sent_at // 1000, UTC))),
        ("Message-ID", _own_id(message_id)),
        ("In-Reply-To", _ids([in_reply_to])),
        ("References", _ids([*references, in_reply_to])),
        ("Auto-Submitted", "auto-replied" if automatic else ""),
        ("X-Auto-Response-Suppress", "All" if automatic else ""),
        ("MIME-Version", "1.0"),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines if value).encode("ascii")
    body = _alternatives(text, html, message_id)
    if files:
        body = _multipart("mixed", [body, *map(_attachment, files)], message_id)
    if len(head) + len(body) > MOST_BYTES:
        raise CannotCarry(f"the mail would have {len(head) + len(body)} bytes, and {MOST_BYTES} can be sent")
    return head + body


def answer_subject(subject: str) -> str:
    """The subject of an answer: one "Re: ", whatever stood there in whichever language."""
    subject = charsets.line(subject)
    found = _ANSWERED.match(subject)
    return f"Re: {subject[found.end() :] if found else subject}".strip()


def _alternatives(text: str, html: str, seed: str) -> bytes:
    """The answer as plain text and as HTML; each is made of the other where it is missing."""
    from . import html_text

    shown = safe_html.cleaned(html) if html else ""
    plain = charsets.lines(text if text.strip() or not shown else html_text.text_of(shown))
    page = f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n{shown or safe_html.from_text(plain)}\n'
    forms = [_text("plain", plain), _text("html", charsets.lines(page) + "</body></html>\n")]
    return _multipart("alternative", forms, seed)


def _text(subtype: str, text: str) -> bytes:
    """A text in the transfer encoding that is shortest and that every server carries."""
    data = text.encode("utf-8", "replace")
    lines = data.split(b"\n")
    if data.isascii() and max(map(len, lines)) < MOST_LINE and not any(line.startswith(b"From ") for line in lines):
        encoding, body = "7bit", data
    else:
        encoding, body = "quoted-printable", _quoted_printable(lines)
        if len(body) > len(data) * 1.4:
            encoding, body = "base64", base64.encodebytes(data)
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + body.replace(b"\n", b"\r\n")


def _quoted_printable(lines: list[bytes]) -> bytes:
    """RFC 2045, 6.7; also of a dot or a `From ` that begins a line, which servers may change."""
    encoded = [binascii.b2a_qp(line, quotetabs=False, istext=True) for line in lines]
    return b"\n".join(re.sub(rb"(?m)^(?:F(?=rom )|\.)", lambda found: b"=%02X" % found[0][0], line) for line in encoded)


def _attachment(file: File) -> bytes:
    """A file. A mail within a mail may not be base64 (RFC 2046, 5.2.1), so it goes as bytes."""
    media_type = file.media_type.lower().partition(";")[0].strip()
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type.startswith(("message/", "multipart/")):
        media_type = "application/octet-stream"
    old, new = _file_name(file.name)
    head = f"Content-Type: {media_type}{old}\r\nContent-Transfer-Encoding: base64\r\n"
    head += f"Content-Disposition: attachment{new}\r\n\r\n"
    return head.encode("ascii") + base64.encodebytes(file.content).replace(b"\n", b"\r\n")


def _file_name(name: str) -> tuple[str, str]:
    """The parameters that name a file: as older mailers read them, and as RFC 2231 has them, in pieces."""
    name = re.sub(r'["\\/]', "_", charsets.line(name))[:120] or "attachment"
    if _PLAIN.fullmatch(name) and "=?" not in name:
        return f';\r\n name="{name}"', f';\r\n filename="{name}"'
    pieces = ["UTF-8''"]
    for unit in (quote(char, safe="") for char in name):
        if len(pieces[-1]) + len(unit) > _LINE - 20:
            pieces.append("")
        pieces[-1] += unit
    tail = "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces))
    return f';\r\n name="{_encoded(name)}"', tail


def _multipart(subtype: str, parts: Sequence[bytes], seed: str) -> bytes:
    boundary, number = "", 0
    while not boundary or any(boundary.encode() in part for part in parts):
        boundary = "=_" + hashlib.sha256(f"{subtype} {number} {seed}".encode("utf-8", "replace")).hexdigest()[:32]
        number += 1
    mark = f"\r\n--{boundary}".encode("ascii")
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n'.encode("ascii")
    return head + b"".join(mark + b"\r\n" + part for part in parts) + mark + b"--\r\n"


def _mailbox(address: Address) -> str:
    """`name <address>`, folded before the address."""
    where, name = address
    name = charsets.untwisted(charsets.line(name))[: addresses.MOST_NAME]
    where = addresses.sendable(where)
    if not name:
        return where
    if _PLAIN.fullmatch(name) and "=?" not in name:
        shown = name if _BARE.fullmatch(name) else '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    else:
        shown = _encoded(name)
    return f"{shown}\r\n <{where}>"


def _unstructured(value: str) -> str:
    """Text for a header: folded where it is plain ASCII, else in encoded words."""
    if not _PLAIN.fullmatch(value) or "=?" in value or any(len(word) > 200 for word in value.split(" ")):
        return _encoded(value)
    lines = [""]
    for word in value.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > _LINE - 10:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\r\n ".join(lines)


def _encoded(value: str) -> str:
    """RFC 2047: words of at most 75 characters, no character cut in two."""
    words, pending = [], b""
    for char in value:
        data = char.encode("utf-8", "replace")
        if len(pending) + len(data) > 39:
            words.append(pending)
            pending = b""
        pending += data
    words.append(pending)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words)


def _own_id(id: str) -> str:
    if not _ID.fullmatch(id) or "@" not in id:
        raise CannotCarry("a mail's own id must be of the form reference@domain")
    return f"<{id}>"


def _ids(given: Sequence[str]) -> str:
    """Ids that other mailers know, each on a line of its own."""
    kept = list(dict.fromkeys(id for id in given if _ID.fullmatch(id) and not headers.made_up(id)))
    if len(kept) > MOST_REFERENCES:
        kept = [kept[0], *kept[1 - MOST_REFERENCES :]]
    return "\r\n ".join(f"<{id}>" for id in kept)
