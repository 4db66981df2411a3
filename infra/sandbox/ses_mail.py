"""Mails as customers' own programs write them, and mails that left, read as such a program shows them."""

from __future__ import annotations

import email.policy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, formataddr, getaddresses, parseaddr

File = tuple[str, str, bytes]


@dataclass(frozen=True)
class Sent:
    """A mail that SES sent.

    id           SES's own; `message_id` the header as the recipient sees it, SES's too, with its brackets
    own_id       the Message-ID that was given with it, before SES wrote its own over it
    tags         those given with the call
    attachments  (name, media type, content)
    """

    id: str
    message_id: str
    own_id: str
    at: int
    to: tuple[str, ...]
    cc: tuple[str, ...]
    sender: str
    reply_to: str
    subject: str
    text: str
    html: str
    in_reply_to: str
    references: str
    attachments: tuple[File, ...]
    tags: Mapping[str, str]
    raw: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def parsed(raw: bytes) -> EmailMessage:
    message = BytesParser(policy=email.policy.SMTP).parsebytes(raw)
    assert isinstance(message, EmailMessage)
    return message


def sent(raw: bytes, ses_id: str, host: str, at: int, destination: Sequence[str], tags: Mapping[str, str]) -> Sent:
    """What a mail that was given to SES looks like at its recipients'."""
    message = parsed(raw)
    own_id = str(message.get("Message-ID", ""))
    del message["Message-ID"]
    message["Message-ID"] = f"<{ses_id}@{host}>"
    return Sent(
        id=ses_id,
        message_id=str(message["Message-ID"]),
        own_id=own_id,
        at=at,
        to=_addresses(message, "To") or tuple(destination),
        cc=_addresses(message, "Cc"),
        sender=parseaddr(str(message.get("From", "")))[1],
        reply_to=parseaddr(str(message.get("Reply-To", "")))[1],
        subject=str(message.get("Subject", "")),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        in_reply_to=str(message.get("In-Reply-To", "")),
        references=str(message.get("References", "")),
        attachments=tuple(
            (str(part.get_filename() or ""), part.get_content_type(), _content(part))
            for part in message.iter_attachments()
        ),
        tags=dict(tags),
        raw=message.as_bytes(),
        headers={name.lower(): str(value) for name, value in message.items()},
    )


def write(
    from_: str,
    to: str,
    subject: str,
    text: str,
    *,
    message_id: str,
    at: int,
    html: str = "",
    cc: Sequence[str] = (),
    attachments: Sequence[File] = (),
    in_reply_to: str = "",
    references: str = "",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A mail, composed as an ordinary program does it."""
    message = EmailMessage(policy=email.policy.SMTP)
    name, address = parseaddr(from_)
    message["From"] = formataddr((name, address))
    message["To"] = to
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.fromtimestamp(at / 1000, UTC))
    message["Message-ID"] = message_id
    for header, value in (("In-Reply-To", in_reply_to), ("References", references)):
        if value:
            message[header] = value
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for filename, media_type, content in attachments:
        kind, _, subtype = media_type.partition("/")
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=filename)
    for header, value in (headers or {}).items():
        message[header] = value
    return message.as_bytes()


def quoted(text: str, who: str) -> str:
    """What a program puts under an answer."""
    return f"On Tue, 1 Apr 2025 at 10:00, {who} wrote:\n\n" + "\n".join(f"> {line}" for line in text.splitlines())


def listed(raw: bytes) -> list[dict[str, str]]:
    """The headers as SES's notifications list them."""
    return [{"name": name, "value": str(value)} for name, value in parsed(raw).items()]


def common(raw: bytes) -> dict[str, object]:
    """`commonHeaders` of SES's notifications."""
    message = parsed(raw)
    told: dict[str, object] = {
        "from": [str(message.get("From", ""))],
        "to": [str(message.get("To", ""))],
        "date": str(message.get("Date", "")),
        "messageId": str(message.get("Message-ID", "")),
        "subject": str(message.get("Subject", "")),
    }
    return {name: value for name, value in told.items() if value not in ("", [""])}


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    return tuple(address for _, address in getaddresses([str(one) for one in message.get_all(name, [])]) if address)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


def _content(part: object) -> bytes:
    payload = part.get_payload(decode=True)  # type: ignore[attr-defined]
    return payload if isinstance(payload, bytes) else b""
