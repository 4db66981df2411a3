"""The inbox: parse what was queued, store it, note the outcome. Nothing that it is given gets lost.

It raises only where AWS itself fails, so that the queue delivers again. A bug on one message is caught here, in one
place; the message goes to the failure list with its raw body and the batch goes on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, NotFound
from chalicelib.aws.table import Update
from chalicelib.core.model import (
    ConnectionEnded,
    DeliveryUpdated,
    Event,
    Hint,
    Ignored,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
)
from chalicelib.services import failures, forms, hints, messages, poll, signals, tracking
from chalicelib.services.records import Delivery, head
from connectors.base import Unparsable, WebhookRequest

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_TRIES = 3
_TRY_KEPT = 14 * 86_400
# What fits beside the other attributes of an item; larger raw bodies lie in the bucket already.
_LARGEST_KEPT = 300_000
_STORED_WITHIN = 15 * 60_000
# What is to be noted of a message. The last one of a run waits for the run's metrics, so that these need no line.
Line = dict[str, Any]


def handle(records: Sequence[Mapping[str, Any]], deps: Deps, deadline: int | None = None) -> None:
    """Handle a batch of SQS records in their order, until `deadline` (ms) comes near: what is read of a provider then
    waits. Raises `AwsUnavailable` where any has to come again.

    What the batch brought is counted at its end: until then all of it may come again.
    """
    began, stored, repairs, line = deps.now(), 0, 0, Line()
    deps.deadline = deadline
    for record in records:
        if line:
            deps.log.step("inbox", **line)
        body = json.loads(record["body"])
        line = _one(record, body, deps)
        stored += acked(body)
        repairs += line.get("outcome") == "stored" and body.get("source") == "poll"
    if counted := signals.settled(stored) | ({"repairs": repairs} if repairs else {}):
        run = {"messages": len(records) if len(records) > 1 else "", "took": deps.now() - began}
        deps.log.measure("inbox", counted, **(line or {"outcome": "ended"}), **run)
    elif line:
        deps.log.step("inbox", **line)


def _one(record: Mapping[str, Any], body: dict[str, Any], deps: Deps) -> Line:
    """Handle one message; returns what is to be noted of it."""
    redelivered = int(record.get("attributes", {}).get("ApproximateReceiveCount", "1")) > 1
    if redelivered and _tried_too_often(record["messageId"], deps):
        set_aside(body, "tried three times without coming to an end (a crash or a time-out)", deps, kind="message")
        return Line()
    if forms.newer(body):
        forms.set_aside(record, deps)
        return Line()
    try:
        line = KINDS[body["kind"]](body, deps)
    except AwsUnavailable as error:
        ids = {"connection": body.get("connection"), "delivery": body.get("delivery")}
        deps.log.step("inbox", outcome="again", error=str(error)[:100], **ids)
        if redelivered:
            _came_to_an_end(record["messageId"], deps)
        raise
    except Exception as error:
        deps.log.bug("inbox", error, connection=body.get("connection"), delivery=body.get("delivery"))
        set_aside(body, f"a bug in Deskweave: {type(error).__name__}", deps, kind="delivery")
        line = outcome(body, 0, "unparsed", deps)
    if redelivered:
        _came_to_an_end(record["messageId"], deps)
    return line


def acked(body: Mapping[str, Any]) -> bool:
    """Whether a queue message is a delivery that was counted as `acked`, and has come for the first time."""
    return body.get("kind") == "webhook" and not body.get("again")


def _webhook(body: dict[str, Any], deps: Deps) -> Line:
    """A provider's delivery: parse it, apply each event in its order."""
    connector = deps.connections.open(body["connection"])
    if connector is None:
        set_aside(body, "its connection was removed before it was read", deps, kind="delivery")
        return outcome(body, 0, "unparsed", deps)
    raw = _raw(body, deps)
    try:
        request = WebhookRequest("POST", body["headers"], raw, body["at"], query=body.get("query", ""))
        events = connector.parse(request)
    except Unparsable as error:
        set_aside(body, str(error), deps, kind="delivery")
        return outcome(body, 0, "unparsed", deps)
    delivery, line = _delivery(body, raw), Line()
    for number, event in enumerate(events):
        if line:
            deps.log.step("inbox", **line)
        line = outcome(body, number, apply(event, delivery, deps), deps)
    return line


def _raw(body: Mapping[str, Any], deps: Deps) -> bytes:
    """A delivery's raw body. One that lies in the bucket may be told of a moment before it can be read there."""
    if "raw" in body:
        return base64.b64decode(body["raw"])
    try:
        return deps.bucket.get(body["bucket"])
    except NotFound:
        if deps.now() - int(body["at"]) > _STORED_WITHIN:
            raise
        raise AwsUnavailable("the delivery is not in the bucket yet") from None


