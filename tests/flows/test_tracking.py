"""What becomes of an answer after it was sent: told in any order, and enough to settle a doubtful call."""

from __future__ import annotations

import itertools

import pytest

from infra.sandbox.faults import Fault
from tests.support.books import check
from tests.support.wide import ADA, PHONE, Wide


def progress(scenario: Wide) -> list[dict[str, str]]:
    return [item["progress"] for item in scenario.items() if item.get("progress")]


@pytest.mark.parametrize("order", itertools.permutations(["queued", "sent", "delivered"]))
def test_callbacks_in_any_order_tell_how_far_it_came(order: tuple[str, ...]) -> None:
    with Wide(1, salesforce=False) as scenario:
        scenario.twilio.statuses = order
        scenario.text()
        scenario.run(20)
        scenario.answer()
        scenario.run(30)
        assert progress(scenario) == [{"-": "delivered"}]
        check(scenario)


def test_an_answer_that_does_not_arrive_is_told_to_the_agent_once() -> None:
    with Wide(2, salesforce=False) as scenario:
        scenario.twilio.failing[PHONE] = 30003
        scenario.sandbox.faults.add(Fault("twilio", "duplicate", times=50))
        scenario.text()
        scenario.run(20)
        scenario.answer()
        scenario.run(60)
        told = [c for c in scenario.zendesk.comments(1) if "did NOT arrive" in c["plain_body"]]
        assert [c["public"] for c in told] == [False]
        assert progress(scenario) == [{"-": "failed"}]


@pytest.mark.parametrize(
    ("fate", "state", "words"), [("bounce", "failed", "did NOT arrive"), ("complaint", "complained", "marked as spam")]
)
def test_a_bounce_and_a_complaint_are_told_to_the_agent(fate: str, state: str, words: str) -> None:
    with Wide(3, salesforce=False) as scenario:
        scenario.ses.fates[ADA] = fate
        scenario.mail()
        scenario.run(20)
        scenario.answer()
        scenario.run(60)
        told = [c for c in scenario.zendesk.comments(1) if words in c["plain_body"]]
        assert [c["public"] for c in told] == [False]
        assert progress(scenario)[0][ADA] == state


def test_what_comes_back_after_it_was_delivered_is_told_and_stays_so() -> None:
    """A mail server may take a mail and bounce it later; a delivery that is told late takes nothing back."""
    with Wide(3, salesforce=False) as scenario:
        scenario.ses.fates[ADA] = "complaint"
        scenario.sandbox.faults.add(Fault("ses", "delay", "Complaint", delay_ms=30_000))
        scenario.mail()
        scenario.run(20)
        scenario.answer()
        scenario.run(20)
        assert progress(scenario)[0][ADA] == "delivered"
        scenario.run(40)
        for delivery in [one for one in scenario.sandbox.deliveries if one.topic == "Delivery"]:
            scenario.sandbox.redeliver(delivery.id)
        scenario.run(60)
        assert progress(scenario)[0][ADA] == "complained"


def test_a_mail_whose_answer_was_lost_is_settled_by_its_event() -> None:
    with Wide(4, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.sandbox.faults.add(Fault("ses", "timeout_after", "*"))
        scenario.answer()
        scenario.settle()
        assert len(scenario.ses.sent) == 1
        check(scenario)


def test_a_mail_of_which_nothing_is_heard_waits_for_a_person() -> None:
    with Wide(5, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.sandbox.faults.add(Fault("ses", "timeout_before", "*"))
        scenario.answer()
        scenario.settle()
        (failure,) = scenario.failures()
        assert failure["state"] == "unknown"
        told = [c for c in scenario.zendesk.comments(1) if "NOT KNOWN" in c["plain_body"]]
        assert [c["public"] for c in told] == [False]
        from chalicelib.services import failures

        with scenario.runtime.wire.acting("setup"):
            failures.retry(failure["sk"], scenario.deps)
        scenario.settle()
        assert len(scenario.ses.sent) == 1
        check(scenario)


def test_an_event_that_comes_late_settles_what_a_person_was_asked_about() -> None:
    with Wide(6, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.sandbox.faults.add(Fault("ses", "timeout_after"))
        scenario.sandbox.faults.add(Fault("ses", "delay", "*", times=9, delay_ms=3_600_000))
        scenario.answer()
        scenario.run(1200)
        assert [failure["state"] for failure in scenario.failures()] == ["unknown"]
        scenario.settle(hours=4)
        assert scenario.failures() == []
        assert len(scenario.ses.sent) == 1
        check(scenario)


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
def test_a_text_in_doubt_is_looked_up(fault: str) -> None:
    with Wide(7, salesforce=False) as scenario:
        scenario.twilio.statuses = ()
        scenario.text()
        scenario.run(20)
        scenario.sandbox.faults.add(Fault("twilio", fault, "POST *"))
        scenario.answer()
        scenario.settle()
        assert len(scenario.texted()) == 1
        check(scenario)


def test_how_far_an_answer_came_is_shown_where_it_stands() -> None:
    from chalicelib.services import read

    with Wide(8, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        scenario.answer()
        scenario.run(60)
        with scenario.runtime.wire.acting("setup"):
            shown = read.conversation(scenario.conversations()[0]["id"], scenario.deps)
        assert [delivery.progress for delivery in shown.messages[1].deliveries] == [f"{ADA}: delivered"]
