"""The script of the day: who writes what and when, as generators that give the time until they go on (ms).

A customer waits for the answer that was given, an agent for the message to show in the ticket: nobody is told by the
demo what only Deskweave can bring them. Everything is drawn from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace

from infra.demo import ways, words
from infra.demo.agents import Agent, Unreachable
from infra.demo.desks import CaseWorker
from infra.demo.people import ARRIVES, DESKS, Cast, Customer, Said
from infra.demo.ways import File, SlackWay, Way
from infra.demo.words import CUSTOMER, EDIT, NOTE, REPLY, Topic

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
LENGTH = 7 * HOUR
# How often people look for something before they give it up: half a day.
_LOOKS = 200
_TEAMS = ("Support", "Billing", "Technical")
Step = Generator[int, None, None]
Worker = Agent | CaseWorker


@dataclass
class Matter:
    """One matter of one customer, on the way on which they write just now. `last` is what they wrote last."""

    cast: Cast
    customer: Customer
    topic: Topic
    chance: random.Random
    way: Way
    last: str = ""
    lines: set[str] = field(default_factory=set)

    def line(self, lines: Sequence[str]) -> tuple[str, ...]:
        """One of the lines that has not been said in this matter, as long as there is one."""
        line = self.chance.choice([line for line in lines if line not in self.lines] or lines)
        self.lines.add(line)
        return (line,)


def matters(cast: Cast, seed: int) -> list[tuple[int, Step]]:
    """Each customer's matters, with the time of day (ms from its start) at which the first one begins."""
    begun = []
    for number, customer in enumerate(cast.customers):
        chance = random.Random(f"matters/{seed}/{number}")
        own = []
        for _ in range(chance.choice((1, 1, 2, 2, 3))):
            topic, its = chance.choice(words.TOPICS), random.Random(chance.random())
            own.append(Matter(cast, customer, topic, its, started(cast, customer, topic, its)))
        begun.append((chance.randrange(LENGTH // len(own)), _one_after_the_other(own, chance)))
    return begun


def _one_after_the_other(own: Sequence[Matter], chance: random.Random) -> Step:
    """A customer's matters. A text joins what is open: of two at a time, a moment would decide whether they are one."""
    for number, matter in enumerate(own):
        if number:
            yield chance.randrange(30 * MINUTE, HOUR)
        yield from play(matter)


def started(cast: Cast, customer: Customer, topic: Topic, chance: random.Random, way: str = "") -> Way:
    """The way on which a matter begins: any that the customer has, where none is named."""
    subject = " ".join(topic.opening[0].split()[:6]).rstrip(",.?!").format(amount="€49.90", day="today")
    return ways.begin(cast.sandbox, customer, way or chance.choice(customer.ways), subject, chance)


def play(matter: Matter) -> Step:
    """A matter from its first message to the end."""
    chance = matter.chance
    yield from writes(matter, matter.topic.opening)
    for _ in range(chance.choice((0, 0, 1, 2))):
        yield chance.randrange(5 * SECOND, 3 * MINUTE)
        yield from writes(matter, matter.topic.more)
    if chance.random() < 0.15 and isinstance(matter.way, SlackWay):
        yield from _changes_their_mind(matter)
    yield chance.randrange(2 * MINUTE, 20 * MINUTE)
    yield from answered(matter, matter.topic.answer)
    yield chance.randrange(MINUTE, 15 * MINUTE)
    _changes_way(matter)
    yield from writes(matter, matter.topic.more)
    yield chance.randrange(2 * MINUTE, 30 * MINUTE)
    yield from answered(matter, matter.topic.solution, status="solved")
    if chance.random() < 0.35:
        yield chance.randrange(10 * MINUTE, HOUR)
        yield from _comes_back(matter)
    elif chance.random() < 0.5:
        yield chance.randrange(MINUTE, 20 * MINUTE)
        yield from writes(matter, words.THANKS)


def _changes_way(matter: Matter) -> None:
    """Now and then the customer goes on by another way: they text from the train what they began in Slack."""
    others = [way for way in matter.customer.ways if way != matter.way.name]
    if others and matter.chance.random() < 0.3:
        way = matter.chance.choice(others)
        matter.way = started(matter.cast, matter.customer, matter.topic, matter.chance, way)


def _comes_back(matter: Matter) -> Step:
    """The customer writes after *solved*; now and then the ticket has been closed for good meanwhile."""
    yield from seen(lambda: bool(matter.cast.ticket_with(matter.last, "zendesk")))
    ticket = matter.cast.ticket_with(matter.last, "zendesk")
    direct = not isinstance(matter.way, SlackWay) or matter.way.is_direct
    if ticket and not direct and matter.chance.random() < 0.2:
        matter.cast.sandbox.zendesk.close_ticket(int(ticket))
        yield matter.chance.choice((5 * SECOND, 10 * MINUTE))
    yield from writes(matter, matter.topic.again)
    yield matter.chance.randrange(2 * MINUTE, 15 * MINUTE)
    yield from answered(matter, matter.topic.solution, status=matter.chance.choice((None, "pending", "solved")))


def writes(matter: Matter, lines: Sequence[str], fate: str = ARRIVES) -> Step:
    """The customer writes; now and then with a file, or with a typing error that is put right at once."""
    chance, way, cast = matter.chance, matter.way, matter.cast
    mark = cast.marks.new(CUSTOMER)
    text = words.say(chance, matter.line(lines), mark)
    files = [_file(matter, mark)] if matter.topic.file[0] and chance.random() < 0.15 else []
    key = way.write(text, files, chance)
    said = Said(mark, way.place, way.thread, cast.now(), key, fate=fate)
    if files:
        said = replace(said, file=files[0][0], content=files[0][2])
    cast.said.append(said)
    matter.last = mark
    if isinstance(way, SlackWay) and chance.random() < 0.12:
        yield chance.choice((0, 2 * SECOND, 40 * SECOND))
        better = cast.marks.new(EDIT)
        way.edit(key, f"{words.say(chance, tuple(lines), better)} (sorry, typo)")
        cast.said.append(replace(said, mark=better, file=""))
    yield 0


def _changes_their_mind(matter: Matter) -> Step:
    """The customer writes something, and takes it back."""
    before = matter.last
    yield from writes(matter, ("Wait, never mind, I found it.", "Oh, wrong channel, please ignore this."))
    gone = next(said for said in reversed(matter.cast.said) if said.mark == matter.last)
    yield matter.chance.choice((0, 3 * SECOND, MINUTE))
    assert isinstance(matter.way, SlackWay)
    matter.way.delete(gone.key)
    matter.last = before


def answered(matter: Matter, lines: Sequence[str], status: str | None = None, fate: str = ARRIVES) -> Step:
    """An agent of either desk sees the last message in its ticket, works on it and answers; the customer waits."""
    # Chances of its own: how many are drawn in here depends on what the ticket looks like by then, and that on timing.
    matter = replace(matter, chance=random.Random(matter.chance.random()))
    cast, chance = matter.cast, matter.chance
    desk = chance.choice(DESKS)
    if not (yield from seen(lambda: bool(cast.ticket_with(matter.last, desk)))):
        cast.gave_up.append(f"no ticket in {desk} ever showed {matter.last}")
        return
    record = cast.ticket_with(matter.last, desk)
    agent = cast.agent_for(desk, record, random.Random(chance.random()))
    if chance.random() < 0.3:
        yield from _notes(matter, agent, record)
    if chance.random() < 0.2:
        yield from _sorts(matter, agent, record)
    said = yield from _replies(matter, agent, record, lines, status, fate)
    if fate == ARRIVES and not (yield from seen(lambda: cast.has_arrived(said))):
        cast.gave_up.append(f"the answer {said.mark} in {desk}'s ticket {record} never arrived, or its file did not")


def _replies(
    matter: Matter, agent: Worker, record: str, lines: Sequence[str], status: str | None, fate: str
) -> Generator[int, None, Said]:
    """A public answer, sometimes formatted, sometimes with a file; now and then the status only follows later."""
    chance, mark = matter.chance, matter.cast.marks.new(REPLY)
    text = words.say(chance, matter.line(lines), mark)
    said = Said(mark, desk=agent.desk, record=record, fate=fate)
    if isinstance(agent, Agent) and matter.topic.file[0] and fate == ARRIVES and chance.random() < 0.15:
        name, _, content = _file(matter, mark)
        said = replace(said, file=name, content=content)
        yield from managed(lambda: agent.attach(record, text, name, content))
    elif chance.random() < 0.3:
        html = f"<p>Hi {matter.customer.name.split()[0]},</p><p>{text}</p><ul><li><b>Ticket</b> {record}</li></ul>"
        yield from managed(lambda: agent.reply(record, text, html=html))
    else:
        at_once = status if chance.random() < 0.5 else None
        yield from managed(lambda: agent.reply(record, text, status=at_once))
    said = replace(said, at=matter.cast.now())
    matter.cast.said.append(said)
    if status and agent.status(record) != status:
        yield chance.choice((0, 5 * SECOND, 2 * MINUTE))
        yield from managed(lambda: agent.set(record, status=status))
    return said


def _notes(matter: Matter, agent: Worker, record: str) -> Step:
    mark = matter.cast.marks.new(NOTE)
    text = words.say(matter.chance, matter.line(matter.topic.note), mark)
    yield from managed(lambda: agent.note(record, text))
    matter.cast.said.append(Said(mark, at=matter.cast.now(), desk=agent.desk, record=record))
    yield matter.chance.randrange(2 * SECOND, 90 * SECOND)


def _sorts(matter: Matter, agent: Worker, record: str) -> Step:
    """Another priority, or another group."""
    if matter.chance.random() < 0.5:
        priority = matter.chance.choice(("low", "normal", "high", "urgent"))
        yield from managed(lambda: agent.set(record, priority=priority))
    else:
        team = matter.chance.choice(_TEAMS)
        yield from managed(lambda: agent.set(record, team=team))
    yield matter.chance.randrange(2 * SECOND, 90 * SECOND)


def managed(act: Callable[[], None]) -> Step:
    """Do it, as soon as the desk can be worked with."""
    while True:
        try:
            return act()
        except Unreachable:
            yield 5 * MINUTE


def seen(there: Callable[[], bool]) -> Generator[int, None, bool]:
    """Look again every few minutes; False where it never shows."""
    for _ in range(_LOOKS):
        if there():
            return True
        yield 3 * MINUTE
    return False


def _file(matter: Matter, mark: str) -> File:
    """A small file whose name nobody else uses."""
    name, media_type = matter.topic.file
    suffix = {"application/pdf": "pdf", "image/png": "png"}.get(media_type, "txt")
    return f"{name}-{mark[2:].lower()}.{suffix}", media_type, matter.chance.randbytes(400)
