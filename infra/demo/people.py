"""Everybody in the demo: where customers write, which agents answer, and all that was said: the truth to count by."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from infra.demo import agents, words
from infra.demo.agents import Agent
from infra.sandbox import Sandbox


@dataclass(frozen=True)
class Said:
    """Something that a person wrote, by its mark.

    place   the Slack channel, and `thread` the root's ts there ("" in a direct message)
    key     the Slack message's `channel:ts`, "" for what an agent wrote
    ticket  where an agent wrote it, 0 for a customer's
    file    the name of the file that came with it, "" for none
    """

    mark: str
    place: str
    thread: str
    key: str = ""
    ticket: int = 0
    file: str = ""


@dataclass(frozen=True)
class Customer:
    """A person in Slack: their user there, the channel they write in, and their direct messages with the bot."""

    name: str
    user: str
    channel: str
    direct: str


@dataclass
class Cast:
    """The people, and what they have said.

    ended  matters that could not be played to their end, as they saw it
    """

    sandbox: Sandbox
    marks: words.Marks
    customers: list[Customer]
    agents: list[Agent]
    said: list[Said] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)
    _read: int = 0
    _tickets: dict[str, int] = field(default_factory=dict)
    _replies: set[str] = field(default_factory=set)

    def ticket_with(self, mark: str) -> int:
        """The ticket in which agents can read this, 0 where there is none yet."""
        self._read_ledger()
        return self._tickets.get(mark, 0)

    def has_arrived(self, mark: str) -> bool:
        """Whether customers can read this in Slack."""
        self._read_ledger()
        return mark in self._replies

    def agent_for(self, ticket: int, chance: random.Random) -> Agent:
        """Somebody of the ticket's group, where it has anybody."""
        zendesk = self.sandbox.zendesk
        group = zendesk.tickets[ticket]["group_id"]
        team = [agent for agent in self.agents if zendesk.users[agent.id]["default_group_id"] == group]
        return chance.choice(team or self.agents)

    def _read_ledger(self) -> None:
        ledger = self.sandbox.ledger
        for effect in ledger[self._read :]:
            text = str(effect.detail.get("text", ""))
            if effect.provider == "zendesk" and effect.kind == "comment":
                for mark in words.marks_in(text):
                    self._tickets.setdefault(mark, int(effect.record))
            elif effect.provider == "slack" and effect.kind == "message":
                self._replies.update(words.marks_in(text))
        self._read = len(ledger)


def gather(sandbox: Sandbox, customers: int, seed: int) -> Cast:
    """Hire agents, open channels, and let customers come in: most are in the workspace, some in shared channels."""
    chance = random.Random(f"people/{seed}")
    team = [agents.hire(sandbox, name, group) for name, group in words.TEAMMATES]
    slack = sandbox.slack
    public = [slack.add_channel(name) for name in ("help", "billing-questions", "developers")]
    shared = [slack.add_channel(f"ext-{name}", shared=True) for name in ("northwind", "acme")]
    people = [_customer(sandbox, number, public, shared, chance) for number in range(customers)]
    return Cast(sandbox, words.Marks(chance), people, team)


def _customer(sandbox: Sandbox, number: int, public: list[str], shared: list[str], chance: random.Random) -> Customer:
    slack, name = sandbox.slack, words.name(number, chance)
    foreign = chance.random() < 0.2
    channel = chance.choice(shared if foreign else public)
    address = f"customer{number}@{'partner' if foreign else 'house'}.test"
    user = slack.add_user(name, address, team_id=f"T9{channel[-5:]}" if foreign else None)
    return Customer(name, user, channel, slack.open_direct(user))


def marks_of(said: Iterable[Said], kind: str) -> list[str]:
    """The marks of one kind among what was said."""
    return [one.mark for one in said if one.mark.startswith(kind)]
