"""The ways on which a customer carries on one matter: a thread in Slack, direct messages, a telephone, a mailbox."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from infra.demo.people import MAIL, SLACK, SMS, Customer

if TYPE_CHECKING:
    from infra.sandbox import Sandbox
    from infra.sandbox.ses_mail import Sent

# Name, media type, content.
File = tuple[str, str, bytes]


@dataclass
class SlackWay:
    """A thread of the customer's channel, or their direct messages with the bot (`thread` stays "" there)."""

    sandbox: Sandbox
    customer: Customer
    is_direct: bool
    thread: str = ""

    name = SLACK

    @property
    def channel(self) -> str:
        return self.customer.direct if self.is_direct else self.customer.channel

    @property
    def place(self) -> str:
        return f"slack:{self.channel}"

    def write(self, text: str, files: Sequence[File], chance: random.Random) -> str:
        """Write, as the thread's root where it has none; returns the message's key."""
        mention = not self.is_direct and chance.random() < (0.1 if self.thread else 0.5)
        ts = self.sandbox.slack.post(
            self.customer.user, self.channel, text, self.thread or None, files, mention=mention
        )
        if not self.thread and not self.is_direct:
            self.thread = ts
        if chance.random() < 0.05:
            self.sandbox.slack.react(self.customer.user, self.channel, ts, "eyes")
        return f"{self.channel}:{ts}"

    def edit(self, key: str, text: str) -> None:
        channel, _, ts = key.partition(":")
        self.sandbox.slack.edit(channel, ts, text)

    def delete(self, key: str) -> None:
        """Take a message back; the thread's root stays."""
        if key.rpartition(":")[2] != self.thread:
            self.sandbox.slack.delete(*key.split(":"))


@dataclass
class PhoneWay:
    """Texts to our number, with pictures."""

    sandbox: Sandbox
    customer: Customer

    name = SMS
    thread = ""

    @property
    def place(self) -> str:
        return f"sms:{self.customer.phone}"

    def write(self, text: str, files: Sequence[File], chance: random.Random) -> str:
        return self.sandbox.twilio.text(self.customer.phone, text, [(kind, content) for _, kind, content in files])


@dataclass
class MailWay:
    """A mail thread with our support address. `ids` are the Message-IDs of what the customer wrote in it."""

    sandbox: Sandbox
    customer: Customer
    subject: str
    copies: tuple[str, ...] = ()
    ids: list[str] = field(default_factory=list)

    name = MAIL
    thread = ""

    @property
    def place(self) -> str:
        return f"ses:{self.customer.email}"

    @property
    def sender(self) -> str:
        return f"{self.customer.name} <{self.customer.email}>"

    def write(self, text: str, files: Sequence[File], chance: random.Random) -> str:
        """Mail: an answer to our last mail of this thread, quoted below it; else one that goes on from their own."""
        body = f"{text}\n\n-- \n{self.customer.name}\n" if chance.random() < 0.3 else text
        html = f"<p>{escape(text)}</p>" if chance.random() < 0.3 else ""
        last = self.last_answer()
        ses = self.sandbox.ses
        if last is not None:
            sent = ses.reply(last, body, from_=self.sender, attachments=files, cc=self.copies)
        else:
            subject = f"Re: {self.subject}" if self.ids else self.subject
            sent = ses.mail(
                self.sender,
                subject,
                body,
                html=html,
                attachments=files,
                cc=self.copies,
                in_reply_to=self.ids[-1] if self.ids else "",
                references=" ".join(self.ids),
            )
        self.ids.append(sent)
        return sent.strip("<>")

    def last_answer(self) -> Sent | None:
        """Our newest mail of this thread."""
        ours = reversed(self.sandbox.ses.sent)
        return next((one for one in ours if set(self.ids) & set(f"{one.in_reply_to} {one.references}".split())), None)


Way = SlackWay | PhoneWay | MailWay


def begin(sandbox: Sandbox, customer: Customer, name: str, subject: str, chance: random.Random) -> Way:
    """A new matter by one of the customer's ways."""
    if name == SMS:
        return PhoneWay(sandbox, customer)
    if name == MAIL:
        return MailWay(sandbox, customer, subject)
    return SlackWay(sandbox, customer, chance.random() < 0.25)
