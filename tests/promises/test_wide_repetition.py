"""P2, P3, P5, P7 over every channel and both CRMs: repetitions, orders and losses of webhooks change nothing."""

from __future__ import annotations

from collections import Counter

import pytest

from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support import books
from tests.support.scenario import DAY_MS, HOUR_MS
from tests.support.wide import Wide

# Only a CRM can be asked what it told nobody: what Twilio or SES never tell is not there for us.
HOOK_FAULTS = {
    "zendesk": ("duplicate", "reorder", "delay", "drop"),
    "salesforce": ("duplicate", "reorder", "delay", "drop"),
    "slack": ("duplicate", "reorder", "delay"),
    "twilio": ("duplicate", "reorder", "delay"),
    "ses": ("duplicate", "reorder", "delay"),
}
POLLS = {
    ("zendesk", "GET", "/api/v2/incremental/tickets/cursor"),
    ("salesforce", "POST", "/composite/query"),
    ("salesforce", "POST", "/services/oauth2/token"),
}


def a_day(scenario: Wide, pause: float = 5) -> None:
    """One person writes by mail, text and direct message; both desks answer, note, park and solve; they write again."""
    scenario.sandbox.salesforce.spare()
    first = scenario.mail(attachments=[("scan.png", "image/png", b"a scan")])
    scenario.run(pause)
    scenario.mail(in_reply_to=first, references=first)
    scenario.text()
    scenario.run(61)
    scenario.answer(file=True)
    scenario.answer_case()
    scenario.run(pause)
    scenario.note_case()
    scenario.note()
    scenario.text(picture=True)
    scenario.run(61)
    scenario.write(channel=scenario.slack.open_direct(scenario.customer))
    scenario.run(pause)
    scenario.solve(status="pending")
    scenario.run(pause)
    if scenario.ses.sent:
        scenario.reply_by_mail(scenario.ses.sent[0])
    scenario.run(pause)
    scenario.change_case(2, status="Closed")
    scenario.answer(2)
    scenario.run(pause)


@pytest.mark.parametrize("number", range(6))
def test_queues_and_webhooks_that_repeat_and_lose_their_order_change_nothing(number: int, seed: int) -> None:
    with Wide(seed + number, duplicates=0.3, batch=10) as scenario:
        for provider, kinds in HOOK_FAULTS.items():
            for kind in kinds:
                scenario.sandbox.faults.add(Fault(provider, kind, times=8, chance=0.4, delay_ms=45_000))
        scenario.twilio.shuffled = True
        a_day(scenario)
        scenario.settle()
        books.check(scenario, f"DESKWEAVE_SEED={seed}, number {number}")


def test_desks_that_tell_nobody_are_polled() -> None:
    """P7: no webhook of either CRM arrives; every answer, note and state is found all the same."""
    with Wide(3) as scenario:
        scenario.zendesk.webhook_url = scenario.sandbox.salesforce.webhook_url = ""
        a_day(scenario, pause=130)
        scenario.settle()
        books.check(scenario)


@pytest.mark.parametrize("later", [6 * MINUTE_MS, 25 * HOUR_MS, 8 * DAY_MS], ids=["6 minutes", "25 hours", "8 days"])
def test_everything_that_was_told_is_told_again_much_later_and_changes_nothing(later: int) -> None:
    with Wide(4) as scenario:
        a_day(scenario)
        scenario.settle()
        before, effects = books.visible(scenario), len(scenario.sandbox.ledger)
        scenario.clock.advance(later)
        scenario.runtime.expire_items()
        scenario.restart()
        for delivery in list(scenario.sandbox.deliveries):
            scenario.sandbox.redeliver(delivery.id, fresh_event_id=delivery.provider == "slack")
        scenario.settle()
        assert len(scenario.sandbox.ledger) == effects
        assert books.visible(scenario) == before
        books.check(scenario)


def test_a_hundred_minutes_without_news_make_no_call_but_the_polls() -> None:
    """P5: three channels, two CRMs, everything told; nothing is written anywhere but the polls' own places."""
    with Wide(5) as scenario:
        for provider, kinds in HOOK_FAULTS.items():
            for kind in kinds:
                scenario.sandbox.faults.add(Fault(provider, kind, times=2))
        a_day(scenario)
        scenario.settle()
        written, asked = len(scenario.sandbox.ledger), Counter(scenario.sandbox.requests)
        told, table = len(scenario.sandbox.deliveries), scenario.items()
        scenario.runtime.run_for(100 * MINUTE_MS)
        assert len(scenario.sandbox.ledger) == written
        assert set(scenario.sandbox.requests - asked) <= POLLS
        assert len(scenario.sandbox.deliveries) == told
        changed = {item["pk"] for item in scenario.items() if item not in table}
        assert changed <= {f"CURSOR#{scenario.zendesk_id}", f"CURSOR#{scenario.salesforce_id}"}
        books.check(scenario)
