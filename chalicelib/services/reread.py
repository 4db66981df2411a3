"""Reading a ticket once more because of a hint that is kept: comments that an earlier version did not take are stored.

A CRM's webhook holds no words, so there is nothing of it to parse again; what stands in the ticket today counts.
Comments that we have are not compared: who edited one since then meant it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.aws.table import Update
from chalicelib.core.model import Hint, TicketCommented
from chalicelib.services import effects, hints, keys
from chalicelib.services.records import Delivery
from connectors.base import BadCredentials, CrmConnector, Rejected, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@dataclass(frozen=True)
class Ticket:
    """A ticket as its CRM shows it now: the comments of it that we lack; `left` why it could not be read, or ""."""

    connection: str
    record: str
    conversation: str = ""
    missing: tuple[TicketCommented, ...] = ()
    left: str = ""


def look(connection: str, record: str, deps: Deps) -> Ticket:
    """Read a ticket, at most twice, and tell which comments we lack. Writes nothing. Raises `AwsUnavailable`."""
    link = deps.table.get(keys.link(connection, record))
    if link is None:
        return Ticket(connection, record, left="it is no ticket of ours")
    conversation = str(link["conversation"])
    state, connector = deps.connections.state(connection), deps.connections.open(connection)
    if connector is None or not state:
        return Ticket(connection, record, conversation, left="its connection was removed")
    head = deps.table.get(keys.lane(conversation, connection), keys.HEAD) or {}
    if state.get("paused"):
        return Ticket(connection, record, conversation, left="its connection is paused")
    if head.get("call"):
        return Ticket(connection, record, conversation, left="a call of ours on it is open")
    assert isinstance(connector, CrmConnector)
    try:
        events = connector.fetch(Hint(record, conversation), lambda found: effects.known(connection, found, deps))
    except TryLater as error:
        return Ticket(connection, record, conversation, left=f"the CRM asks for time: {error}")
    except (BadCredentials, Rejected) as error:
        return Ticket(connection, record, conversation, left=f"the CRM refuses: {error}")
    missing = tuple(event for event in events if isinstance(event, TicketCommented))
    return Ticket(connection, record, conversation, missing)


def apply(ticket: Ticket, deps: Deps) -> None:
    """Have the inbox read the ticket, in its order with everything else of it, as far back as we lack comments."""
    state = deps.connections.state(ticket.connection)
    link = keys.link(ticket.connection, ticket.record)
    # What stands behind the newest comment that was stored is else taken as known, without looking.
    deps.table.update(Update(link, remove=("newest",), when={"conversation": ticket.conversation}))
    delivery = Delivery(ticket.connection, state["provider"], deps.new_id("d"), deps.now(), source="poll")
    body = hints.queued(Hint(ticket.record, ticket.conversation), delivery)
    deps.inbox.send(keys.ticket_group(ticket.connection, ticket.record), body)
