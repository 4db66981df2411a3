"""Whom a returned mail did not reach, and why: from the report for machines, else from the words for people.

https://www.rfc-editor.org/rfc/rfc3464 (delivery status) · https://www.rfc-editor.org/rfc/rfc3462 (multipart/report)
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from itertools import islice

from connectors.shared.email import automatic_words as words
from connectors.shared.email import charsets, headers

# Bounds on what is looked at.
MOST_PARTS = 50
MOST_DEEP = 4
MOST_RECIPIENTS = 100
MOST_BODY = 40_000
MOST_LINES = 200
MOST_REASON = 500

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.#])([245])\d\d(?=[ \-])")
_RECIPIENT = re.compile(r"<?([^\s<>()\[\],;:\"]{1,64}@[^\s<>()\[\],;:\"]{1,190}\w)>?")
_HEADER_OF_COPY = re.compile(r"(?:Received|Return-Path|DKIM-Signature|Message-ID|MIME-Version):\s", re.IGNORECASE)
_ID = re.compile(r"^[ \t]*Message-ID:\s*<([^<>\s]{1,250})>", re.IGNORECASE | re.MULTILINE)


# A multipart that holds no part (its boundary is lost) is read as it stands.
_TEXTS = frozenset({"text/plain", "multipart/report", "multipart/mixed"})


@dataclass(frozen=True)
class Bounced:
    """One recipient of the returned mail.

    recipient  the address, "" where the report names none
    status     RFC 3463 ("5.1.1"), "" where there is none
    reason     the mail server's words
    failed     True where it was not delivered for good; False where it is late, or was delivered or handed on
    """

    recipient: str
    status: str
    reason: str
    failed: bool


def first(message: Message, name: str) -> str:
    """The first header of that name, decoded, "" where there is none."""
    return headers.text(next((str(v) for k, v in message.raw_items() if k.lower() == name), ""))


def parts(message: Message) -> Iterator[Message]:
    """The mail's own parts, not those of a mail that lies in it."""
    return islice(_parts(message, 0), MOST_PARTS)


def _parts(message: Message, deep: int) -> Iterator[Message]:
    yield message
    payload = message.get_payload()
    if message.get_content_maintype() == "multipart" and isinstance(payload, list) and deep < MOST_DEEP:
        for part in payload:
            if isinstance(part, Message):
                yield from _parts(part, deep + 1)


def blocks(report: Message) -> list[Message]:
    """The blocks of headers of a report, one per recipient after the first."""
    payload = report.get_payload()
    found = payload[: MOST_RECIPIENTS + 1] if isinstance(payload, list) else []
    return [block for block in found if isinstance(block, Message)]


def body(message: Message) -> str:
    """The first plain text of the mail, decoded; the beginning is enough."""
    for part in parts(message):
        payload = part.get_payload()
        if part.get_content_type() in _TEXTS and isinstance(payload, str):
            data = payload[:MOST_BODY].encode("utf-8", "surrogateescape")
            encoding = first(part, "content-transfer-encoding").lower()
            if encoding == "base64":
                data = headers.base64(data)
            elif encoding == "quoted-printable":
                data = binascii.a2b_qp(data)
            charset = headers.parameters(first(part, "content-type")).get("charset", "")
            return charsets.decode(data, charset)
    return ""


def bounced(message: Message, said: str) -> tuple[Bounced, ...]:
    """Every recipient that a bounce names. `said` is its first text."""
    found = list(_reported(message))
    if not found:
        found = list(_written(first(message, "x-failed-recipients"), first(message, "subject"), said))
    return tuple({one.recipient.casefold(): one for one in reversed(found[:MOST_RECIPIENTS])}.values())[::-1]


def original_id(message: Message, said: str) -> str:
    """The Message-ID of the mail that came back, without its brackets, "" where it cannot be told."""
    for part in parts(message):
        payload = part.get_payload()
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            for block in blocks(part):
                if ids := headers.ids(first(block, "x-original-message-id")):
                    return ids[0]
        if kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"):
            inner = payload[0] if isinstance(payload, list) and payload else payload
            if isinstance(inner, Message):
                told = headers.ids(first(inner, "message-id"))
            else:
                told = tuple(_ID.findall(str(inner)[:MOST_BODY]))
            if told:
                return told[0]
    texts = [part.get_payload() for part in parts(message) if part.get_content_type() in _TEXTS]
    later = [text[:MOST_BODY] for text in texts[:MOST_PARTS] if isinstance(text, str)][1:]
    told = tuple(_ID.findall("\n".join([said[_copy_at(said) :], *later])))
    return told[0] if told else next(iter(headers.ids(first(message, "in-reply-to"))), "")


def _reported(message: Message) -> Iterator[Bounced]:
    for part in parts(message):
        if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
            continue
        for block in blocks(part):
            address = first(block, "final-recipient") or first(block, "original-recipient")
            action = first(block, "action").lower()
            if not address and not action:
                continue
            status = first(block, "status")
            code = _STATUS.search(status)
            reason = first(block, "diagnostic-code").partition(";")
            yield Bounced(
                _bare(address),
                code[1] if code else "",
                (reason[2] or reason[0] or status).strip()[:MOST_REASON],
                action.startswith("fail") or (not action and status.startswith("5")),
            )


def _bare(address: str) -> str:
    """The address of "rfc822; <anna@example.com>"."""
    return address.partition(";")[2].strip(" <>\"'") if ";" in address else address.strip(" <>\"'")


def _written(named: str, subject: str, said: str) -> Iterator[Bounced]:
    """What the words for people tell: an address on a line, and the reason on it or under it."""
    own = said[: _copy_at(said)]
    late = any(word in f"{subject}\n{own}".casefold() for word in words.DELAY_WORDS) and not _REPLY.search(own)
    lines = own.split("\n")[:MOST_LINES]
    addresses = [address.strip() for address in named.split(",") if "@" in address]
    places = [(at, found[1]) for at, line in enumerate(lines) if (found := _RECIPIENT.search(line[:400]))]
    if not addresses:
        addresses = list(dict.fromkeys(address for _, address in places))[:MOST_RECIPIENTS]
    for address in addresses[:MOST_RECIPIENTS]:
        at = next((at for at, told in places if told.casefold() == address.casefold()), 0)
        near = [line.strip() for line in lines[at : at + 8] if line.strip()]
        reason = " ".join(near)[:MOST_REASON]
        code, reply = _STATUS.search(reason), _REPLY.search(reason)
        status = code[1] if code else (f"{reply[1]}.0.0" if reply else "")
        yield Bounced(address, status, reason, not late)


def _copy_at(said: str) -> int:
    """Where the copy of the returned mail begins in a bounce that is one text; its length where none does."""
    at = 0
    for line in said.split("\n"):
        bare = line.strip(" -*#=_.:\t\r").casefold()
        marked = bare.startswith(words.COPY_BEGINS) and (line.lstrip()[:1] in "-*#=" or len(bare) < 80)
        if at and (marked or _HEADER_OF_COPY.match(line)):
            return at
        at += len(line) + 1
    return len(said)
