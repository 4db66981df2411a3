"""How a message stands in the table: its item, its files, and the raw delivery that brought it, packed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.table import Item
from chalicelib.core import packing
from chalicelib.core.fit import fit
from chalicelib.core.model import (
    Attachment,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    TicketCommented,
)

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# Bytes. An item holds 400 KB at most; what is cut stays whole in the raw delivery. A raw delivery that is larger than
# a queue message came by the bucket and stays there.
LONGEST_TEXT = 100_000
LONGEST_HTML = 80_000


@dataclass(frozen=True)
class Delivery:
    """Where an event came from: connection, the delivery's id, when it came (ms), its raw body, and by which way.

    `raw_at` is the bucket's key of the raw body where it lies there.
    """

    connection: str
    provider: str
    id: str
    at: int
    raw: bytes = b""
    source: str = "webhook"
    raw_at: str = ""


def item(
    pk: str,
    conversation: str,
    kind: str,
    text: str,
    author: Person,
    event: MessageReceived | MessageEdited | MessageDeleted | TicketCommented,
    delivery: Delivery,
    deps: Deps,
) -> Item:
    kept: Item = {
        "pk": pk,
        "conversation": conversation,
        "sort": f"{event.sent_at:015d}#{event.order}",
        "kind": kind,
        "text": fit(text, LONGEST_TEXT),
        "author": {"key": author.key, "name": fit(author.name, 500), "role": author.role.value},
        "sent_at": event.sent_at,
        "at": deps.now(),
        "connection": delivery.connection,
        "delivery": delivery.id,
    }
    if delivery.raw_at:
        kept["raw_at"] = delivery.raw_at
    elif delivery.raw:
        packed = packing.pack(delivery.raw, _beside(kept))
        kept["raw"] = packed
    return kept


def raw_delivery(kept: Item, deps: Deps) -> bytes | None:
    """The delivery that brought a message, as it came; None where it came without one (a poll)."""
    if "raw_at" in kept:
        return deps.bucket.get(kept["raw_at"])
    return packing.unpack(kept["raw"], _beside(kept)) if "raw" in kept else None


def _beside(kept: Item) -> str:
    return f"{kept['pk']} {kept['author']['key']} {kept['text']}"


def files(attachments: tuple[Attachment, ...]) -> list[dict[str, Any]]:
    return [
        {"key": a.key, "name": fit(a.name, 500), "media_type": a.media_type, "size": a.size, "url": a.url}
        | ({"inside": True} if a.inside else {})
        for a in attachments
    ]


def attachment(kept: Mapping[str, Any]) -> Attachment:
    """A file as its message's item has it."""
    where = (kept["key"], kept["name"], kept["media_type"], int(kept["size"]), kept["url"])
    return Attachment(*where, inside=bool(kept.get("inside")))


def reply_to(event: MessageReceived, delivery: Delivery) -> dict[str, Any]:
    return {"connection": delivery.connection, "to": dict(event.reply_to), "sent_at": event.sent_at}
