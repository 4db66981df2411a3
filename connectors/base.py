"""The connector contract: one class per provider, one folder per class.

A connector translates and does nothing else: it keeps no state between calls, stores nothing, and knows neither
queues nor tables. Adding one edits no other file (see docs/adding-a-connector.md).

Errors say what happens next:

    ConnectorError
    ├── InvalidWebhook   refuse the delivery with 401; nothing of it is stored
    ├── Unparsable       a verified body that cannot be read: kept raw, shown, replayable
    ├── BadCredentials   pause the connection, tell the admin, keep the work
    ├── TryLater         the lane waits, the worker returns; doubtful=True where the call may have been applied
    └── Rejected         failed for good: tell the agent, and why
        ├── CannotCarry  refused before sending: this provider cannot express it
        └── RecordClosed the ticket is closed for good: a follow-up takes its place

Anything else that is raised is a bug: the work is set aside and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.core.model import (
        Attachment,
        Comment,
        Contact,
        Event,
        File,
        Finding,
        Hint,
        OutboundFile,
        OutboundMessage,
        Page,
        Person,
        Priority,
        Status,
        TicketChange,
        TicketDraft,
        Written,
    )


class ConnectorError(Exception):
    """The root of what a connector may raise. The message is for a person: the provider's own words, and what to do."""


class InvalidWebhook(ConnectorError):
    """The delivery is not the provider's, or too old, or cannot be verified: 401."""


class Unparsable(ConnectorError):
    """The delivery is the provider's, but its body cannot be read."""


class BadCredentials(ConnectorError):
    """The provider refuses our credentials or a scope is missing."""


class TryLater(ConnectorError):
    """The provider cannot do it now.

    retry_after  seconds, None where the provider does not say
    scope        "connection" where the whole account must wait, "lane" where only this record must
    doubtful     True where the call was sent and its outcome is not known (time-out, dropped socket, 5xx)
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, scope: str = "lane", doubtful: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.scope = scope
        self.doubtful = doubtful


class Rejected(ConnectorError):
    """The provider refuses this work for good."""


class CannotCarry(Rejected):
    """The provider has no way to express this; nothing was sent."""


class RecordClosed(Rejected):
    """The ticket is closed and cannot be changed any more."""


class Field:
    """One setting of a connection: it drives form, validation, storage, redaction, docs and test settings at once."""

    __slots__ = ("default", "example", "help", "key", "label", "pattern", "required", "secret")

    def __init__(
        self,
        key: str,
        label: str,
        help: str,
        *,
        secret: bool = False,
        required: bool = True,
        pattern: str = "",
        example: str = "",
        default: str = "",
    ) -> None:
        self.key = key
        self.label = label
        self.help = help
        self.secret = secret
        self.required = required
        self.pattern = pattern
        self.example = example
        self.default = default


class WebhookRequest:
    """A request as it reached us. Header names are lower case; `body` is the raw bytes; `now` is in ms.

    `url` is the whole public address that was asked for, its query included, as far as it is known; `query` that of
    the address alone, as it was written. A mail reaches a connector in the same shape: `body` is the mail as it was
    received, and the header `x-deskweave-receipt` the receipt of the service that took it in (JSON).
    """

    __slots__ = ("body", "headers", "method", "now", "query", "url")

    def __init__(
        self, method: str, headers: Mapping[str, str], body: bytes, now: int, *, url: str = "", query: str = ""
    ) -> None:
        self.method = method
        self.headers = headers
        self.body = body
        self.now = now
        self.url = url
        self.query = query


class WebhookResponse:
    """An answer to a provider's request."""

    __slots__ = ("body", "content_type", "status")

    def __init__(self, status: int, body: str = "", content_type: str = "text/plain") -> None:
        self.status = status
        self.body = body
        self.content_type = content_type


