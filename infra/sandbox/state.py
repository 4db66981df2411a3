"""What both stand-ins share: the clock, the lock, counters, the ledger of effects, and the faults to come."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.sandbox.faults import Faults


@dataclass(frozen=True)
class Effect:
    """Something that a call, or an agent's own work, changed at a provider.

    at        ms, by the sandbox's clock
    provider  "slack" or "zendesk"
    kind      message, message_changed, file; ticket_created, comment, ticket_changed, user, upload, trigger_changed
    record    the provider's id of what was changed (Slack: `channel:ts` or the file's id; a comment: its ticket)
    key       the caller's own id of the call, where the request carried one
    detail    more about it: a comment's `comment` id, `public`, `role`, `author`; the fields that changed
    """

    at: int
    provider: str
    kind: str
    record: str
    key: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class World:
    """One clock, one lock and one source of numbers, so that a seed and the calls alone decide what happens."""

    def __init__(self, clock: Callable[[], int], seed: int) -> None:
        self.clock = clock
        self.seed = seed
        self.lock = threading.RLock()
        self.random = random.Random(seed)
        self.faults = Faults(self.random)
        self.ledger: list[Effect] = []
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.url = ""
        self._numbers: Counter[str] = Counter()

    def now(self) -> int:
        return self.clock()

    def number(self, name: str) -> int:
        """The next number of a series, from 1."""
        self._numbers[name] += 1
        return self._numbers[name]

    def secret(self, name: str, length: int = 32) -> str:
        """A made-up secret that only the seed and its name decide."""
        return hashlib.sha256(f"sandbox:{self.seed}:{name}".encode()).hexdigest()[:length]

    def note(self, provider: str, kind: str, record: str, key: str = "", **detail: Any) -> None:
        self.ledger.append(Effect(self.now(), provider, kind, record, key, detail))
