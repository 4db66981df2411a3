"""P1-P7: at every call of every path the process dies, or the call fails; nothing is lost, doubled or leaked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import books
from tests.support.faults import MODES, Point, inject, record
from tests.support.paths import PATHS, Path
from tests.support.scenario import Scenario


def _play(path: Path, point: Point, mode: str) -> None:
    with Scenario() as scenario:
        path.before(scenario)
        struck = inject(scenario, point, mode, path.play)
        what = f"{path.name}: {mode} at {point}"
        assert struck, f"{what}: the call was not made"
        books.check(scenario, what)
        (conversation,) = scenario.conversations()
        assert conversation["status"] in path.ends, what


# The points of a path are tried in parts, so that the parts can be tried side by side.
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_fault_at_any_call_loses_and_doubles_nothing(
    path: Path, mode: str, part: int, record_property: Callable[[str, object], None]
) -> None:
    points = [point for point in record(path.before, path.play) if mode in point.modes()][part::PARTS]
    wrong = []
    for point in points:
        try:
            _play(path, point, mode)
        except AssertionError as error:
            wrong.append(str(error).partition("\n")[0])
    record_property("call points", f"{path.name}, {mode}: {len(points)} points, {len(wrong)} wrong")
    print(f"{path.name}, {mode}: {len(points)} points, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
