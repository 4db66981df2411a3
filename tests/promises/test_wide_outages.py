"""P1, P3, P4: Twilio, SES or Salesforce away for hours; everything drains, in order, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.services import failures
from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support import books
from tests.support.scenario import HOUR_MS
from tests.support.wide import Wide
from tests.support.wide_paths import somebody_decides

HOURS = 8


@pytest.fixture
def scenario() -> Iterator[Wide]:
    """One customer who mails and one who texts, on both desks."""
    with Wide() as running:
        running.sandbox.salesforce.spare()
        running.mail()
        running.run(10)
        running.text("+442079460099")
        running.settle()
        yield running


def passes(scenario: Wide, hours: float) -> None:
    scenario.runtime.run_for(int(hours * HOUR_MS), tick_every=5 * MINUTE_MS)


def replies(scenario: Wide) -> list[str]:
    return [f"answer {said.mark}" for said in scenario.said if said.kind == "reply"]


CALLS = {"twilio": "POST *", "ses": "*"}
AWAY: dict[str, tuple[int, Callable[[Wide], list[str]]]] = {
    "twilio": (2, lambda scenario: scenario.texted()),
    "ses": (1, lambda scenario: scenario.mailed()),
}


REFUSED = [("twilio", "429"), ("twilio", "503"), ("ses", "429"), ("ses", "503")]


@pytest.mark.parametrize(("provider", "fault"), REFUSED)
def test_answers_wait_for_their_channel_and_go_out_in_order(scenario: Wide, provider: str, fault: str) -> None:
    """A refused call was surely not applied: nobody has to be asked."""
    ticket, received = AWAY[provider]
    scenario.sandbox.faults.add(Fault(provider, fault, CALLS[provider], times=10_000, retry_after=600))
    for _ in range(4):
        scenario.answer(ticket)
        passes(scenario, HOURS / 4)
        assert received(scenario) == []
    scenario.sandbox.faults.clear()
    scenario.settle(hours=6)
    assert received(scenario) == replies(scenario)
    books.check(scenario)


def test_mails_that_ses_may_have_taken_are_asked_about_and_then_go_out_in_order(scenario: Wide) -> None:
    """Only SES's own event could tell: nothing is sent twice, and what is behind the doubtful one waits for it."""
    scenario.sandbox.faults.add(Fault("ses", "500", "*", times=10_000))
    for _ in range(4):
        scenario.answer()
        passes(scenario, HOURS / 4)
    scenario.sandbox.faults.clear()
    scenario.settle(hours=6)
    assert scenario.mailed() == []
    assert [failure["state"] for failure in scenario.failures()] == ["unknown"]
    assert somebody_decides(scenario) == 1
    assert scenario.mailed() == replies(scenario)
    books.check(scenario)


def test_the_other_channel_and_the_desks_go_on_meanwhile(scenario: Wide) -> None:
    scenario.sandbox.faults.add(Fault("twilio", "503", "POST *", times=10_000))
    scenario.answer(2)
    scenario.answer(1)
    scenario.run(60)
    assert len(scenario.mailed()) == 1
    assert not scenario.texted()
    scenario.text("+442079460099")
    scenario.run(60)
    assert books.books(scenario).lost == (scenario.said[2].mark,)
    scenario.sandbox.faults.clear()
    scenario.settle(hours=6)
    books.check(scenario)


def test_hours_without_salesforce_drain_in_order_and_each_once(scenario: Wide) -> None:
    scenario.sandbox.salesforce.outage(scenario.clock() + HOURS * HOUR_MS)
    for hour in range(HOURS):
        scenario.reply_by_mail(scenario.ses.sent[-1]) if scenario.ses.sent else scenario.text("+442079460099")
        scenario.answer(1 + hour % 2)
        if hour % 3 == 0:
            scenario.note()
        passes(scenario, 1)
    assert len(scenario.mailed()) == HOURS / 2
    scenario.settle(hours=8)
    for case in scenario.sandbox.salesforce.cases:
        text = "\n".join(comment["text"] for comment in scenario.sandbox.salesforce.comments(case))
        found = [text.index(said.mark) for said in scenario.said if said.kind == "message" and said.mark in text]
        assert found == sorted(found)
    books.check(scenario)


