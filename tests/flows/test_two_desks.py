"""Two CRMs on one conversation: what is done in one shows in the other, and reaches the customer once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.sandbox.faults import Fault
from tests.support.books import check
from tests.support.wide import Wide


def opened(scenario: Wide) -> None:
    """A customer writes by mail; both desks have it."""
    scenario.sandbox.salesforce.spare()
    scenario.mail()
    scenario.run(30)


WROTE: dict[str, Callable[[Wide], object]] = {
    "Zendesk": lambda scenario: scenario.answer(),
    "Salesforce": lambda scenario: scenario.answer_case(),
}


@pytest.mark.parametrize("where", WROTE)
def test_an_answer_in_one_desk_appears_in_the_other_and_goes_out_once(where: str) -> None:
    with Wide(1) as scenario:
        opened(scenario)
        WROTE[where](scenario)
        scenario.settle()
        assert len(scenario.mailed()) == 1
        check(scenario)


NOTED: dict[str, Callable[[Wide], object]] = {
    "Zendesk": lambda scenario: scenario.note(),
    "Salesforce": lambda scenario: scenario.note_case(),
}


@pytest.mark.parametrize("where", NOTED)
def test_a_note_in_one_desk_is_a_note_in_the_other(where: str) -> None:
    with Wide(2) as scenario:
        opened(scenario)
        NOTED[where](scenario)
        scenario.settle()
        assert not scenario.mailed()
        check(scenario)


SOLVED: dict[str, Callable[[Wide], object]] = {
    "Zendesk": lambda scenario: scenario.solve(),
    "Salesforce": lambda scenario: scenario.change_case(status="Closed"),
}


@pytest.mark.parametrize("where", SOLVED)
def test_solved_in_one_is_solved_in_the_other(where: str) -> None:
    with Wide(3) as scenario:
        opened(scenario)
        SOLVED[where](scenario)
        scenario.settle()
        assert [one["status"] for one in scenario.conversations()] == ["solved"]
        assert [list(desk.statuses().values()) for desk in scenario.desks()] == [["solved"], ["solved"]]
        check(scenario)


@pytest.mark.parametrize("status", ["pending", "hold", "open"])
def test_a_status_that_one_desk_lacks_stays_what_it_is_in_the_other(status: str) -> None:
    """Salesforce has no word for pending; that it says On Hold instead is no news."""
    with Wide(4) as scenario:
        opened(scenario)
        scenario.solve(status=status)
        scenario.settle()
        assert scenario.zendesk.tickets[1]["status"] == status
        scenario.change_case(status="Closed")
        scenario.settle()
        assert scenario.zendesk.tickets[1]["status"] == "solved"
        check(scenario)


def test_both_desks_answer_and_the_customer_goes_on() -> None:
    with Wide(5) as scenario:
        opened(scenario)
        scenario.answer()
        scenario.answer_case()
        scenario.settle()
        scenario.reply_by_mail(scenario.ses.sent[-1])
        scenario.settle()
        scenario.answer_case(status="Closed")
        scenario.settle()
        scenario.reply_by_mail(scenario.ses.sent[-1])
        scenario.settle()
        assert [one["status"] for one in scenario.conversations()] == ["open"]
        check(scenario)


def test_two_desks_fall_silent() -> None:
    """Once everything is told, an hour of polls and hints writes nothing anywhere."""
    with Wide(6) as scenario:
        opened(scenario)
        scenario.answer()
        scenario.note_case()
        scenario.change_case(status="Working")
        scenario.settle()
        before = len(scenario.sandbox.ledger)
        scenario.run(3600)
        assert scenario.sandbox.ledger[before:] == []


def test_a_message_that_meets_a_case_just_solved_opens_it_in_both_desks() -> None:
    """The customer writes before we have read that an agent solved the case."""
    with Wide(7) as scenario:
        opened(scenario)
        scenario.sandbox.faults.add(Fault("salesforce", "drop", "*", times=9))
        scenario.change_case(status="Closed")
        scenario.mail(in_reply_to=scenario.records("message")[0]["pk"].rpartition("#")[2])
        scenario.settle()
        assert [one["status"] for one in scenario.conversations()] == ["open"]
        assert [list(desk.statuses().values()) for desk in scenario.desks()] == [["open"], ["open"]]
        check(scenario)
