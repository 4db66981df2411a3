"""What an older version would have made of a delivery, and replays of what it left behind."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.core.model import Event, MessageEdited, MessageReceived
from chalicelib.services import inbox, records, replay
from chalicelib.services.records import Delivery
from connectors.base import WebhookRequest
from tests.support.scenario import Scenario

# What an older parser read, given what today's reads: the events that it would have reported.
Older = Callable[[Sequence[Event]], Sequence[Event]]


@dataclass
class Replayed:
    """What a replay did: how many deliveries it found, of how many it could make nothing, and its outcomes."""

    deliveries: int = 0
    left: int = 0
    did: dict[str, int] = field(default_factory=dict)


NOTHING = Replayed(deliveries=1)


def replayed(scenario: Scenario, run: str = "r1") -> Replayed:
    """Replay all that is kept, as the command does."""
    deps = scenario.deps
    found = replay.find(deps, 0, deps.now())
    looked = [replay.look(one, deps) for one in found]
    did: Counter[str] = Counter()
    for one in looked:
        if one.acts:
            did.update(done.outcome for done in replay.apply(one.kept, run, deps))
    return Replayed(len(found), sum(bool(one.left) for one in looked), dict(did))


def looked(scenario: Scenario) -> list[replay.Looked]:
    """What today's connectors read in all that is kept."""
    return [replay.look(one, scenario.deps) for one in replay.find(scenario.deps, 0, scenario.deps.now())]


def by_older(scenario: Scenario, act: Callable[[], object], older: Older) -> list[Any]:
    """Let people act, and let a version with an older parser take what comes of it; returns the deliveries' bodies."""
    act()
    scenario.sandbox.deliver_due()
    queue = scenario.runtime.queues["inbox"]
    while scenario.runtime.queues["mail"].ready():
        scenario.runtime.pump()
    taken = []
    while messages := queue.receive(10):
        for message in messages:
            body = json.loads(message.body)
            taken.append(body)
            with scenario.runtime.wire.acting("setup"):
                _take(body, older, scenario)
            queue.delete(message.receipt)
    return taken


def _take(body: Mapping[str, Any], older: Older, scenario: Scenario) -> None:
    deps = scenario.deps
    connector = deps.connections.open(body["connection"])
    assert connector is not None
    raw = base64.b64decode(body["raw"]) if "raw" in body else deps.bucket.get(body["bucket"])
    request = WebhookRequest("POST", body["headers"], raw, body["at"], query=body.get("query", ""))
    where = (body["connection"], body["provider"], body["delivery"], body["at"], raw, "webhook", body.get("bucket", ""))
    delivery = Delivery(*where, records.head(body["headers"]))
    for event in older(connector.parse(request)):
        inbox.apply(event, delivery, deps)


def reading(**other: Any) -> Older:
    """A parser that read these fields of a message, or of an edit and the message that it brings, otherwise."""

    def older(events: Sequence[Event]) -> Sequence[Event]:
        return [_otherwise(event, other) for event in events]

    return older


def _otherwise(event: Event, other: Mapping[str, Any]) -> Event:
    match event:
        case MessageReceived():
            told = {name: value(event) if callable(value) else value for name, value in other.items()}
            return replace(event, **told)
        case MessageEdited():
            return replace(event, **{name: value for name, value in other.items() if name in ("text", "sent_at")})
    return event


def history(scenario: Scenario) -> list[dict[str, Any]]:
    """What replays wrote into the histories of conversations."""
    return [item for item in scenario.items() if item["sk"].startswith("H#") and item["by"].startswith("replay")]


def carried(scenario: Scenario) -> tuple[int, ...]:
    """How much was told to whom: comments, tickets, messages and files to customers."""
    comments = [len(desk.comments()) for desk in scenario.desks()]
    tickets = [len(desk.statuses()) for desk in scenario.desks()]
    return (*comments, *tickets, len(scenario.delivered()), len(scenario.delivered_files()))


def only(scenario: Scenario) -> dict[str, Any]:
    """The record of the only message of a customer's."""
    (kept,) = scenario.records("message")
    return kept


def failing(scenario: Scenario, act: Callable[[], object], kind: str) -> None:
    """Let a version take what people do whose parser refuses it."""
    for body in by_older(scenario, act, lambda events: []):
        with scenario.runtime.wire.acting("setup"):
            inbox.set_aside(body, "it has no type", scenario.deps, kind=kind)


def set_aside(scenario: Scenario, raw: bytes) -> None:
    """A delivery of Slack's in the failure list."""
    body = {"v": 1, "kind": "webhook", "connection": scenario.slack_id, "provider": "slack", "delivery": "d1"}
    body |= {"at": 1, "headers": {}, "raw": base64.b64encode(raw).decode()}
    inbox.set_aside(body, "it could not be read then", scenario.deps, kind="delivery")
