"""P5: with nothing new from people the system falls silent: no writes, no echoes, no mail storms."""

from __future__ import annotations

from collections import Counter

import pytest

from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support import books
from tests.support.paths import inbound, outbound, root
from tests.support.scenario import Scenario

POLL = ("zendesk", "GET", "/api/v2/incremental/tickets/cursor")


def _day(scenario: Scenario) -> None:
    inbound(scenario)
    outbound(scenario)
    scenario.solve()
    scenario.run()
    scenario.write(root(scenario))
    scenario.run()
    scenario.command(status="solved")
    scenario.settle()


@pytest.mark.parametrize("faults", [(), ("duplicate", "reorder"), ("drop",)], ids=["calm", "duplicated", "dropped"])
def test_a_hundred_minutes_without_news_make_no_call_but_the_poll(faults: tuple[str, ...]) -> None:
    with Scenario() as scenario:
        for kind in faults:
            scenario.sandbox.faults.add(Fault("zendesk", kind, times=6))
        _day(scenario)
        written, asked = len(scenario.sandbox.ledger), Counter(scenario.sandbox.requests)
        delivered, table = len(scenario.sandbox.deliveries), scenario.items()
        scenario.runtime.run_for(100 * MINUTE_MS)
        assert len(scenario.sandbox.ledger) == written
        assert scenario.sandbox.requests - asked == Counter({POLL: 100})
        assert len(scenario.sandbox.deliveries) == delivered
        changed = [item["pk"] for item in scenario.items() if item not in table]
        assert changed == [f"CURSOR#{scenario.zendesk_id}"]
        books.check(scenario)


def test_what_we_write_ourselves_does_not_come_back_as_news() -> None:
    with Scenario() as scenario:
        _day(scenario)
        ours = {e.detail["comment"] for e in scenario.sandbox.ledger if e.kind == "comment" and e.key}
        assert ours
        stored = {r["pk"].rsplit("#", 1)[1] for r in scenario.records()}
        assert not stored & {str(comment) for comment in ours}
        books.check(scenario)


def test_a_person_who_repeats_the_agents_words_is_not_taken_for_an_echo() -> None:
    with Scenario() as scenario:
        ts = scenario.write()
        scenario.settle()
        scenario.zendesk.agent_comment(scenario.agent, 1, "the very same words")
        scenario.settle()
        scenario.slack.post(scenario.customer, scenario.channel, "the very same words", ts)
        scenario.settle()
        said = [c["plain_body"] for c in scenario.zendesk.comments(1)]
        assert said.count("the very same words") == 2


def test_a_crm_that_spares_our_tickets_mails_nobody() -> None:
    with Scenario() as scenario:
        _day(scenario)
        assert scenario.zendesk.mails == []
        assert scenario.zendesk.verification_mails == []


@pytest.mark.parametrize("hours", [1, 24])
def test_a_customer_who_writes_once_costs_one_write_per_message(hours: int) -> None:
    """P3, P5: one ticket, one user, one comment a message; nothing is added as time goes by."""
    with Scenario() as scenario:
        ts = scenario.write()
        scenario.settle()
        for _ in range(3):
            scenario.write(ts)
            scenario.settle()
        scenario.runtime.run_for(hours * 60 * MINUTE_MS, tick_every=10 * MINUTE_MS)
        kinds = Counter(effect.kind for effect in scenario.sandbox.ledger)
        assert kinds == Counter(user=1, ticket_created=1, comment=4)
