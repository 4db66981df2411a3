"""A FIFO queue that is no kinder than Amazon SQS: pure, on an injected clock, seeded.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html

Not thread-safe: whoever shares one holds a lock (the wire does).
"""

from __future__ import annotations

import base64
import binascii
import random
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from infra.local import queue_rules as rules
from infra.local.queue_rules import QueueError

DEDUPLICATION_MS = 5 * 60 * 1000
# A copy of a deleted message comes at once or up to this much later.
_LATEST_COPY_MS = 15 * 60 * 1000
_FIRST_SEQUENCE = 18_849_496_460_467_696_128


@dataclass(eq=False)
class Message:
    """A message in the queue. Times in ms; `visible_at` is when it may be received (again).

    A standard queue's has no `deduplication`, and a `group` of its own.
    """

    id: str
    body: str
    group: str
    deduplication: str
    sequence: int
    sent_at: int
    visible_at: int
    first_received_at: int = 0
    receives: int = 0
    in_flight: bool = False
    receipt: str = ""
    dead_from: str = ""


@dataclass(frozen=True)
class Sent:
    """What a send answers. A send that was swallowed as a repetition answers the first one's; 0 is no sequence."""

    id: str
    sequence: int


@dataclass(frozen=True)
class Counts:
    """How many messages can be received, are hidden after a receive, or are a copy still on its way."""

    visible: int
    in_flight: int
    delayed: int


