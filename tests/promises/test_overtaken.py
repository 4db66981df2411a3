"""P2, P3, P5, P7: a worker is overtaken in the middle of its work, at the very call where it hurts most."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infra.sandbox import Fault
from tests.promises.test_races import Worker, handled, one_each, worker
from tests.support import books
from tests.support.faults import Meanwhile
from tests.support.paths import conversation, root
from tests.support.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """A conversation with ticket 1."""
    with Scenario() as running:
        conversation(running)
        yield running


def _new_thread(scenario: Scenario) -> None:
    scenario.write()


def _two_of_a_new_thread(scenario: Scenario) -> None:
    scenario.write(scenario.write())


def _two_threads_of_a_new_customer(scenario: Scenario) -> None:
    stranger = scenario.slack.add_user("Charles Babbage", "charles@example.com")
    scenario.write(user=stranger)
    scenario.write(user=stranger)


def _two_replies(scenario: Scenario) -> None:
    scenario.write(root(scenario))
    scenario.write(root(scenario))


def _reply_and_status(scenario: Scenario) -> None:
    scenario.write(root(scenario))
    scenario.solve(status="pending")


def _reply_and_answer(scenario: Scenario) -> None:
    scenario.write(root(scenario))
    scenario.answer()


def _reply_and_command(scenario: Scenario) -> None:
    scenario.write(root(scenario))
    scenario.command(status="pending", priority="high")


def _command_and_status(scenario: Scenario) -> None:
    scenario.command(status="on_hold")
    scenario.solve(status="pending")


def _edit_and_reply(scenario: Scenario) -> None:
    scenario.edit(root(scenario))
    scenario.write(root(scenario))


def _answer_and_edit(scenario: Scenario) -> None:
    scenario.answer(file=True)
    scenario.edit(root(scenario))


PAIRS: tuple[Callable[[Scenario], None], ...] = (
    _two_of_a_new_thread,
    _two_threads_of_a_new_customer,
    _two_replies,
    _reply_and_status,
    _reply_and_answer,
    _reply_and_command,
    _command_and_status,
    _edit_and_reply,
    _answer_and_edit,
)
OPENED = {"_two_of_a_new_thread": 1, "_two_threads_of_a_new_customer": 2}


@pytest.mark.parametrize("reverse", [False, True], ids=["in order", "reversed"])
@pytest.mark.parametrize("ordinal", [1, 2])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.__name__.strip("_").replace("_", " "))
def test_a_worker_overtaken_at_its_write_reads_again(
    scenario: Scenario, pair: Callable[[Scenario], None], ordinal: int, reverse: bool
) -> None:
    """Between its reading and its writing another worker does all of its own work on the same conversation."""
    known = len(scenario.conversations())
    pair(scenario)
    workers = one_each(scenario, "inbox")
    first, *others = workers[::-1] if reverse else workers
    Meanwhile(scenario, "TransactWriteItems", lambda: [other() for other in others], ordinal=ordinal)
    first()
    scenario.runtime.on_call = None
    scenario.settle()
    books.check(scenario)
    assert len(scenario.conversations()) == known + OPENED.get(pair.__name__, 0)
    people = 1 + (pair is _two_threads_of_a_new_customer)
    assert len([item for item in scenario.items() if item["pk"].startswith("P#")]) == people


def _effects(scenario: Scenario) -> Worker:
    """Bring what people did as far as the lanes, and take up the wake-up."""
    scenario.sandbox.deliver_due()
    assert scenario.runtime.pump()
    return worker(scenario, "effects")


@pytest.mark.parametrize("seconds", [1, 40, 100])
@pytest.mark.parametrize("call", ["POST /slack/api/chat.postMessage", "files.completeUploadExternal"])
def test_nobody_acts_before_the_slow_worker_must_be_dead(scenario: Scenario, call: str, seconds: int) -> None:
    """One worker hangs before it sends, longer than a lookup's settle time, and another one comes along."""
    scenario.answer(file=True)
    effects = _effects(scenario)

    def other() -> None:
        scenario.clock.advance(seconds * 1000)
        effects()

    meanwhile = Meanwhile(scenario, call, other)
    with scenario.runtime.provider_calls():
        effects()
    scenario.runtime.on_call = None
    assert meanwhile.done
    scenario.settle()
    books.check(scenario)


def test_a_hint_that_waits_for_our_own_call_is_read_as_soon_as_the_call_is_done(scenario: Scenario) -> None:
    """An agent answers while our comment is on its way; nobody has to wait for the clock."""
    scenario.write(root(scenario))
    effects = _effects(scenario)

    def agent() -> None:
        scenario.answer()
        scenario.sandbox.deliver_due()
        handled(scenario, "inbox")
        # The webhook of our own comment would bring the answer too.
        scenario.sandbox.faults.add(Fault("zendesk", "drop", "ticket", times=100))

    meanwhile = Meanwhile(scenario, "PUT /zendesk/api/v2/tickets", agent)
    with scenario.runtime.provider_calls():
        effects()
    scenario.runtime.on_call = None
    assert meanwhile.done
    scenario.run(2)
    assert not books.books(scenario).lost
    scenario.settle()
    books.check(scenario)


def test_our_answer_that_comes_back_before_we_noted_it_is_no_customers_message(scenario: Scenario) -> None:
    scenario.answer(file=True)
    effects = _effects(scenario)

    def echo() -> None:
        scenario.sandbox.deliver_due()
        worker(scenario, "inbox")()

    meanwhile = Meanwhile(scenario, "chat.postMessage", echo, phase="after")
    with scenario.runtime.provider_calls():
        effects()
    scenario.runtime.on_call = None
    assert meanwhile.done
    assert [r["text"] for r in scenario.records("message") if r["direction"] == "in"] == ["words m1x"]
    scenario.settle()
    books.check(scenario)


def test_another_apps_message_is_not_a_customers(scenario: Scenario) -> None:
    """Bots do not open tickets: two of them would talk to each other for ever."""
    from infra.sandbox import slack_api

    message = slack_api.bot_message(scenario.slack, "beep") | {
        "bot_id": "B0OTHER",
        "app_id": "A0OTHER",
        "user": "U0OTHER",
    }
    scenario.slack.store(scenario.channel, message, root(scenario), ())
    scenario.settle()
    assert "beep" not in str(books.ticket_comments(scenario))
