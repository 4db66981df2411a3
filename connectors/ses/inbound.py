"""A received mail as an event. https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html

A mail's headers can be forged, all of them: only the verdict of DMARC ties the sender to the address, and whom a mail
may join is for the services to decide.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.core.model import (
    UNVERIFIED,
    Attachment,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Ignored,
    MessageReceived,
    Person,
)
from connectors.http import one_line
from connectors.ses import keys, notices
from connectors.ses.events import time_of
from connectors.ses.notices import Json
from connectors.shared.email import reading
from connectors.shared.email.automatic import Bounced
from connectors.shared.email.reading import Mail

Settings = Mapping[str, str]

MOST_ANSWERED = 50
MOST_TAKING_PART = 50
MOST_COPIES = 20
LONGEST_REFERENCES = 2_000
_REPORTS = {"bounce": "a bounce", "feedback": "a complaint"}


def events(raw: bytes, receipt: Json, settings: Settings, now: int) -> list[Event]:
    """What a mail says: one message, or what became of ours where it is a report of that. Raises `Unparsable`.

    A bounce that does not say of what is a message of a program's, so that somebody sees it.
    """
    mail = reading.read(raw)
    at = time_of(receipt.get("timestamp")) or mail.sent_at or now
    if keys.ours(mail.sender[0], settings) or keys.conversation([mail.message_id], settings):
        return [Ignored("our own mail")]
    if mail.automatic.kind in _REPORTS and mail.automatic.original_message_id:
        return _report(mail, settings, at)
    return [_message(mail, receipt, settings, at)]


def _message(mail: Mail, receipt: Json, settings: Settings, at: int) -> MessageReceived:
    address, name = mail.sender
    # DMARC speaks of one address: a From with several proves none of them (RFC 7489, section 6.6.1).
    verified = receipt.get("dmarc") == "PASS" and mail.senders == 1 and bool(address)
    key = keys.key(mail.message_id)
    sender = Person(address if verified else UNVERIFIED + (address or key), name, email=address if verified else "")
    return MessageReceived(
        key=key,
        thread=key,
        sender=sender,
        text=mail.text,
        sent_at=at,
        order=key[:64],
        reply_to=_reply_to(mail, settings, verified=verified),
        subject=mail.subject,
        attachments=tuple(
            Attachment(part.key, part.name, part.media_type, part.size, inside=True) for part in mail.attachments
        ),
        answers=_answers(mail),
        conversation=_conversation(mail, receipt, settings),
        participants=_participants(mail, sender, settings),
        held=_held(receipt),
        automatic=mail.automatic.kind,
    )


def _answers(mail: Mail) -> tuple[str, ...]:
    """What it answers, best first: In-Reply-To, then References from the last to the first."""
    told = [keys.key(one) for one in (*mail.in_reply_to, *reversed(mail.references))]
    return tuple(dict.fromkeys(one for one in told if one and one != keys.key(mail.message_id)))[:MOST_ANSWERED]


def _conversation(mail: Mail, receipt: Json, settings: Settings) -> str:
    """Our own id of the conversation: a token in one of our addresses, or in an id that we gave."""
    told = receipt.get("recipients")
    named = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    named += [address for address, _ in (*mail.to, *mail.cc)]
    token = notices.token_of(named, settings)
    return token or keys.conversation((*mail.in_reply_to, *reversed(mail.references)), settings)


def _participants(mail: Mail, sender: Person, settings: Settings) -> tuple[Person, ...]:
    """Everybody whom the mail names, the sender first, without ourselves."""
    named = {sender.key: sender}
    for address, name in (*mail.to, *mail.cc):
        if address != mail.sender[0] and not keys.ours(address, settings):
            named.setdefault(address, Person(address, name))
    return tuple(named.values())[:MOST_TAKING_PART]


def _held(receipt: Json) -> str:
    return next((name for name in ("virus", "spam") if receipt.get(name) == "FAIL"), "")


def _reply_to(mail: Mail, settings: Settings, *, verified: bool) -> dict[str, str]:
    """Where an answer goes: to the sender, or where a verified one wants it, with a copy to those who were named."""
    wanted = [address for address, _ in mail.reply_to if address and not keys.ours(address, settings)]
    to = wanted[0] if verified and wanted else mail.sender[0]
    named = [address for address, _ in (*mail.to, *mail.cc)]
    copies = [one for one in dict.fromkeys(named) if one not in (to, mail.sender[0]) and not keys.ours(one, settings)]
    return {
        "to": to,
        "cc": ", ".join(copies[:MOST_COPIES]),
        "subject": mail.subject,
        "in_reply_to": mail.message_id,
        "references": _references(mail),
    }


def _references(mail: Mail) -> str:
    """The thread's ids for an answer, the first and as many of the last as fit (RFC 5322, section 3.6.4)."""
    told = list(dict.fromkeys([*(mail.references or mail.in_reply_to), mail.message_id]))
    kept, room = [told[0]], LONGEST_REFERENCES - len(told[0])
    for one in reversed(told[1:]):
        room -= len(one) + 1
        if room < 0:
            break
        kept.insert(1, one)
    return " ".join(kept)


def _report(mail: Mail, settings: Settings, at: int) -> list[Event]:
    """A mail server or a mailbox provider tells what became of a mail, of ours perhaps.

    Which ids of SES's are ours only the services know: they pass over one that we never sent.
    """
    kind, original = mail.automatic.kind, mail.automatic.original_message_id
    key = keys.key(original)
    reference = key.rpartition("@")[0] if keys.conversation([original], settings) else ""
    if not reference and not key.endswith("@" + keys.HOST):
        return [Ignored(f"{_REPORTS[kind]} of a mail that we did not send")]
    if kind == "feedback":
        return [DeliveryUpdated(key, DeliveryState.COMPLAINED, at, reference, one_line(mail.automatic.reason))]
    named = mail.automatic.bounced[:MOST_TAKING_PART] or (Bounced("", "", mail.automatic.reason, True),)
    return [
        DeliveryUpdated(
            key,
            DeliveryState.FAILED if one.failed else DeliveryState.SENT,
            at,
            reference,
            one_line(one.reason or one.status),
            one.recipient.lower(),
        )
        for one in named
    ]
