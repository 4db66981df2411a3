"""How often what is refused may come again: for requests that fail, and never for one that is in order.

Each process counts for itself, in a memory that is bounded: who is pushed out of it is counted anew. So nobody can have
somebody else refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


class Limiter:
    """Counts failures by key, within windows of fixed length.

    most  failures that a window has room for; window in ms; remembered the most keys at a time
    """

    def __init__(self, most: int, window: int, remembered: int = 2_000) -> None:
        self.most = most
        self.window = window
        self.remembered = remembered
        self._counts: dict[str, tuple[int, int]] = {}

    def count(self, key: str, now: int) -> int:
        """Count a failure; returns which one of its window it is."""
        began = now - now % self.window
        kept = self._counts.pop(key, (began, 0))
        count = kept[1] + 1 if kept[0] == began else 1
        if len(self._counts) >= self.remembered:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (began, count)
        return count

    def full(self, key: str, now: int) -> bool:
        """Whether the key's window has no room left; counts nothing."""
        began, count = self._counts.get(key, (0, 0))
        return count >= self.most and began == now - now % self.window

    def seconds(self, now: int) -> int:
        """Until the next window begins, for a Retry-After: one at least."""
        return max(1, -(-(self.window - now % self.window) // 1000))


def _limit(most: int, seconds: int) -> Callable[[], Limiter]:
    return lambda: Limiter(most, seconds * 1000)


@dataclass
class Limits:
    """What one process refuses.

    webhooks  refused deliveries, by connection; within a minute, or Zendesk would not take the Retry-After
    keys      failed sign-ins, by caller's address and the key's id: then the key is not even looked up
    callers   failed sign-ins, by caller's address: a right key still gets in
    links     addresses of files that are not ours, by caller's address: a right one still opens
    """

    webhooks: Limiter = field(default_factory=_limit(50, 10))
    keys: Limiter = field(default_factory=_limit(10, 60))
    callers: Limiter = field(default_factory=_limit(30, 60))
    links: Limiter = field(default_factory=_limit(30, 60))


_limits: WeakKeyDictionary[Deps, Limits] = WeakKeyDictionary()


def of(deps: Deps) -> Limits:
    """The limits of this process."""
    if deps not in _limits:
        _limits[deps] = Limits()
    return _limits[deps]
