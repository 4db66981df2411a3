"""Answers by mail. https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html

SES has no idempotency key, and writes its own Message-ID over ours. So the call's reference travels as a tag, which
every event of the mail carries back; and our own id and the token in Reply-To carry the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.core.model import File, OutboundFile, OutboundMessage
from connectors.base import Call, CannotCarry, Rejected, TryLater
from connectors.ses import keys
from connectors.ses.client import call as ask
from connectors.ses.setup import configuration_set
from connectors.shared.email import addresses, composing, headers

Settings = Mapping[str, str]

# SES takes 40 MB, a third of which base64 eats; many servers take no more than 10 MB.
LARGEST_FILE = 7_000_000
MOST_COPIES = 20


def address(to: str) -> dict[str, str]:
    """Where a first mail goes. Raises `ValueError` where it is no address."""
    try:
        return {"to": addresses.sendable(to.strip().lower())}
    except CannotCarry as problem:
        raise ValueError(f"{problem}: give one like ada@example.com") from None


def send(settings: Settings, connection: str, message: OutboundMessage, call: Call) -> str:
    """Mail an answer in its thread; returns its key. Raises `CannotCarry` where there is nothing to say."""
    if not message.text.strip() and not message.html.strip():
        raise CannotCarry("the message is empty: write something")
    raw = _composed(settings, message.to, call, message.text, message.html, automatic=message.automatic)
    return _sent(settings, connection, message.to, raw, call)


def send_file(settings: Settings, connection: str, outbound: OutboundFile, call: Call) -> str:
    """Mail a file in its thread, or our link to it where it is too large for a mail; returns the mail's key."""
    file = outbound.file
    if len(file.content) <= LARGEST_FILE:
        raw = _composed(settings, outbound.to, call, file.name, files=[file])
    elif outbound.url:
        raw = _composed(settings, outbound.to, call, f"{file.name}\n{outbound.url}")
    else:
        raise CannotCarry(f"{file.name} has {len(file.content)} bytes, and a mail carries {LARGEST_FILE} at most")
    return _sent(settings, connection, outbound.to, raw, call)


def _composed(
    settings: Settings,
    to: Mapping[str, str],
    call: Call,
    text: str,
    html: str = "",
    *,
    files: Sequence[File] = (),
    automatic: bool = False,
) -> bytes:
    """The whole mail. The same call gives the same bytes."""
    own = settings.get("from_address", "").lower()
    return composing.compose(
        sender=(own, settings.get("from_name", "")),
        to=[(_to(to), "")],
        cc=[(one, "") for one in _copies(to)],
        subject=_subject(to, text),
        text=text,
        html=html,
        message_id=f"{call.reference}@{keys.domain(settings)}",
        in_reply_to=to.get("in_reply_to", ""),
        references=headers.ids(" ".join(f"<{one}>" for one in to.get("references", "").split())),
        reply_to=_reply_to(own, call),
        sent_at=call.started_at,
        files=files,
        automatic=automatic,
    )


def _sent(settings: Settings, connection: str, to: Mapping[str, str], raw: bytes, call: Call) -> str:
    tags = {"deskweave-connection": connection, "deskweave-reference": keys.tag(call.reference)}
    answer = ask(
        settings,
        "sesv2",
        "send_email",
        FromEmailAddress=settings.get("from_address", ""),
        Destination={"ToAddresses": [_to(to)], "CcAddresses": _copies(to)},
        Content={"Raw": {"Data": raw}},
        ConfigurationSetName=configuration_set(settings, connection),
        EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
    )
    ses_id = (answer or {}).get("MessageId")
    if not isinstance(ses_id, str) or not ses_id:
        raise TryLater("Amazon SES did not say which mail it sent", doubtful=True)
    return keys.sent(ses_id)


def _to(to: Mapping[str, str]) -> str:
    if not to.get("to"):
        raise Rejected("the mail that is answered names no sender: there is nobody to answer")
    return addresses.sendable(to["to"])


def _copies(to: Mapping[str, str]) -> list[str]:
    """Whom else the mail goes to; an address that mail cannot reach is left out, the answer goes on."""
    kept = []
    for one in to.get("cc", "").split(",")[:MOST_COPIES]:
        try:
            kept.append(addresses.sendable(one.strip()))
        except CannotCarry:
            continue
    return kept


def _subject(to: Mapping[str, str], text: str) -> str:
    if to.get("subject"):
        return composing.answer_subject(to["subject"])
    if to.get("in_reply_to"):
        return "Re:"
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:100]


def _reply_to(own: str, call: Call) -> str:
    """Our address with the conversation's token; without one where there is no room for it."""
    conversation = call.reference.partition(".")[0]
    try:
        return addresses.with_token(own, conversation)
    except CannotCarry:
        return own
