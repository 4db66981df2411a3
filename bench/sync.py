"""How many calls a CRM sees: writes per message and per change, none for our own echo, reads per hint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.desks import Desk, desk
from bench.stage import Stage, stage

ZENDESK, SALESFORCE = "zendesk", "salesforce"
BOTH = (ZENDESK, SALESFORCE)


@dataclass(frozen=True)
class Crm:
    """A CRM's own count of our calls.

    writes_per_message   a message that joins a conversation, one at a time
    writes_waiting       the comments made of ten messages that waited for the CRM together
    writes_per_reopening a message that reopens: its status shares the comment
    writes_per_status    a status that we change
    writes_per_echo      our own comment coming back as a webhook
    writes_per_agent_status   an agent's change of status coming in
    reads_per_hint       the most that one webhook made us read
    """

    writes_per_message: float
    writes_waiting: int
    writes_per_reopening: int
    writes_per_status: float
    writes_per_echo: float
    writes_per_agent_status: float
    reads_per_hint: int


@dataclass(frozen=True)
class Both:
    """What a conversation with two CRMs makes each of them see: by provider.

    writes_per_message   of a customer's message
    writes_per_answer    of an agent's answer in the other one
    writes_per_status    of an agent's change of status in the other one
    writes_afterwards    because of the webhooks that all of this brings about, beyond the above: echoes
    """

    writes_per_message: dict[str, float]
    writes_per_answer: dict[str, float]
    writes_per_status: dict[str, float]
    writes_afterwards: dict[str, int]

    @property
    def most_per_message(self) -> float:
        return max(*self.writes_per_message.values(), *self.writes_per_answer.values())


def crm(provider: str = ZENDESK, messages: int = 10) -> Crm:
    """Play each of them with one CRM."""
    with stage(desks=(provider,)) as at:
        talk = _Talk(at, (provider,))
        (theirs,) = talk.desks
        per_message = [talk.writes(theirs, talk.write) for _ in range(messages)]
        echoes, reads = talk.hints(theirs)
        waiting = talk.waiting(theirs, 10)
        echoes_too, reads_too = talk.hints(theirs)
        status = [talk.writes(theirs, partial(talk.set_state, to)) for to in ("open", "pending", "solved")]
        talk.hints(theirs)
        reopening = talk.writes(theirs, talk.write)
        talk.hints(theirs)
        agent = [talk.agent_sets(theirs, to) for to in ("pending", "open", "solved")]
    return Crm(
        sum(per_message) / messages,
        waiting,
        reopening,
        sum(status) / len(status),
        (echoes + echoes_too) / (messages + 1),
        sum(writes for writes, _ in agent) / len(agent),
        max(reads, reads_too, *(read for _, read in agent)),
    )


def both(messages: int = 5) -> Both:
    """Play a conversation that has a ticket in both CRMs."""
    with stage(desks=BOTH) as at:
        talk = _Talk(at, BOTH)
        written = [talk.writes_of_all(talk.write) for _ in range(messages)]
        echoes = [talk.writes_of_all(talk.come_in)]
        answers, statuses = {}, {}
        for one, other in zip(talk.desks, reversed(talk.desks), strict=True):
            # Its webhooks bring what its agent did, and then the other one's echo of what we did there.
            told = talk.writes_of_all(partial(talk.answer, one))
            answers[other.provider] = float(told[other.provider])
            echoes.append({one.provider: told[one.provider]})
            told = talk.writes_of_all(partial(talk.agent_status, one, "solved"))
            statuses[other.provider] = float(told[other.provider])
            echoes.append({one.provider: told[one.provider]})
            talk.write()
            talk.come_in()
    names = [theirs.provider for theirs in talk.desks]
    return Both(
        {name: sum(found[name] for found in written) / messages for name in names},
        answers,
        statuses,
        {name: sum(found.get(name, 0) for found in echoes) for name in names},
    )


class _Talk:
    """One conversation with a ticket in each CRM."""

    def __init__(self, at: Stage, providers: Sequence[str]) -> None:
        self.at = at
        self.desks = [desk(provider, at) for provider in providers]
        self.slack = next(iter(at.slack))
        self.channel, self.user = at.new_channel(), at.new_user()
        self.thread = ""
        self.write()
        self.come_in()
        self.tickets = {theirs.provider: next(iter(theirs.tickets())) for theirs in self.desks}
        self.agents = {theirs.provider: theirs.add_agent() for theirs in self.desks}
        (self.conversation,) = {
            str(item["conversation"])
            for theirs in at.crms
            for item in (at.deps.table.get(f"K#{theirs}#{ticket}") for ticket in self.tickets.values())
            if item
        }

    def write(self) -> None:
        ts = self.at.write(self.slack, self.channel, self.user, self.thread)
        self.thread = self.thread or ts
        self.at.pump()

    def set_state(self, status: str) -> None:
        change = {"status": status}
        body = {"v": 1, "kind": "state", "conversation": self.conversation, "change": change, "by": "bench"}
        self.at.deps.inbox.send(self.conversation, body)

    def writes(self, theirs: Desk, act: Callable[[], object]) -> int:
        """How many writes a CRM sees because of it."""
        before = theirs.calls(writing=True)
        act()
        self.at.pump()
        self.at.clock.advance(1000)
        return theirs.calls(writing=True) - before

    def writes_of_all(self, act: Callable[[], object]) -> dict[str, int]:
        before = {theirs.provider: theirs.calls(writing=True) for theirs in self.desks}
        act()
        self.at.pump()
        self.at.clock.advance(1000)
        return {theirs.provider: theirs.calls(writing=True) - before[theirs.provider] for theirs in self.desks}

    def waiting(self, theirs: Desk, messages: int) -> int:
        """Customers write while the CRM is down: the comments that come of it once it is back."""
        ticket = self.tickets[theirs.provider]
        before = len(theirs.comments(ticket))
        theirs.outage(self.at.clock() + 90_000)
        for _ in range(messages):
            self.write()
            self.at.clock.advance(1000)
        for _ in range(6):
            self.at.clock.advance(60_000)
            self.at.tick()
            self.at.pump()
        return len(theirs.comments(ticket)) - before

    def hints(self, theirs: Desk) -> tuple[int, int]:
        """Let the CRM's webhooks come in one by one: the writes that they caused in all, the most reads of one."""
        writes, most = theirs.calls(writing=True), 0
        while self.at.sandbox.next_due() is not None:
            before = theirs.calls(writing=False)
            delivered = self.at.deliver()
            self.at.pump()
            reads = theirs.calls(writing=False) - before
            most = max(most, -(-reads // delivered) if delivered else reads)
            self.at.clock.advance(1000)
        return theirs.calls(writing=True) - writes, most

    def come_in(self) -> None:
        while self.at.sandbox.next_due() is not None:
            self.at.deliver()
            self.at.pump()
            self.at.clock.advance(1000)

    def answer(self, theirs: Desk) -> None:
        theirs.answer(self.agents[theirs.provider], self.tickets[theirs.provider], "We have put it right.")
        self.come_in()

    def agent_status(self, theirs: Desk, status: str) -> None:
        theirs.set_status(self.agents[theirs.provider], self.tickets[theirs.provider], status)
        self.come_in()

    def agent_sets(self, theirs: Desk, status: str) -> tuple[int, int]:
        theirs.set_status(self.agents[theirs.provider], self.tickets[theirs.provider], status)
        return self.hints(theirs)
