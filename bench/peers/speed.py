"""How fast a peer answers, and what a message costs it, at some numbers of connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from bench.peers.client import Answers, Make, load
from bench.peers.figures import Point, percentile
from bench.peers.process import NotStarted, Server

_WARM_SHARE = 0.2
_SETTLE_SECONDS = 15


def point(
    server: Server,
    beside: Server | None,
    port: int,
    make: Make,
    numbers: Iterator[int],
    connections: int,
    seconds: float,
) -> Point:
    """Load a server that runs for so many seconds, after a fifth of them that do not count.

    Raises `NotStarted` where it ends meanwhile, or answers nothing with 2xx.
    """
    _run(port, make, numbers, connections, seconds * _WARM_SHARE)
    server.settle(_SETTLE_SECONDS)
    before = server.cpu_seconds(), beside.cpu_seconds() if beside else 0.0
    began = time.perf_counter()
    answers = _run(port, make, numbers, connections, seconds)
    took = max((ended for ended, _ in answers.acked.values()), default=began) - began
    server.settle(_SETTLE_SECONDS)
    server.check()
    done = len(answers.acked)
    if not done:
        raise NotStarted(f"it answered none of the messages: {answers.refused or 'no answer'}")
    waits = [latency * 1000 for _, latency in answers.acked.values()]
    return Point(
        connections=connections,
        messages=done,
        refused=sum(answers.refused.values()) + len(answers.open),
        per_second=done / took,
        p50_ms=percentile(waits, 0.5),
        p99_ms=percentile(waits, 0.99),
        cpu_us=(server.cpu_seconds() - before[0]) / done * 1e6,
        beside_us=(beside.cpu_seconds() - before[1]) / done * 1e6 if beside else None,
        memory_mb=server.memory_bytes() / 1e6,
    )


def _run(port: int, make: Make, numbers: Iterator[int], connections: int, seconds: float) -> Answers:
    until = time.perf_counter() + seconds
    return asyncio.run(load(port, make, numbers, connections, until=lambda: time.perf_counter() >= until))
