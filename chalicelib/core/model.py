"""The words of Deskweave as types: what connectors report and what the services keep.

Times are integers, milliseconds since the epoch (UTC). Every id of a provider is a string, as the provider writes it.
Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The state of a conversation, and of its tickets."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    SOLVED = "solved"
    CLOSED = "closed"


class Priority(StrEnum):
    """How urgent a conversation is."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Role(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class DeliveryState(StrEnum):
    """How far a message has come on its way to the customer, as the provider tells it."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    COMPLAINED = "complained"


# A sender's key on a channel where the address alone proves nothing begins with this where nothing else proved it.
UNVERIFIED = "unverified:"


@dataclass(frozen=True)
class Person:
    """Somebody at a provider. `key` is the provider's id of them.

    email, phone  only where the provider has verified that they are this person's: customers are merged on them.
                  An e-mail in lower case, a telephone number as E.164 has it (`+442079460000`)
    """

    key: str
    name: str = ""
    email: str = ""
    role: Role = Role.CUSTOMER
    phone: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file that still lies at the provider. `size` in bytes, -1 where the provider does not say.

    inside  True where it lies in the delivery itself (a mail's part): `Connector.extract` takes it out
    """

    key: str
    name: str
    media_type: str = "application/octet-stream"
    size: int = -1
    url: str = ""
    inside: bool = False


@dataclass(frozen=True)
class File:
    """A file's content, on its way from one provider to another."""

    name: str
    media_type: str
    content: bytes


# --- events: what a connector's parse, fetch and changes report ------------------------------------------------


@dataclass(frozen=True)
class MessageReceived:
    """A person wrote on a channel.

    key       the message's own id, unique within the connection (Slack: `channel:ts`)
    thread    what its conversation is found by, unique within the connection (Slack: `channel:root ts`)
    direct    a direct message joins the sender's open conversation; the thread of others is a matter of its own
    sent_at   the provider's time in ms; `order` the provider's own order within the thread, compared as text
    subject   what the conversation may be called where the text's first line is not it, "" where it is
    reply_to  where an answer goes, in the connector's own terms (Slack: channel, thread_ts)
    answers   keys of earlier messages of the connection, ours too, that it answers, best first (mail: In-Reply-To,
              then References from the last to the first); `conversation` our own id of one, where the message carries
              it. Neither counts unless the sender takes part in that conversation
    participants  everybody whom it names as taking part, the sender included, for channels on which `thread`,
              `answers` and `conversation` can be forged; () where the provider guards its threads itself
    held      why it must not become a ticket, "" where it may: "spam", "virus". It is kept, marked and shown
    automatic why it is no person's ("auto-reply", "bounce", "bulk"), "" for a person's. It changes no state: within a
              conversation it is a private note, else it is held
    """

    key: str
    thread: str
    sender: Person
    text: str
    sent_at: int
    order: str
    reply_to: Mapping[str, str]
    direct: bool = False
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    answers: tuple[str, ...] = ()
    conversation: str = ""
    participants: tuple[Person, ...] = ()
    held: str = ""
    automatic: str = ""


@dataclass(frozen=True)
class MessageEdited:
    """A person changed a message. `key` is the edit's own id, `of` the message's, `original` what it was before.

    `original` lets an edit that overtakes its message bring the message with it, so that the order of arrival
    does not matter.
    """

    key: str
    of: str
    text: str
    sent_at: int
    order: str
    original: MessageReceived


@dataclass(frozen=True)
class MessageDeleted:
    """A person took a message back. The fields are those of `MessageEdited`."""

    key: str
    of: str
    sent_at: int
    order: str
    original: MessageReceived


@dataclass(frozen=True)
class TicketCommented:
    """Somebody commented on a ticket. `key` is the CRM's id of the comment, `record` the ticket's.

    `delivered` is True where the CRM itself has sent it to the customer: it is kept, and not sent again.
    """

    record: str
    key: str
    author: Person
    public: bool
    text: str
    sent_at: int
    order: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    delivered: bool = False


@dataclass(frozen=True)
class TicketChanged:
    """A ticket as read from the CRM. `version` grows with each change; `team` is the name of the CRM's group."""

    record: str
    status: Status
    priority: Priority | None
    team: str
    version: str
    updated_at: int


