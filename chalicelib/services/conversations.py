"""Changing a conversation: every write checks the version that was read, so that no two writers miss each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import ConditionFailed
from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.services import keys, lanes
from chalicelib.services.lanes import Entry

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@dataclass(frozen=True)
class Plan:
    """A transaction, and the lanes to wake behind it."""

    writes: list[Write]
    wake: list[str]


def get(conversation_id: str, deps: Deps) -> Item:
    """A conversation's item. Raises `LookupError`."""
    conversation = deps.table.get(keys.conversation(conversation_id))
    if conversation is None:
        raise LookupError(f"conversation {conversation_id} is not in the table")
    return conversation


def add(
    item: Item,
    conversation: Item,
    change: dict[str, Any],
    entries: Sequence[Entry],
    deps: Deps,
    others: Sequence[Write] = (),
) -> Plan:
    """The transaction that adds a message, and what has to be done with it, to a conversation that exists."""
    targets = sorted({entry.target for entry in entries})
    if targets:
        item["lanes"] = targets
    return changed(conversation, change, entries, deps, [Put(item, new=True), *others])


def changed(
    conversation: Item, change: dict[str, Any], entries: Sequence[Entry], deps: Deps, others: Sequence[Write] = ()
) -> Plan:
    """The transaction that changes a conversation and adds entries to its lanes."""
    added, numbers = lanes.append(conversation, entries, deps.now())
    if entries:
        change = {**change, "next": numbers}
    wake = [keys.lane(conversation["id"], target) for target in sorted({entry.target for entry in entries})]
    return Plan([*others, *added, bump(conversation, change)], wake)


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


def written(plan: Plan, deps: Deps) -> bool:
    """Write a plan and wake its lanes; False where somebody else was quicker, and nothing was written."""
    try:
        deps.table.transact(plan.writes)
    except ConditionFailed:
        return False
    lanes.wake(plan.wake, deps)
    return True
