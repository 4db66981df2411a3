"""P1-P7: at every call of every path the process dies, or the call fails; nothing is lost, doubled or leaked."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import pytest

from tests.support import books
from tests.support.faults import MODES, Point, inject, record
from tests.support.paths import PATHS, Path
from tests.support.patience import EVERY, share
from tests.support.wide_paths import WIDE_PATHS


def _play(path: Path, point: Point, mode: str) -> int:
    with path.make() as scenario:
        path.before(scenario)
        struck = inject(scenario, point, mode, path.play)
        what = f"{path.name}: {mode} at {point}"
        assert struck, f"{what}: the call was not made"
        decided = path.person(scenario)
        books.check(scenario, what)
        ends = {conversation["status"] for conversation in scenario.conversations()}
        assert ends <= set(path.ends), f"{what}: {ends}"
        return decided


ALL = PATHS | WIDE_PATHS


@functools.cache
def _recorded(name: str) -> tuple[Point, ...]:
    return tuple(record(ALL[name]))


def points_of(path: Path) -> list[Point]:
    """The points that are tried on a path: all with DESKWEAVE_EVERY.

    Else every call of a provider, every write, and each read of the table, the queues or the settings that no path
    before it makes from the same lines of code.
    """
    points = _recorded(path.name)
    if EVERY:
        return list(points)
    known = {point.code for name in itertools.takewhile(path.name.__ne__, ALL) for point in _recorded(name)}
    chosen = []
    for point in points:
        if point.service == "http" or not point.reads or point.code not in known:
            chosen.append(point)
        known.add(point.code)
    return chosen


# The points of a path are tried in parts, so that the parts can be tried side by side.
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ALL.values(), ids=ALL)
def test_a_fault_at_any_call_loses_and_doubles_nothing(
    path: Path, mode: str, part: int, seed: int, record_property: Callable[[str, object], None]
) -> None:
    points = [point for point in points_of(path) if mode in point.modes()][part::PARTS]
    points = share(points, seed, 5 if path.name in WIDE_PATHS else 4)
    wrong, decided = [], 0
    for point in points:
        try:
            decided += _play(path, point, mode)
        except AssertionError as error:
            wrong.append(str(error).partition("\n")[0])
    told = f"{path.name}, {mode}: {len(points)} points, {len(wrong)} wrong, {decided} decided by a person"
    record_property("call points", told)
    print(told)
    assert not wrong, "\n".join(wrong)
