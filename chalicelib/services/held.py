"""Conversations of which no ticket is made (spam, viruses, automatic messages): releasing one makes its tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.aws.table import Item, Update
from chalicelib.services import conversations, opening, people
from chalicelib.services.lanes import Entry

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_TRIES = 8
# A transaction takes 100 items.
_MOST = 20


def release(conversation_id: str, deps: Deps) -> int:
    """Let a held conversation become tickets, with all its messages; returns how many those are.

    Raises `LookupError` where it is not held.
    """
    for _ in range(_TRIES):
        conversation = conversations.get(conversation_id, deps)
        if not conversation.get("held"):
            raise LookupError(f"{conversation_id} is not held: its tickets are made already")
        messages = _messages(conversation_id, deps)
        if len(messages) > _MOST:
            raise LookupError(f"{conversation_id} holds more than {_MOST} messages: answer by hand, to its sender")
        crms = deps.connections.crms()
        change: dict[str, Any] = {"crms": crms, "listed": f"conversations#{conversation['status']}", "held": ""}
        entries: list[Entry] = []
        for message in messages:
            entries += opening.to_crms(crms, message, "")
            if conversation["held"] == "virus":
                entries = [entry for entry in entries if entry.kind != "fetch"]
        trail = conversations.history(conversation, deps, by="admin", held="")
        lanes_of = [
            Update(message["pk"], set={"lanes": sorted({entry.target for entry in entries})}) for message in messages
        ]
        others = [*people.opened([], conversation["customer"], conversation_id), trail, *lanes_of]
        if conversations.written(conversations.changed(conversation, change, entries, deps, others), deps):
            return len(messages)
    raise AwsUnavailable("the conversation is being written by others; try again")


def _messages(conversation_id: str, deps: Deps) -> list[Item]:
    listed = deps.table.index("conversation", {"conversation": conversation_id}, limit=_MOST + 1)
    found = deps.table.get_many([(key["pk"], "-") for key in listed])
    return sorted(found.values(), key=lambda message: str(message["sort"]))
