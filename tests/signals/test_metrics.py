"""What the metrics say is what happened: every line is valid, and acked and stored differ by what is lost."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import log
from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.signals import emf
from tests.signals.conftest import Day
from tests.support.paths import conversation, root
from tests.support.scenario import Scenario

Line = dict[str, Any]


def summed(lines: list[Line], metric: str) -> int:
    return sum(line.get(metric, 0) for line in lines if "_aws" in line)


def last(scenario: Scenario, metric: str) -> int:
    return int(next(line[metric] for line in reversed(scenario.lines) if metric in line))


def test_cloudwatch_takes_every_line_of_a_day(day: Day) -> None:
    with_metrics = [line for line in day.lines if "_aws" in line]
    assert [told for line in with_metrics for told in emf.wrong(line)] == []
    assert {point.metric for line in with_metrics for point in emf.datapoints(line)} == set(log.METRICS)


SPOILT: dict[str, Callable[[Line], object]] = {
    "no time": lambda line: line["_aws"].pop("Timestamp"),
    "a time as text": lambda line: line["_aws"].update(Timestamp="now"),
    "no directive": lambda line: line["_aws"].update(CloudWatchMetrics=[]),
    "no namespace": lambda line: line["_aws"]["CloudWatchMetrics"][0].update(Namespace=""),
    "a dimension that is no member": lambda line: line.pop("stage"),
    "a dimension that is a number": lambda line: line.update(stage=1),
    "too many dimensions": lambda line: line["_aws"]["CloudWatchMetrics"][0].update(
        Dimensions=[[f"d{n}" for n in range(31)]]
    ),
    "a metric that is no member": lambda line: line.pop("acked"),
    "a metric that is no number": lambda line: line.update(acked="1"),
    "a unit that is none": lambda line: line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0].update(Unit="Ducks"),
    "a member of its own": lambda line: line["_aws"].update(more=1),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_line_that_cloudwatch_would_not_take_is_found(how: str) -> None:
    lines: list[Line] = []
    log.Log("s", lambda: 1, lines.append).measure("receive", {"acked": 1}, outcome="queued")
    assert emf.wrong(lines[0]) == []
    line = copy.deepcopy(lines[0])
    SPOILT[how](line)
    assert emf.wrong(line)


def test_each_metric_of_a_line_stands_in_one_directive_of_its_dimensions() -> None:
    lines: list[Line] = []
    values = {"done": 2, "delay": 30, "poll_lag": 7}
    log.Log("s", lambda: 1, lines.append).measure("effects", values, outcome="done", connection="c")
    found = {(one.metric, one.dimensions): one.value for one in emf.datapoints(lines[0])}
    stage = frozenset({("stage", "s")})
    of_connection = stage | {("connection", "c")}
    assert found == {("done", stage): 2, ("delay", stage): 30, ("poll_lag", stage): 7, ("poll_lag", of_connection): 7}


def test_as_many_deliveries_come_to_an_outcome_as_were_acked(day: Day) -> None:
    """Over a day with dead functions, unreadable bodies, hints that wait, retried failures and mails."""
    assert summed(day.lines, "acked") == summed(day.lines, "stored") > 50
    assert summed(day.lines, "unsettled") == 0


def test_what_is_set_aside_after_three_deaths_counts_as_stored() -> None:
    from tests.support.faults import Poison

    with Scenario() as scenario:
        poison = Poison(scenario, scenario.write())
        scenario.settle(hours=6)
        assert summed(scenario.lines, "acked") == summed(scenario.lines, "stored") == 1
        poison.mended = True


def test_a_delivery_that_is_gone_is_the_difference() -> None:
    with Scenario() as scenario:
        for _ in range(3):
            scenario.write()
        scenario.sandbox.deliver_due()
        queue = scenario.runtime.queues["inbox"]
        queue.delete(queue.receive(1)[0].receipt)
        scenario.settle()
        assert summed(scenario.lines, "acked") - summed(scenario.lines, "stored") == 1


def test_what_a_poll_brings_is_a_repair_and_what_a_webhook_told_is_none() -> None:
    with Scenario() as scenario:
        conversation(scenario)
        scenario.answer()
        scenario.run(121)
        assert summed(scenario.lines, "repairs") == 0
        scenario.sandbox.faults.add(Fault("zendesk", "drop", "ticket"))
        scenario.answer()
        scenario.run(181)
        assert summed(scenario.lines, "repairs") == 1


def test_the_oldest_open_lane_ages_until_it_is_done() -> None:
    with Scenario() as scenario:
        conversation(scenario)
        assert last(scenario, "oldest_lane") == 0
        scenario.zendesk.outage(scenario.clock() + 20 * MINUTE_MS)
        scenario.write(root(scenario))
        scenario.run(60)
        scenario.write(channel=scenario.slack.add_channel("other"))
        scenario.runtime.run_for(10 * MINUTE_MS, tick_every=5 * MINUTE_MS)
        assert 600 <= last(scenario, "oldest_lane") <= 720
        scenario.settle()
        assert last(scenario, "oldest_lane") == 0


def test_a_crm_that_cannot_be_polled_falls_behind_and_catches_up() -> None:
    with Scenario() as scenario:
        scenario.run(121)
        assert last(scenario, "poll_lag") <= 60
        scenario.zendesk.outage(scenario.clock() + 10 * MINUTE_MS)
        scenario.runtime.run_for(10 * MINUTE_MS, tick_every=MINUTE_MS)
        assert last(scenario, "poll_lag") >= 600
        (named,) = {line["connection"] for line in scenario.lines if "poll_lag" in line}
        assert named == scenario.zendesk_id
        scenario.run(300)
        assert last(scenario, "poll_lag") <= 60


def test_a_held_lane_is_counted_until_a_person_decides() -> None:
    from chalicelib.services import failures

    with Scenario() as scenario:
        conversation(scenario)
        channel = scenario.slack.channels.pop(scenario.channel)
        scenario.answer()
        scenario.run(121)
        assert last(scenario, "held_lanes") == 1
        scenario.slack.channels[scenario.channel] = channel
        with scenario.runtime.wire.acting("setup"):
            failures.retry(scenario.failures()[0]["sk"], scenario.deps)
        scenario.run(121)
        assert last(scenario, "held_lanes") == 0


def test_a_provider_error_names_connection_and_kind() -> None:
    with Scenario() as scenario:
        conversation(scenario)
        scenario.sandbox.faults.add(Fault("slack", "429", "chat.postMessage", retry_after=7))
        scenario.answer()
        scenario.run(30)
        points = [one for line in scenario.lines for one in emf.datapoints(line) if one.metric == "provider_errors"]
        stage = ("stage", "local")
        kinds = [("connection", scenario.slack_id), ("outcome", "busy"), stage]
        assert {one.dimensions for one in points} == {frozenset({stage}), frozenset(kinds)}
