"""The script of the day: who writes what and when, as generators that give the time until they go on (ms).

A customer waits for the answer that was given, an agent for the message to show in the ticket: nobody is told by the
demo what only Deskweave can bring them. Everything is drawn from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

from infra.demo import words
from infra.demo.agents import Agent, Unreachable
from infra.demo.people import Cast, Customer, Said
from infra.demo.words import CUSTOMER, EDIT, NOTE, REPLY, Topic

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
LENGTH = 7 * HOUR
# How often people look for something before they give it up: half a day.
_LOOKS = 200
Step = Generator[int, None, None]


@dataclass
class Matter:
    """One matter of one customer. `thread` is "" until it has begun, and stays "" in direct messages."""

    cast: Cast
    customer: Customer
    topic: Topic
    chance: random.Random
    direct: bool
    thread: str = ""
    last: str = ""
    said: set[str] = field(default_factory=set)

    @property
    def place(self) -> str:
        return self.customer.direct if self.direct else self.customer.channel


def matters(cast: Cast, seed: int) -> list[tuple[int, Step]]:
    """Every matter, with the time of day (ms from its start) at which it begins."""
    begun = []
    for number, customer in enumerate(cast.customers):
        chance = random.Random(f"matters/{seed}/{number}")
        for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
            direct = chance.random() < 0.25
            matter = Matter(cast, customer, chance.choice(words.TOPICS), random.Random(chance.random()), direct)
            begun.append((chance.randrange(LENGTH), play(matter)))
    return begun


def play(matter: Matter) -> Step:
    """A matter from its first message to the end."""
    chance = matter.chance
    yield from _writes(matter, matter.topic.opening, first=True)
    for _ in range(chance.choice((0, 0, 1, 2))):
        yield chance.randrange(5 * SECOND, 3 * MINUTE)
        yield from _writes(matter, matter.topic.more)
    if chance.random() < 0.12:
        yield from _changes_their_mind(matter)
    yield chance.randrange(2 * MINUTE, 20 * MINUTE)
    yield from _answered(matter, matter.topic.answer)
    yield chance.randrange(MINUTE, 15 * MINUTE)
    yield from _writes(matter, matter.topic.more)
    yield chance.randrange(2 * MINUTE, 30 * MINUTE)
    yield from _answered(matter, matter.topic.solution, status="solved")
    if chance.random() < 0.35:
        yield chance.randrange(10 * MINUTE, HOUR)
        yield from _comes_back(matter)
    elif chance.random() < 0.5:
        yield chance.randrange(MINUTE, 20 * MINUTE)
        yield from _writes(matter, words.THANKS)


def _comes_back(matter: Matter) -> Step:
    """The customer writes after *solved*; now and then the ticket has been closed for good meanwhile."""
    ticket = matter.cast.ticket_with(matter.last)
    if ticket and not matter.direct and matter.chance.random() < 0.2:
        matter.cast.sandbox.zendesk.close_ticket(ticket)
        yield matter.chance.choice((5 * SECOND, 10 * MINUTE))
    yield from _writes(matter, matter.topic.again)
    yield matter.chance.randrange(2 * MINUTE, 15 * MINUTE)
    yield from _answered(matter, matter.topic.solution, status=matter.chance.choice((None, "pending", "solved")))


def _writes(matter: Matter, lines: tuple[str, ...], first: bool = False) -> Step:
    """The customer writes; now and then with a file, or with a typing error that is put right at once."""
    chance, slack = matter.chance, matter.cast.sandbox.slack
    mark = matter.cast.marks.new(CUSTOMER)
    text = words.say(chance, _unsaid(matter, lines), mark)
    files = [_file(matter, mark)] if matter.topic.file[0] and chance.random() < 0.12 else []
    mention = not matter.direct and chance.random() < (0.5 if first else 0.1)
    ts = slack.post(matter.customer.user, matter.place, text, matter.thread or None, files, mention=mention)
    if first and not matter.direct:
        matter.thread = ts
    said = Said(mark, matter.place, matter.thread, f"{matter.place}:{ts}", file=files[0][0] if files else "")
    matter.cast.said.append(said)
    matter.last = mark
    if chance.random() < 0.08:
        yield chance.choice((0, 2 * SECOND, 40 * SECOND))
        better = matter.cast.marks.new(EDIT)
        slack.edit(matter.place, ts, f"{words.say(chance, lines, better)} (sorry, typo)")
        matter.cast.said.append(replace(said, mark=better, file=""))
    if chance.random() < 0.05:
        slack.react(matter.customer.user, matter.place, ts, "eyes")
    yield 0


def _unsaid(matter: Matter, lines: tuple[str, ...]) -> tuple[str, ...]:
    """One of the lines that has not been said in this matter, as long as there is one."""
    line = matter.chance.choice([line for line in lines if line not in matter.said] or lines)
    matter.said.add(line)
    return (line,)


def _changes_their_mind(matter: Matter) -> Step:
    """The customer writes something, and takes it back."""
    before = matter.last
    yield from _writes(matter, ("Wait, never mind, I found it.", "Oh, wrong channel, please ignore this."))
    gone = next(said for said in reversed(matter.cast.said) if said.mark == matter.last)
    if gone.key.rpartition(":")[2] != matter.thread:
        yield matter.chance.choice((0, 3 * SECOND, MINUTE))
        matter.cast.sandbox.slack.delete(*gone.key.split(":"))
    matter.last = before


def _answered(matter: Matter, lines: tuple[str, ...], status: str | None = None) -> Step:
    """An agent sees the last message in its ticket, works on it and answers; the customer waits for the answer."""
    cast, chance = matter.cast, matter.chance
    if not (yield from _seen(lambda: cast.ticket_with(matter.last) > 0)):
        cast.gave_up.append(f"no ticket ever showed {matter.last}")
        return
    ticket = cast.ticket_with(matter.last)
    agent = cast.agent_for(ticket, chance)
    if chance.random() < 0.3:
        yield from _notes(matter, agent, ticket)
    if chance.random() < 0.2:
        yield from _sorts(matter, agent, ticket)
    mark = yield from _replies(matter, agent, ticket, lines, status)
    if not (yield from _seen(lambda: cast.has_arrived(mark))):
        cast.gave_up.append(f"the answer {mark} in ticket {ticket} never arrived")


def _replies(
    matter: Matter, agent: Agent, ticket: int, lines: tuple[str, ...], status: str | None
) -> Generator[int, None, str]:
    """A public answer, sometimes formatted, sometimes with a file; now and then the status only follows later."""
    chance, mark = matter.chance, matter.cast.marks.new(REPLY)
    text = words.say(chance, _unsaid(matter, lines), mark)
    name = ""
    if matter.topic.file[0] and chance.random() < 0.1:
        name, _, content = _file(matter, mark)
        yield from _managed(lambda: agent.attach(ticket, text, name, content))
    elif chance.random() < 0.3:
        html = f"<p>Hi {matter.customer.name.split()[0]},</p><p>{text}</p><ul><li><b>Ticket</b> {ticket}</li></ul>"
        yield from _managed(lambda: agent.reply(ticket, text, html=html))
    else:
        at_once = status if chance.random() < 0.5 else None
        yield from _managed(lambda: agent.reply(ticket, text, status=at_once))
    matter.cast.said.append(Said(mark, matter.place, matter.thread, ticket=ticket, file=name))
    if status and matter.cast.sandbox.zendesk.tickets[ticket]["status"] != status:
        yield chance.choice((0, 5 * SECOND, 2 * MINUTE))
        yield from _managed(lambda: agent.set(ticket, status=status))
    return mark


def _notes(matter: Matter, agent: Agent, ticket: int) -> Step:
    mark = matter.cast.marks.new(NOTE)
    text = words.say(matter.chance, _unsaid(matter, matter.topic.note), mark)
    yield from _managed(lambda: agent.note(ticket, text))
    matter.cast.said.append(Said(mark, matter.place, matter.thread, ticket=ticket))
    yield matter.chance.randrange(2 * SECOND, 90 * SECOND)


def _sorts(matter: Matter, agent: Agent, ticket: int) -> Step:
    """Another priority, or another group."""
    if matter.chance.random() < 0.5:
        priority = matter.chance.choice(("low", "normal", "high", "urgent"))
        yield from _managed(lambda: agent.set(ticket, priority=priority))
    else:
        group = matter.chance.choice(sorted(matter.cast.sandbox.zendesk.groups.values()))
        yield from _managed(lambda: agent.set(ticket, group_id=group))
    yield matter.chance.randrange(2 * SECOND, 90 * SECOND)


def _managed(act: Callable[[], None]) -> Step:
    """Do it, as soon as Zendesk can be worked with."""
    while True:
        try:
            return act()
        except Unreachable:
            yield 5 * MINUTE


def _seen(there: Callable[[], bool]) -> Generator[int, None, bool]:
    """Look again every few minutes; False where it never shows."""
    for _ in range(_LOOKS):
        if there():
            return True
        yield 3 * MINUTE
    return False


def _file(matter: Matter, mark: str) -> tuple[str, str, bytes]:
    """A small file whose name nobody else uses."""
    name, media_type = matter.topic.file
    suffix = {"application/pdf": "pdf", "image/png": "png"}.get(media_type, "txt")
    return f"{name}-{mark[2:].lower()}.{suffix}", media_type, matter.chance.randbytes(400)
