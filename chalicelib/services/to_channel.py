"""Carrying an agent's public answer to the customer, on the customer's own channel."""

from __future__ import annotations

from chalicelib.aws.table import Item
from chalicelib.core.model import OutboundFile, OutboundMessage, Role
from chalicelib.services import budget, files, forms, links
from chalicelib.services.work import Done, Work
from connectors.base import Rejected


def carry_out(work: Work) -> Done:
    """Send the entry's text or file. Raises the connector's errors."""
    entry, message = work.entries[0], work.messages[0]
    guard(message)
    if entry["kind"] == "send_file" and (first := forms.copied_first(message, work)):
        return first
    budget.spend(work, entry["to"])
    if entry["kind"] == "send_file":
        file = files.read(message["pk"], entry["file"], work.deps)
        url = links.link(message["pk"], entry["file"], work.deps)
        key = work.to_channel.send_file(OutboundFile(entry["to"], file, url), work.call)
    else:
        outbound = OutboundMessage(entry["to"], message["text"], message.get("html", ""), message["author"]["name"])
        key = work.to_channel.send(outbound, work.call)
    return Done((key,) if key else ())


def lookup(work: Work, op: str) -> Done | None:
    """What an earlier attempt of this call left on the channel."""
    key = work.to_channel.lookup(op, work.entries[0]["to"], work.call)
    return None if key is None else Done((key,) if key else ())


def guard(message: Item) -> None:
    """The last door before a customer: only an agent's public message passes, whatever the ledger says."""
    if message["kind"] != "message" or message["direction"] != "out" or message["author"]["role"] == Role.CUSTOMER:
        raise Rejected("this is not a public answer of an agent; it does not leave the house")
