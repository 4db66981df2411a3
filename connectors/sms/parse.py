"""What Twilio's message webhooks and status callbacks say.

https://www.twilio.com/docs/messaging/guides/webhook-request
https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping

from chalicelib.core.model import Attachment, DeliveryState, DeliveryUpdated, Event, Ignored, MessageReceived, Person
from connectors.base import Unparsable, WebhookRequest
from connectors.shared.twilio import form, words
from connectors.sms import E164

SID = re.compile("[A-Z]{2}[0-9A-Za-z]{1,62}")
STATES: dict[str, DeliveryState] = {
    "accepted": DeliveryState.ACCEPTED,
    "scheduled": DeliveryState.ACCEPTED,
    "queued": DeliveryState.ACCEPTED,
    "sending": DeliveryState.ACCEPTED,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "undelivered": DeliveryState.FAILED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}
OPTED: dict[str, str] = {
    "STOP": "[opted out: Twilio sends no more SMS from us to this number until it writes START]",
    "START": "[opted in again]",
    "HELP": "[Twilio has answered with its help text]",
}
_MOST_FILES = 10
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,120}", re.ASCII)


def event(request: WebhookRequest, settings: Mapping[str, str]) -> Event:
    """The one event of a delivery. Raises `Unparsable` where it names no message, or another account's."""
    try:
        fields = form.fields(request.body)
    except ValueError:
        raise Unparsable("the form has more fields than Twilio sends") from None
    if not SID.fullmatch(fields.get("MessageSid", "")):
        raise Unparsable("the form names no message: is this address set for messaging, and not for voice?")
    if settings.get("account_sid", fields.get("AccountSid")) != fields.get("AccountSid"):
        raise Unparsable("the message belongs to another Twilio account than this connection's")
    if "MessageStatus" in fields:
        return _delivery(fields, form.fields(request.query), request.now)
    if not {"From", "To", "Body"} <= fields.keys():
        raise Unparsable("the form lacks From, To or Body: it is not whole")
    return _message(fields, request.now)


def _message(fields: Mapping[str, str], now: int) -> MessageReceived:
    key, sender, ours = fields["MessageSid"], fields["From"], fields["To"]
    told = (fields["Body"], OPTED.get(fields.get("OptOutType", "").upper(), ""))
    return MessageReceived(
        key=key,
        thread=f"{sender} {ours}",
        # What is no number (WhatsApp, a short code, a name) is not vouched for by the network.
        sender=Person(
            key=sender, name=fields.get("ProfileName", "")[:200], phone=sender if E164.fullmatch(sender) else ""
        ),
        text="\n".join(part for part in told if part),
        sent_at=now,
        order=f"{now:015d}",
        reply_to={"to": sender, "from": ours},
        direct=True,
        attachments=tuple(_attachment(fields, number) for number in range(_files(fields))),
    )


def _delivery(fields: Mapping[str, str], query: Mapping[str, str], now: int) -> Event:
    """Of a text in several parts the last one tells how it goes; of the others only a failure counts."""
    status = fields["MessageStatus"].lower()
    part, of, reference = ([*query.get("part", "").split(".", 2), "", ""])[:3]
    reference = query.get("reference") or reference
    state = STATES.get(status)
    if state is None:
        return Ignored(f"the message is {status[:40] or 'nowhere'}")
    if part and not reference and state is not DeliveryState.FAILED:
        return Ignored(f"part {part[:3]} of a longer message is {status}")
    reason = _reason(fields) if state is DeliveryState.FAILED else ""
    reason = f"part {part[:3]}: {reason}" if part and reason else reason
    return DeliveryUpdated(of or fields["MessageSid"], state, now, reference, reason)


def _reason(fields: Mapping[str, str]) -> str:
    code, told = fields.get("ErrorCode", ""), fields.get("ErrorMessage", "")
    known = words.REASONS.get(int(code), "") if re.fullmatch("[0-9]{5}", code) else ""
    said = known or told[:300] or f"Twilio says {fields['MessageStatus']}"
    return f"{said} (Twilio's error {code[:5]})" if code else said


def _files(fields: Mapping[str, str]) -> int:
    told = fields.get("NumMedia", "")
    most = min(int(told), _MOST_FILES) if re.fullmatch("[0-9]{1,3}", told) else 0
    return next((number for number in range(most) if not fields.get(f"MediaUrl{number}")), most)


def _attachment(fields: Mapping[str, str], number: int) -> Attachment:
    url, media_type = fields[f"MediaUrl{number}"][:2000], fields.get(f"MediaContentType{number}", "")
    media_type = media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream"
    name = f"{media_type.partition('/')[0]}-{number + 1}{mimetypes.guess_extension(media_type) or ''}"
    return Attachment(f"{fields['MessageSid']}/{number}", name, media_type, url=url)
