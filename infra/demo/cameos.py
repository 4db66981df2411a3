"""What happens on every day, once: spam, an auto-reply, a bounce, copies to a colleague, an intruder, and STOP.

https://www.rfc-editor.org/rfc/rfc3834 · https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from infra.demo import words
from infra.demo.admin import Admin
from infra.demo.people import AUTOMATIC, BOUNCED, HELD, MAIL, REFUSED, SMS, Cast, Customer, Said
from infra.demo.script import HOUR, LENGTH, MINUTE, Matter, Step, answered, seen, started, writes
from infra.demo.ways import MailWay
from infra.demo.words import CUSTOMER

_OPTED_OUT = "STOP"
_ABSENT = "Thank you for your mail. I am out of the office until Monday and will read it then. {mark}"


def steps(cast: Cast, admin: Admin, seed: int) -> list[tuple[int, Step]]:
    """All of them, with the time of day (ms from its start) at which each begins."""
    chance = random.Random(f"cameos/{seed}")
    acts: tuple[Callable[[Cast, random.Random], Step], ...] = (_junk, _away, _bounces, _stops, _copies)
    begun = [(chance.randrange(LENGTH - HOUR), act(cast, random.Random(chance.random()))) for act in acts]
    return [*begun, (chance.randrange(LENGTH - HOUR), _taken_for_spam(cast, random.Random(chance.random()), admin))]


def _junk(cast: Cast, chance: random.Random) -> Step:
    """Spam, a virus, and a newsletter: kept and marked, and no ticket."""
    ses = cast.sandbox.ses
    bulk = {"Precedence": "bulk", "List-Id": "<offers.shop.test>", "List-Unsubscribe": "<mailto:off@shop.test>"}
    invoice = [("invoice.zip", "application/zip", chance.randbytes(200))]
    for sender, kind, more in (
        ("Best Prices <win@prices.test>", "spam", {"spam": "FAIL", "dmarc": "FAIL"}),
        ("Accounts <pay@invoices.test>", "virus", {"virus": "FAIL", "attachments": invoice}),
        ("Shop News <news@shop.test>", "newsletter", {"headers": bulk}),
    ):
        mark = cast.marks.new(CUSTOMER)
        key = ses.mail(sender, f"Only today: {kind}", f"Do not miss this. {mark}", **more)
        cast.said.append(Said(mark, "ses", at=cast.now(), key=key.strip("<>"), fate=HELD))
        yield chance.randrange(HOUR)


def _away(cast: Cast, chance: random.Random) -> Step:
    """The customer's mailbox answers our answer; that opens nothing and answers nothing. Later they are back."""
    matter = _matter(cast, chance, Customer("Sonia Away", email="sonia@holidays.test"), MAIL)
    yield from writes(matter, matter.topic.opening)
    yield from answered(matter, matter.topic.answer, status="pending")
    assert isinstance(matter.way, MailWay)
    sent, mark = matter.way.last_answer(), cast.marks.new(CUSTOMER)
    if sent is None:
        cast.gave_up.append("no mail of ours ever went to somebody who is away")
        return
    automatic = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
    key = cast.sandbox.ses.reply(sent, _ABSENT.format(mark=mark), quote=False, headers=automatic)
    cast.said.append(Said(mark, matter.way.place, at=cast.now(), key=key.strip("<>"), fate=AUTOMATIC))
    yield chance.randrange(20 * MINUTE, 2 * HOUR)
    yield from writes(matter, matter.topic.more)
    yield from answered(matter, matter.topic.solution, status="solved")


def _bounces(cast: Cast, chance: random.Random) -> Step:
    """The customer's mailbox takes nothing for a while: agents are told, and the next answer arrives."""
    matter = _matter(cast, chance, Customer("Otto Full", email="otto@quota.test"), MAIL)
    fates = cast.sandbox.ses.fates
    yield from writes(matter, matter.topic.opening)
    fates[matter.customer.email] = "bounce"
    yield from answered(matter, matter.topic.answer, fate=BOUNCED)
    answer = next(said for said in reversed(cast.said) if said.fate == BOUNCED)
    yield from seen(lambda: cast.has_arrived(answer))
    yield chance.randrange(30 * MINUTE, HOUR)
    del fates[matter.customer.email]
    yield from writes(matter, ("My mailbox was full, did you answer meanwhile?",))
    yield from answered(matter, matter.topic.solution, status="solved")


def _stops(cast: Cast, chance: random.Random) -> Step:
    """The customer wants no more texts; an agent who answers all the same is told that it did not go out."""
    matter = _matter(cast, chance, Customer("Stella Stopp", phone="+442079499999"), SMS)
    yield from writes(matter, matter.topic.opening)
    yield from answered(matter, matter.topic.answer)
    yield chance.randrange(MINUTE, 20 * MINUTE)
    key = cast.sandbox.twilio.text(matter.customer.phone, _OPTED_OUT)
    cast.said.append(Said(_OPTED_OUT, matter.way.place, at=cast.now(), key=key))
    yield chance.randrange(10 * MINUTE, 40 * MINUTE)
    yield from answered(matter, matter.topic.solution, status="solved", fate=REFUSED)


def _copies(cast: Cast, chance: random.Random) -> Step:
    """A colleague in copy answers for the customer; somebody who was never asked does not get into their thread."""
    matter = _matter(cast, chance, Customer("Ines Copy", email="ines@team.test"), MAIL)
    way, colleague = matter.way, Customer("Karl Copy", email="karl@team.test")
    assert isinstance(way, MailWay)
    way.copies = (colleague.email,)
    yield from writes(matter, matter.topic.opening)
    yield from answered(matter, matter.topic.answer)
    yield chance.randrange(MINUTE, 20 * MINUTE)
    known = matter.last
    matter.way = MailWay(cast.sandbox, colleague, way.subject, (matter.customer.email,), ids=list(way.ids))
    yield from writes(matter, matter.topic.more)
    yield from answered(matter, matter.topic.solution, status="solved")
    yield chance.randrange(MINUTE, 20 * MINUTE)
    stranger = Customer("Nosy Parker", email="nosy@elsewhere.test")
    intrusion = _matter(cast, chance, stranger, MAIL)
    assert isinstance(intrusion.way, MailWay)
    intrusion.way.ids = list(way.ids)
    yield from writes(intrusion, ("Please send me what you have told them so far.",))
    cast.said[-1] = replace(cast.said[-1], apart=known)


def _taken_for_spam(cast: Cast, chance: random.Random, admin: Admin) -> Step:
    """A customer's mail that looks like spam: an admin releases it, and it becomes tickets."""
    matter = _matter(cast, chance, Customer("Hanna Hamm", email="hanna@lottery.test"), MAIL)
    assert isinstance(matter.way, MailWay)
    mark = cast.marks.new(CUSTOMER)
    text = words.say(chance, matter.topic.opening, mark)
    key = cast.sandbox.ses.mail(matter.way.sender, matter.way.subject, text, spam="FAIL")
    matter.way.ids.append(key)
    cast.said.append(Said(mark, matter.way.place, at=cast.now(), key=key.strip("<>")))
    matter.last = mark
    yield chance.randrange(30 * MINUTE, HOUR)
    while not admin.release(key.strip("<>")):
        yield 5 * MINUTE
    yield from answered(matter, matter.topic.solution, status="solved")


def _matter(cast: Cast, chance: random.Random, customer: Customer, way: str) -> Matter:
    topic = chance.choice(words.TOPICS)
    return Matter(cast, customer, topic, chance, started(cast, customer, topic, chance, way))
