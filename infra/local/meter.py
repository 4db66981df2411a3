"""Counts every AWS call: who made it, what it asked, what it consumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.capacity import Units


@dataclass(frozen=True)
class AwsCall:
    """One AWS call.

    by             "function" (our code in a handler), "poller" (what Lambda does with the queues for us),
                   "setup" (the runner itself), "remote" (another process over the loopback endpoint)
    function       the handler that made it: "api", "inbox", "effects", "clock", "" outside of handlers
    params         the request as sent, where the protocol is JSON
    request_bytes  the size of the body sent, response_bytes of the one received
    status         the HTTP status; `error` the AWS error code, "" where there is none
    units          consumed DynamoDB capacity
    """

    at: int
    service: str
    operation: str
    by: str
    function: str
    params: Mapping[str, Any]
    request_bytes: int
    response_bytes: int
    status: int
    error: str
    units: Units


@dataclass
class Meter:
    """All calls of a run. `keep=False` counts only, so that a long run does not fill the memory.

    counts  how many calls, by who made them, service and operation
    """

    keep: bool = True
    calls: list[AwsCall] = field(default_factory=list)
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: float = 0.0

    def add(self, call: AwsCall) -> None:
        self.counts[call.by, call.service, call.operation] += 1
        self.read_units += call.units.read
        self.write_units += call.units.write
        if self.keep:
            self.calls.append(call)

    def of(self, *, function: str | None = None, by: str = "function") -> list[AwsCall]:
        """The kept calls of our own code (or of whom `by` names), of one handler if it is named."""
        return [call for call in self.calls if call.by == by and function in (None, call.function)]

    def reset(self) -> None:
        """Start counting afresh."""
        self.calls.clear()
        self.counts.clear()
        self.read_units = self.write_units = 0.0
