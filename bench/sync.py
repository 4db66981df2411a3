"""How many calls the CRM sees: writes per message and per change, none for our own echo, reads per hint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench.stage import Stage, stage

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Crm:
    """Zendesk's own count of our calls.

    writes_per_message   a message that joins a conversation, one at a time
    writes_waiting       the comments made of ten messages that waited for the CRM together
    writes_per_reopening a message that reopens: its status shares the comment
    writes_per_status    a status that we change, a team, a priority
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


def crm(messages: int = 10) -> Crm:
    """Play each of them on a stage of its own."""
    with stage() as at:
        talk = _Talk(at)
        per_message = [talk.writes(talk.write) for _ in range(messages)]
        echoes, reads = talk.hints()
        waiting = talk.waiting(10)
        echoes_too, reads_too = talk.hints()
        status = [talk.writes(partial(talk.set_state, to)) for to in ("open", "pending", "solved")]
        talk.hints()
        reopening = talk.writes(talk.write)
        talk.hints()
        agent = [talk.agent_sets(to) for to in ("pending", "open", "solved")]
    return Crm(
        sum(per_message) / messages,
        waiting,
        reopening,
        sum(status) / len(status),
        (echoes + echoes_too) / (messages + 1),
        sum(writes for writes, _ in agent) / len(agent),
        max(reads, reads_too, *(read for _, read in agent)),
    )


class _Talk:
    """One conversation with a ticket."""

    def __init__(self, at: Stage) -> None:
        self.at = at
        self.slack = next(iter(at.slack))
        self.channel, self.user = at.new_channel(), at.new_user()
        self.thread = ""
        self.write()
        self.hints()
        (self.ticket,) = at.sandbox.zendesk.tickets
        self.agent, _, _ = at.sandbox.zendesk.add_agent("Agent", "agent@sandbox.test")

    def post(self) -> None:
        ts = self.at.write(self.slack, self.channel, self.user, self.thread)
        self.thread = self.thread or ts

    def write(self) -> None:
        self.post()
        self.at.pump()

    def set_state(self, status: str) -> None:
        conversation = str(self.at.sandbox.zendesk.tickets[self.ticket]["external_id"]).rsplit(":", 1)[-1]
        body = {"v": 1, "kind": "state", "conversation": conversation, "change": {"status": status}, "by": "bench"}
        self.at.deps.inbox.send(conversation, body)

    def writes(self, act: Callable[[], object]) -> int:
        """How many writes the CRM sees because of it."""
        before = calls(self.at, WRITES)
        act()
        self.at.pump()
        self.at.clock.advance(1000)
        return calls(self.at, WRITES) - before

    def waiting(self, messages: int) -> int:
        """Customers write while the CRM is down: the comments that come of it once it is back."""
        before = len(self.at.sandbox.zendesk.comments(self.ticket))
        self.at.sandbox.zendesk.outage(self.at.clock() + 90_000)
        for _ in range(messages):
            self.write()
            self.at.clock.advance(1000)
        for _ in range(6):
            self.at.clock.advance(60_000)
            self.at.tick()
            self.at.pump()
        return len(self.at.sandbox.zendesk.comments(self.ticket)) - before

    def hints(self) -> tuple[int, int]:
        """Let the CRM's webhooks come in one by one: the writes that they caused in all, the most reads of one."""
        writes, most = calls(self.at, WRITES), 0
        while self.at.sandbox.next_due() is not None:
            before = calls(self.at, ("GET",))
            delivered = self.at.deliver()
            self.at.pump()
            reads = calls(self.at, ("GET",)) - before
            most = max(most, -(-reads // delivered) if delivered else reads)
            self.at.clock.advance(1000)
        return calls(self.at, WRITES) - writes, most

    def agent_sets(self, status: str) -> tuple[int, int]:
        self.at.sandbox.zendesk.change_ticket(self.agent, self.ticket, status=status)
        return self.hints()


def calls(at: Stage, methods: tuple[str, ...]) -> int:
    """The calls that Zendesk has received by these methods."""
    found = at.sandbox.requests.items()
    return sum(n for (provider, method, _), n in found if provider == "zendesk" and method in methods)
