"""The door of e-mail: what SES tells by way of SNS and the `mail` queue becomes a delivery of the inbox.

A receipt brings no mail with it: the mail lies in the bucket, and the inbox's message points there. SNS and SQS deliver
at least once and in any order; each delivery is queued as often as it comes, since the inbox knows what it has.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable
from connectors.base import WebhookRequest

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from connectors.base import Connector

Json = dict[str, Any]

PROVIDER = "ses"
TAG = "deskweave-connection"
# Bytes that still fit into a queue message once they are base64 inside JSON, and of one batch of messages.
_LARGEST_QUEUED = 180_000
_LARGEST_BATCH = 200_000
_MOST_RECIPIENTS = 50
_KEY = re.compile(r"mail/([0-9a-z]{1,40})/[A-Za-z0-9_.-]{1,200}")
_VERDICTS = ("spam", "virus", "spf", "dkim", "dmarc")


class Unreadable(Exception):
    """What came says nothing that can be passed on; the message tells a person why, and what to do."""


def handle(records: Sequence[Mapping[str, Any]], deps: Deps) -> None:
    """Pass a batch of the `mail` queue on to the inbox. Raises `AwsUnavailable` where it has to come again."""
    taken = []
    for record in records:
        body = str(record["body"])
        try:
            message = _message(body, deps)
        except AwsUnavailable:
            raise
        except Unreadable as error:
            set_aside(body, str(error), deps)
        except Exception as error:
            deps.log.bug("mail", error)
            set_aside(body, f"a bug in Deskweave: {type(error).__name__}", deps)
        else:
            if message is not None:
                taken.append(message)
    _send(taken, deps)
    for _, queued in taken:
        ids = {"connection": queued["connection"], "delivery": queued["delivery"]}
        deps.log.measure("mail", {"acked": 1, "unsettled": 1}, outcome="queued", **ids)


def again(body: Mapping[str, Any], deps: Deps) -> None:
    """Handle once more what was set aside: the `raw` (base64) or `bucket` of a message of kind "mail"."""
    raw = base64.b64decode(body["raw"]) if "raw" in body else deps.bucket.get(body["bucket"])
    handle([{"body": raw.decode("utf-8", "surrogatepass")}], deps)


def _message(body: str, deps: Deps) -> tuple[str, Json] | None:
    """The inbox's group and message for one notification, None for what only tells that the way is open."""
    told, text = _notification(body)
    kind = told.get("notificationType") or told.get("eventType")
    if kind == "AmazonSnsSubscriptionSucceeded":
        return None
    mail = _object(told.get("mail"))
    if kind == "Received":
        connector, more = _received(told, mail, deps)
    elif isinstance(kind, str) and mail:
        connector, more = _about(mail, deps), _carried(text.encode("utf-8", "replace"), deps)
    else:
        raise Unreadable("this is no notification of SES's; only SES may publish to the stage's mail topic")
    delivery = more.pop("delivery", None) or deps.new_id("d")
    found_by = connector.group(WebhookRequest("POST", {}, text.encode("utf-8", "replace"), deps.now())) or delivery
    message = {"v": 1, "kind": "webhook", "connection": connector.connection, "provider": PROVIDER}
    message |= {"delivery": delivery, "at": deps.now(), "headers": {}, **more}
    return f"{connector.connection} {found_by}", message


def _notification(body: str) -> tuple[Json, str]:
    """What SES says, and its text: out of SNS's envelope, or as it stands where SNS delivers raw."""
    told, text = _read(body), body
    kind = told.get("Type")
    if kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        raise Unreadable(f"a {kind} of SNS's; subscribe the stage's own queue to its own topic: deskweave up does")
    if kind == "Notification":
        text = str(told.get("Message", ""))
        if text.startswith("Successfully validated SNS topic"):
            return {"notificationType": "AmazonSnsSubscriptionSucceeded"}, text
        told = _read(text)
    return told, text


