"""The four paths on which calls are made to fail: inbound, outbound, status, and poll.

The minute clock ticks in the last one only: what it does is the same in all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra.sandbox import Fault
from tests.support.scenario import Scenario


@dataclass(frozen=True)
class Path:
    """What is there before, what is played while calls fail, and the statuses that both sides may end with.

    A message that is handled late, after its conversation was solved from our side, opens it again. `make` makes the
    scenario; `person` resolves what nobody but a person can know, and tells how often.
    """

    name: str
    before: Callable[[Scenario], None]
    play: Callable[[Scenario], None]
    ends: tuple[str, ...]
    make: Callable[[], Scenario] = Scenario
    person: Callable[[Scenario], int] = lambda scenario: 0


def nothing(scenario: Scenario) -> None:
    """A fresh installation: no message yet."""


def conversation(scenario: Scenario) -> None:
    """A conversation with its ticket, known to both sides."""
    scenario.write()
    scenario.run(61)


def root(scenario: Scenario) -> str:
    """The ts of the channel's first message."""
    return str(scenario.slack.messages(scenario.channel)[0]["ts"])


def opening(scenario: Scenario) -> None:
    """A message opens a conversation, told twice since it mentions the app; then a follow-up in its thread."""
    ts = scenario.write(mention=True)
    scenario.run()
    scenario.write(ts)
    scenario.run()


def going_on(scenario: Scenario) -> None:
    """A message with a file in the thread, and an edit."""
    scenario.write(root(scenario), file=True)
    scenario.run()
    scenario.edit(root(scenario))
    scenario.run()


def inbound(scenario: Scenario) -> None:
    """All that a customer does."""
    opening(scenario)
    going_on(scenario)


def outbound(scenario: Scenario) -> None:
    """An agent answers with a file, and writes a note that stays inside."""
    scenario.answer(file=True)
    scenario.run()
    scenario.note()
    scenario.run()


def status(scenario: Scenario) -> None:
    """Solved in Zendesk; the customer writes again; solved from our own side."""
    scenario.solve()
    scenario.run()
    scenario.write(root(scenario))
    scenario.run()
    scenario.command(status="solved")
    scenario.run()


def poll(scenario: Scenario) -> None:
    """An agent's answer whose webhook gets lost comes by the poll."""
    scenario.sandbox.faults.add(Fault("zendesk", "drop", "ticket", times=1))
    scenario.answer()
    scenario.run(121)


PATHS = {
    path.name: path
    for path in (
        Path("inbound, opening", nothing, opening, ("new",)),
        Path("inbound, going on", conversation, going_on, ("new",)),
        Path("outbound", conversation, outbound, ("new",)),
        Path("status", conversation, status, ("solved", "open")),
        Path("poll", conversation, poll, ("new",)),
    )
}
