"""Time as the local run sees it: the wall clock, or one that only a test moves."""

from __future__ import annotations

import time


def wall_clock() -> int:
    """Now, in ms since the epoch."""
    return int(time.time() * 1000)


class VirtualClock:
    """A clock that stands still until it is moved. Called, it gives the time in ms since the epoch."""

    def __init__(self, start_ms: int = 1_750_000_000_000) -> None:
        self._now = start_ms

    def __call__(self) -> int:
        return self._now

    def advance(self, ms: int) -> None:
        if ms < 0:
            raise ValueError("time does not go back")
        self._now += ms

    def advance_to(self, when_ms: int) -> None:
        """Go on to a time; nothing happens where it has passed already."""
        self._now = max(self._now, when_ms)
