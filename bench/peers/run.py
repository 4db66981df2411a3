"""One run over the chosen peers: first how fast each is, one after the other, then the kills."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.peers import kills, speed
from bench.peers.figures import Measured
from bench.peers.messages import Messages
from bench.peers.peers import N8N, Variant
from bench.peers.process import NotStarted
from tests.deploy.tools import NotInstalled


@dataclass(frozen=True)
class Plan:
    """seconds a point takes; the numbers of connections; at least so many kills, and messages on each path."""

    seconds: float
    connections: Sequence[int]
    kills: int
    messages: int
    seed: int


Tell = Callable[[str], None]


def measure(variants: Sequence[Variant], plan: Plan, tell: Tell) -> list[Measured]:
    """The figures of each variant, in their order. What cannot be had here says why."""
    found = {variant.title: Measured(variant.title, variant.does) for variant in variants}
    for together in _together(variants):
        _guarded(together, found, tell, partial(_speeds, together, plan, found, tell))
    slow = [one for one in _together(variants) if one[0].name == N8N]
    quick = [one for one in _together(variants) if one[0].name != N8N]
    # Nothing is timed here, so that two may run at once; n8n takes as long to start as all others together.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(partial(_all_killed, plan, found, tell), (slow, quick)))
    return list(found.values())


def _together(variants: Iterable[Variant]) -> list[list[Variant]]:
    """Variants that share one server."""
    return [list(group) for _, group in itertools.groupby(variants, key=lambda variant: variant.open)]


def _guarded(together: Sequence[Variant], found: dict[str, Measured], tell: Tell, act: Callable[[], None]) -> None:
    try:
        act()
    except (NotInstalled, NotStarted) as reason:
        for variant in together:
            found[variant.title].not_run = str(reason)
        tell(f"{together[0].title}: not run: {reason}")


def _speeds(together: Sequence[Variant], plan: Plan, found: dict[str, Measured], tell: Tell) -> None:
    messages, numbers = Messages(plan.seed), itertools.count()
    with tempfile.TemporaryDirectory() as folder, together[0].open(Path(folder), messages) as place:
        server = place.start()
        beside = place.beside if place.beside is not server else None
        for variant in together:
            make = place.maker(variant.path)
            for connections in plan.connections:
                point = speed.point(server, beside, place.port, make, numbers, connections, plan.seconds)
                found[variant.title].points.append(point)
                tell(f"{variant.title}, {connections} connections: {point.per_second:.0f} a second")


def _all_killed(plan: Plan, found: dict[str, Measured], tell: Tell, groups: Sequence[Sequence[Variant]]) -> None:
    for together in groups:
        _killed(together, plan, found, tell)


def _killed(together: Sequence[Variant], plan: Plan, found: dict[str, Measured], tell: Tell) -> None:
    if not plan.kills or not together[0].killed or any(found[variant.title].not_run for variant in together):
        return

    def told(done: int) -> None:
        if done % 5 == 0:
            tell(f"{together[0].title}: killed {done} times")

    def act() -> None:
        with tempfile.TemporaryDirectory() as folder, together[0].open(Path(folder), Messages(plan.seed)) as place:
            books = kills.killed(place, plan.kills, plan.messages, plan.seed, told)
        for variant in together:
            found[variant.title].books = books[variant.path]

    _guarded(together, found, tell, act)
