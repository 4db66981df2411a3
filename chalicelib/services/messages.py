"""Storing what people wrote: one record a message, and with it whatever has to happen because of it.

Each function looks the message's key up before it makes anything, and writes message, claims and lane entries in one
transaction. Whoever loses a race reads again. What they return is the outcome: "stored" or "repeated".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.core import routing, threading, wording
from chalicelib.core.fit import fit
from chalicelib.core.model import (
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    Role,
    Status,
    TicketCommented,
)
from chalicelib.services import keys, lanes, records, settings
from chalicelib.services.lanes import Entry
from chalicelib.services.records import Delivery

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

STORED, REPEATED = "stored", "repeated"
_TRIES = 8


@dataclass(frozen=True)
class _Plan:
    """A transaction, and the lanes to wake behind it."""

    writes: list[Write]
    wake: list[str]


def received(event: MessageReceived, delivery: Delivery, deps: Deps, *, provisional: bool = False) -> str:
    """Store a customer's message, in the conversation that its thread's claim names or in a new one.

    provisional  the message is known only from its edit or deletion, which overtook it; when it comes itself, its own
                 words take the place, so that the record does not depend on the order of arrival
    """
    message_key = keys.message(delivery.connection, event.key)
    thread_key = keys.thread(delivery.connection, event.thread)
    identity_key = keys.identity(delivery.connection, event.sender.key)
    for _ in range(_TRIES):
        found = deps.table.get_many([(message_key, "-"), (thread_key, "-"), (identity_key, "-")])
        kept = found.get((message_key, "-"))
        if kept is not None and kept.get("provisional") and not provisional:
            if _confirmed(event, kept, delivery, deps):
                return STORED
            continue
        if kept is not None:
            return _again(kept, event.text, delivery, deps)
        thread = found.get((thread_key, "-"))
        identity = found.get((identity_key, "-"))
        conversation = deps.table.get(keys.conversation(thread["conversation"])) if thread else None
        decision = threading.decide(
            conversation["id"] if conversation else "",
            Status(conversation["status"]) if conversation else None,
            int(conversation.get("solved_at", 0)) if conversation else 0,
            min(event.sent_at, deps.now()),
        )
        if isinstance(decision, threading.Join) and conversation is not None:
            plan = _join(event, delivery, conversation, decision.status, identity, provisional, deps)
        else:
            follows = decision.follows if isinstance(decision, threading.Open) else ""
            plan = _open(event, delivery, follows, identity, thread, provisional, deps)
        if _written(plan, deps):
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
            received(event.original, replace(delivery, raw=b""), deps, provisional=True)
            continue
        if original.get("ours"):
            return REPEATED
        conversation = _conversation(original["conversation"], deps)
        item = records.item(key, conversation["id"], kind, text, event.original.sender, event, delivery, deps)
        item |= {"of": original_key, "customer": original.get("customer", "")}
        entries = []
        if conversation["status"] != Status.CLOSED:
            data = {"message": key}
            entries = [Entry(crm, "note", data, join="note", size=len(text)) for crm in _crms(conversation)]
        if _written(_write(item, conversation, {}, entries, deps), deps):
            return STORED
    raise AwsUnavailable("lost every race for the conversation; the queue delivers again")


def commented(event: TicketCommented, conversation_id: str, delivery: Delivery, deps: Deps) -> str:
    """Store a comment made in a CRM; an agent's public one goes to the customer, on the channel they last wrote on."""
    key = keys.message(delivery.connection, event.key)
    for _ in range(_TRIES):
        kept = deps.table.get(key)
        if kept is not None:
            return _again(kept, event.text, delivery, deps)
        conversation = _conversation(conversation_id, deps)
        kind = "message" if event.public else "note"
        item = records.item(key, conversation_id, kind, event.text, event.author, event, delivery, deps)
        item |= {
            "record": event.record,
            "html": fit(event.html, records.LONGEST_HTML),
            "files": records.files(event.attachments),
        }
        to_customer = event.public and event.author.role is not Role.CUSTOMER
        item["direction"] = "out" if to_customer else "in"
        entries = _answer(conversation, key, event) if to_customer else []
        if _written(_write(item, conversation, {}, entries, deps), deps):
            return STORED
    raise AwsUnavailable("lost every race for the conversation; the queue delivers again")


