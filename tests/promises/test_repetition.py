"""P2, P3: a repetition, whenever and however it comes, changes nothing."""

from __future__ import annotations

import pytest

from infra.local.runtime import MINUTE_MS
from tests.support import books
from tests.support.paths import inbound, outbound, root
from tests.support.scenario import DAY_MS, HOUR_MS, Scenario

LATER = {"6 minutes": 6 * MINUTE_MS, "25 hours": 25 * HOUR_MS, "8 days": 8 * DAY_MS}


@pytest.mark.parametrize("fresh", [False, True], ids=["same event id", "fresh event id"])
@pytest.mark.parametrize("later", LATER)
def test_a_webhook_that_comes_again_much_later_changes_nothing(later: str, fresh: bool) -> None:
    with Scenario() as scenario:
        inbound(scenario)
        outbound(scenario)
        scenario.settle()
        before, effects = books.visible(scenario), len(scenario.sandbox.ledger)
        scenario.clock.advance(LATER[later])
        scenario.runtime.expire_items()
        scenario.restart()
        for delivery in list(scenario.sandbox.deliveries):
            scenario.sandbox.redeliver(delivery.id, fresh_event_id=fresh and delivery.provider == "slack")
        scenario.settle()
        assert len(scenario.sandbox.ledger) == effects
        assert books.visible(scenario) == before
        books.check(scenario, later)


def test_a_mention_and_its_message_are_one_message() -> None:
    with Scenario() as scenario:
        scenario.write(mention=True)
        scenario.settle()
        assert len(scenario.sandbox.deliveries) >= 2
        assert len(scenario.records("message")) == 1
        books.check(scenario)


@pytest.mark.parametrize("number", range(4))
def test_queues_that_deliver_more_than_once_change_nothing(number: int, seed: int) -> None:
    with Scenario(seed + number, duplicates=0.3, batch=10) as scenario:
        inbound(scenario)
        outbound(scenario)
        scenario.solve()
        scenario.run()
        scenario.write(root(scenario))
        scenario.settle()
        books.check(scenario, f"seed {seed + number}")


def test_a_provider_that_does_not_hear_our_answer_changes_nothing() -> None:
    from infra.sandbox import Fault

    with Scenario() as scenario:
        scenario.sandbox.faults.add(Fault("slack", "lost_answer", times=100))
        scenario.sandbox.faults.add(Fault("zendesk", "lost_answer", times=100))
        inbound(scenario)
        outbound(scenario)
        scenario.settle()
        assert sum(delivery.kind == "retry-copy" for delivery in scenario.sandbox.deliveries) > 10
        books.check(scenario)
