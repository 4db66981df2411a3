"""What a worker carries while it calls a provider, and what it brings back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.aws.table import Item, Write
from chalicelib.core.model import Status
from chalicelib.services import keys
from chalicelib.services.lanes import Entry
from connectors.base import Call, ChannelConnector, Connector, CrmConnector

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


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
    entries  what is to be done next because of it, in whichever lanes of the conversation
    stands   where the ticket stands although a customer has just written on it, None where an agent will see it
    """

    keys: tuple[str, ...] = ()
    record: str = ""
    writes: list[Write] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    stands: Status | None = None
