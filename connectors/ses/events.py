"""What became of a mail that we sent, as SES publishes it.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.core.model import DeliveryState, DeliveryUpdated, Event, Ignored
from connectors.base import Unparsable
from connectors.http import one_line
from connectors.ses import keys
from connectors.ses.notices import Json, kind, obj, objects, text

# (state, reason, recipient) of each recipient that an event is about.
Told = list[tuple[DeliveryState, str, str]]
MOST_RECIPIENTS = 50

_IGNORED = {
    "Click": "somebody followed a link; no state of the mail's",
    "Subscription": "somebody changed their subscription; no state of the mail's",
    "AmazonSnsSubscriptionSucceeded": "SES found the way to our topic",
    "SubscriptionConfirmation": "SNS wants a subscription confirmed",
    "UnsubscribeConfirmation": "SNS tells that a subscription ended",
    "Received": "the notice of a mail that lies in the bucket; the mail itself is read from there",
}
_BOUNCED = {
    "Suppressed": "SES does not mail this address: it bounced for others lately",
    "OnAccountSuppressionList": "the address is on your account's suppression list (SES console, Suppression list)",
    "NoEmail": "the address does not exist",
    "MailboxFull": "the mailbox is full",
    "MessageTooLarge": "the mail is too large for the recipient's server",
    "ContentRejected": "the recipient's server refuses the mail's content",
    "AttachmentRejected": "the recipient's server refuses the attachment",
}
_DELAYED = {
    "MailboxFull": "the mailbox is full",
    "RecipientServerError": "the recipient's server has a trouble of its own",
    "SpamDetected": "the recipient's server takes mails of this kind for spam",
    "TransientCommunicationFailure": "the recipient's server cannot be spoken to at the moment",
    "IPFailure": "the recipient's server holds back SES's address",
}


def events(notice: Json, now: int) -> list[Event]:
    """The delivery updates of one notification. `now` (ms) stands in where it tells no time. Raises `Unparsable`."""
    name = kind(notice)
    if name in _IGNORED:
        return [Ignored(_IGNORED[name])]
    mail = obj(notice.get("mail"))
    ses_id = text(mail.get("messageId"))
    if not name or not ses_id:
        raise Unparsable("the notification does not say what happened, or to which mail")
    if name not in _TOLD:
        return [Ignored(f"unknown event {one_line(name, 40)}")]
    detail = obj(notice.get(_PART.get(name, name.lower())))
    tagged = obj(mail.get("tags")).get("deskweave-reference")
    reference = keys.reference(text(tagged[0]) if isinstance(tagged, list) and tagged else "")
    at = time_of(detail.get("timestamp")) or time_of(mail.get("timestamp")) or now
    return [
        DeliveryUpdated(keys.sent(ses_id), state, at, reference, one_line(reason), recipient.lower()[:320])
        for state, reason, recipient in _TOLD[name](detail)[:MOST_RECIPIENTS]
    ]


def time_of(value: object) -> int:
    """A time of SES's in ms, 0 where it is none."""
    try:
        return max(0, int(datetime.fromisoformat(text(value).replace("Z", "+00:00")).timestamp() * 1000))
    except (ValueError, OverflowError):
        return 0


def _plain(state: DeliveryState) -> Callable[[Json], Told]:
    return lambda detail: [(state, "", "")]


def _delivery(detail: Json) -> Told:
    told = detail.get("recipients")
    names = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    return [(DeliveryState.DELIVERED, "", one) for one in names or [""]]


def _bounce(detail: Json) -> Told:
    """A hard bounce is a failure; a soft one only where the server says that it failed: absence notes come so too."""
    words = _BOUNCED.get(text(detail.get("bounceSubType")), "")
    hard = text(detail.get("bounceType")) != "Transient"
    return [
        (
            DeliveryState.FAILED if hard or text(one.get("action")) == "failed" else DeliveryState.SENT,
            _reason("it bounced", words, text(one.get("diagnosticCode")) or text(one.get("status"))),
            text(one.get("emailAddress")),
        )
        for one in objects(detail.get("bouncedRecipients")) or [{}]
    ]


def _complaint(detail: Json) -> Told:
    if text(detail.get("complaintSubType")) == "OnAccountSuppressionList":
        state, words = DeliveryState.FAILED, _BOUNCED["OnAccountSuppressionList"]
    else:
        state, words = DeliveryState.COMPLAINED, "the recipient marked it as spam"
    said = _reason(words, "", text(detail.get("complaintFeedbackType")))
    return [(state, said, text(one.get("emailAddress"))) for one in objects(detail.get("complainedRecipients")) or [{}]]


def _delay(detail: Json) -> Told:
    words = _DELAYED.get(text(detail.get("delayType")), "")
    return [
        (
            DeliveryState.SENT,
            _reason("SES keeps trying", words, text(one.get("diagnosticCode"))),
            text(one.get("emailAddress")),
        )
        for one in objects(detail.get("delayedRecipients")) or [{}]
    ]


def _failed(words: str, field: str) -> Callable[[Json], Told]:
    return lambda detail: [(DeliveryState.FAILED, _reason(words, "", text(detail.get(field))), "")]


def _reason(words: str, more: str, theirs: str) -> str:
    said = f"{words}: {more}" if more else words
    return f"{said} ({theirs})" if theirs else said


_TOLD: Mapping[str, Callable[[Json], Told]] = {
    "Send": _plain(DeliveryState.SENT),
    "Delivery": _delivery,
    "Open": _plain(DeliveryState.READ),
    "Bounce": _bounce,
    "Complaint": _complaint,
    "DeliveryDelay": _delay,
    "Reject": _failed("SES refused to send it, for a virus", "reason"),
    "Rendering Failure": _failed("SES could not render its template", "errorMessage"),
}
_PART: Mapping[str, Any] = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}
