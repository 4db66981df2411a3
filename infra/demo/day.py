"""Plays the day: Deskweave, the sandbox and everybody in it, on a clock that moves only when nothing is left to do."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from chalicelib import bootstrap
from infra import prices, schema
from infra.demo import cameos, people, script, trouble
from infra.demo.admin import Admin
from infra.demo.meter import Watching, unmetered, used
from infra.demo.played import Item
from infra.demo.script import MINUTE, Step
from infra.demo.seen import scanned
from infra.demo.trouble import Reaper, Trouble
from infra.local.clock import VirtualClock, wall_clock
from infra.local.runtime import LocalRuntime
from infra.local.try_it import Connected, connect_sandbox
from infra.sandbox import Sandbox, salesforce_hooks

# A Monday, 08:30 UTC.
MORNING = 1_750_062_600_000
DAY = 24 * 3_600_000
# The clock ticks each minute while a lane waits for it; else now and then, so that polls find what no webhook told.
_LAZY = 5 * MINUTE
# The polls that have to bring nothing before the day is over.
_QUIET_TICKS = 4
# How often the admin looks through the failure list.
_ROUND = 20 * MINUTE

Progress = Callable[[int, int, int], None]


class DemoClock(VirtualClock):
    """Virtual while the day is played; once `go_live` was called, the wall clock."""

    def __init__(self, start_ms: int = MORNING) -> None:
        super().__init__(start_ms)
        self._live = False

    def __call__(self) -> int:
        return wall_clock() if self._live else super().__call__()

    def go_live(self) -> None:
        self._live = True


@dataclass
class Day:
    """A day that was played, still standing: its runtime, its sandbox, the people, and what was counted on the way.

    To the books it is a `Played`.

    watching  counts the calls to AWS
    lines     every log line of Deskweave
    runs      how often each function ran
    stray     what requests for connections that do not exist were answered
    """

    seed: int
    runtime: LocalRuntime
    sandbox: Sandbox
    clock: DemoClock
    url: str
    aws_url: str
    watching: Watching
    connected: Connected = field(init=False)
    cast: people.Cast = field(init=False)
    admin: Admin = field(init=False)
    reaper: Reaper = field(init=False)
    lines: list[dict[str, Any]] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    stray: list[int] = field(default_factory=list)
    seconds: float = 0.0
    _last_tick: int = 0

    def play(self, progress: Progress = lambda done, total, now: None) -> None:
        """Play the script to its end and let everything come to rest.

        progress  is told steps of the script that are over, their number, and the time of day (ms)
        """
        began = time.monotonic()
        steps = Trouble(self.cast, random.Random(f"trouble/{self.seed}"), self.clock, self.stray).steps()
        steps += script.matters(self.cast, self.seed) + cameos.steps(self.cast, self.admin, self.seed)
        heap: list[tuple[int, int, Step]] = [
            (self.clock() + at, number, step) for number, (at, step) in enumerate(steps)
        ]
        heapq.heapify(heap)
        look_at = self.clock() + _ROUND
        while heap:
            when, number, step = heapq.heappop(heap)
            while look_at < when:
                self._run_until(look_at, lazy=_LAZY)
                self.admin.look()
                look_at += _ROUND
            self._run_until(when, lazy=_LAZY)
            try:
                heapq.heappush(heap, (self.clock() + next(step), number, step))
            except StopIteration:
                progress(len(steps) - len(heap), len(steps), self.clock())
        self.sandbox.faults.clear()
        self.come_to_rest()
        self._run_until(self.clock() + DAY)
        trouble.a_day_later(self.cast, random.Random(f"later/{self.seed}"))
        self.come_to_rest()
        self.seconds = time.monotonic() - began

    def come_to_rest(self) -> None:
        """Run until nothing is due anywhere, the polls bring nothing any more, and the admin has nothing to settle."""
        quiet = 0
        while quiet < _QUIET_TICKS:
            before = self._news()
            self._run_until(self.clock() + MINUTE, lazy=MINUTE)
            waiting = self._lanes_wait() or self.sandbox.next_due() or self.runtime.next_due()
            busy = waiting or self._news() != before
            quiet = 0 if busy or self.admin.look() else quiet + 1

    def go_live(self) -> None:
        """From now on the wall clock counts, nobody dies, and nobody is unreliable on purpose."""
        self.runtime.on_call = None
        self.clock.go_live()

    # --- what the books look at ---------------------------------------------------------------------------------------

    late = 20 * MINUTE

    @property
    def mails(self) -> list[dict[str, Any]]:
        return self.watching.mails

    def aside(self) -> AbstractContextManager[None]:
        return unmetered(self.runtime)

    def items(self) -> list[Item]:
        with self.aside():
            return scanned(schema.table_name(self.runtime.stage))

    def left(self) -> Iterator[str]:
        for name, queue in self.runtime.queues.items():
            for message in queue.messages():
                yield f"message {message.id} in {name}"

    def dollars(self) -> Mapping[str, float]:
        return prices.cost(used(self))

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _run_until(self, when: int, *, lazy: int = 0) -> None:
        """Let everything happen that falls due until then.

        The minute clock ticks while a lane waits for it, else every `lazy` ms, or not at all where that is 0.
        """
        self._settle()
        while (now := self.clock()) < when:
            dues = [when, *(due for due in (self.runtime.next_due(), self.sandbox.next_due()) if due and due > now)]
            every = MINUTE if self._lanes_wait() else lazy
            tick = max(self._last_tick + every, now + 1)
            self.clock.advance_to(min([*dues, tick] if every else dues))
            if every and self.clock() == tick:
                self._last_tick = tick
                self.runtime.tick()
                self.runs["clock"] += 1
            self._settle()

    def _settle(self) -> None:
        busy = True
        while busy:
            runs = self._pump()
            busy = bool(self.sandbox.deliver_due()) or runs > 0

    def _pump(self) -> int:
        """Run functions until nothing waits; batches are as large as they happen to be."""
        runs = 0
        chance = random.Random(f"batch/{self.seed}/{sum(self.runs.values())}")
        self.reaper.armed = True
        try:
            while True:
                self.runtime.batch = chance.choice((1, 1, 2, 5, 10))
                ran = self.runtime.pump()
                if ran is None:
                    return runs
                self.runs[ran.function] += 1
                runs += 1
        finally:
            self.reaper.armed = False

    def _lanes_wait(self) -> bool:
        with self.aside():
            return bool(bootstrap.deps().table.index("due", {"due_pk": "due"}, limit=1))

    def _news(self) -> int:
        return len(self.sandbox.ledger) + sum(line.get("outcome") in ("stored", "done") for line in self.lines)


@contextmanager
def opened(seed: int, customers: int, tell: Callable[[str], None] = print, *, start: int = MORNING) -> Iterator[Day]:
    """A Deskweave, connected to a sandbox with people in it, before anybody has written."""
    with ExitStack() as stack:
        clock = DemoClock(start)
        runtime = stack.enter_context(LocalRuntime(seed, clock, duplicates=0.05, keep_calls=False))
        runtime.meter = runtime.wire.meter = watching = Watching()
        sandbox = stack.enter_context(Sandbox(clock, seed))
        sandbox.salesforce.webhook_kind = salesforce_hooks.OUTBOUND if seed % 2 else salesforce_hooks.FLOW
        runtime.attach(sandbox)
        day = Day(seed, runtime, sandbox, clock, runtime.serve_http(), runtime.serve_aws(), watching)
        deps = bootstrap.reset(clock, random.Random(f"app/{seed}").randbytes, day.lines.append)
        day.connected = connect_sandbox(deps, sandbox, day.url, tell)
        day.cast = people.gather(sandbox, customers, seed)
        day.admin = Admin(day.cast, day.aside, day.connected)
        day.reaper = Reaper(random.Random(f"reaper/{seed}"))
        stack.enter_context(runtime.provider_calls())
        runtime.on_call = day.reaper
        runtime.meter.reset()
        yield day
