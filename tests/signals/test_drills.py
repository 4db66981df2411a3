"""Each alarm rings when its trouble comes, and the runbook's own commands end it: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import shlex

import pytest
from click.testing import CliRunner

from infra.cli import main
from tests.signals import runbook
from tests.signals.drills import DRILLS, Drill, Words, scenario_for
from tests.signals.watch import Watch, definitions
from tests.support import books
from tests.support.patience import share
from tests.support.scenario import Scenario

LONGEST_MINUTES = 60


def obey(scenario: Scenario, alarm: str, words: Words) -> None:
    """Run what the runbook says, as it stands there."""
    for line in runbook.of(alarm).commands("How to mend."):
        given = [words.get(word, word) for word in shlex.split(line)[1:]]
        result = CliRunner().invoke(main, ["--stage", "local", *given])
        assert result.exit_code == 0, f"{line}: {result.output}"


def test_every_alarm_has_a_drill_and_every_drill_an_alarm() -> None:
    assert sorted(alarm for alarms in DRILLS.values() for alarm in alarms) == sorted(definitions())


@pytest.mark.parametrize("act", share(list(DRILLS), int(os.environ["DESKWEAVE_SEED"]), 2), ids=lambda act: act.__name__)
def test_alarms_ring_and_the_runbook_ends_them(act: Drill) -> None:
    alarms = set(DRILLS[act])
    with scenario_for(act) as scenario:
        watch = Watch(scenario)
        trouble = act(watch)
        words = next(trouble)
        assert alarms <= watch.ringing()
        next(trouble, None)
        for alarm in sorted(alarms):
            obey(scenario, alarm, words)
        minutes = 0
        while alarms & watch.ringing():
            watch.run(5, step=5)
            minutes += 5
            assert minutes <= LONGEST_MINUTES, f"{alarms & watch.ringing()} still ring"
        scenario.runtime.on_call = None
        scenario.settle()
        assert scenario.failures() == []
        books.check(scenario, act.__name__)


def test_a_calm_day_rings_nothing() -> None:
    with Scenario() as scenario:
        watch = Watch(scenario)
        for ticket in range(1, 5):
            scenario.write()
            watch.run(4, step=4)
            scenario.answer(ticket)
        watch.run(16, step=4)
        assert watch.ringing() == set()
        books.check(scenario)
