"""Call points: every AWS call and every provider call of a path is recorded, and then made to fail, one at a time."""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from infra.local.wire import ProcessDied
from tests.support import paths
from tests.support.scenario import Scenario

DIES_BEFORE = "dies before"
DIES_AFTER = "dies after"
FAILS_BEFORE = "fails, not applied"
FAILS_AFTER = "fails, applied"
MODES = (DIES_BEFORE, DIES_AFTER, FAILS_BEFORE, FAILS_AFTER)
# A read leaves nothing behind: whether it was done before the process died or the answer was lost, nobody can tell.
READ_MODES = (DIES_BEFORE, FAILS_BEFORE)
_READS = ("Get", "BatchGet", "Query", "GET ")


@dataclass(frozen=True)
class Point:
    """The n-th call (from 1) of one operation of a service, "http" for the providers; `code` is where it is made."""

    service: str
    operation: str
    ordinal: int
    code: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.service} {self.operation} #{self.ordinal}"

    def modes(self) -> tuple[str, ...]:
        """In which ways this call can go wrong."""
        return READ_MODES if self.reads else MODES

    @property
    def reads(self) -> bool:
        return self.operation.startswith(_READS)


class Recorder:
    """Notes every call of our own handlers, in order."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._counts: Counter[tuple[str, str]] = Counter()

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if phase != "before":
            return
        operation = plain(service, operation)
        self._counts[service, operation] += 1
        self.points.append(Point(service, operation, self._counts[service, operation], _code()))


class Injector:
    """Makes one call go wrong, once. `struck` tells whether the call was ever made.

    A death starts a new process at once: what the dying code still does, it does with the old one's caches.
    """

    def __init__(self, point: Point, mode: str, scenario: Scenario) -> None:
        self.point = point
        self.mode = mode
        self.struck = False
        self._scenario = scenario
        self._count = 0

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if self.struck or (service, plain(service, operation)) != (self.point.service, self.point.operation):
            return
        self._count += phase == "before"
        wanted = "before" if self.mode in (DIES_BEFORE, FAILS_BEFORE) else "after"
        if self._count != self.point.ordinal or phase != wanted:
            return
        self.struck = True
        if self.mode in (DIES_BEFORE, DIES_AFTER):
            self._scenario.restart()
            raise ProcessDied(f"{self.mode} {self.point}")
        raise _failure(service, self.mode)


def record(path: paths.Path) -> list[Point]:
    """The call points of a path, once it has been played without a fault."""
    recorder = Recorder()
    with path.make() as scenario:
        path.before(scenario)
        scenario.runtime.on_call = recorder.on_call
        with scenario.runtime.provider_calls():
            path.play(scenario)
        scenario.runtime.on_call = None
    return recorder.points


def inject(scenario: Scenario, point: Point, mode: str, play: Callable[[Scenario], None]) -> bool:
    """Play a path with one fault in it, and let everything settle. Whether the fault struck."""
    injector = Injector(point, mode, scenario)
    scenario.runtime.on_call = injector.on_call
    with scenario.runtime.provider_calls():
        play(scenario)
        scenario.settle()
    scenario.runtime.on_call = None
    return injector.struck


def _code() -> tuple[str, ...]:
    """The lines of our own code that lead to the call which is being made, the innermost first."""
    found, frame = [], sys._getframe(2)
    while frame.f_back is not None:
        frame = frame.f_back
        file = Path(frame.f_code.co_filename)
        if {"chalicelib", "connectors"} & set(file.parts) and "site-packages" not in file.parts:
            found.append(f"{file.parent.name}/{file.name}:{frame.f_lineno}")
    return tuple(found)


def plain(service: str, operation: str) -> str:
    """An operation without what differs between runs: the providers' ids in paths, and queries."""
    if service != "http":
        return operation
    plainly = operation.partition("?")[0]
    if "/salesforce/" in plainly:
        return re.sub(r"\b(500|003|00G|005|02s|00a)[0-9A-Za-z]{12,15}", "", plainly)
    return re.sub(r"[0-9]|(?<=/)(SM|MM|ME)[0-9a-f]+", "", plainly)


def _failure(service: str, mode: str) -> Exception:
    if service == "http":
        return ConnectionResetError("made to fail") if mode == FAILS_BEFORE else TimeoutError("made to fail")
    if mode == FAILS_BEFORE:
        return ConnectTimeoutError(endpoint_url="made to fail")
    return ReadTimeoutError(endpoint_url="made to fail")


class Down:
    """An AWS service, or one operation of it, that fails until it is mended, or a number of times."""

    def __init__(
        self, scenario: Scenario, service: str, operation: str = "", *, times: int = 0, applied: bool = False
    ) -> None:
        self.service = service
        self.operation = operation
        self.times = times
        self.phase = "after" if applied else "before"
        self.struck = 0
        self.mended = False
        scenario.runtime.on_call = self.on_call

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if self.mended or service != self.service or self.operation not in ("", operation) or phase != self.phase:
            return
        if self.times and self.struck >= self.times:
            return
        self.struck += 1
        raise _failure(service, FAILS_AFTER if self.phase == "after" else FAILS_BEFORE)


class Poison:
    """A message at which the inbox's process dies, each time it looks the message up, until it is mended."""

    def __init__(self, scenario: Scenario, ts: str) -> None:
        self.deaths = 0
        self.mended = False
        self._ts = ts
        self._scenario = scenario
        scenario.runtime.on_call = self.on_call

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if self.mended or (operation, phase) != ("BatchGetItem", "after"):
            return
        asked = self._scenario.runtime.meter.calls[-1]
        if asked.function == "inbox" and self._ts in str(asked.params):
            self.deaths += 1
            self._scenario.restart()
            raise ProcessDied(f"the poison of {self._ts}")


class Calls:
    """When each call went to a provider: (ms, method and path)."""

    def __init__(self, scenario: Scenario) -> None:
        self.at: list[tuple[int, str]] = []
        self._scenario = scenario
        scenario.runtime.on_call = self.on_call

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if service == "http" and phase == "before":
            self.at.append((self._scenario.clock(), operation))

    def between(self, start: int, end: int, part: str) -> list[tuple[int, str]]:
        return [call for call in self.at if start < call[0] < end and part in call[1]]


class Meanwhile:
    """Does something once, in the middle of a handler: at the n-th call of an operation, before or after it."""

    def __init__(
        self, scenario: Scenario, operation: str, act: Callable[[], object], *, phase: str = "before", ordinal: int = 1
    ) -> None:
        self.done = False
        self._operation = operation
        self._act = act
        self._phase = phase
        self._left = ordinal
        scenario.runtime.on_call = self.on_call

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if self.done or phase != self._phase or self._operation not in operation:
            return
        self._left -= 1
        if self._left == 0:
            self.done = True
            self._act()


class Chaos:
    """Lets a share of all calls go wrong, each in a way that a seed decides. Set `share` to 0 to end it."""

    def __init__(self, scenario: Scenario, seed: int, share: float) -> None:
        self.share = share
        self.struck = 0
        self._random = random.Random(f"chaos/{seed}")
        self._scenario = scenario
        scenario.runtime.on_call = self.on_call

    def on_call(self, service: str, operation: str, phase: str) -> None:
        if self._random.random() >= self.share:
            return
        self.struck += 1
        if self._random.random() < 0.5:
            self._scenario.restart()
            raise ProcessDied("by chance")
        raise _failure(service, FAILS_BEFORE if phase == "before" else FAILS_AFTER)