def _answer(conversation: Item, key: str, event: TicketCommented) -> list[Entry]:
    target, to = conversation["reply_to"]["connection"], conversation["reply_to"]["to"]
    entries = []
    if event.text.strip() or event.html.strip():
        entries.append(Entry(target, "send", {"message": key, "to": to}))
    return entries + [
        Entry(target, "send_file", {"message": key, "to": to, "file": number})
        for number in range(len(event.attachments))
    ]


def _join(
    event: MessageReceived,
    delivery: Delivery,
    conversation: Item,
    status: Status,
    identity: Item | None,
    provisional: bool,
    deps: Deps,
) -> _Plan:
    """Go on with a conversation. A sender who is new in it becomes a customer of their own."""
    writes, customer = _customer(event.sender, delivery, identity, deps)
    item = _inbound_item(event, delivery, conversation["id"], customer, deps, provisional)
    change: dict[str, Any] = {}
    if event.sent_at >= conversation["reply_to"]["sent_at"]:
        change["reply_to"] = records.reply_to(event, delivery)
    reopened = ""
    if status != conversation["status"]:
        reopened = status.value
        change |= {"status": status.value, "listed": f"conversations#{status.value}"}
        writes.append(history(conversation, deps, by="customer", status=status.value))
    return _write(item, conversation, change, _to_crms(_crms(conversation), item, event, reopened), deps, writes)


def _open(
    event: MessageReceived,
    delivery: Delivery,
    follows: str,
    identity: Item | None,
    thread: Item | None,
    provisional: bool,
    deps: Deps,
) -> _Plan:
    """Open a conversation: claims, routing, and a lane for each CRM."""
    writes, customer = _customer(event.sender, delivery, identity, deps)
    tags = (deps.table.get(keys.customer(customer)) or {}).get("tags", []) if identity else []
    routed = routing.route(settings.rules(deps), channel=delivery.provider, text=event.text, tags=tags)
    conversation_id = deps.new_id("c")
    now = deps.now()
    conversation: Item = {
        "pk": keys.conversation(conversation_id),
        "id": conversation_id,
        "customer": customer,
        "status": Status.NEW.value,
        "team": routed.team,
        "priority": routed.priority.value,
        "rule": routed.rule,
        "subject": wording.subject(fit(event.subject or event.text, 1000), delivery.provider),
        "opened_at": now,
        "reply_to": records.reply_to(event, delivery),
        "crms": deps.connections.crms(),
        "next": {},
        "version": 1,
        "listed": f"conversations#{Status.NEW.value}",
        "listed_at": now,
    }
    if follows:
        conversation["follows"] = follows
    claim: dict[str, Any] = {"conversation": conversation_id}
    when = {"conversation": thread["conversation"] if thread else None}
    item = _inbound_item(event, delivery, conversation_id, customer, deps, provisional)
    entries = _to_crms(_crms(conversation), item, event, "")
    added, numbers = lanes.append(conversation, entries, now)
    conversation["next"] = numbers
    item["lanes"] = sorted(numbers)
    writes += [
        Put(item, new=True),
        Update(keys.thread(delivery.connection, event.thread), set=claim, when=when),
        Put(conversation, new=True),
        *added,
    ]
    return _Plan(writes, [keys.lane(conversation_id, target) for target in numbers])