def _hint(body: dict[str, Any], deps: Deps) -> Line:
    """A hint of a poll, or one that waited to be read."""
    told = hints.follow(Hint(**body["hint"]), _delivery(body, b""), deps)
    return outcome(body, 0, told, deps)


def _poll(body: dict[str, Any], deps: Deps) -> Line:
    poll.poll(body["connection"], deps)
    return Line()


def _state(body: dict[str, Any], deps: Deps) -> Line:
    """A change of a conversation's state from our own side (the command line, later the console)."""
    told = hints.set_state(body["conversation"], body["change"], body["by"], deps)
    return {"outcome": told, "conversation": body["conversation"]}


def _mail(body: dict[str, Any], deps: Deps) -> Line:
    """A notification of the `mail` queue that was set aside, once more."""
    from chalicelib.services import mail

    mail.again(body, deps)
    return Line()


KINDS: dict[str, Callable[[dict[str, Any], Deps], Line]] = {
    "webhook": _webhook,
    "hint": _hint,
    "poll": _poll,
    "state": _state,
    "mail": _mail,
}


def apply(event: Event, delivery: Delivery, deps: Deps) -> str:
    """Store one event; returns its outcome: stored, repeated, ignored, unparsed, or waits."""
    match event:
        case MessageReceived():
            return messages.received(event, delivery, deps)
        case MessageEdited():
            return messages.edited(event, delivery, deps)
        case MessageDeleted():
            return messages.deleted(event, delivery, deps)
        case Hint():
            return hints.follow(event, delivery, deps)
        case DeliveryUpdated():
            return tracking.updated(event, delivery, deps)
        case ConnectionEnded():
            hints.credentials_failed(delivery.connection, event.reason, deps)
            return "stored"
        case Ignored():
            return "ignored"
    raise TypeError(f"no connector's parse gives {type(event).__name__}")


def outcome(body: Mapping[str, Any], number: int, told: str, deps: Deps) -> Line:
    """What is to be noted of one event of a delivery. One that waits is noted again when it is read."""
    if "delivery" not in body:
        return Line()
    source = body.get("source", "webhook")
    return {
        "outcome": told,
        "connection": body.get("connection"),
        "delivery": body["delivery"],
        "event": "" if told == hints.WAITS else f"{body['delivery']}/{number}",
        "source": "" if source == "webhook" else source,
        "ms": deps.now() - int(body.get("at", deps.now())),
    }


def set_aside(body: Mapping[str, Any], reason: str, deps: Deps, *, kind: str) -> None:
    """Keep a queue message in the failure list as it came, so that it can be handled again once the cause is mended."""
    kept = {name: value for name, value in body.items() if name != "raw"}
    extra: dict[str, Any] = {}
    if "raw" in body:
        packed = zlib.compress(base64.b64decode(body["raw"]), 9)
        if len(packed) > _LARGEST_KEPT:
            kept["bucket"] = f"deliveries/{body.get('delivery')}"
            deps.bucket.put(kept["bucket"], base64.b64decode(body["raw"]))
        else:
            extra["raw"] = packed
    group = f"{body.get('connection', '')} again {body.get('delivery', '')}"
    failures.add(
        kind,
        reason,
        "once its cause is mended, `deskweave failures retry` handles it again",
        deps,
        id=_failure_id(body),
        connection=body.get("connection"),
        group=group,
        body=kept,
        **extra,
    )


def _failure_id(body: Mapping[str, Any]) -> str:
    """One and the same for the same message, told again or not; a poll is like any other of its connection."""
    if "delivery" in body:
        return f"delivery-{body['delivery']}"
    if body["kind"] == "poll":
        return f"poll-{body['connection']}"
    told = json.dumps({name: value for name, value in body.items() if name != "again"}, sort_keys=True)
    return f"{body['kind']}-{hashlib.sha256(told.encode()).hexdigest()[:20]}"


def _delivery(body: Mapping[str, Any], raw: bytes) -> Delivery:
    source = body.get("source", "webhook")
    at = (body["connection"], body["provider"], body["delivery"], body["at"])
    return Delivery(*at, raw, source, str(body.get("bucket", "")), head(body.get("headers", {})))


def _tried_too_often(message_id: str, deps: Deps) -> bool:
    """Count an attempt at a redelivered message before it is made; true once it has been made often enough."""
    expires = deps.now() // 1000 + _TRY_KEPT
    noted = deps.table.update(Update(f"TRY#{message_id}", add={"tries": 1}, set={"expires_at": expires}))
    return int(noted["tries"]) > _TRIES


def _came_to_an_end(message_id: str, deps: Deps) -> None:
    """Start counting anew: this attempt neither crashed nor timed out, whatever else in the batch may."""
    deps.table.update(Update(f"TRY#{message_id}", set={"tries": 0}))
