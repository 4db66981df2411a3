"""What SES publishes, in its own shapes, inside SNS's envelope.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-examples.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infra.sandbox import ses_mail
from infra.sandbox.ses_mail import Sent

if TYPE_CHECKING:
    from infra.sandbox.ses import SesSandbox

Json = dict[str, Any]
# The API's names of event types, and those that the events themselves bear.
TYPES = {
    "SEND": "Send",
    "DELIVERY": "Delivery",
    "BOUNCE": "Bounce",
    "COMPLAINT": "Complaint",
    "REJECT": "Reject",
    "DELIVERY_DELAY": "DeliveryDelay",
    "RENDERING_FAILURE": "Rendering Failure",
    "OPEN": "Open",
    "CLICK": "Click",
    "SUBSCRIPTION": "Subscription",
}
_NAMES = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}
Outcome = tuple[str, Json, tuple[str, ...]]


def received(
    raw: bytes, ses_id: str, recipients: Sequence[str], verdicts: Mapping[str, str], place: Json, now: str
) -> Json:
    """The notice of a mail that was put into a bucket. Headers beyond 10 KB are left out, as SES does."""
    headers = ses_mail.listed(raw)
    kept, size = [], 0
    for header in headers:
        size += len(header["name"]) + len(header["value"])
        if size > 10_240:
            break
        kept.append(header)
    common = ses_mail.common(raw)
    action = {
        "type": "S3",
        "topicArn": place["TopicArn"],
        "bucketName": place["BucketName"],
        "objectKeyPrefix": place.get("ObjectKeyPrefix", ""),
        "objectKey": place["objectKey"],
    }
    return {
        "notificationType": "Received",
        "mail": {
            "timestamp": now,
            "source": "bounces@mail.customer.test",
            "messageId": ses_id,
            "destination": list(recipients),
            "headersTruncated": len(kept) < len(headers),
            "headers": kept,
            "commonHeaders": {"returnPath": "bounces@mail.customer.test", **common},
        },
        "receipt": {
            "timestamp": now,
            "processingTimeMillis": 520,
            "recipients": list(recipients),
            **{f"{name}Verdict": {"status": status} for name, status in verdicts.items()},
            **({"dmarcPolicy": "reject"} if verdicts["dmarc"] == "FAIL" else {}),
            "action": action,
        },
    }


def outcomes(ses: SesSandbox, destination: Sequence[str]) -> list[Outcome]:
    """What becomes of a mail that SES took: its Send, then each recipient's fate."""
    now = ses.now_iso()
    told: list[Outcome] = [("Send", {}, ())]
    for one in destination:
        fate = "suppressed" if one.lower() in ses.suppressed else ses.fates.get(one.lower(), "delivery")
        told += [outcome for outcome in _FATES[fate](one, now) if outcome]
    return told


def event(
    ses: SesSandbox,
    left: Sent,
    kind: str,
    detail: Json,
    configuration_set: str,
    destination: Sequence[str],
    recipients: Sequence[str],
) -> Json:
    """One event of a sent mail."""
    tags = {name: [value] for name, value in left.tags.items()}
    tags |= {"ses:configuration-set": [configuration_set], "ses:from-domain": [left.sender.rpartition("@")[2]]}
    headers = [
        {"name": one["name"], "value": left.own_id if one["name"].lower() == "message-id" else one["value"]}
        for one in ses_mail.listed(left.raw)
    ]
    return {
        "eventType": kind,
        "mail": {
            "timestamp": ses.now_iso(),
            "source": left.sender,
            "sendingAccountId": "123456789012",
            "messageId": left.id,
            "destination": list(destination),
            "headersTruncated": False,
            "headers": headers,
            "commonHeaders": {**ses_mail.common(left.raw), "messageId": left.id},
            "tags": tags,
        },
        _NAMES.get(kind, kind.lower()): detail,
    }


def envelope(notice: Json, id: str, topic: str, now: str) -> bytes:
    """SNS's envelope, as a queue that subscribes to the topic gets it."""
    told = {
        "Type": "Notification",
        "MessageId": id,
        "TopicArn": topic,
        "Subject": "Amazon SES Email Event Notification",
        "Message": json.dumps(notice),
        "Timestamp": now,
        "SignatureVersion": "1",
        "Signature": "EXAMPLE-SIGNATURE==",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-example.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    }
    return json.dumps(told).encode()


def _delivery(to: str, now: str) -> list[Outcome]:
    detail = {"timestamp": now, "processingTimeMillis": 480, "recipients": [to], "smtpResponse": "250 2.0.0 OK"}
    return [("Delivery", {**detail, "reportingMTA": "a8-1.smtp-out.amazonses.com"}, (to,))]


def _bounced(kind: str, sub: str, status: str, words: str, to: str, now: str) -> list[Outcome]:
    told = {"emailAddress": to, "action": "failed", "status": status, "diagnosticCode": f"smtp; {words}"}
    detail = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [told], "timestamp": now}
    return [("Bounce", {**detail, "feedbackId": "0100-feedback-000000"}, (to,))]


def _hard(to: str, now: str) -> list[Outcome]:
    return _bounced("Permanent", "General", "5.1.1", "550 5.1.1 user unknown", to, now)


def _soft(to: str, now: str) -> list[Outcome]:
    return _bounced("Transient", "MailboxFull", "4.2.2", "452 4.2.2 mailbox full", to, now)


def _suppressed(to: str, now: str) -> list[Outcome]:
    told = _bounced("Permanent", "OnAccountSuppressionList", "5.1.1", "suppressed by the account's list", to, now)
    return [(kind, {**detail, "reportingMTA": "dns; amazonses.com"}, names) for kind, detail, names in told]


def _complaint(to: str, now: str) -> list[Outcome]:
    detail = {"complainedRecipients": [{"emailAddress": to}], "timestamp": now, "complaintFeedbackType": "abuse"}
    return [*_delivery(to, now), ("Complaint", {**detail, "feedbackId": "0100-feedback-000001"}, (to,))]


def _delay(to: str, now: str) -> list[Outcome]:
    told = {"emailAddress": to, "status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 try again later"}
    detail = {"delayType": "TransientCommunicationFailure", "delayedRecipients": [told], "timestamp": now}
    return [("DeliveryDelay", detail, (to,)), *_delivery(to, now)]


def _reject(to: str, now: str) -> list[Outcome]:
    return [("Reject", {"reason": "Bad content"}, (to,))]


def _nothing(to: str, now: str) -> list[Outcome]:
    return []


_FATES = {
    "delivery": _delivery,
    "bounce": _hard,
    "soft_bounce": _soft,
    "suppressed": _suppressed,
    "complaint": _complaint,
    "delay": _delay,
    "reject": _reject,
    "nothing": _nothing,
}
