"""A test message, sent over a channel's connection by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.model import OutboundMessage
from chalicelib.services.read import Unknown
from connectors.base import Call, ChannelConnector, ConnectorError, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

WORDS = "This is a test message from Deskweave. If you can read it, the channel works."


class NotSendable(ValueError):
    """The connection is no channel, or nothing can be sent to this address; the message says why."""


@dataclass(frozen=True)
class Tested:
    """outcome: "sent", "refused", "unknown" (it may have been sent) or "later"; key is the message's own."""

    to: str
    outcome: str
    key: str = ""
    reason: str = ""


def send(connection_id: str, to: str, deps: Deps, text: str = WORDS) -> Tested:
    """Send one message, at once and never twice; it belongs to no conversation.

    Raises `Unknown`, `NotSendable`.
    """
    connector = deps.connections.open(connection_id)
    if connector is None:
        raise Unknown(f"there is no connection {connection_id}; `deskweave connections list` shows them")
    if not isinstance(connector, ChannelConnector):
        raise NotSendable(f"{connector.title} is no channel: a test message goes over a channel")
    try:
        address = connector.address(to)
    except ValueError as error:
        raise NotSendable(str(error)) from None
    try:
        key = connector.send(OutboundMessage(address, text, automatic=True), Call(deps.new_id("t"), deps.now()))
    except TryLater as error:
        return Tested(to, "unknown" if error.doubtful else "later", reason=str(error))
    except ConnectorError as error:
        return Tested(to, "refused", reason=str(error))
    return Tested(to, "sent", key)
