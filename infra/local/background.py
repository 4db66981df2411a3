"""The local run left alone: pumps, the minute clock and the world outside, each in a thread, in real time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.runtime import LocalRuntime

logger = logging.getLogger("deskweave.local")

_LONGEST_WAIT_SECONDS = 1.0
_OUTSIDE_SECONDS = 0.05
_MINUTE_SECONDS = 60.0


class Background:
    """Threads that keep a runtime going until `stop`."""

    def __init__(self, runtime: LocalRuntime, pumps: int) -> None:
        self._runtime = runtime
        self._stopping = threading.Event()
        targets = [self._pump] * pumps + [self._clock, self._outside]
        self._threads = [threading.Thread(target=self._guarded, args=(target,), daemon=True) for target in targets]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let what runs end, then stop."""
        self._stopping.set()
        with self._runtime.wire.changed:
            self._runtime.wire.changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except Exception:
            logger.exception("the local run's background stopped")
            raise

    def _pump(self) -> None:
        runtime = self._runtime
        while not self._stopping.is_set():
            if runtime.pump() is not None:
                continue
            with runtime.wire.changed:
                if not self._stopping.is_set():
                    runtime.wire.changed.wait(self._wait_seconds())

    def _wait_seconds(self) -> float:
        due = self._runtime.next_due()
        if due is None:
            return _LONGEST_WAIT_SECONDS
        return max(0.001, min(_LONGEST_WAIT_SECONDS, (due - self._runtime.clock()) / 1000))

    def _clock(self) -> None:
        while not self._stopping.is_set():
            self._runtime.tick()
            self._stopping.wait(_MINUTE_SECONDS)

    def _outside(self) -> None:
        while not self._stopping.wait(_OUTSIDE_SECONDS):
            for outside in self._runtime.outside:
                outside.deliver_due()
