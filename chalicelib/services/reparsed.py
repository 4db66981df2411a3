"""What today's connector reads in a delivery that is kept, beside what is kept of it. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.aws.table import Item
from chalicelib.core.model import Event, MessageDeleted, MessageEdited, MessageReceived, Person
from chalicelib.services import keys, records
from chalicelib.services.records import Delivery

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

CHANGED, NEW, DOUBTFUL = "changed", "new", "doubtful"
_COMPARED = ("kind", "text", "author", "sort")


@dataclass(frozen=True)
class Difference:
    """One thing that is read otherwise today.

    kind     "changed": our record of a message; "new": a message, edit or deletion that was missed; "doubtful": one
             that may stand under another key already, so that storing it could double it
    message  the record's pk; `conversation` its conversation's id, "" for one that is not stored yet
    fields   what is shown: field -> (was, now)
    change   what is to be set on the record: attribute -> value; `kept` what stands there now
    event    what is read today
    """

    kind: str
    message: str
    conversation: str = ""
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    event: Event | None = None


def keys_of(events: Sequence[Event], connection: str) -> list[str]:
    """The pks under which the records of these events stand, or would stand."""
    return [keys.message(connection, one.key) for one in _told(events)]


def compare(events: Sequence[Event], kept: Mapping[str, Item], delivery: Delivery, deps: Deps) -> list[Difference]:
    """The differences between what a delivery says today and the records that stand under its keys.

    kept  every record under a key of `keys_of`, and those that the delivery brought whatever they are called now, by pk
    """
    found: list[Difference] = []
    met = set()
    for event in _told(events):
        pk = keys.message(delivery.connection, event.key)
        met.add(pk)
        known = kept.get(pk)
        if known is None:
            # A message that is known from its edit alone is brought by the edit.
            if not isinstance(event, _Original):
                found.append(Difference(NEW, pk, fields={"text": ("", event.text)}, event=event.event))
        elif _comparable(known, event, delivery):
            found += _changed(known, event, delivery, deps)
    lost = [pk for pk, item in kept.items() if pk not in met and item.get("delivery") == delivery.id]
    if lost and any(one.kind == NEW for one in found):
        return [_doubtful(one, lost) if one.kind == NEW else one for one in found]
    return found


@dataclass(frozen=True)
class _Told:
    """An event as its record would have it."""

    event: MessageReceived | MessageEdited | MessageDeleted
    kind: str
    text: str
    author: Person

    @property
    def key(self) -> str:
        return self.event.key


class _Original(_Told):
    """The message that an edit brings with it, in case it never comes by itself."""


def _told(events: Sequence[Event]) -> Iterator[_Told]:
    for event in events:
        match event:
            case MessageReceived():
                yield _Told(event, "message", event.text, event.sender)
            case MessageEdited():
                yield _Original(event.original, "message", event.original.text, event.original.sender)
                yield _Told(event, "edit", event.text, event.original.sender)
            case MessageDeleted():
                yield _Original(event.original, "message", event.original.text, event.original.sender)
                yield _Told(event, "deletion", "", event.original.sender)


def _comparable(known: Item, told: _Told, delivery: Delivery) -> bool:
    """Whether the record has its words from this very delivery, and still has them: no tombstone, none of ours."""
    if known.get("ours") or not {"text", "author", "sort"} <= known.keys() or known.get("delivery") != delivery.id:
        return False
    return bool(known.get("provisional")) is isinstance(told, _Original)


def _changed(known: Item, told: _Told, delivery: Delivery, deps: Deps) -> list[Difference]:
    bare = Delivery(delivery.connection, delivery.provider, delivery.id, delivery.at)
    fresh = records.item(known["pk"], "", told.kind, told.text, told.author, told.event, bare, deps)
    change = {name: fresh[name] for name in _COMPARED if fresh[name] != known[name]}
    if "sort" in change and fresh["sent_at"] != known["sent_at"]:
        change["sent_at"] = fresh["sent_at"]
    fields = {name: (_shown(name, known), _shown(name, fresh)) for name in _COMPARED if name in change}
    if isinstance(told.event, MessageReceived):
        files = _files(known.get("files", []), records.files(told.event.attachments))
        if files != known.get("files", []):
            change["files"] = files
            fields["files"] = _names(known.get("files", [])), _names(files)
    if not change:
        return []
    return [Difference(CHANGED, known["pk"], known["conversation"], fields, change, known, told.event)]


def _files(known: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The files as told today, in the places that they have; what is not told any more stays, what is new comes last.

    A file's number names its copy in the bucket and its link in tickets.
    """
    by_key = {file["key"]: file for file in fresh}
    kept = [by_key.pop(file["key"], file) for file in known]
    return [*kept, *by_key.values()]


def _doubtful(one: Difference, lost: list[str]) -> Difference:
    named = ", ".join(pk.split("#", 2)[-1] for pk in sorted(lost))
    return Difference(DOUBTFUL, one.message, fields={"key": (named, one.message.split("#", 2)[-1])}, event=one.event)


def _shown(name: str, item: Mapping[str, Any]) -> str:
    match name:
        case "author":
            author = item["author"]
            return f"{author['name']} ({author['key']})" if author["name"] else str(author["key"])
        case "sort":
            sent = datetime.fromtimestamp(int(item["sent_at"]) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            return f"{sent} UTC, {str(item['sort']).partition('#')[2]}"
    return str(item[name])


def _names(files: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(str(file["name"]) for file in files)
