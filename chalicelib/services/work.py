"""What a worker carries while it calls a provider, and what it brings back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.aws.table import Item, Write
from chalicelib.core.model import Attachment, File, Status
from chalicelib.services import keys
from connectors.base import (
    BadCredentials,
    Call,
    CannotCarry,
    ChannelConnector,
    Connector,
    ConnectorError,
    CrmConnector,
    Rejected,
    TryLater,
)

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

LARGEST_FILE = 20_000_000


@dataclass(frozen=True)
class Work:
    """One call of one lane: its head, its entries in order, the call, which operation, and the target's connector."""

    head: Item
    entries: list[Item]
    call: Call
    op: str
    connector: Connector
    deps: Deps

    @property
    def crm(self) -> bool:
        return isinstance(self.connector, CrmConnector)

    @property
    def to_crm(self) -> CrmConnector:
        assert isinstance(self.connector, CrmConnector)
        return self.connector

    @property
    def to_channel(self) -> ChannelConnector:
        assert isinstance(self.connector, ChannelConnector)
        return self.connector

    @cached_property
    def conversation(self) -> Item:
        found = self.deps.table.get(keys.conversation(self.head["conversation"]))
        if found is None:
            raise LookupError(f"conversation {self.head['conversation']} is not in the table")
        return found

    @cached_property
    def contacts(self) -> dict[str, str]:
        """The CRM's ids of the customers that this call has looked up, by customer."""
        return {}

    @cached_property
    def messages(self) -> list[Item]:
        """The messages of the entries, in the entries' order; none for an entry that carries its own text."""
        wanted = [entry["message"] for entry in self.entries if "message" in entry]
        found = self.deps.table.get_many([(pk, "-") for pk in wanted])
        return [found[pk, "-"] for pk in wanted]


@dataclass(frozen=True)
class Done:
    """What a call did.

    keys     the keys under which its messages or comments may come back
    record   the ticket
    writes   what else is to be written in the same transaction
    stands   where the ticket stands although a customer has just written on it, None where an agent will see it
    """

    keys: tuple[str, ...] = ()
    record: str = ""
    writes: list[Write] = field(default_factory=list)
    stands: Status | None = None


def fetch_file(work: Work, message: Item, number: int) -> File:
    """A message's file, read from the connection that the message came by.

    What goes wrong at the source must not be taken for the target's fault: it makes this lane wait, and no other.
    Raises `TryLater`, or `CannotCarry` where the file is gone, too large or not ours to read.
    """
    kept = message["files"][number]
    attachment = Attachment(kept["key"], kept["name"], kept["media_type"], kept["size"], kept["url"])
    source = work.deps.connections.open(message["connection"])
    if source is None:
        raise CannotCarry(f"{kept['name']}: the connection it came by was removed")
    try:
        return source.fetch_file(attachment, LARGEST_FILE)
    except TryLater as error:
        raise TryLater(f"{kept['name']}: {error}", retry_after=error.retry_after) from error
    except (BadCredentials, Rejected) as error:
        raise CannotCarry(f"{kept['name']}: {error}") from error
    except ConnectorError as error:
        raise CannotCarry(f"{kept['name']}: {error}") from error
