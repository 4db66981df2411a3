"""Every alarm leads to its section, each section says the four things, and its numbers are those of the alarm."""

from __future__ import annotations

import pytest

from infra import prices
from infra.stack import alarms
from tests.signals import runbook
from tests.signals.watch import definitions

OPERATING = runbook.PAGE.with_name("operating.md")


def test_every_alarm_has_its_section_and_no_section_is_spare() -> None:
    anchors = [name for section in runbook.sections() for name in section.alarms]
    assert len(anchors) == len(set(anchors))
    assert set(anchors) == set(definitions())


def test_every_heading_of_the_runbook_has_its_alarms() -> None:
    text = runbook.PAGE.read_text(encoding="utf-8")
    assert text.count("\n### ") == len(runbook.sections())
    assert text.count("<a id=") == len(definitions())


def test_every_alarm_names_its_section() -> None:
    for name, alarm in definitions().items():
        assert alarm["AlarmDescription"].endswith(f" {alarms.RUNBOOK}#{name}")
        assert len(alarm["AlarmDescription"]) <= 1024


@pytest.mark.parametrize("section", runbook.sections(), ids=lambda section: section.alarms[0])
def test_a_section_says_what_it_is_and_how_to_look_mend_and_see_the_end(section: runbook.Section) -> None:
    places = [section.text.index(f"**{part}**") for part in runbook.PARTS]
    assert places == sorted(places)
    assert all(len(section.part(part).split()) > 3 for part in runbook.PARTS)
    assert section.commands("How to look.") and section.commands("How to mend.")


# Of which alarm, what its section says, and which of the alarm's figures that is: threshold, or minutes in all.
TOLD = [
    ("lost", "by more than 10", None, alarms.LOST_MOST),
    ("lost", "two quarters of an hour", 30, None),
    ("api-5xx", "answers of 5xx for 10 minutes", 10, None),
    ("unavailable", "for 15 minutes the queue", 15, None),
    ("repairs", "more than 10 changes", None, alarms.REPAIRS_MOST),
    ("repairs", "two quarters of an hour", 30, None),
    ("provider-errors", "three times five minutes more than 5 calls", 15, alarms.PROVIDER_ERRORS_MOST),
    ("oldest-lane", "an hour ago", None, alarms.OLDEST_LANE_SECONDS / 3600),
    ("poll-lag", "a quarter of an hour", None, alarms.POLL_LAG_SECONDS / 900),
    ("inbox-late", "15 minutes old", None, alarms.OLDEST_SECONDS / 60),
    ("clock-stopped", "For ten minutes", 10, None),
    ("throttled", "for ten minutes", 10, None),
    ("concurrency", "more than 800 ran", None, alarms.CONCURRENCY_MOST),
]


def minutes(alarm: str) -> float:
    """How long an alarm looks before it rings."""
    made = definitions()[alarm]
    return float(made["Period"] * made["EvaluationPeriods"] / 60)


@pytest.mark.parametrize(("alarm", "words", "long", "most"), TOLD, ids=lambda value: str(value)[:20])
def test_a_section_tells_the_figures_of_its_alarm(
    alarm: str, words: str, long: float | None, most: float | None
) -> None:
    told = " ".join(runbook.of(alarm).text.split())
    assert words in told
    if long is not None:
        assert minutes(alarm) == long
    if most is not None:
        assert f"{most:g}" in words or most == 1


def test_the_page_tells_how_many_alarms_there_are_and_what_they_cost() -> None:
    made = definitions()
    told = f"{len(made)} alarms cost about ${len(made) * prices.ALARM_MONTH:.2f} a month"
    assert told in " ".join(OPERATING.read_text(encoding="utf-8").split())