@pytest.mark.parametrize("provider", ["twilio", "ses", "salesforce"])
def test_refused_credentials_pause_the_connection_and_its_work_is_kept(scenario: Wide, provider: str) -> None:
    ids = {"twilio": scenario.sms_id, "ses": scenario.ses_id, "salesforce": scenario.salesforce_id}
    scenario.sandbox.faults.add(Fault(provider, "expired_token", times=3))
    for ticket in (1, 2):
        scenario.answer(ticket)
        scenario.run(100)
    (failure,) = scenario.failures()
    assert (failure["kind"], failure["connection"]) == ("connection", ids[provider])
    scenario.text("+442079460099")
    passes(scenario, 24)
    assert books.books(scenario).lost
    scenario.sandbox.faults.clear()
    with scenario.runtime.wire.acting("setup"):
        failures.retry(failure["sk"], scenario.deps)
    scenario.settle(hours=6)
    books.check(scenario)


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_refused_credentials_are_told_whichever_write_fails(scenario: Wide, operation: str, applied: bool) -> None:
    """Nobody looks for what a paused connection holds unless they are told of it."""
    scenario.sandbox.faults.add(Fault("twilio", "expired_token", times=20))
    struck = Armed(scenario, "/twilio/", operation, applied)
    with scenario.runtime.provider_calls():
        scenario.answer(2)
        scenario.settle()
    scenario.runtime.on_call = None
    assert struck.done
    assert scenario.deps.connections.state(scenario.sms_id)["paused"]
    assert [(f["kind"], f["connection"]) for f in scenario.failures()] == [("connection", scenario.sms_id)]


class Armed:
    """The first call of an operation after a provider was called fails, before or after it was applied."""

    def __init__(self, scenario: Wide, provider: str, operation: str, applied: bool) -> None:
        self.done = self._called = False
        self._provider, self._operation, self._phase = provider, operation, "after" if applied else "before"
        scenario.runtime.on_call = self.on_call

    def on_call(self, service: str, operation: str, phase: str) -> None:
        self._called = self._called or (service == "http" and self._provider in operation)
        if self._called and not self.done and (operation, phase) == (self._operation, self._phase):
            self.done = True
            raise ReadTimeoutError(endpoint_url="made to fail")


def test_a_mail_that_is_told_of_before_it_can_be_read_comes_again(scenario: Wide) -> None:
    """P1: SES may tell of a mail before the bucket gives it."""
    kept: dict[str, bytes] = {}
    put = scenario.ses._put
    scenario.ses.attach(scenario.ses.bucket, scenario.ses.topic, kept.__setitem__, scenario.runtime.publish)
    scenario.mail()
    scenario.run(60)
    assert books.books(scenario).lost
    assert not scenario.failures()
    for key, raw in kept.items():
        put(key, raw)
    scenario.settle()
    books.check(scenario)


def test_a_mail_that_never_comes_into_the_bucket_is_shown_and_can_be_read_later(scenario: Wide) -> None:
    kept: dict[str, bytes] = {}
    put = scenario.ses._put
    scenario.ses.attach(scenario.ses.bucket, scenario.ses.topic, kept.__setitem__, scenario.runtime.publish)
    scenario.mail()
    passes(scenario, 2)
    (failure,) = scenario.failures()
    for key, raw in kept.items():
        put(key, raw)
    with scenario.runtime.wire.acting("setup"):
        failures.retry(failure["sk"], scenario.deps)
    scenario.settle()
    books.check(scenario)


UNREADABLE = ["no JSON", "[]", '{"notificationType": "Received"}', '{"eventType": "Send", "mail": {"messageId": "x"}}']


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_the_mail_function_cannot_read_is_set_aside_and_the_next_mail_arrives(scenario: Wide, body: str) -> None:
    """P8, P4: nothing else in the batch waits for it."""
    scenario.runtime.publish(body)
    scenario.mail()
    scenario.settle()
    (failure,) = scenario.failures()
    assert failure["kind"] == "message"
    assert books.books(scenario).wrong().keys() == {"failures"}
