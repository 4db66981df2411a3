"""P1-P3 of a replay: it dies, or AWS fails, at any of its calls; run again, nothing is lost and nothing doubled."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.services import inbox
from infra.local.wire import ProcessDied
from tests.operating.replaying import by_older, history, reading, replayed
from tests.support import books
from tests.support.faults import MODES, Point, inject, record
from tests.support.paths import Path
from tests.support.patience import share
from tests.support.scenario import Scenario
from tests.support.wide import Wide


def left_behind(scenario: Scenario) -> None:
    """What an older version left: a text read wrongly, a file missed, a mail and an SMS that it could not read."""
    assert isinstance(scenario, Wide)
    by_older(scenario, scenario.write, reading(text=lambda event: f"{event.text} and more"))
    by_older(scenario, lambda: scenario.write(file=True), reading(attachments=()))
    scenario.run(61)
    for act in (scenario.mail, lambda: scenario.text(picture=True)):
        for body in by_older(scenario, act, lambda events: []):
            with scenario.runtime.wire.acting("setup"):
                inbox.set_aside(body, "it has no type", scenario.deps, kind="delivery")


def replay(scenario: Scenario) -> None:
    """Replay until a run comes to its end, as an admin would; a death ends the command."""
    for _ in range(3):
        try:
            replayed(scenario)
        except (ProcessDied, AwsUnavailable):
            continue
        return
    raise AssertionError("one fault cannot end three runs")


PATH = Path("replay", left_behind, replay, ("new",), make=functools.partial(Wide, salesforce=False))


@functools.cache
def points() -> tuple[Point, ...]:
    return tuple(record(PATH))


def wrong_after(point: Point, mode: str) -> str:
    """What does not balance once the replay was broken there and run again; "" for nothing."""
    with PATH.make() as scenario:
        PATH.before(scenario)
        struck = inject(scenario, point, mode, PATH.play)
        assert struck, f"{point} was not made"
        again = replayed(scenario).did
        try:
            books.check(scenario)
        except AssertionError as error:
            return f"{mode} {point}: {error}".partition("\n")[0]
        texts = sorted(item["text"] for item in scenario.records("message"))
        lines = sorted(next(iter(line["now"])) for line in history(scenario))
    whole = (again, texts, lines) == ({}, ["words m1x", "words m2x", "words m4x", "words m5x"], ["files", "text"])
    return "" if whole else f"{mode} {point}: {again} {texts} {lines}"


@pytest.mark.slow
def test_a_replay_that_dies_anywhere_and_runs_again_loses_and_doubles_nothing(
    seed: int, record_property: Callable[[str, object], None]
) -> None:
    tried = share([(point, mode) for mode in MODES for point in points() if mode in point.modes()], seed, 47)
    wrong = [told for point, mode in tried if (told := wrong_after(point, mode))]
    record_property("call points", f"replay: {len(points())} calls, {len(tried)} tried, {len(wrong)} wrong")
    print(f"replay: {len(points())} calls, {len(tried)} tried, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)