@dataclass(frozen=True)
class DeliveryUpdated:
    """What became of a message that we sent.

    key        the message's key as `send` returns it; `reference` the call's, where the callback carries it: it settles
               a call whose answer was lost
    reason     why it failed, in the provider's words; `recipient` whom it is about, where a message has several
    at         ms, the provider's time where it gives one, else when it reached us
    """

    key: str
    state: DeliveryState
    at: int
    reference: str = ""
    reason: str = ""
    recipient: str = ""


@dataclass(frozen=True)
class ConnectionEnded:
    """The provider took our access away (the app was uninstalled, its tokens revoked)."""

    reason: str


@dataclass(frozen=True)
class Ignored:
    """The provider told us something that is nobody's message; `reason` says what, in a few words."""

    reason: str


@dataclass(frozen=True)
class Hint:
    """Something about a CRM record may have changed; the truth is read from the CRM.

    `conversation` is our own id where the record carries it, `version` the record's where the hint tells it.
    """

    record: str
    conversation: str = ""
    version: str = ""


Event = (
    MessageReceived
    | MessageEdited
    | MessageDeleted
    | TicketCommented
    | TicketChanged
    | DeliveryUpdated
    | ConnectionEnded
    | Ignored
    | Hint
)


# --- what is carried out to a provider ---------------------------------------------------------------------------


@dataclass(frozen=True)
class OutboundMessage:
    """An agent's public answer for the customer. `html` where the CRM has it, else the plain `text` counts.

    automatic  True where no person wrote it: mail marks it as RFC 3834 has it
    """

    to: Mapping[str, str]
    text: str
    html: str = ""
    author: str = ""
    automatic: bool = False


@dataclass(frozen=True)
class OutboundFile:
    """A file of an agent's public answer. `url` is our own link to it, for channels that carry links only."""

    to: Mapping[str, str]
    file: File
    url: str = ""


@dataclass(frozen=True)
class Contact:
    """A customer as a CRM should know them. `customer` is our id; `email` and `phone` only when verified."""

    customer: str
    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Comment:
    """One comment for a ticket. `author` is the CRM's id of the contact who wrote it, "" for the integration itself.

    `status` travels in the same write where it changes with it. Files stand in the text, as links of our own. `name`
    is the agent's, where the comment comes from another CRM.
    """

    text: str
    public: bool
    author: str = ""
    status: Status | None = None
    name: str = ""


@dataclass(frozen=True)
class TicketDraft:
    """A ticket to be made, with its first comment. `follows` is the closed ticket it goes on from."""

    conversation: str
    subject: str
    requester: str
    comment: Comment
    priority: Priority | None = None
    team: str = ""
    tags: tuple[str, ...] = ()
    follows: str = ""


@dataclass(frozen=True)
class TicketChange:
    """Fields of a ticket to be set; None leaves a field as it is."""

    status: Status | None = None
    priority: Priority | None = None
    team: str | None = None


@dataclass(frozen=True)
class Written:
    """What a write to a CRM left behind: the record, the comments it made, and the record's state as read back."""

    record: str
    comments: tuple[str, ...] = ()
    state: TicketChanged | None = None


@dataclass(frozen=True)
class Page:
    """A page of a CRM's changes: hints, the cursor to go on from, and whether more waits right now."""

    hints: tuple[Hint, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True)
class Finding:
    """One result of a connection's check: what was looked at, whether it is right, and how to mend it if not."""

    name: str
    ok: bool
    detail: str = ""
    mend: str = ""


@dataclass(frozen=True)
class Rule:
    """One routing rule: every condition that is given must hold; the first rule that matches decides."""

    team: str
    priority: Priority | None = None
    channel: str = ""
    words: tuple[str, ...] = ()
    tag: str = ""


@dataclass(frozen=True)
class Routed:
    """What routing decided, and which rule (its number from 1, 0 for the default)."""

    team: str
    priority: Priority
    rule: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What both sides of a link last agreed on: the ticket's own values as read back from it."""

    status: str = ""
    priority: str = ""
    team: str = ""
    version: str = ""
    updated_at: int = 0
