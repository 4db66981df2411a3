"""Webhook deliveries: queued, signed, sent over HTTP, retried as each vendor does, and spoilt on command."""

from __future__ import annotations

import heapq
import http.client
import urllib.parse
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from infra.sandbox.faults import WEBHOOK_FAULTS
from infra.sandbox.state import World

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class Delivery:
    """One webhook delivery and all its attempts.

    attempts   (ms, HTTP status) of each; status 0 where no answer came
    state      queued, sending, delivered, failed (given up), dropped (a fault, or no webhook address was set)
    headers    those of the last attempt; signed afresh for each
    kind       original, retry-copy (the vendor did not hear our answer), duplicate, forged, replayed
    topic      Slack: the event's subtype or type; Zendesk: "ticket"; Twilio: "message", "status:sent" and the like
    url        where it goes, where that is not the sender's own address
    forgery    what is wrong with a forged one: secret, truncated, stale, non-ascii
    """

    id: str
    provider: str
    due: int
    body: bytes
    kind: str = "original"
    events: int = 1
    topic: str = ""
    forgery: str = ""
    state: str = "queued"
    attempts: list[tuple[int, int]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    retries: int = 0
    reason: str = ""
    url: str = ""


@dataclass(frozen=True)
class Answer:
    """What the receiver answered. Status 0: nothing came, and `reason` says why (timeout, connection)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


Post = Callable[[str, Mapping[str, str], bytes, float], Answer]


class Sender(Protocol):
    """What the courier needs of a provider."""

    webhook_url: str

    def sign(self, delivery: Delivery, now: int) -> dict[str, str]: ...

    def retry_delay(self, delivery: Delivery, answer: Answer) -> int | None:
        """Milliseconds until the next attempt, None where the vendor gives up. `delivery.retries` counts the past."""
        ...


def post(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
    """POST over real HTTP, to this machine only."""
    parts = urllib.parse.urlsplit(url)
    if parts.hostname not in LOOPBACK:
        raise ValueError(f"the sandbox delivers to this machine only, not to {parts.hostname}")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target or "/", body, dict(headers))
        response = connection.getresponse()
        response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()})
    except TimeoutError:
        return Answer(0, reason="timeout")
    except (OSError, http.client.HTTPException):
        return Answer(0, reason="connection")
    finally:
        connection.close()


class Courier:
    """Keeps every delivery, and sends those that are due."""

    def __init__(self, world: World, senders: Mapping[str, Sender]) -> None:
        self.world = world
        self.senders = dict(senders)
        self.deliveries: list[Delivery] = []
        self.post: Post = post
        self.posts: dict[str, Post] = {}  # by provider, for who makes no HTTP request of its own (SES: a topic)
        self.timeout_seconds = 10.0
        self.hurry = 1  # how many times sooner than life the vendors try again
        self._heap: list[tuple[int, float, str, Delivery]] = []
        self._order = 0

    def queue(
        self, provider: str, body: bytes, topic: str, *, kind: str = "original", events: int = 1, url: str = ""
    ) -> Delivery:
        """Queue a delivery for now, unless a fault befalls it."""
        delivery = self._new(provider, body, topic, kind, events, url)
        if not url and not self.senders[provider].webhook_url:
            delivery.state = "dropped"
            return delivery
        fault = (
            self.world.faults.take(provider, topic, WEBHOOK_FAULTS - {"lost_answer"}) if kind == "original" else None
        )
        match fault.kind if fault else "":
            case "drop":
                delivery.state = "dropped"
            case "delay":
                delivery.due += fault.delay_ms if fault else 0
                self._push(delivery)
            case "reorder":
                self._push(delivery, later=1.5)
            case "duplicate":
                self._push(delivery)
                self._push(self._new(provider, body, topic, "duplicate", events, url))
            case _:
                self._push(delivery)
        return delivery

    def forge(self, provider: str, body: bytes, topic: str, forgery: str) -> Delivery:
        delivery = self.queue(provider, body, topic, kind="forged")
        delivery.forgery = forgery
        return delivery

    def next_due(self) -> int | None:
        with self.world.lock:
            return self._heap[0][0] if self._heap else None

    def deliver_due(self, of: Container[str] | None = None) -> int:
        """POST everything that is due, of these providers where any are named, retries that fall due at once included;
        returns how many POSTs were made."""
        sent = 0
        while (delivery := self._take(of)) is not None:
            sender = self.senders[delivery.provider]
            send = self.posts.get(delivery.provider, self.post)
            answer = send(delivery.url or sender.webhook_url, delivery.headers, delivery.body, self.timeout_seconds)
            with self.world.lock:
                self._settle(delivery, answer, sender)
            sent += 1
        return sent

    def _new(self, provider: str, body: bytes, topic: str, kind: str, events: int, url: str = "") -> Delivery:
        number = self.world.number("delivery")
        delivery = Delivery(f"delivery-{number}", provider, self.world.now(), body, kind, events, topic, url=url)
        self.deliveries.append(delivery)
        return delivery

    def _push(self, delivery: Delivery, later: float = 0.0) -> None:
        self._order += 1
        heapq.heappush(self._heap, (delivery.due, self._order + later, delivery.id, delivery))

    def _take(self, of: Container[str] | None) -> Delivery | None:
        with self.world.lock:
            now = self.world.now()
            waiting = self._heap[:1] if of is None else [one for one in self._heap if one[3].provider in of]
            first = min(waiting, default=None)
            if first is None or first[0] > now:
                return None
            if first is self._heap[0]:
                heapq.heappop(self._heap)
            else:
                self._heap.remove(first)
                heapq.heapify(self._heap)
            delivery = first[3]
            delivery.state = "sending"
            delivery.headers = self.senders[delivery.provider].sign(delivery, now)
            return delivery

    def _settle(self, delivery: Delivery, answer: Answer, sender: Sender) -> None:
        delivery.attempts.append((self.world.now(), answer.status))
        accepted = 200 <= answer.status < 300
        delivery.state = "delivered" if accepted else "failed"
        unheard = accepted and self.world.faults.take(delivery.provider, delivery.topic, frozenset({"lost_answer"}))
        if delivery.kind == "forged" or (accepted and not unheard):
            return
        if unheard:
            answer = Answer(0, reason="timeout")
        delay = sender.retry_delay(delivery, answer)
        if delay is None:
            return
        again = self._copy(delivery) if unheard else delivery
        again.retries, again.reason = delivery.retries + 1, answer.reason or "error"
        again.due, again.state = self.world.now() + delay // self.hurry, "queued"
        self._push(again)

    def _copy(self, delivery: Delivery) -> Delivery:
        it = delivery
        return self._new(it.provider, it.body, it.topic, "retry-copy", it.events, it.url)