def _customer(sender: Person, delivery: Delivery, identity: Item | None, deps: Deps) -> tuple[list[Write], str]:
    """The sender's customer: the claimed one, or a new one with the writes that claim it."""
    if identity is not None:
        return [], identity["customer"]
    customer_id = deps.new_id("p")
    profile: Item = {
        "pk": keys.customer(customer_id),
        "id": customer_id,
        "name": fit(sender.name, 500),
        "email": sender.email,
        "identities": [{"connection": delivery.connection, "key": sender.key}],
        "tags": [],
        "contacts": {},
        "since": deps.now(),
    }
    claim: Item = {"pk": keys.identity(delivery.connection, sender.key), "customer": customer_id}
    return [Put(claim, new=True), Put(profile, new=True)], customer_id


def _to_crms(crms: list[str], item: Item, event: MessageReceived, reopened: str) -> list[Entry]:
    entries = []
    for crm in crms:
        data = {"message": item["pk"]} | ({"status": reopened} if reopened else {})
        join = f"comment {item['customer']}"
        entries.append(Entry(crm, "comment", data, join=join, size=len(event.text)))
        entries += [
            Entry(crm, "file", {"message": item["pk"], "file": number}) for number in range(len(event.attachments))
        ]
    return entries


def _write(
    item: Item,
    conversation: Item,
    change: dict[str, Any],
    entries: list[Entry],
    deps: Deps,
    others: list[Write] | None = None,
) -> _Plan:
    """The transaction that adds a message to a conversation that exists, at the version that was read."""
    added, numbers = lanes.append(conversation, entries, deps.now())
    targets = sorted({entry.target for entry in entries})
    if targets:
        change = {**change, "next": numbers}
        item["lanes"] = targets
    writes = [Put(item, new=True), *(others or []), *added, bump(conversation, change)]
    return _Plan(writes, [keys.lane(conversation["id"], target) for target in targets])


def bump(conversation: Item, change: dict[str, Any]) -> Update:
    """Change a conversation at the version that was read; whoever else changed it meanwhile makes this fail."""
    version = conversation["version"]
    return Update(conversation["pk"], set={**change, "version": version + 1}, when={"version": version})


def history(conversation: Item, deps: Deps, *, by: str, delivery: str = "", **changed: Any) -> Put:
    """The audit trail's line about a change of a conversation's state, and the delivery that brought it."""
    stands = {name: conversation.get(name, "") for name in changed if name != "overruled"}
    sk = f"H#{deps.now():015d}#{conversation['version']}"
    line: Item = {"pk": conversation["pk"], "sk": sk, "by": by, "at": deps.now(), "was": stands, "now": changed}
    return Put(line | {"delivery": delivery} if delivery else line)


def _written(plan: _Plan, deps: Deps) -> bool:
    try:
        deps.table.transact(plan.writes)
    except ConditionFailed:
        return False
    lanes.wake(plan.wake, deps)
    return True


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


def _conversation(conversation_id: str, deps: Deps) -> Item:
    conversation = deps.table.get(keys.conversation(conversation_id))
    if conversation is None:
        raise LookupError(f"conversation {conversation_id} is not in the table")
    return conversation


def _crms(conversation: Item) -> list[str]:
    """The CRM connections that the conversation has been synced to since it was opened."""
    return list(conversation["crms"])


def _inbound_item(
    event: MessageReceived, delivery: Delivery, conversation: str, customer: str, deps: Deps, provisional: bool = False
) -> Item:
    key = keys.message(delivery.connection, event.key)
    item = records.item(key, conversation, "message", event.text, event.sender, event, delivery, deps)
    item |= {"customer": customer, "direction": "in", "files": records.files(event.attachments)}
    return item | {"provisional": True} if provisional else item


def _confirmed(event: MessageReceived, kept: Item, delivery: Delivery, deps: Deps) -> bool:
    """Put a message's own words where its edit had brought later ones; false where somebody else was quicker."""
    item = _inbound_item(event, delivery, kept["conversation"], kept["customer"], deps)
    own: dict[str, Any] = {name: item[name] for name in ("text", "files", "delivery", "raw", "raw_at") if name in item}
    try:
        deps.table.update(Update(kept["pk"], set=own, remove=("provisional",), when={"provisional": True}))
    except ConditionFailed:
        return False
    return True
