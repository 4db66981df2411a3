"""What is told of a peer: speed and cost at a number of connections, and the books after its worker was killed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Point:
    """One load. Times in ms by the client's clock; processor time in us for a message, user and system.

    cpu_us        of the server's processes, what they do after their answers included
    beside_us     of its store, where that is a process of its own; None where it is in the server
    memory_mb     the most that its processes had in memory, since they started
    """

    connections: int
    messages: int
    refused: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    beside_us: float | None
    memory_mb: float


@dataclass(frozen=True)
class Books:
    """Acked against stored, once the dust has settled.

    lost       acked, and not stored; doubled: stored more than once
    kills      how often the worker was killed while messages were under way
    again      messages that no answer came for, and so were sent again
    """

    kills: int
    acked: int
    stored: int
    again: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]


@dataclass
class Measured:
    """A peer's figures by its title; `not_run` says why there are none."""

    title: str
    does: str
    points: list[Point] = field(default_factory=list)
    books: Books | None = None
    not_run: str = ""


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all do not exceed. Raises `ValueError` without values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("there is nothing to take a percentile of")
    rank = -(-len(ordered) * round(share * 10_000) // 10_000)
    return ordered[max(rank, 1) - 1]


def books(acked: Collection[str], stored: Mapping[str, int], *, kills: int, again: int) -> Books:
    """Balance the books. `stored` tells how often each id stands in the store; ids that nobody acked may be there."""
    lost = tuple(sorted(id for id in acked if not stored.get(id)))
    doubled = tuple(sorted(id for id, times in stored.items() if times > 1))
    return Books(kills, len(acked), sum(1 for times in stored.values() if times), again, lost, doubled)
