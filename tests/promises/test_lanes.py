"""P4: within a lane things happen in order; a failed entry holds its own lane, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.services import failures
from infra.sandbox import Fault
from tests.support import books
from tests.support.scenario import Scenario

TOO_LONG = "x" * 40_001


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """Two conversations, in channels of their own, with tickets 1 and 2."""
    with Scenario() as running:
        running.write()
        running.run()
        running.write(channel=running.slack.add_channel("other"))
        running.settle()
        yield running


def texts(scenario: Scenario) -> list[str]:
    return [m["text"] for m in books.slack_bot_messages(scenario)]


def test_a_refused_answer_holds_its_own_lane_and_no_other(scenario: Scenario) -> None:
    scenario.zendesk.agent_comment(scenario.agent, 1, TOO_LONG)
    scenario.run()
    scenario.answer(1)
    scenario.answer(2)
    scenario.write(scenario.slack.messages(scenario.channel)[0]["ts"])
    scenario.settle()
    assert texts(scenario) == [f"answer {scenario.said[-2].mark}"]
    assert books.books(scenario).lost == (scenario.said[-3].mark,)
    (failure,) = scenario.failures()
    assert (failure["kind"], failure["state"]) == ("lane", "failed")
    assert "40001" in failure["reason"]


def test_the_agent_is_told_on_the_ticket_why_an_answer_did_not_go_out(scenario: Scenario) -> None:
    scenario.zendesk.agent_comment(scenario.agent, 1, TOO_LONG)
    scenario.settle()
    last = scenario.zendesk.comments(1)[-1]
    assert not last["public"]
    assert "NOT delivered" in last["plain_body"]


def test_a_skipped_entry_lets_the_next_ones_go_in_their_order(scenario: Scenario) -> None:
    scenario.zendesk.agent_comment(scenario.agent, 1, TOO_LONG)
    scenario.run()
    for _ in range(3):
        scenario.answer(1)
        scenario.run()
    scenario.settle()
    failures.skip(scenario.failures()[0]["sk"], scenario.deps)
    scenario.settle()
    assert texts(scenario) == [f"answer {said.mark}" for said in scenario.said if said.kind == "reply"]
    books.check(scenario)


def test_a_retried_entry_goes_first_and_the_others_keep_their_order(scenario: Scenario) -> None:
    gone = scenario.slack.channels.pop(scenario.channel)
    for _ in range(3):
        scenario.answer(1)
        scenario.run()
    scenario.settle()
    assert texts(scenario) == []
    assert len(scenario.failures()) == 1
    scenario.slack.channels[scenario.channel] = gone
    failures.retry(scenario.failures()[0]["sk"], scenario.deps)
    scenario.settle()
    assert texts(scenario) == [f"answer {said.mark}" for said in scenario.said if said.kind == "reply"]
    books.check(scenario)


def test_a_retry_of_what_still_fails_is_listed_again(scenario: Scenario) -> None:
    scenario.zendesk.agent_comment(scenario.agent, 1, TOO_LONG)
    scenario.settle()
    (first,) = scenario.failures()
    failures.retry(first["sk"], scenario.deps)
    scenario.settle()
    (second,) = scenario.failures()
    assert second["sk"] != first["sk"]


def test_joined_messages_that_fail_are_retried_or_skipped_together(scenario: Scenario) -> None:
    """Three waiting messages share one comment; the ticket is gone; whoever skips, skips the three."""
    scenario.sandbox.faults.add(Fault("zendesk", "429", "PUT /api/v2/tickets/{id}", retry_after=60))
    root = scenario.slack.messages(scenario.channel)[0]["ts"]
    for _ in range(4):
        scenario.write(root)
        scenario.run(1)
    ticket = scenario.zendesk.tickets.pop(1)
    scenario.settle()
    (failure,) = scenario.failures()
    assert failure["last"] - failure["first"] >= 2
    scenario.zendesk.tickets[1] = ticket
    failures.skip(failure["sk"], scenario.deps)
    scenario.settle()
    assert not scenario.failures()
    assert len(books.books(scenario).lost) == failure["last"] - failure["first"] + 1


def test_a_held_lane_of_the_ticket_does_not_keep_answers_from_the_customer(scenario: Scenario) -> None:
    scenario.command(team="A team that Zendesk does not have")
    scenario.settle()
    assert [f["state"] for f in scenario.failures()] == ["failed"]
    scenario.write(scenario.slack.messages(scenario.channel)[0]["ts"])
    scenario.answer(1)
    scenario.settle()
    assert books.books(scenario).lost == (scenario.said[-2].mark,)
    failures.skip(scenario.failures()[0]["sk"], scenario.deps)
    scenario.settle()
    assert not books.books(scenario).lost


def test_answers_reach_the_customer_in_the_order_of_the_comments(scenario: Scenario) -> None:
    """Also where the webhooks of the first ones come last."""
    scenario.sandbox.faults.add(Fault("zendesk", "delay", "ticket", times=2, delay_ms=90_000))
    for _ in range(4):
        scenario.answer(1)
    scenario.settle()
    assert texts(scenario) == [f"answer {said.mark}" for said in scenario.said if said.kind == "reply"]


def test_messages_reach_the_ticket_in_the_order_of_the_channel(scenario: Scenario) -> None:
    root = scenario.slack.messages(scenario.channel)[0]["ts"]
    scenario.sandbox.faults.add(Fault("zendesk", "503", "PUT /api/v2/tickets/{id}", times=2))
    for _ in range(5):
        scenario.write(root)
        scenario.run(1)
    scenario.settle()
    text = "\n".join(c["plain_body"] for c in scenario.zendesk.comments(1))
    places = [text.index(said.mark) for said in scenario.said if said.kind == "message" and said.mark in text]
    assert len(places) == 6
    assert places == sorted(places)
    books.check(scenario)


def test_waiting_messages_of_two_people_are_two_comments(scenario: Scenario) -> None:
    """What waits is joined, but never across authors: each comment bears its own author's name."""
    other = scenario.slack.add_user("Charles Babbage", "charles@example.com")
    root = scenario.slack.messages(scenario.channel)[0]["ts"]
    scenario.sandbox.faults.add(Fault("zendesk", "429", "PUT /api/v2/tickets/{id}", retry_after=60))
    for user in (scenario.customer, scenario.customer, scenario.customer, other, other):
        scenario.write(root, user=user)
        scenario.run(1)
    scenario.settle()
    names = {number: user["name"] for number, user in scenario.zendesk.users.items()}
    authors = [names[c["author_id"]] for c in scenario.zendesk.comments(1)]
    assert authors == ["Ada Lovelace", "Ada Lovelace", "Charles Babbage"]
    books.check(scenario)
