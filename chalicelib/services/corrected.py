"""Correcting a message's record in place: what it was stays in the conversation's history, and no effect is repeated.

What has been told to a CRM or a customer stays there as it was told. What still waits in a lane goes out corrected. A
file that was missed is new: it is copied and shown by a comment of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.core.fit import fit
from chalicelib.core.model import MessageReceived, Status
from chalicelib.services import conversations, keys, opening, records
from chalicelib.services.lanes import Entry
from chalicelib.services.records import Delivery
from chalicelib.services.reparsed import Difference

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

DONE, BUSY, OVERTAKEN = "changed", "busy", "overtaken"
_TRIES = 8
# Bytes of a text that the history keeps; the whole one can be read again from the raw delivery.
_LONGEST = 1_000


def correct(one: Difference, delivery: Delivery, replay: str, deps: Deps) -> str:
    """Set what a difference says on its record, once.

    replay  the id of the replay, for the history. Returns "changed"; "busy" where a call that carries the message is
    under way and must repeat the very words that it began with; "overtaken" where somebody changed the record meanwhile
    """
    late = len(one.change.get("files", ())) > len(one.kept.get("files", ()))
    own = _own(one) if late else one
    told = _set(own, delivery, replay, deps) if own.fields else DONE
    return _late(one, delivery, replay, deps) if late and told == DONE else told


def _own(one: Difference) -> Difference:
    """The difference without the files that were missed."""
    known = len(one.kept.get("files", ()))
    change = {**one.change, "files": one.change["files"][:known]}
    if change["files"] == one.kept.get("files", []):
        del change["files"]
    return replace(one, change=change, fields={name: shown for name, shown in one.fields.items() if name != "files"})


def _set(one: Difference, delivery: Delivery, replay: str, deps: Deps) -> str:
    for _ in range(_TRIES):
        conversation = conversations.get(one.conversation, deps)
        guards = _guards(one.kept, deps)
        if guards is None:
            return BUSY
        writes = [_update(one, delivery), _history(one, one.fields, conversation, delivery, replay, deps), *guards]
        plan = conversations.changed(conversation, _reply_to(one, conversation, delivery), [], deps, writes)
        if conversations.written(plan, deps):
            return DONE
        if not _as_it_was(one, deps):
            return OVERTAKEN
    raise AwsUnavailable("lost every race for the conversation; run it again")


def wrong_address(event: MessageReceived, kept: Item, conversation: Item) -> tuple[str, str] | None:
    """Where answers go because of this message, and where they should go by what it says today; None where that is so.

    Both in the connector's own terms.
    """
    to = conversation["reply_to"]["to"]
    if not _led_to(kept, conversation) or to == dict(event.reply_to):
        return None
    return _address(to), _address(event.reply_to)


def _led_to(kept: Mapping[str, Any], conversation: Item) -> bool:
    """Whether it is because of this message that answers go where they go."""
    reply_to = conversation["reply_to"]
    same = (reply_to["connection"], reply_to["sent_at"]) == (kept["connection"], kept["sent_at"])
    return bool(same and kept["kind"] == "message")


def _address(to: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(to.items()) if value)


def _update(one: Difference, delivery: Delivery) -> Update:
    """The record's own change. The raw delivery is packed with the record's words, so it is packed again with them."""
    change = dict(one.change)
    when = {name: one.kept.get(name) for name in (*change, "delivery")}
    if {"text", "author"} & change.keys():
        change |= records.packed({**one.kept, **change}, delivery)
    return Update(one.message, set=change or {"delivery": delivery.id}, when=when)


def _reply_to(one: Difference, conversation: Item, delivery: Delivery) -> dict[str, Any]:
    """Where answers go, with the time by which a later message overrules it."""
    if not isinstance(one.event, MessageReceived) or not _led_to(one.kept, conversation):
        return {}
    return {"reply_to": records.reply_to(one.event, delivery)}


def _history(
    one: Difference,
    fields: Mapping[str, tuple[str, str]],
    conversation: Item,
    delivery: Delivery,
    replay: str,
    deps: Deps,
) -> Put:
    line: Item = {
        "pk": conversation["pk"],
        "sk": f"H#{deps.now():015d}#{conversation['version']}",
        "by": f"replay {replay}",
        "at": deps.now(),
        "message": one.message,
        "was": {name: fit(was, _LONGEST) for name, (was, _) in fields.items()},
        "now": {name: fit(now, _LONGEST) for name, (_, now) in fields.items()},
        "delivery": delivery.id,
    }
    return Put(line, new=True)


def _guards(kept: Mapping[str, Any], deps: Deps) -> list[Write] | None:
    """What keeps the message's lanes from beginning a call with the old words meanwhile; None where one has begun.

    A call is repeated under its key, and must be the same then. A lane that has done all its entries says no more.
    """
    unfinished = _unfinished(kept, deps)
    if any(head.get("call") for head in unfinished):
        return None
    return [
        Update(head["pk"], keys.HEAD, set={"last": head["last"]}, when={"call": None, "last": head["last"]})
        for head in unfinished
    ]


def _unfinished(kept: Mapping[str, Any], deps: Deps) -> list[Item]:
    """The heads of those of a message's lanes towards CRMs that have work left."""
    targets = [target for target in kept.get("lanes", ()) if target == keys.connection_of(target)]
    wanted = [(keys.lane(kept["conversation"], target), keys.HEAD) for target in targets]
    heads = deps.table.get_many(wanted).values() if wanted else ()
    return [head for head in heads if head["first"] <= head.get("last", 0)]


def _late(one: Difference, delivery: Delivery, replay: str, deps: Deps) -> str:
    """Add the files that were missed: they are copied, and shown by a comment of their own.

    `late` tells where the files of that comment begin, so an earlier such comment must have been made. Of a message
    that is held, or a machine's, no file is copied; they are noted alone.
    """
    fields = {"files": one.fields["files"]}
    for _ in range(_TRIES):
        kept = deps.table.get(one.message) or {}
        known = kept.get("files", [])
        new = [file for file in one.change["files"] if file["key"] not in {one["key"] for one in known}]
        if not new or "conversation" not in kept:
            return OVERTAKEN
        if "late" in kept and _unfinished(kept, deps):
            return BUSY
        conversation = conversations.get(one.conversation, deps)
        own: dict[str, Any] = {"files": known + new}
        entries: list[Entry] = []
        if not conversation.get("held") and not kept.get("automatic"):
            own["late"] = len(known)
            entries = _shown_late(kept | own, conversation)
            own["lanes"] = sorted({*kept.get("lanes", ()), *(entry.target for entry in entries)})
        added = Update(one.message, set=own, when={"files": known, "late": kept.get("late")})
        history = _history(one, fields, conversation, delivery, replay, deps)
        if conversations.written(conversations.changed(conversation, {}, entries, deps, [added, history]), deps):
            return DONE
    raise AwsUnavailable("lost every race for the conversation; run it again")


def _shown_late(item: Item, conversation: Item) -> list[Entry]:
    """What has to be done with the files of a message from `late` on."""
    entries = opening.copies(item)[item["late"] :]
    if conversation["status"] != Status.CLOSED:
        entries += [Entry(crm, "comment", {"message": item["pk"], "late": True}) for crm in conversation["crms"]]
    return entries


def _as_it_was(one: Difference, deps: Deps) -> bool:
    kept = deps.table.get(one.message) or {}
    return all(kept.get(name) == one.kept.get(name) for name in (*one.change, "delivery"))
