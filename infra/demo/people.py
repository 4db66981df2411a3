"""Everybody in the demo: where customers write, which agents answer, and all that was said: the truth to count by."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from infra.demo import agents, desks, words
from infra.demo.agents import Agent
from infra.demo.desks import CaseWorker
from infra.sandbox import Sandbox

SLACK, SMS, MAIL = "slack", "sms", "ses"
DESKS = ("zendesk", "salesforce")
# What becomes of most of what is said: it arrives. Else: no ticket is made of it; a machine wrote it, and agents see it
# as a note; the mailbox refused it; the provider would not send it.
ARRIVES, HELD, AUTOMATIC, BOUNCED, REFUSED = "", "held", "automatic", "bounced", "refused"


@dataclass(frozen=True)
class Said:
    """Something that a person wrote, by its mark.

    place   where: "slack:channel", "sms:number", "ses:address"; `thread` the Slack root's ts. An agent's has none
    at      ms, when it was written
    key     the message's key at its provider, "" for what an agent wrote
    desk    which desk an agent wrote it on, "" for a customer's, and `record` the ticket there
    file    the name of the file that came with it, "" for none, and its content
    fate    what is to become of it, where it is not to arrive
    apart   the mark of what it must share no ticket with, "" for nothing
    """

    mark: str
    place: str = ""
    thread: str = ""
    at: int = 0
    key: str = ""
    desk: str = ""
    record: str = ""
    file: str = ""
    content: bytes = b""
    fate: str = ARRIVES
    apart: str = ""


@dataclass(frozen=True)
class Customer:
    """A person, and how they can be reached.

    user      in Slack, "" for who is not there; `channel` the one that they write in, `direct` that with the bot
    phone     "" for who does not text, `email` "" for who does not mail
    """

    name: str
    user: str = ""
    channel: str = ""
    direct: str = ""
    phone: str = ""
    email: str = ""

    @property
    def ways(self) -> list[str]:
        return [way for way, has in ((SLACK, self.user), (SMS, self.phone), (MAIL, self.email)) if has]


@dataclass
class Cast:
    """The people, and what they have said.

    gave_up   matters that could not be played to their end, as they saw it
    resolved  failures that a person settled: what they did, by the failure's id
    """

    sandbox: Sandbox
    marks: words.Marks
    customers: list[Customer]
    agents: list[Agent]
    workers: list[CaseWorker]
    said: list[Said] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)
    resolved: dict[str, str] = field(default_factory=dict)
    _read: int = 0
    _tickets: dict[tuple[str, str], str] = field(default_factory=dict)
    _heard: dict[str, int] = field(default_factory=lambda: {SMS: 0, MAIL: 0})
    _arrived: set[str] = field(default_factory=set)

    def now(self) -> int:
        return self.sandbox.world.now()

    def ticket_with(self, mark: str, desk: str) -> str:
        """The ticket in which agents of a desk can read this, "" where there is none yet."""
        self._read_ledger()
        return self._tickets.get((desk, mark), "")

    def has_arrived(self, said: Said) -> bool:
        """Whether customers can read this, in Slack, on a phone or in a mailbox, and have its file where it has one."""
        self._read_ledger()
        twilio, ses = self.sandbox.twilio, self.sandbox.ses
        for text in twilio.sent[self._heard[SMS] :]:
            self._arrived.update([*words.marks_in(text.text), text.text.partition(": ")[0]])
        for mail in ses.sent[self._heard[MAIL] :]:
            self._arrived.update([*words.marks_in(mail.text), *(name for name, _, _ in mail.attachments)])
        self._heard = {SMS: len(twilio.sent), MAIL: len(ses.sent)}
        return said.mark in self._arrived and (not said.file or said.file in self._arrived)

    def agent_for(self, desk: str, record: str, chance: random.Random) -> Agent | CaseWorker:
        """Somebody of the desk; in Zendesk of the ticket's group, where it has anybody."""
        if desk == "salesforce":
            return chance.choice(self.workers)
        zendesk = self.sandbox.zendesk
        group = zendesk.tickets[int(record)]["group_id"]
        team = [agent for agent in self.agents if zendesk.users[agent.id]["default_group_id"] == group]
        return chance.choice(team or self.agents)

    def _read_ledger(self) -> None:
        ledger = self.sandbox.ledger
        for effect in ledger[self._read :]:
            text = str(effect.detail.get("text", ""))
            if effect.provider in DESKS and effect.kind == "comment":
                for mark in words.marks_in(text):
                    self._tickets.setdefault((effect.provider, mark), effect.record)
            elif effect.provider == SLACK and effect.kind == "message":
                self._arrived.update(words.marks_in(text))
            elif effect.provider == SLACK and effect.kind == "file":
                self._arrived.add(self.sandbox.slack.files[effect.record].name)
        self._read = len(ledger)


def gather(sandbox: Sandbox, customers: int, seed: int) -> Cast:
    """Hire agents for both desks, open channels, and let customers come in by one, two or three ways."""
    chance = random.Random(f"people/{seed}")
    team = [agents.hire(sandbox, name, group) for name, group in words.TEAMMATES]
    workers = [desks.hire(sandbox, name) for name in words.CASE_WORKERS]
    slack = sandbox.slack
    public = [slack.add_channel(name) for name in ("help", "billing-questions", "developers")]
    shared = [slack.add_channel(f"ext-{name}", shared=True) for name in ("northwind", "acme")]
    people = [_customer(sandbox, number, public, shared, chance) for number in range(customers)]
    return Cast(sandbox, words.Marks(chance), people, team, workers)


def _customer(sandbox: Sandbox, number: int, public: list[str], shared: list[str], chance: random.Random) -> Customer:
    """Somebody of the house, whose Slack profile tells number and address; of another workspace; or of neither."""
    name = words.name(number, chance)
    email, phone = f"customer{number}@house.test", f"+4420794{number:05d}"
    kind = chance.choices(("house", "partner", "phone", "mail"), (55, 10, 15, 20))[0]
    if kind == "phone":
        return Customer(name, phone=phone)
    if kind == "mail":
        return Customer(name, email=email)
    slack = sandbox.slack
    channel = chance.choice(shared if kind == "partner" else public)
    if kind == "partner":
        user = slack.add_user(name, f"customer{number}@partner.test", team_id=f"T9{channel[-5:]}")
        return Customer(name, user, channel, slack.open_direct(user))
    user = slack.add_user(name, email, phone=phone)
    texts, mails = chance.random() < 0.6, chance.random() < 0.6
    return Customer(name, user, channel, slack.open_direct(user), phone * texts, email * mails)
