"""P1, P3, P5: lost wake-ups, lost answers, doubtful calls: each is settled by its own means, and only then repeated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.core import ledger
from chalicelib.services import failures
from connectors import registry
from connectors.slack import Slack
from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support import books
from tests.support.faults import DIES_BEFORE, Calls, Injector, Point
from tests.support.paths import conversation, root
from tests.support.scenario import DAY_MS, Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """A conversation with ticket 1."""
    with Scenario() as running:
        conversation(running)
        yield running


class UnsureSlack(Slack):
    """A Slack that can neither be asked nor told what to call a message."""

    effects = {"send": "unknown", "send_file": "unknown"}  # noqa: RUF012  as the contract declares it


def test_a_repetition_wakes_the_lanes_whose_first_wake_was_lost() -> None:
    with Scenario() as scenario:
        # The first send is the delivery's, the second one the wake-up's.
        injector = Injector(Point("sqs", "SendMessage", 2), DIES_BEFORE, scenario)
        scenario.runtime.on_call = injector.on_call
        scenario.write()
        scenario.runtime.run_for(20 * MINUTE_MS, tick_every=DAY_MS)
        assert injector.struck
        assert len(scenario.zendesk.tickets) == 1


def test_the_clock_wakes_a_lane_whose_wake_was_lost(scenario: Scenario) -> None:
    scenario.write(root(scenario))
    scenario.sandbox.deliver_due()
    assert scenario.runtime.pump()
    queue = scenario.runtime.queues["effects"]
    lost = queue.receive(10)
    assert lost
    for message in lost:
        queue.delete(message.receipt)
    scenario.settle()
    books.check(scenario)


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before", "500"])
def test_an_answer_that_got_lost_is_looked_up_before_it_is_sent_again(scenario: Scenario, kind: str) -> None:
    scenario.sandbox.faults.add(Fault("slack", kind, "chat.postMessage"))
    scenario.answer()
    scenario.settle()
    assert scenario.sandbox.requests["slack", "POST", "conversations.replies"] >= 1
    books.check(scenario)


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before", "500"])
def test_a_file_whose_sharing_got_lost_is_shared_once(scenario: Scenario, kind: str) -> None:
    scenario.sandbox.faults.add(Fault("slack", kind, "files.completeUploadExternal"))
    scenario.answer(file=True)
    scenario.settle()
    books.check(scenario)


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before", "500"])
def test_a_ticket_whose_answer_got_lost_is_made_once(kind: str) -> None:
    with Scenario() as scenario:
        scenario.sandbox.faults.add(Fault("zendesk", kind, "POST /api/v2/tickets"))
        scenario.write()
        scenario.settle()
        assert len(scenario.zendesk.tickets) == 1
        books.check(scenario)


def test_a_new_ticket_bears_its_calls_key() -> None:
    """Should the first attempt arrive after the retry has looked for it, Zendesk itself tells them to be one."""
    with Scenario() as scenario:
        scenario.sandbox.faults.add(Fault("zendesk", "timeout_before", "POST /api/v2/tickets"))
        scenario.write()
        scenario.settle()
        (made,) = [effect for effect in scenario.sandbox.ledger if effect.kind == "ticket_created"]
        assert list(scenario.zendesk.idempotent) == [made.key]


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before", "500"])
def test_a_comment_whose_answer_got_lost_is_made_once(scenario: Scenario, kind: str) -> None:
    scenario.sandbox.faults.add(Fault("zendesk", kind, "PUT /api/v2/tickets/{id}", times=2))
    scenario.write(root(scenario), file=True)
    scenario.settle()
    books.check(scenario)


def test_a_lookup_that_finds_nothing_counts_only_after_the_settle_time(scenario: Scenario) -> None:
    """The first attempt may still be on its way when it is looked for."""
    calls = Calls(scenario)
    scenario.sandbox.faults.add(Fault("slack", "timeout_before", "chat.postMessage"))
    with scenario.runtime.provider_calls():
        scenario.answer()
        scenario.runtime.run_for(2 * MINUTE_MS, tick_every=1000)
    first, second = [at for at, operation in calls.at if "postMessage" in operation]
    assert any("conversations.replies" in operation for at, operation in calls.at if at < first + 20_000)
    assert Slack.settle_seconds <= (second - first) / 1000 <= Slack.settle_seconds + 5
    books.check(scenario)


def test_a_doubt_that_nothing_settles_is_shown_to_a_person(scenario: Scenario) -> None:
    settings = scenario.slack_settings()
    unsure = (scenario.clock(), "slack", UnsureSlack(settings, scenario.slack_id))
    scenario.deps.connections._cache[scenario.slack_id] = unsure
    scenario.sandbox.faults.add(Fault("slack", "timeout_before", "chat.postMessage"))
    scenario.answer()
    scenario.runtime.run_for(2 * MINUTE_MS)
    (failure,) = scenario.failures()
    assert failure["state"] == "unknown"
    assert len(books.books(scenario).unknown) == 1
    failures.retry(failure["sk"], scenario.deps)
    scenario.settle()
    books.check(scenario)


@pytest.mark.parametrize(
    ("effect", "after_ms", "then"),
    [
        ("key", 0, "repeat"),
        ("lookup", 0, "lookup"),
        ("echo", 29_000, "wait"),
        ("echo", 30_000, "unknown"),
        ("unknown", 0, "unknown"),
        ("something new", 0, "unknown"),
    ],
)
def test_a_doubtful_call_is_settled_by_the_declared_means(effect: str, after_ms: int, then: str) -> None:
    assert ledger.may_have_been_applied(effect, {"started_at": 1000}, 30_000, 1000 + after_ms) == then


@pytest.mark.parametrize("provider", ["slack", "zendesk"])
def test_every_call_of_slack_and_zendesk_has_a_key_or_a_lookup(provider: str) -> None:
    """So that `unknown` stays 0 with these two, whatever fails."""
    effects = registry.connector(provider).effects
    assert effects
    assert set(effects.values()) <= {"key", "lookup"}


def test_a_comment_of_ours_whose_call_is_open_is_not_taken_for_somebody_elses(scenario: Scenario) -> None:
    """Its webhook comes before we know that it was made."""
    scenario.sandbox.faults.add(Fault("zendesk", "timeout_after", "PUT /api/v2/tickets/{id}"))
    scenario.write(root(scenario))
    scenario.run(1)
    assert len(scenario.zendesk.comments(1)) == 2
    assert [r for r in scenario.records() if r["connection"] == scenario.zendesk_id] == []
    scenario.settle()
    books.check(scenario)


def test_resuming_a_connection_releases_its_lanes_at_once(scenario: Scenario) -> None:
    scenario.deps.connections.pause(scenario.zendesk_id, "by hand")
    scenario.write(root(scenario))
    scenario.run()
    assert len(scenario.zendesk.comments(1)) == 1
    scenario.deps.connections.resume(scenario.zendesk_id)
    scenario.run()
    assert len(scenario.zendesk.comments(1)) == 2
