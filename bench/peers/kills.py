"""Acked but lost: the worker is killed in the middle of a load, again and again, while its store lives on.

What got no answer is sent again in the next round, as every provider does; what got one never is.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

from bench.peers.client import Answers, load
from bench.peers.figures import Books, books
from bench.peers.messages import event_id
from bench.peers.places import Place
from bench.peers.process import NotStarted

CONNECTIONS = 8
_ACKS = (50, 70)
_LATER_SECONDS = 0.01
_ROUND_SECONDS = 60


def killed(place: Place, kills: int, least: int, seed: int, tell: Callable[[int], None]) -> list[Books]:
    """Kill a place's worker at least so often, until at least so many messages were acked on each of its paths.

    Returns each path's books, in their order. Raises `NotStarted` where it hardly answers.
    tell: called with the number of kills after each one.
    """
    rng = random.Random(f"kills/{seed}")
    paths = len(place.paths)
    acked: set[int] = set()
    fresh, again = itertools.count(), list[int]()
    resent = [0] * paths
    for round_ in itertools.count(1):
        for number in again:
            resent[number % paths] += 1
        answers = _round(place, itertools.chain(again, fresh), rng, paths)
        acked.update(answers.acked)
        again = sorted(answers.open)
        tell(round_)
        if round_ >= kills and len(acked) >= least * paths:
            break
    return _books(place, acked, round_, resent)


def moment(rng: random.Random) -> tuple[int, float]:
    """When a round's worker dies: after so many acknowledgements on each path, and so many seconds more."""
    return rng.randint(*_ACKS), rng.uniform(0, _LATER_SECONDS)


def _round(place: Place, numbers: Iterator[int], rng: random.Random, paths: int) -> Answers:
    acks, later = moment(rng)
    servers = [place.start(), *place.start_workers()]

    def kill() -> None:
        for server in servers:
            server.kill()

    async def act() -> Answers:
        loop = asyncio.get_running_loop()
        until = loop.time() + _ROUND_SECONDS

        def acked(count: int) -> None:
            if count == acks * paths:
                loop.call_later(later, kill)

        def too_long() -> bool:
            return loop.time() > until

        return await load(
            place.port, place.maker(), numbers, CONNECTIONS, until=too_long, rate=place.rate, on_ack=acked
        )

    try:
        answers = asyncio.run(act())
    finally:
        with suppress(ProcessLookupError):
            kill()
    if len(answers.acked) < acks * paths:
        told = f"{len(answers.acked)} of {acks * paths} messages"
        raise NotStarted(f"it acknowledged {told} within {_ROUND_SECONDS} s: {answers.refused or 'no answer'}")
    return answers


def _books(place: Place, acked: set[int], rounds: int, resent: list[int]) -> list[Books]:
    stored = place.stored()
    paths = len(place.paths)

    def of(path: int) -> Books:
        here = {event_id(number) for number in acked if number % paths == path}
        there = {id: times for id, times in stored.items() if int(id[-9:]) % paths == path}
        return books(here, there, kills=rounds, again=resent[path])

    return [of(path) for path in range(paths)]
