"""SMS through the whole of Deskweave: gateway, queues, table and lanes, with a desk on the other side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.shared.twilio import text
from infra.sandbox import Fault
from tests.connectors.sms.support import CUSTOMER
from tests.support.scenario import Scenario

LONG = "It comes tomorrow. " * 180


@pytest.fixture
def scenario(seed: int) -> Iterator[Scenario]:
    with Scenario(seed) as running:
        twilio = running.sandbox.twilio
        settings = {
            "account_sid": twilio.account_sid,
            "auth_token": twilio.auth_token,
            "from": twilio.number,
            "api_url": twilio.api_url,
        }
        with running.runtime.wire.acting("setup"):
            connection = running.deps.connections.add("sms", settings)
            twilio.webhook_url = running.deps.connections.webhook_url("sms", connection)
        running.restart()
        yield running


def answer(scenario: Scenario, words: str) -> list[str]:
    """A customer texts, an agent answers in the ticket; what the customer's phone got."""
    scenario.sandbox.twilio.text(CUSTOMER, "My parcel is late")
    scenario.settle()
    (ticket,) = scenario.zendesk.tickets
    scenario.zendesk.agent_comment(scenario.agent, ticket, words)
    scenario.settle()
    return [one.text for one in scenario.sandbox.twilio.sent]


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "503", "429"])
@pytest.mark.parametrize("words", ["It comes tomorrow.", LONG.strip()], ids=["short", "long"])
@pytest.mark.parametrize("callbacks", [True, False], ids=["callbacks", "no callbacks"])
def test_an_answer_reaches_the_phone_once(scenario: Scenario, kind: str, words: str, callbacks: bool) -> None:
    scenario.sandbox.faults.add(Fault("twilio", kind, "POST Messages", times=2))
    if not callbacks:
        scenario.sandbox.faults.add(Fault("twilio", "drop", "status:*", times=1000))
    assert answer(scenario, words) == text.parts(words)


def test_a_message_whose_webhook_was_tried_three_times_is_one_comment(scenario: Scenario) -> None:
    scenario.sandbox.faults.add(Fault("twilio", "lost_answer", "message", times=2))
    assert answer(scenario, "Hello") == ["Hello"]
    comments = [one["plain_body"] for one in scenario.zendesk.comments(next(iter(scenario.zendesk.tickets)))]
    assert [each for each in comments if "parcel" in each] == ["My parcel is late"]


def test_an_answer_to_who_opted_out_is_held_and_says_why(scenario: Scenario) -> None:
    scenario.sandbox.twilio.text(CUSTOMER, "Stop")
    scenario.settle()
    (ticket,) = scenario.zendesk.tickets
    scenario.zendesk.agent_comment(scenario.agent, ticket, "Sorry to see you go")
    scenario.settle()
    assert scenario.sandbox.twilio.sent == []
    told = [one["plain_body"] for one in scenario.zendesk.comments(ticket) if not one["public"]]
    assert any("opted out" in each for each in told)
