"""What e-mail and SMS cost: their own way in and the answer's way out, the providers' own fees apart.

A mail takes SES, S3, SNS and the `mail` function; a text comes as a webhook, as Slack's messages do.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

from bench import payload
from bench.cost import (
    EMPTY_RECEIVES_A_SECOND,
    JOINS,
    MIX,
    OPENS_NEW,
    QUIET_A_SECOND,
    Priced,
    come_in,
    mean_usd,
    mixed,
    one_a_second,
)
from bench.stage import Stage, stage
from bench.usage import MILLION, Usage
from infra.prices import SES_CHUNK, SES_CHUNK_BYTES, SES_RECEIVED, SES_SENT, SES_SENT_ESSENTIALS
from infra.stack.template import RAW_DAYS

# Characters of a mail's words, and about what the headers take that mail servers add on the way.
MAIL_WORDS, MAIL_HEADERS = 600, 4_000
SMS_WORDS = 140
DAYS_A_MONTH = 30.4
# A text joins what is open of its sender, so that a known customer opens only after two weeks: left out.
SMS_MIX = {JOINS: 87, OPENS_NEW: 13}


@dataclass(frozen=True)
class Channel:
    """Dollars per million messages of one channel, at one a second.

    inbound      AWS's own, up to the stored message: by kind and item; `mixed` is their mixture
    answer       an agent's answer from the CRM's webhook to the provider, with what the provider tells of its delivery
    fees         what the provider asks besides, by name
    size         bytes of a message
    """

    inbound: dict[str, Priced]
    mixed: Priced
    answer: float
    fees: dict[str, float]
    size: int


def mail(messages: int = 8) -> Channel:
    """E-mail: SES's fees are those of an account without a plan."""
    with stage(slacks=0) as at:
        at.add_ses()
        with at.without_hints():
            size = Mailer(at, JOINS, 1).size
            found = {kind: one_a_second(at, Mailer(at, kind, messages), messages, before_us(size)) for kind in MIX}
        Mailer(at, JOINS, 1)
        answer = _answer(at)
    chunks = -(-size // SES_CHUNK_BYTES)
    fees = {
        "received": SES_RECEIVED * MILLION,
        "256 KB of it, at most": chunks * SES_CHUNK * MILLION,
        "an answer sent": SES_SENT * MILLION,
        "the same on the Essentials plan": SES_SENT_ESSENTIALS * MILLION,
    }
    return Channel(found, mixed(found), answer, fees, size)


def sms(messages: int = 8) -> Channel:
    """SMS: what Twilio asks depends on the country and is not reckoned here."""
    with stage(slacks=0) as at:
        at.add_sms()
        with at.without_hints():
            found = {kind: one_a_second(at, Texter(at, kind, messages), messages) for kind in SMS_MIX}
        size = max(len(one.body) for one in at.sandbox.deliveries if one.provider == "twilio")
        Texter(at, JOINS, 1)
        answer = _answer(at)
    return Channel(found, mixed(found, SMS_MIX), answer, {}, size)


def before_us(size: int) -> dict[str, Usage]:
    """What AWS charges for a mail of so many bytes before our first function runs, and for keeping it."""
    return {
        "S3 PutObject by SES": Usage(s3_writes=1),
        "SNS Publish by SES": Usage(sns=1),
        "SQS SendMessage by SNS": Usage(sqs_standard=1),
        f"S3 storage of the raw mail, {RAW_DAYS} days": Usage(s3_gb_months=size / 2**30 * RAW_DAYS / DAYS_A_MONTH),
        "SQS empty receives, mail": Usage(sqs_standard=EMPTY_RECEIVES_A_SECOND / QUIET_A_SECOND),
    }


class Mailer:
    """Mails one message of a kind, each time of the next customer; the first ones are made ready and handled."""

    def __init__(self, at: Stage, kind: str, customers: int) -> None:
        self.at, self.kind, self.turn = at, kind, 0
        self.people: list[tuple[str, str]] = []
        for _ in range(customers if kind != OPENS_NEW else 0):
            address = self._new()
            self.people.append((address, self._mail(address)))
            come_in(at)
            at.clock.advance(1000)

    def __call__(self) -> None:
        if self.kind == OPENS_NEW:
            self._mail(self._new())
        else:
            address, first = self.people[self.turn % len(self.people)]
            self.turn += 1
            self._mail(address, first if self.kind == JOINS else "")
        self.at.deliver()

    @property
    def size(self) -> int:
        """Bytes of the last mail, as it lies in the bucket."""
        key = [effect.record for effect in self.at.sandbox.ledger if effect.kind == "received"][-1]
        return len(self.at.deps.bucket.get(key))

    def _new(self) -> str:
        name = "".join(self.at.rng.choices(string.ascii_lowercase, k=12))
        return f"{name.title()} <{name}@customer.example>"

    def _mail(self, address: str, answers: str = "") -> str:
        rng: random.Random = self.at.rng
        words = payload.words(rng, MAIL_WORDS)
        way = "".join(rng.choices(string.ascii_letters + string.digits + "+/", k=MAIL_HEADERS))
        subject = "Re: My order" if answers else "My order"
        message_id: str = self.at.sandbox.ses.mail(
            address,
            subject,
            words,
            html=f"<html><body><p>{words}</p></body></html>",
            in_reply_to=answers,
            references=answers,
            headers={"X-Way": " ".join(way[start : start + 60] for start in range(0, MAIL_HEADERS, 60))},
        )
        return message_id


class Texter:
    """Texts one message of a kind, each time of the next customer; the first ones are made ready and handled."""

    def __init__(self, at: Stage, kind: str, customers: int) -> None:
        self.at, self.kind, self.turn = at, kind, 0
        self.phones: list[str] = []
        for _ in range(customers if kind != OPENS_NEW else 0):
            self.phones.append(self._new())
            self._text(self.phones[-1])
            come_in(at)
            at.clock.advance(1000)

    def __call__(self) -> None:
        self._text(self._new() if self.kind == OPENS_NEW else self.phones[self.turn % len(self.phones)])
        self.turn += 1
        self.at.deliver()

    def _new(self) -> str:
        return f"+4479{self.at.rng.randrange(10**8):08d}"

    def _text(self, phone: str) -> None:
        self.at.sandbox.twilio.text(phone, payload.words(self.at.rng, SMS_WORDS))


def _answer(at: Stage, times: int = 4) -> float:
    """Dollars per million answers, each from the agent's comment to the last word of its delivery, without fees."""
    theirs = at.sandbox.zendesk
    agent, _, _ = theirs.add_agent("Agent", "agent@sandbox.test")
    ticket = max(theirs.tickets)

    def answer() -> None:
        theirs.agent_comment(agent, ticket, "We have put it right, please try again.")
        at.runs.clear()
        for _ in range(3):
            come_in(at)
            at.clock.advance(1000)

    answer()
    return mean_usd(at, answer, times)