class FifoQueue:
    """One FIFO queue.

    clock          gives the time in ms
    visibility     seconds for which a received message, and with it its group, is hidden
    duplicates     probability with which a deleted message is delivered once more: SQS promises "at least once"
    dead           where a message goes that was received `max_receives` times already
    """

    fifo = True

    def __init__(
        self,
        name: str,
        clock: Callable[[], int],
        *,
        seed: int = 1,
        visibility: int = 30,
        retention: int = 345_600,
        largest_body: int = rules.LARGEST_BODY,
        duplicates: float = 0.0,
        dead: FifoQueue | None = None,
        max_receives: int = 1000,
    ) -> None:
        if not 0 <= duplicates < 1:
            raise ValueError("duplicates is a probability below 1")
        self.name = name
        self.visibility = visibility
        self.retention = retention
        self.largest_body = largest_body
        self.duplicates = duplicates
        self.dead = dead
        self.max_receives = max_receives
        self.expired = 0
        self._clock = clock
        self._random = random.Random(f"{name}/{seed}")
        self._sequence = _FIRST_SEQUENCE
        self._groups: dict[str, list[Message]] = {}
        self._by_id: dict[str, Message] = {}
        self._hidden: dict[str, Message] = {}
        self._flying: Counter[str] = Counter()
        self._free = _Bag(self._random)
        # Both oldest first, since the clock does not go back.
        self._arrivals: deque[tuple[int, str]] = deque()
        self._recent: dict[str, tuple[int, Sent]] = {}

    # --- what SQS offers ------------------------------------------------------------------------------------------

    def send(self, body: str, group: str | None, deduplication: str | None, delay: int | None = None) -> Sent:
        """Queue a message behind the others of its group; a deduplication id of the last 5 minutes swallows it."""
        group, deduplication = rules.sendable(body, group, deduplication, delay, self.largest_body)
        now = self._clock()
        while self._recent and now - next(iter(self._recent.values()))[0] >= DEDUPLICATION_MS:
            del self._recent[next(iter(self._recent))]
        if deduplication in self._recent:
            return self._recent[deduplication][1]
        message = self._append(body, group, deduplication, now)
        sent = Sent(message.id, message.sequence)
        self._recent[deduplication] = (now, sent)
        return sent

    def receive(self, most: int = 1, visibility: int | None = None) -> list[Message]:
        """Take up to `most` messages of free groups, each group in order; they stay hidden for the time-out."""
        rules.receivable(most)
        hidden = rules.visibility_ms(self.visibility if visibility is None else visibility)
        now = self._settle()
        taken: list[Message] = []
        opened: dict[str, list[Message]] = {}
        touched: set[str] = set()
        while len(taken) < most and (self._free or opened):
            group = self._choose(opened, now)
            touched.add(group)
            message = opened[group].pop(0)
            if not opened[group]:
                del opened[group]
            if self.dead is not None and message.receives >= self.max_receives:
                self._bury(message, now)
            else:
                taken.append(self._hide(message, now, now + hidden))
        for group in sorted(touched):
            self._refresh(group, now)
        return [replace(message) for message in taken]

    def delete(self, receipt: str) -> None:
        """Forget a message that is still hidden; a receipt that outlived its time-out is refused, as FIFO does."""
        message = self._held(receipt)
        if message is None:
            return
        if self._random.random() < self.duplicates:
            late = self._random.choice((0, 0, self._random.randrange(_LATEST_COPY_MS)))
            self._land(message)
            self._show_at(message, self._clock() + late)
            return
        self._remove(message)
        self._refresh(message.group, self._clock())

    def change_visibility(self, receipt: str, seconds: int) -> None:
        """Hide a received message for another while from now on; 0 gives it back at once."""
        message = self._held(receipt)
        if message is None:
            raise QueueError("InvalidParameterValue", "Reason: Message does not exist or is not available.")
        self._show_at(message, self._clock() + rules.visibility_ms(seconds))

    def counts(self) -> Counts:
        self._settle()
        flying = sum(message.in_flight for message in self._hidden.values())
        return Counts(len(self._by_id) - len(self._hidden), flying, len(self._hidden) - flying)

    # --- what the runner needs --------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Whether a receive would find something now."""
        self._settle()
        return bool(self._free)

    def next_due(self) -> int | None:
        """When the next hidden message becomes visible, in ms; None where none is hidden."""
        self._settle()
        return min((message.visible_at for message in self._hidden.values()), default=None)

    def messages(self) -> Iterator[Message]:
        """Copies of all messages, oldest first."""
        for message in sorted(self._by_id.values(), key=lambda message: message.sequence):
            yield replace(message)

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _append(
        self, body: str, group: str, deduplication: str, now: int, id: str = "", dead_from: str = ""
    ) -> Message:
        self._sequence += 256
        message = Message(
            id=id or str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            body=body,
            group=group,
            deduplication=deduplication,
            sequence=self._sequence,
            sent_at=now,
            visible_at=now,
            dead_from=dead_from,
        )
        self._groups.setdefault(group, []).append(message)
        self._by_id[message.id] = message
        self._arrivals.append((now, message.id))
        self._refresh(group, now)
        return message

    def _choose(self, opened: dict[str, list[Message]], now: int) -> str:
        """A free group, or one that this receive has opened already: a batch may hold several of one group."""
        number = self._random.randrange(len(self._free) + len(opened))
        if number < len(opened):
            return list(opened)[number]
        group = self._free.take()
        opened[group] = [message for message in self._groups[group] if message.visible_at <= now]
        return group

    def _refresh(self, group: str, now: int) -> None:
        """Note whether a group may be received from: nothing of it in flight, something of it visible."""
        free = not self._flying[group] and any(message.visible_at <= now for message in self._groups.get(group, ()))
        self._free.set(group, free)

    def _land(self, message: Message) -> None:
        if message.in_flight:
            message.in_flight = False
            self._flying[message.group] -= 1

    def _settle(self) -> int:
        """Drop what outlived the retention, show again what outlived its time-out; returns the time."""
        now = self._clock()
        while self._arrivals and now - self._arrivals[0][0] >= self.retention * 1000:
            message = self._by_id.get(self._arrivals.popleft()[1])
            if message is not None:
                self.expired += 1
                self._remove(message)
                self._refresh(message.group, now)
        for message in [message for message in self._hidden.values() if message.visible_at <= now]:
            self._land(message)
            del self._hidden[message.id]
            self._refresh(message.group, now)
        return now

    def _show_at(self, message: Message, when: int) -> None:
        message.visible_at = when
        self._hidden[message.id] = message
        self._settle()
        if message.id in self._hidden:
            self._refresh(message.group, self._clock())

    def _hide(self, message: Message, now: int, until: int) -> Message:
        message.receives += 1
        message.first_received_at = message.first_received_at or now
        message.visible_at, message.in_flight = until, True
        self._flying[message.group] += 1
        self._hidden[message.id] = message
        written = f"{self.name}/{message.id}/{message.receives}/{self._random.getrandbits(64):016x}"
        message.receipt = base64.b64encode(written.encode()).decode()
        return message

    def _held(self, receipt: str) -> Message | None:
        """The message that a receipt holds; None where it is gone already."""
        try:
            queue, id, *_ = base64.b64decode(receipt, validate=True).decode().split("/")
        except (binascii.Error, ValueError):
            queue, id = "", ""
        if queue != self.name:
            raise QueueError("ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not valid.')
        self._settle()
        message = self._by_id.get(id)
        if message is not None and not (message.in_flight and message.receipt == receipt):
            raise QueueError(
                "InvalidParameterValue",
                f"Value {receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
            )
        return message

    def _bury(self, message: Message, now: int) -> None:
        assert self.dead is not None
        self._remove(message)
        self.dead._append(message.body, message.group, message.deduplication, now, message.id, self.name)

    def _remove(self, message: Message) -> None:
        del self._by_id[message.id]
        self._hidden.pop(message.id, None)
        self._land(message)
        group = self._groups[message.group]
        group.remove(message)
        if not group:
            del self._groups[message.group], self._flying[message.group]


class _Bag:
    """A set from which one member can be taken at random, in constant time and the same way for the same seed."""

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self._members: list[str] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._members)

    def set(self, member: str, there: bool) -> None:
        """Make it a member, or not."""
        if there and member not in self._places:
            self._places[member] = len(self._members)
            self._members.append(member)
        elif not there and member in self._places:
            place, last = self._places.pop(member), self._members.pop()
            if last != member:
                self._members[place] = last
                self._places[last] = place

    def take(self) -> str:
        member = self._members[self._random.randrange(len(self._members))]
        self.set(member, False)
        return member
