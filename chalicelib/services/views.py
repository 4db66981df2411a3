"""What a person is shown of conversations and lanes, as plain values; services/read.py makes them.

Times are ms since the epoch. A view names a connection by its id and by its provider ("" where it was removed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Ticket:
    """A conversation's ticket in one CRM. status, priority and team are what both sides last agreed on."""

    connection: str
    provider: str
    record: str
    status: str = ""
    priority: str = ""
    team: str = ""


@dataclass(frozen=True)
class Summary:
    """A conversation on one line.

    channel  the provider that the customer last wrote on
    waiting  entries that are not carried out yet; held the lanes that stand still until a person retries or skips
    marked   why no ticket is made of it ("spam", "auto-reply", ...), "" where one is; `deskweave release` makes one
    """

    id: str
    customer: str
    customer_name: str
    channel: str
    subject: str
    status: str
    team: str
    priority: str
    opened_at: int
    last_message_at: int
    tickets: tuple[Ticket, ...] = ()
    waiting: int = 0
    held: int = 0
    marked: str = ""


@dataclass(frozen=True)
class Standing:
    """How a lane stands: "due", "calling", "waiting", "paused" or "held", why, and when it goes on (ms, 0 unknown)."""

    state: str
    why: str = ""
    next_try: int = 0


@dataclass(frozen=True)
class Carried:
    """One entry of a lane: what goes to which connection, and how it stands.

    what      comment, note, relay, fetch, state, send or send_file; detail what of it: a file's name, a state's fields
    state     "done", "skipped", "failed", "unknown", or the lane's standing where it is unfinished
    at        when it was done, or since when it waits
    next_try  when it is tried next, 0 where that is not known
    progress  how far an answer has come since, in the provider's words for it, "" where it tells nothing
    """

    connection: str
    provider: str
    number: int
    what: str
    state: str
    at: int
    reason: str = ""
    next_try: int = 0
    detail: str = ""
    progress: str = ""


@dataclass(frozen=True)
class Line:
    """A message as it is shown: of a person, or an edit or a deletion beside its original.

    kind       message, note (private), edit or deletion; conflicts how many other bodies came under the same key
    sent_at    the provider's time; stored_at ours
    """

    key: str
    kind: str
    sent_at: int
    stored_at: int
    author: str
    role: str
    connection: str
    provider: str
    text: str
    files: tuple[str, ...] = ()
    deliveries: tuple[Carried, ...] = ()
    amendments: tuple[Line, ...] = ()
    conflicts: int = 0


@dataclass(frozen=True)
class Change:
    """A change of a conversation's state: by whom ("customer", "admin" or a provider), and field -> (was, now)."""

    at: int
    by: str
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    overruled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """A conversation with its messages in the provider's order of time.

    besides  entries that carry no message (states, our own notes); earlier whether older messages are left out
    before   where the older ones go on, "" where there are none
    """

    summary: Summary
    messages: tuple[Line, ...]
    changes: tuple[Change, ...] = ()
    besides: tuple[Carried, ...] = ()
    follows: str = ""
    rule: int = 0
    earlier: bool = False
    before: str = ""


@dataclass(frozen=True)
class Lane:
    """A lane with unfinished work; `record` is the ticket of a hint that waits to be read, else "".

    number  the first unfinished entry; entries how many wait from there; since when the first of them was added
    """

    lane: str
    conversation: str
    connection: str
    provider: str
    record: str
    number: int
    entries: int
    since: int
    state: str
    why: str
    next_try: int


@dataclass(frozen=True)
class Failure:
    """Something that a person has to see. `how` says how it was resolved, "" while it is open.

    kind         delivery, lane, record, connection or message; reason and mend in plain words
    first, last  the entries of the lane that stand still, 0 where it is no lane
    """

    id: str
    kind: str
    reason: str
    mend: str
    at: int
    connection: str = ""
    provider: str = ""
    conversation: str = ""
    lane: str = ""
    state: str = ""
    first: int = 0
    last: int = 0
    delivery: str = ""
    how: str = ""
    resolved_at: int = 0


@dataclass(frozen=True)
class Kept:
    """A failure with what is kept of it: the queue message, the raw delivery, the texts of the lane's entries."""

    failure: Failure
    body: Mapping[str, object] = field(default_factory=dict)
    raw: bytes | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Address:
    """A customer's address on a channel, or their contact in a CRM."""

    connection: str
    provider: str
    key: str


@dataclass(frozen=True)
class Customer:
    """A customer's profile. `since` is when they first wrote."""

    id: str
    name: str
    email: str
    since: int
    tags: tuple[str, ...] = ()
    identities: tuple[Address, ...] = ()
    contacts: tuple[Address, ...] = ()


@dataclass(frozen=True)
class Setting:
    """One setting of a connection; of a secret the value is "set" or "not set".

    until  when it stops to count by itself (a secret that was rotated), 0 where it does not
    """

    key: str
    label: str
    secret: bool
    value: str
    until: int = 0


@dataclass(frozen=True)
class Connection:
    """A configured account. waits_until is when the whole account may be called again, 0 for now."""

    id: str
    provider: str
    kind: str
    webhook: str
    added_at: int
    paused: bool = False
    reason: str = ""
    waits_until: int = 0
    settings: tuple[Setting, ...] = ()
