"""Storing what people wrote: one record a message, and with it whatever has to happen because of it.

Each function looks the message's key up before it makes anything, and writes message, claims and lane entries in one
transaction. Whoever loses a race reads again. What they return is the outcome: "stored" or "repeated".
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Update
from chalicelib.core.fit import fit
from chalicelib.core.model import MessageDeleted, MessageEdited, MessageReceived, Role, Status, TicketCommented
from chalicelib.services import conversations, keys, lanes, opening, people, place, records
from chalicelib.services.lanes import Entry
from chalicelib.services.records import Delivery

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

STORED, REPEATED = "stored", "repeated"
_TRIES = 8
# What a message's own delivery tells better than its edit did. The raw one is packed with author and text.
_OWN = ("text", "author", "delivery", "raw", "raw_at", "head")


def received(event: MessageReceived, delivery: Delivery, deps: Deps, *, provisional: bool = False) -> str:
    """Store a customer's message, in the conversation that its thread's claim names or in a new one.

    provisional  the message is known only from its edit or deletion, which overtook it; when it comes itself, its own
                 words take the place, so that the record does not depend on the order of arrival
    """
    message_key = (keys.message(delivery.connection, event.key), "-")
    for _ in range(_TRIES):
        found = place.look_up(event, delivery, deps)
        kept = found.items.get(message_key)
        if kept is not None and kept.get("provisional") and not provisional:
            if _confirmed(event, kept, delivery, deps):
                return STORED
            continue
        if kept is not None:
            return _again(kept, event.text, delivery, deps)
        customer, writes = people.of(event.sender, delivery, found.items, deps)
        item = _inbound_item(event, delivery, customer, deps, provisional)
        plan = opening.plan(event, delivery, item, found, writes, deps)
        if conversations.written(plan, deps):
            return STORED
    raise AwsUnavailable("lost every race for the conversation; the queue delivers again")


def edited(event: MessageEdited, delivery: Delivery, deps: Deps) -> str:
    """Keep an edit beside its message and tell the CRM by a private note; the message itself is stored first."""
    return _amended(event, delivery, deps, kind="edit", text=event.text)


def deleted(event: MessageDeleted, delivery: Delivery, deps: Deps) -> str:
    """Keep a deletion beside its message, as an edit is."""
    return _amended(event, delivery, deps, kind="deletion", text="")


def _amended(event: MessageEdited | MessageDeleted, delivery: Delivery, deps: Deps, *, kind: str, text: str) -> str:
    key, original_key = keys.message(delivery.connection, event.key), keys.message(delivery.connection, event.of)
    for _ in range(_TRIES):
        found = deps.table.get_many([(key, "-"), (original_key, "-")])
        if (key, "-") in found:
            return _again(found[key, "-"], text, delivery, deps)
        original = found.get((original_key, "-"))
        if original is None:
            received(event.original, replace(delivery, raw=b"", raw_at=""), deps, provisional=True)
            continue
        if original.get("ours"):
            return REPEATED
        conversation = conversations.get(original["conversation"], deps)
        item = records.item(key, conversation["id"], kind, text, event.original.sender, event, delivery, deps)
        item |= {"of": original_key, "customer": original.get("customer", "")}
        entries = []
        if conversation["status"] != Status.CLOSED:
            data = {"message": key}
            entries = [Entry(crm, "note", data, join="note", size=len(text)) for crm in conversation["crms"]]
        if conversations.written(conversations.add(item, conversation, {}, entries, deps), deps):
            return STORED
    raise AwsUnavailable("lost every race for the conversation; the queue delivers again")


def commented(event: TicketCommented, conversation_id: str, delivery: Delivery, deps: Deps) -> str:
    """Store a comment made in a CRM; every other CRM gets it as it is, public or private.

    An agent's public one goes to the customer, once, on the channel they last wrote on.
    """
    key = keys.message(delivery.connection, event.key)
    for _ in range(_TRIES):
        kept = deps.table.get(key)
        if kept is not None:
            return _again(kept, event.text, delivery, deps)
        conversation = conversations.get(conversation_id, deps)
        kind = "message" if event.public else "note"
        item = records.item(key, conversation_id, kind, event.text, event.author, event, delivery, deps)
        item |= {
            "record": event.record,
            "html": fit(event.html, records.LONGEST_HTML),
            "files": records.files(event.attachments),
        }
        to_customer = event.public and event.author.role is not Role.CUSTOMER
        item["direction"] = "out" if to_customer else "in"
        entries = _relayed(conversation, item)
        entries += _answer(conversation, item) if to_customer and not event.delivered else opening.copies(item)
        if conversations.written(conversations.add(item, conversation, {}, entries, deps), deps):
            return STORED
    raise AwsUnavailable("lost every race for the conversation; the queue delivers again")


def _relayed(conversation: Item, item: Item) -> list[Entry]:
    if conversation["status"] == Status.CLOSED:
        return []
    others = [crm for crm in conversation["crms"] if crm != item["connection"]]
    return [Entry(crm, "relay", {"message": item["pk"]}) for crm in others]


def _answer(conversation: Item, item: Item) -> list[Entry]:
    """The text goes at once; each file follows when it has been copied."""
    target, to = conversation["reply_to"]["connection"], conversation["reply_to"]["to"]
    entries = []
    if item["text"].strip() or item["html"].strip():
        entries.append(Entry(target, "send", {"message": item["pk"], "to": to}))
    return entries + opening.copies(item, then={"target": target, "to": to})


def _again(kept: Item, text: str, delivery: Delivery, deps: Deps) -> str:
    """A message that is there already: wake its lanes again, keep a different body under the same key as a conflict."""
    if kept.get("ours"):
        return REPEATED
    if kept["text"] != fit(text, records.LONGEST_TEXT) and kept["kind"] in ("message", "note"):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        deps.table.put(
            {"pk": kept["pk"], "sk": f"conflict#{digest}", "text": fit(text, records.LONGEST_TEXT), "at": deps.now()}
        )
    lanes.wake([keys.lane(kept["conversation"], target) for target in kept.get("lanes", ())], deps)
    return STORED if kept.get("delivery") == delivery.id else REPEATED


def _inbound_item(
    event: MessageReceived, delivery: Delivery, customer: str, deps: Deps, provisional: bool = False
) -> Item:
    """The item of a customer's message; which conversation it belongs to is set when that is known."""
    key = keys.message(delivery.connection, event.key)
    item = records.item(key, "", "message", event.text, event.sender, event, delivery, deps)
    item |= {"customer": customer, "direction": "in", "files": records.files(event.attachments)}
    return item | {"provisional": True} if provisional else item


def _confirmed(event: MessageReceived, kept: Item, delivery: Delivery, deps: Deps) -> bool:
    """Put a message's own words where its edit had brought later ones; false where somebody else was quicker.

    Files that the edit did not tell of are copied and shown by a comment of their own: the message's may be made.
    """
    item = _inbound_item(event, delivery, kept["customer"], deps)
    own: dict[str, Any] = {name: item[name] for name in _OWN if name in item}
    known = [file["key"] for file in kept["files"]]
    late = [file for file in item["files"] if file["key"] not in known]
    own["files"] = kept["files"] + late
    if late:
        own["late"] = len(known)
    confirmed = Update(kept["pk"], set=own, remove=("provisional",), when={"provisional": True})
    if not late:
        try:
            deps.table.update(confirmed)
        except ConditionFailed:
            return False
        return True
    conversation = conversations.get(kept["conversation"], deps)
    entries = opening.copies(kept | own)[len(known) :]
    if conversation["status"] != Status.CLOSED:
        entries += [Entry(crm, "comment", {"message": kept["pk"], "late": True}) for crm in conversation["crms"]]
    return conversations.written(conversations.changed(conversation, {}, entries, deps, [confirmed]), deps)
