"""How a message stands in the table: its item, its files, and the raw delivery that brought it, packed beside it."""

from __future__ import annotations

import json
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

    `raw_at` is the bucket's key of the raw body where it lies there; `head` are the headers (JSON) without which it
    cannot be parsed again, the content type apart.
    """

    connection: str
    provider: str
    id: str
    at: int
    raw: bytes = b""
    source: str = "webhook"
    raw_at: str = ""
    head: str = ""


def head(headers: Mapping[str, str]) -> str:
    """A delivery's headers as they are kept; the content type is left out, since every connector tells it by itself."""
    kept = {name: value for name, value in headers.items() if name != "content-type"}
    return json.dumps(kept, separators=(",", ":")) if kept else ""


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
    return kept | packed(kept, delivery)


def packed(kept: Mapping[str, Any], delivery: Delivery) -> dict[str, Any]:
    """The attributes that hold the raw delivery beside a message: they are packed with the message's own words."""
    if not (delivery.raw_at or delivery.raw):
        return {}
    beside = _beside(kept)
    raw = {"raw_at": delivery.raw_at} if delivery.raw_at else {"raw": packing.pack(delivery.raw, beside)}
    return raw | ({"head": packing.pack(delivery.head.encode(), beside)} if delivery.head else {})


def raw_delivery(kept: Item, deps: Deps) -> bytes | None:
    """The delivery that brought a message, as it came; None where it came without one (a poll)."""
    if "raw_at" in kept:
        return deps.bucket.get(kept["raw_at"])
    return packing.unpack(kept["raw"], _beside(kept)) if "raw" in kept else None


def raw_head(kept: Item) -> str:
    """The headers that came with it, as `head` gives them."""
    return packing.unpack(kept["head"], _beside(kept)).decode() if "head" in kept else ""


def _beside(kept: Mapping[str, Any]) -> str:
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
