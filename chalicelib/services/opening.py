"""A customer's message and its conversation: go on with it, open one, or keep the message without a ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.core import routing, wording
from chalicelib.core.fit import fit
from chalicelib.core.model import MessageReceived, Status
from chalicelib.services import conversations, keys, lanes, people, place, records, settings
from chalicelib.services.conversations import Plan
from chalicelib.services.lanes import Entry
from chalicelib.services.records import Delivery

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# Where a conversation of which no ticket is made is listed, until a person releases it.
HELD = "conversations#held"


def plan(
    event: MessageReceived, delivery: Delivery, item: Item, found: place.Found, writes: list[Write], deps: Deps
) -> Plan:
    """The transaction that stores a message.

    item    the message's own; writes those that make or claim its sender's customer
    """
    if found.conversation is None:
        return _open(event, delivery, item, found, writes, deps)
    item["conversation"] = found.conversation["id"]
    if event.automatic:
        return _note(event, item, found.conversation, writes, deps)
    return _join(event, delivery, item, found, writes, deps)


def _join(
    event: MessageReceived, delivery: Delivery, item: Item, found: place.Found, writes: list[Write], deps: Deps
) -> Plan:
    """Go on with a conversation. A sender who is new in it becomes a customer of their own."""
    conversation, status = found.conversation, found.status
    assert conversation is not None
    change: dict[str, Any] = {}
    if event.sent_at >= conversation["reply_to"]["sent_at"]:
        change["reply_to"] = records.reply_to(event, delivery)
    known = conversation.get("participants", [])
    everybody = list(dict.fromkeys([*known, *place.addresses(event)]))[: place.LONGEST_LIST]
    if everybody != known:
        change["participants"] = everybody
    reopened = ""
    if status != conversation["status"]:
        reopened = status.value
        change |= {"status": status.value, "listed": f"conversations#{status.value}"}
        writes = [*writes, conversations.history(conversation, deps, by="customer", status=status.value)]
    entries = to_crms(conversation["crms"], item, reopened)
    return conversations.add(item, conversation, change, entries, deps, writes)


def _note(event: MessageReceived, item: Item, conversation: Item, writes: list[Write], deps: Deps) -> Plan:
    """What a machine wrote changes no state; agents see it as a private note."""
    item["automatic"] = event.automatic
    data = {"message": item["pk"]}
    notes = [Entry(crm, "note", data, join="note", size=len(event.text)) for crm in conversation["crms"]]
    if conversation["status"] == Status.CLOSED:
        notes = []
    return conversations.add(item, conversation, {}, notes, deps, writes)


def _open(
    event: MessageReceived, delivery: Delivery, item: Item, found: place.Found, writes: list[Write], deps: Deps
) -> Plan:
    """Open a conversation: claims, routing, and a lane for each CRM; none of them where no ticket may be made."""
    held = event.held or event.automatic
    conversation_id = deps.new_id("c")
    known = any(key in found.items for key in people.claims(delivery.connection, event.sender))
    tags = people.profile(item["customer"], deps)["tags"] if known else []
    conversation = _conversation(conversation_id, event, delivery, item, tags, deps)
    thread = found.items.get((keys.thread(delivery.connection, event.thread), "-"))
    if found.follows:
        conversation["follows"] = found.follows
    if held:
        conversation |= {"held": held, "listed": HELD, "crms": []}
    else:
        writes = people.opened(writes, item["customer"], conversation_id)
    item["conversation"] = conversation_id
    entries = to_crms(conversation["crms"], item, "") if not held else []
    added, numbers = lanes.append(conversation, entries, deps.now())
    conversation["next"] = numbers
    item["lanes"] = sorted(numbers)
    when = {"conversation": thread["conversation"] if thread else None}
    expected = place.unclaimed(event, delivery, found.items) if not held else []
    writes = [
        *writes,
        Put(item, new=True),
        Update(keys.thread(delivery.connection, event.thread), set={"conversation": conversation_id}, when=when),
        *(Put({"pk": pk, "conversation": conversation_id}, new=True) for pk in expected),
        Put(conversation, new=True),
        *added,
    ]
    return Plan(writes, [keys.lane(conversation_id, target) for target in numbers])


def _conversation(
    conversation_id: str, event: MessageReceived, delivery: Delivery, item: Item, tags: list[str], deps: Deps
) -> Item:
    routed = routing.route(settings.rules(deps), channel=delivery.provider, text=event.text, tags=tags)
    now = deps.now()
    conversation: Item = {
        "pk": keys.conversation(conversation_id),
        "id": conversation_id,
        "customer": item["customer"],
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
    if event.participants:
        conversation["participants"] = place.addresses(event)
    return conversation


def to_crms(crms: list[str], item: Item, reopened: str) -> list[Entry]:
    """What has to be done with a customer's message: a comment in each CRM, and its files copied into the bucket."""
    data = {"message": item["pk"]} | ({"status": reopened} if reopened else {})
    join, size = f"comment {item['customer']}", len(item["text"])
    return [Entry(crm, "comment", data, join=join, size=size) for crm in crms] + copies(item)


def copies(item: Item, then: dict[str, Any] | None = None) -> list[Entry]:
    """The entries that copy a message's files; `then` says where each is sent once it is there: target and to."""
    target = keys.files_of(item["connection"])
    more = {"then": then} if then else {}
    return [Entry(target, "fetch", {"message": item["pk"], "file": n, **more}) for n in range(len(item["files"]))]
