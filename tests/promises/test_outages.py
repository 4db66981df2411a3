"""P1, P3, P4: a provider that is away, busy, or refuses our credentials; everything drains, in order, each once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.services import failures
from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support import books
from tests.support.faults import Calls
from tests.support.paths import root
from tests.support.scenario import DAY_MS, HOUR_MS, Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """A conversation with ticket 1."""
    with Scenario() as running:
        running.write()
        running.settle()
        yield running


def in_order(scenario: Scenario, ticket: int = 1) -> None:
    """The ticket's comments tell the customer's messages in the order in which they were written."""
    text = "\n".join(c["plain_body"] for c in scenario.zendesk.comments(ticket))
    found = [text.index(s.mark) for s in scenario.said if s.kind == "message" and s.mark in text]
    assert found == sorted(found)


def test_a_day_without_zendesk_drains_in_order_and_each_once(scenario: Scenario) -> None:
    start = scenario.clock()
    scenario.zendesk.outage(start + DAY_MS)
    other = scenario.slack.add_channel("other")
    for hour in range(24):
        scenario.write(root(scenario), file=hour == 3)
        if hour % 8 == 0:
            scenario.write(channel=other)
        assert len(scenario.zendesk.tickets) == 1
        scenario.runtime.run_for(HOUR_MS, tick_every=5 * MINUTE_MS)
    scenario.settle(hours=6)
    in_order(scenario)
    books.check(scenario)


def test_a_day_without_slack_drains_in_order_and_each_once(scenario: Scenario) -> None:
    for _ in range(2):
        scenario.sandbox.faults.add(Fault("slack", "503", "chat.postMessage", times=10_000))
    for _ in range(6):
        scenario.answer()
        scenario.runtime.run_for(4 * HOUR_MS, tick_every=5 * MINUTE_MS)
    scenario.sandbox.faults.clear()
    scenario.settle(hours=6)
    sent = [m["text"] for m in books.slack_bot_messages(scenario)]
    assert sent == [f"answer {s.mark}" for s in scenario.said if s.kind == "reply"]
    books.check(scenario)


@pytest.mark.parametrize("seconds", [7, 90, 1800])
def test_slack_is_not_called_before_its_retry_after_is_over(scenario: Scenario, seconds: int) -> None:
    calls = Calls(scenario)
    scenario.sandbox.faults.add(Fault("slack", "429", "chat.postMessage", retry_after=seconds))
    with scenario.runtime.provider_calls():
        scenario.answer()
        scenario.run(1)
        (refused, _), *_ = [call for call in calls.at if "postMessage" in call[1]]
        scenario.runtime.run_for((seconds + 60) * 1000, tick_every=seconds * 300)
        scenario.settle()
    assert calls.between(refused, refused + seconds * 1000, "postMessage") == []
    books.check(scenario)


def test_after_many_waits_that_slack_asked_for_a_single_failure_is_tried_again_within_a_minute(
    scenario: Scenario,
) -> None:
    calls = Calls(scenario)
    scenario.sandbox.faults.add(Fault("slack", "429", "chat.postMessage", times=6, retry_after=2))
    scenario.sandbox.faults.add(Fault("slack", "503", "chat.postMessage"))
    with scenario.runtime.provider_calls():
        scenario.answer()
        scenario.run(8 * 61)
    asked = [at for at, what in calls.at if "postMessage" in what]
    assert len(asked) == 8 and asked[-1] - asked[-2] <= 61_000
    books.check(scenario)


@pytest.mark.parametrize("seconds", [7, 90, 1800])
def test_zendesk_is_not_called_at_all_before_its_retry_after_is_over(scenario: Scenario, seconds: int) -> None:
    """The account's limit holds for every conversation and for the poll."""
    calls = Calls(scenario)
    scenario.sandbox.faults.add(Fault("zendesk", "429", "PUT /api/v2/tickets/{id}", retry_after=seconds))
    with scenario.runtime.provider_calls():
        scenario.write(root(scenario))
        scenario.run(1)
        (refused, _), *_ = [call for call in calls.at if call[1].startswith("PUT")]
        scenario.write(channel=scenario.slack.add_channel("other"))
        scenario.runtime.run_for((seconds + 60) * 1000, tick_every=seconds * 300)
        scenario.settle()
    assert calls.between(refused, refused + seconds * 1000, "/zendesk/") == []
    books.check(scenario)


def test_messages_that_wait_for_a_tickets_own_limit_share_a_comment(scenario: Scenario) -> None:
    scenario.zendesk.ticket_limit = 3
    for _ in range(20):
        scenario.write(root(scenario))
        scenario.run(10)
    scenario.settle()
    assert len(scenario.zendesk.comments(1)) <= 8
    in_order(scenario)
    books.check(scenario)


@pytest.mark.parametrize("provider", ["slack", "zendesk"])
def test_an_expired_token_pauses_the_connection_and_its_work_is_kept(scenario: Scenario, provider: str) -> None:
    scenario.sandbox.faults.add(Fault(provider, "expired_token"))
    connection = scenario.slack_id if provider == "slack" else scenario.zendesk_id
    for _ in range(3):
        scenario.answer()
        scenario.write(root(scenario))
        scenario.run(100)
    (failure,) = scenario.failures()
    assert (failure["kind"], failure["connection"]) == ("connection", connection)
    assert scenario.deps.connections.state(connection)["paused"]
    lost = books.books(scenario).lost
    scenario.runtime.run_for(DAY_MS, tick_every=30 * MINUTE_MS)
    assert books.books(scenario).lost == lost != ()
    failures.retry(failure["sk"], scenario.deps)
    scenario.settle()
    in_order(scenario)
    books.check(scenario)


def test_a_paused_connection_is_not_called(scenario: Scenario) -> None:
    calls = Calls(scenario)
    scenario.deps.connections.pause(scenario.zendesk_id, "by hand")
    with scenario.runtime.provider_calls():
        scenario.write(root(scenario))
        scenario.answer()
        scenario.runtime.run_for(30 * MINUTE_MS)
        assert [call for call in calls.at if "/zendesk/" in call[1]] == []
        scenario.deps.connections.resume(scenario.zendesk_id)
        scenario.settle()
    books.check(scenario)


def test_a_ticket_closed_for_good_gets_a_follow_up_in_the_same_conversation(scenario: Scenario) -> None:
    scenario.zendesk.close_ticket(1)
    scenario.write(root(scenario))
    scenario.settle()
    assert scenario.zendesk.tickets[1]["followup_ids"] == [2]
    assert scenario.zendesk.comments(2)


def test_a_key_that_zendesk_has_forgotten_does_not_double_the_ticket() -> None:
    """The answer to the first attempt got lost, and the second one comes a day later."""
    with Scenario() as scenario:
        scenario.sandbox.faults.add(Fault("zendesk", "timeout_after", "POST /api/v2/tickets"))
        scenario.write()
        scenario.run(1)
        scenario.zendesk.outage(scenario.clock() + DAY_MS)
        scenario.runtime.run_for(DAY_MS, tick_every=10 * MINUTE_MS)
        scenario.settle(hours=6)
        assert len(scenario.zendesk.tickets) == 1
        books.check(scenario)