class Call:
    """One numbered attempt at an effect, as the lane's ledger knows it.

    id          our own id of the call; a retry repeats the same set under the same id
    started_at  ms, when the first attempt under this id began
    now         ms, when this attempt began; the only time that a connector may reckon with
    retry       True where an earlier attempt under this id may have been applied
    noted       what `note` recorded under this id, "" where nothing was
    reference   `conversation.id`: what a callback may carry to tell which call it is about (letters, digits, one dot)
    note        records a value durably before the call goes on (Slack: the file's id before it is shared)
    known       which of these message keys of the connection we have already
    """

    __slots__ = ("_known", "_record", "id", "noted", "now", "reference", "retry", "started_at")

    def __init__(
        self,
        id: str,
        started_at: int,
        now: int = 0,
        *,
        retry: bool = False,
        noted: str = "",
        reference: str = "",
        record: Callable[[str], None] | None = None,
        known: Callable[[Sequence[str]], set[str]] | None = None,
    ) -> None:
        self.id = id
        self.reference = reference or id
        self._known = known
        self.started_at = started_at
        self.now = now or started_at
        self.retry = retry
        self.noted = noted
        self._record = record

    def note(self, value: str) -> None:
        if self._record is not None:
            self._record(value)
        self.noted = value

    def known(self, keys: Sequence[str]) -> set[str]:
        return self._known(keys) if self._known is not None else set()


class Connector:
    """What every connector has.

    name          the provider's name: the folder's name and the webhook's path
    title         the provider's name as people write it
    kind          "channel" or "crm"
    fields        the settings of a connection
    capabilities  what it can do, in words of docs/connectors.md (for instance "threads", "files", "edits")
    effects       for each call that changes something at the provider, how a doubtful outcome is settled:
                  "key" (repeat it under the same key), "lookup" (look it up by the call's id), "echo" (the provider's
                  own callback tells), "unknown" (a person decides)
    settle_seconds  how long after a call a lookup that finds nothing means nothing (request in flight, search lag)
    keep_headers  the headers (lower case) that parse needs, kept with the raw delivery
    keep_query    whether parse needs the address's query, which is else not kept: it may hold a secret
    consented     the fields that the provider's OAuth consent fills in, () where there is no consent to walk
    refused       settings that people try and that are not taken, each with the reason
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    capabilities: ClassVar[frozenset[str]] = frozenset()
    effects: ClassVar[Mapping[str, str]] = {}
    settle_seconds: ClassVar[int] = 60
    keep_headers: ClassVar[tuple[str, ...]] = ("content-type",)
    keep_query: ClassVar[bool] = False
    consented: ClassVar[tuple[str, ...]] = ()
    refused: ClassVar[Mapping[str, str]] = {}

    def __init__(self, settings: Mapping[str, str], connection: str = "", webhook_url: str = "") -> None:
        """`settings` by field key, secrets included; `connection` is the connection's id.

        `webhook_url` is the public address of the connection's webhooks, "" where the stage has none yet.
        """
        self.settings = settings
        self.connection = connection
        self.webhook_url = webhook_url

    def handshake(self, request: WebhookRequest) -> WebhookResponse | None:
        """Answer a provider's test of the webhook address, or return None. It verifies what it answers."""
        return None

    def verify(self, request: WebhookRequest) -> None:
        """Raise `InvalidWebhook` unless the provider signed this request. Never any other exception."""
        raise NotImplementedError

    def accepted(self, request: WebhookRequest) -> WebhookResponse:
        """The answer to a delivery that is durably queued: 2xx, in the form that the provider wants."""
        return WebhookResponse(200)

    def group(self, request: WebhookRequest) -> str:
        """What the delivery's conversation is found by, so that one conversation's deliveries stay in order.

        Slack: the root thread; a direct message its channel; an edit that of its original. A CRM: the ticket.
        Raises anything where that cannot be told: the delivery then goes on in a group of its own.
        """
        raise NotImplementedError

    def parse(self, request: WebhookRequest) -> list[Event]:
        """What a verified delivery says, in the provider's order. No I/O. Raises `Unparsable`."""
        raise NotImplementedError

    def check(self) -> list[Finding]:
        """Look at the account: credentials, scopes, webhooks, whatever would break or double messages.

        The first finding is about the credentials; where they are wrong, nothing is saved.
        """
        raise NotImplementedError

    def identity(self) -> dict[str, str]:
        """Settings that the provider itself tells of the account (its ids), by field key; kept when it goes live."""
        return {}

    def register(self) -> list[Finding]:
        """Have the provider send its webhooks to `webhook_url`, where it has an API for that; safe to repeat.

        Returns what was done and what was not; [] where a person has to do it (the guide says how).
        """
        return []

    def consent(self, redirect: str, state: str) -> str:
        """The provider's page on which an admin lets us in; it sends them to `redirect` with `state` and a code."""
        raise CannotCarry(f"{self.title} has no consent page")

    def redeem(self, code: str, redirect: str) -> dict[str, str]:
        """The settings that an admin's consent gives, for the code that came back. Raises `BadCredentials`."""
        raise CannotCarry(f"{self.title} has no consent page")

    def fetch_file(self, attachment: Attachment, limit: int) -> File:
        """Read a file from the provider, at most `limit` bytes; `CannotCarry` where it is larger."""
        raise CannotCarry(f"{self.title} files cannot be fetched")

    def extract(self, raw: bytes, attachment: Attachment, limit: int) -> File:
        """Take a file out of the delivery that brought it (`Attachment.inside`). No I/O; `CannotCarry` as above."""
        raise CannotCarry(f"{self.title} deliveries hold no files")