def _received(told: Json, mail: Json, deps: Deps) -> tuple[Connector, Json]:
    """A mail in the bucket: whose it is, by its key's prefix."""
    receipt = _object(told.get("receipt"))
    action = _object(receipt.get("action"))
    key = action.get("objectKey")
    if action.get("type") != "S3" or not isinstance(key, str):
        did = ascii(action.get("type"))[:60]
        raise Unreadable(f"the receipt rule's action is {did}; it has to be S3, with this stage's bucket")
    if action.get("bucketName") != deps.bucket.name:
        raise Unreadable("the receipt rule puts its mails into another bucket than this stage's")
    found = _KEY.fullmatch(key)
    connector = _open(found[1], deps) if found else None
    if connector is None:
        raise Unreadable(f"no e-mail connection has the prefix of {key[:200]!a}; it has to be mail/CONNECTION/")
    return connector, {"bucket": key, "headers": {"x-deskweave-receipt": _kept(receipt, mail)}}


def _kept(receipt: Json, mail: Json) -> str:
    """The receipt as the connector reads it: ids, verdicts and recipients, bounded."""
    recipients = receipt.get("recipients")
    kept: Json = {
        "messageId": _short(mail.get("messageId")),
        "timestamp": _short(receipt.get("timestamp")),
        "source": _short(mail.get("source")),
        "recipients": [_short(one) for one in (recipients if isinstance(recipients, list) else [])[:_MOST_RECIPIENTS]],
    }
    kept |= {name: _short(_object(receipt.get(f"{name}Verdict")).get("status")) for name in _VERDICTS}
    return json.dumps(kept, separators=(",", ":"))


def _about(mail: Json, deps: Deps) -> Connector:
    """Whose sent mail an event is about: by our tag, else by the configuration set or the sender that it names."""
    tags = _object(mail.get("tags"))
    if tagged := _first(tags.get(TAG)):
        connector = _open(tagged, deps)
        if connector is None:
            raise Unreadable(
                f"the event is about a mail of the connection {tagged[:40]!a}, which does not exist any more"
            )
        return connector
    source = str(mail.get("source", "")).lower()
    for setting, told in (("configuration_set", _first(tags.get("ses:configuration-set"))), ("from_address", source)):
        found = [one for one in _connectors(deps) if told and one.settings.get(setting, "").lower() == told.lower()]
        if len(found) == 1:
            return found[0]
    raise Unreadable("the event is about a mail that no e-mail connection sent, as far as its tags and sender tell")


def _carried(raw: bytes, deps: Deps) -> Json:
    if len(raw) <= _LARGEST_QUEUED:
        return {"raw": base64.b64encode(raw).decode("ascii")}
    delivery = deps.new_id("d")
    deps.bucket.put(f"deliveries/{delivery}", raw)
    return {"delivery": delivery, "bucket": f"deliveries/{delivery}"}


def _open(connection: str, deps: Deps) -> Connector | None:
    from chalicelib.services.connections import well_formed

    connector = deps.connections.open(connection) if well_formed(connection) else None
    return connector if connector is not None and connector.name == PROVIDER else None


def _connectors(deps: Deps) -> list[Connector]:
    ids = [state["sk"] for state in deps.connections.states() if state["provider"] == PROVIDER]
    return [one for one in map(deps.connections.open, ids) if one is not None]


def _send(messages: list[tuple[str, Json]], deps: Deps) -> None:
    """Queue them, together where they fit into one call."""
    if len(messages) > 1 and sum(len(json.dumps(message)) for _, message in messages) <= _LARGEST_BATCH:
        return deps.inbox.send_all(messages)
    for group, message in messages:
        deps.inbox.send(group, message)


def set_aside(body: str, reason: str, deps: Deps) -> None:
    """Keep it in the failure list as it came; told again, it is the same failure."""
    from chalicelib.services import inbox

    raw = body.encode("utf-8", "surrogatepass")
    message: Json = {"v": 1, "kind": "mail", "delivery": "d" + hashlib.sha256(raw).hexdigest()[:20], "at": deps.now()}
    if len(raw) <= _LARGEST_QUEUED:
        message["raw"] = base64.b64encode(raw).decode("ascii")
    else:
        message["bucket"] = f"deliveries/{message['delivery']}"
        deps.bucket.put(message["bucket"], raw)
    inbox.set_aside(message, reason, deps, kind="message")


def _read(text: str) -> Json:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("this is no JSON; only SES may publish to the stage's mail topic") from None
    if not isinstance(found, dict):
        raise Unreadable("this is no JSON object; only SES may publish to the stage's mail topic")
    return found


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> str:
    one = value[0] if isinstance(value, list) and value else value
    return one if isinstance(one, str) else ""


def _short(value: object) -> str:
    return value[:320] if isinstance(value, str) else ""
