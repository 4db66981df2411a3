"""P2, P3: workers that meet at one conversation, switched at every call by a seeded choice: one record, one effect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.local import lambdas
from infra.local.scheduler import SeededScheduler
from tests.support import books
from tests.support.paths import conversation, root
from tests.support.scenario import Scenario

SEEDS = range(6)
Worker = Callable[[], object]


def worker(scenario: Scenario, function: str) -> Worker:
    """A run of a function with what its queue holds now, as after a visibility time-out: the queue keeps it."""
    queue = scenario.runtime.queues[function]
    event = lambdas.sqs_event(queue.name, tuple(queue.messages()))
    assert event["Records"]
    return lambda: scenario.runtime._invoke(function, event)


def one_each(scenario: Scenario, function: str) -> list[Worker]:
    """A worker for each message that a queue holds, once what is due has been delivered."""
    scenario.sandbox.deliver_due()
    queue = scenario.runtime.queues[function]
    events = [lambdas.sqs_event(queue.name, [message]) for message in queue.messages()]
    assert len(events) > 1
    return [lambda event=event: scenario.runtime._invoke(function, event) for event in events]  # type: ignore[misc]


def handled(scenario: Scenario, function: str) -> None:
    """Let a function handle what its queue holds, and take it off the queue."""
    queue = scenario.runtime.queues[function]
    messages = queue.receive(10)
    assert scenario.runtime._invoke(function, lambdas.sqs_event(queue.name, messages)) is None
    for message in messages:
        queue.delete(message.receipt)


def race(scenario: Scenario, number: int, *workers: Worker) -> None:
    """Let them run against each other; then let the queues deliver what they still hold."""
    scheduler = SeededScheduler(number)
    scenario.runtime.on_call = scheduler.on_call
    with scenario.runtime.provider_calls():
        scheduler.run(*workers)
    scenario.runtime.on_call = None
    scenario.settle()
    books.check(scenario, f"seed {number}")


def delivered(scenario: Scenario) -> None:
    """What people did is with us, and waits in the inbox."""
    scenario.sandbox.deliver_due()


@pytest.mark.parametrize("number", SEEDS)
def test_two_workers_on_one_lane_make_one_ticket(number: int) -> None:
    with Scenario(number) as scenario:
        scenario.write(file=True)
        delivered(scenario)
        assert scenario.runtime.pump()
        race(scenario, number, worker(scenario, "effects"), worker(scenario, "effects"))
        assert len(scenario.zendesk.tickets) == 1


@pytest.mark.parametrize("number", SEEDS)
def test_two_workers_on_one_lane_send_one_answer(number: int) -> None:
    with Scenario(number) as scenario:
        conversation(scenario)
        scenario.answer(file=True)
        delivered(scenario)
        assert scenario.runtime.pump()
        race(scenario, number, *[worker(scenario, "effects") for _ in range(3)])


@pytest.mark.parametrize("number", SEEDS)
def test_sixteen_copies_at_once_are_one_message(number: int) -> None:
    with Scenario(number) as scenario:
        scenario.write(mention=True)
        delivered(scenario)
        race(scenario, number, *[worker(scenario, "inbox") for _ in range(16)])
        assert len(scenario.records("message")) == 1
        assert len(scenario.conversations()) == 1


@pytest.mark.parametrize("number", SEEDS)
def test_inbox_and_effects_meet_in_one_conversation(number: int) -> None:
    """The ticket is being made while the customer writes on, an edit comes, and the inbox sees them twice."""
    with Scenario(number) as scenario:
        ts = scenario.write()
        delivered(scenario)
        assert scenario.runtime.pump()
        scenario.write(ts)
        scenario.edit(ts)
        delivered(scenario)
        inbox, effects = worker(scenario, "inbox"), worker(scenario, "effects")
        race(scenario, number, inbox, effects, inbox, effects)


@pytest.mark.parametrize("number", SEEDS)
def test_customer_and_agent_meet_in_one_conversation(number: int) -> None:
    """The hint of an agent's answer is followed while our own comment is being written."""
    with Scenario(number) as scenario:
        conversation(scenario)
        scenario.write(root(scenario))
        delivered(scenario)
        assert scenario.runtime.pump()
        effects = worker(scenario, "effects")
        scenario.answer()
        scenario.note()
        delivered(scenario)
        hints = worker(scenario, "inbox")
        race(scenario, number, hints, effects, hints)


@pytest.mark.parametrize("number", SEEDS)
def test_a_new_customers_first_messages_at_once_are_one_customer(number: int) -> None:
    """Two threads of one person, and a second person who writes in one of them."""
    with Scenario(number) as scenario:
        ts = scenario.write()
        scenario.write()
        scenario.write(ts, user=scenario.slack.add_user("Charles Babbage", "charles@example.com"))
        race(scenario, number, *one_each(scenario, "inbox"))
        people = [i for i in scenario.items() if i["pk"].startswith("P#")]
        assert len(people) == 2
        assert len(scenario.conversations()) == 2


@pytest.mark.parametrize("number", SEEDS)
def test_two_clocks_and_two_polls_at_once_do_no_harm(number: int) -> None:
    from infra.sandbox import Fault

    with Scenario(number) as scenario:
        conversation(scenario)
        scenario.sandbox.faults.add(Fault("zendesk", "drop", "ticket", times=2))
        scenario.answer()
        scenario.answer()
        scenario.clock.advance(120_000)
        race(scenario, number, scenario.runtime.tick, scenario.runtime.tick)
        scenario.clock.advance(60_000)
        scenario.runtime.tick()
        scenario.runtime.tick()
        race(scenario, number, worker(scenario, "inbox"), worker(scenario, "inbox"))
