"""P1: what was acknowledged is durably queued or stored; what cannot be, is answered 503, and comes again."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest

from chalicelib.services import failures
from infra.local.runtime import MINUTE_MS
from tests.support import books
from tests.support.faults import Down, Poison
from tests.support.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with Scenario() as running:
        yield running


def statuses(scenario: Scenario) -> list[int]:
    """What we answered to each attempt at each delivery, in order."""
    return [status for delivery in scenario.sandbox.deliveries for _, status in delivery.attempts]


def test_a_queue_that_is_down_is_answered_503_and_the_retry_is_stored(scenario: Scenario) -> None:
    down = Down(scenario, "sqs", "SendMessage")
    scenario.write()
    scenario.run()
    assert statuses(scenario) == [503, 503]
    assert not scenario.records()
    down.mended = True
    scenario.settle()
    assert statuses(scenario)[:3] == [503, 503, 200]
    books.check(scenario)


@pytest.mark.parametrize("applied", [False, True])
def test_a_queue_that_did_not_answer_stores_the_message_once(scenario: Scenario, applied: bool) -> None:
    down = Down(scenario, "sqs", "SendMessage", times=1, applied=applied)
    scenario.write()
    scenario.settle()
    assert down.struck == 1
    assert statuses(scenario)[:2] == [503, 200]
    books.check(scenario)


def test_settings_that_cannot_be_read_by_a_new_process_are_503(scenario: Scenario) -> None:
    down = Down(scenario, "ssm", "GetParameter")
    scenario.write()
    scenario.run()
    assert set(statuses(scenario)) == {503}
    down.mended = True
    scenario.settle()
    books.check(scenario)


def test_settings_that_cannot_be_read_again_after_five_minutes_are_503(scenario: Scenario) -> None:
    scenario.write()
    scenario.settle()
    before = len(statuses(scenario))
    down = Down(scenario, "ssm", "GetParameter")
    scenario.clock.advance(6 * MINUTE_MS)
    scenario.write(scenario.slack.messages(scenario.channel)[0]["ts"])
    scenario.sandbox.deliver_due()
    assert set(statuses(scenario)[before:]) == {503}
    down.mended = True
    scenario.settle()
    books.check(scenario)


def test_a_rotated_secret_that_cannot_be_read_is_503_and_then_taken(scenario: Scenario) -> None:
    """The settings are known, but not that the secret was changed; they cannot be read again now."""
    ts = scenario.write()
    scenario.run()
    before = len(statuses(scenario))
    scenario.slack.signing_secret = "rotated" + scenario.slack.signing_secret
    with scenario.runtime.wire.acting("setup"):
        kept = scenario.deps.secrets.read(f"connections/{scenario.slack_id}")
        kept["settings"]["signing_secret"] = scenario.slack.signing_secret
        scenario.deps.secrets.write(f"connections/{scenario.slack_id}", kept)
    down = Down(scenario, "ssm", "GetParameter")
    scenario.write(ts)
    scenario.sandbox.deliver_due()
    assert statuses(scenario)[before:] == [503, 503]
    down.mended = True
    scenario.settle()
    assert 401 not in statuses(scenario)
    books.check(scenario)


UNREADABLE = {
    "not JSON": b"{words that nobody can parse",
    "an array": b"[1, 2]",
    "no event": b'{"type": "event_callback", "event": 7}',
    "no channel": b'{"type": "event_callback", "event": {"type": "message", "user": "U1", "text": "x", "ts": "1.1"}}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_verified_body_that_cannot_be_read_is_kept_raw_and_can_be_tried_again(
    scenario: Scenario, body: bytes
) -> None:
    scenario.sandbox.send_raw("slack", body)
    scenario.settle()
    assert statuses(scenario) == [200]
    (kept,) = scenario.failures()
    assert kept["kind"] == "delivery"
    assert zlib.decompress(kept["raw"]) == body
    failures.retry(kept["sk"], scenario.deps)
    scenario.settle()
    (again,) = scenario.failures()
    assert zlib.decompress(again["raw"]) == body


def test_a_delivery_set_aside_is_stored_once_its_cause_is_mended(scenario: Scenario) -> None:
    """The connection is removed between the acknowledgement and the inbox, and put back."""
    secrets, connections = scenario.deps.secrets, scenario.deps.connections
    scenario.write()
    scenario.sandbox.deliver_due()
    with scenario.runtime.wire.acting("setup"):
        kept = secrets.read(f"connections/{scenario.slack_id}")
        state = connections.state(scenario.slack_id)
        connections.remove(scenario.slack_id)
    scenario.restart()
    scenario.settle()
    (failure,) = scenario.failures()
    assert not scenario.records()
    with scenario.runtime.wire.acting("setup"):
        scenario.deps.secrets.write(f"connections/{scenario.slack_id}", kept)
        scenario.deps.table.put(state)
        failures.retry(failure["sk"], scenario.deps)
    scenario.settle()
    books.check(scenario)


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "ssm"])
def test_an_outage_of_aws_of_an_hour_drains_by_itself(scenario: Scenario, service: str) -> None:
    """P1: what waits in the queue meanwhile is not set aside for a person."""
    root = scenario.write()
    scenario.settle()
    scenario.write(root)
    scenario.sandbox.deliver_due()
    down = Down(scenario, service)
    scenario.runtime.run_for(60 * MINUTE_MS)
    down.mended = True
    scenario.settle(hours=6)
    assert down.struck
    books.check(scenario, service)


def test_a_message_that_kills_its_worker_is_set_aside_alone(scenario: Scenario) -> None:
    """Three deaths without an end, then it is listed; its neighbours in the batch are stored, and are not listed."""
    root = scenario.write()
    scenario.settle()
    scenario.runtime.batch = 10
    scenario.write(root)
    poison = Poison(scenario, scenario.write(root))
    scenario.write(root)
    scenario.settle(hours=6)
    assert poison.deaths == 4
    (failure,) = scenario.failures()
    assert failure["kind"] == "message"
    poison.mended = True
    failures.retry(failure["sk"], scenario.deps)
    scenario.settle()
    books.check(scenario)