class ChannelConnector(Connector):
    """A channel on which customers write.

    reply_budget  how many messages one address may be sent within an hour, 0 for any number: two machines that answer
                  each other stop there
    """

    kind = "channel"
    reply_budget: ClassVar[int] = 0

    def address(self, to: str) -> dict[str, str]:
        """Where a first message to `to` goes, as an admin types it (a channel, a number, an address).

        In the terms of `MessageReceived.reply_to`. Raises `ValueError` saying what is wrong with it.
        """
        raise ValueError(f"{self.title} cannot send a first message")

    def send(self, message: OutboundMessage, call: Call) -> str:
        """Send an answer; returns the message's key, in the form that `parse` gives for it."""
        raise NotImplementedError

    def send_file(self, outbound: OutboundFile, call: Call) -> str:
        """Send a file; returns the key of the message that carries it, "" where the provider does not tell."""
        raise CannotCarry(f"{self.title} cannot carry files")

    def lookup(self, kind: str, to: Mapping[str, str], call: Call) -> str | None:
        """The key of what the call made, None where nothing is found. `kind` is "send" or "send_file"."""
        raise NotImplementedError

    def profile(self, key: str) -> Person:
        """Who a sender is, as the provider's directory knows them."""
        return _nobody(key)


class CrmConnector(Connector):
    """A CRM or desk in which agents work."""

    kind = "crm"

    def fetch(self, hint: Hint, known: Callable[[Sequence[str]], set[str]]) -> list[Event]:
        """Read a record's state and its newest comments: at most two reads.

        `known` takes the comment keys of a page, newest first, and tells which of them we have already; reading goes
        back until a page holds a known one.
        Events: the comments that are not known, oldest first, then one `TicketChanged`.
        """
        raise NotImplementedError

    def changes(self, cursor: str, now: int) -> Page:
        """What changed since the cursor; "" starts a few minutes before `now` (ms). One read."""
        raise NotImplementedError

    def upsert_contact(self, contact: Contact, call: Call) -> str:
        """Make or update the contact of a customer; returns the CRM's id of it."""
        raise NotImplementedError

    def create_ticket(self, draft: TicketDraft, call: Call) -> Written:
        raise NotImplementedError

    def add_comment(self, record: str, comment: Comment, stamp: str, call: Call) -> Written:
        """Add a comment. `stamp` is the record's version as last read, "" where not known."""
        raise NotImplementedError

    def update_ticket(self, record: str, change: TicketChange, call: Call) -> Written:
        raise NotImplementedError

    def read_back(self, status: Status, priority: Priority) -> tuple[Status, Priority]:
        """What status and priority are once the CRM has taken them: it may have fewer words than we."""
        return status, priority

    def lookup(self, kind: str, record: str, conversation: str, call: Call) -> Written | None:
        """What the call made: `kind` is "create_ticket" or "add_comment". None where nothing is found."""
        raise NotImplementedError


def _nobody(key: str) -> Person:
    from chalicelib.core.model import Person

    return Person(key=key)
