"""Faults on command: what goes wrong, at which provider, with which call or delivery, and how often."""

from __future__ import annotations

import fnmatch
import random
from dataclasses import dataclass, field

CALL_FAULTS = frozenset({"429", "500", "503", "timeout_before", "timeout_after", "expired_token"})
WEBHOOK_FAULTS = frozenset({"drop", "duplicate", "delay", "reorder", "lost_answer"})


@dataclass
class Fault:
    """One fault.

    provider     "slack" or "zendesk"
    kind         of a call: 429, 500, 503, expired_token, timeout_before (nothing applied, no answer), timeout_after
                 (applied, no answer); of a webhook: drop, duplicate, delay (by `delay_ms`), reorder (changes places
                 with the delivery that is queued next), lost_answer (we answered, the provider did not hear it)
    match        the call ("chat.postMessage", "POST /api/v2/tickets", "PUT /api/v2/tickets/{id}") or the webhook's
                 topic (Slack: the event's type or subtype; Zendesk: "ticket"); `*` stands for anything
    times        how often it strikes; `after` how many matches go by first; `chance` the share of matches it strikes
    only         strikes the calls of one caller alone, by e-mail (Zendesk); agents at work then go unharmed
    retry_after  seconds, sent as Retry-After with 429 and 503 (30 with a 429 where it is not given)
    """

    provider: str
    kind: str
    match: str = "*"
    times: int = 1
    after: int = 0
    retry_after: int | None = None
    delay_ms: int = 60_000
    chance: float = 1.0
    only: str = ""
    struck: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in CALL_FAULTS | WEBHOOK_FAULTS:
            raise ValueError(f"no such fault: {self.kind}")

    def matches(self, name: str, caller: str) -> bool:
        return self.only in ("", caller) and self._names(name)

    def _names(self, name: str) -> bool:
        return self.match in ("*", name) or fnmatch.fnmatchcase(name, _literal(self.match))


class Faults:
    """The faults that are armed, in the order in which they were added."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self.armed: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.armed.append(fault)
        return fault

    def clear(self) -> None:
        self.armed.clear()

    def take(self, provider: str, name: str, kinds: frozenset[str], caller: str = "") -> Fault | None:
        """The fault that strikes this call or delivery, counted as used; None where all goes well."""
        for fault in self.armed:
            if fault.provider != provider or fault.kind not in kinds or not fault.matches(name, caller):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.struck >= fault.times or (fault.chance < 1 and self._random.random() >= fault.chance):
                continue
            fault.struck += 1
            return fault
        return None


def _literal(pattern: str) -> str:
    """A pattern in which only `*` is special: path templates hold braces, and `[` must not open a set."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
