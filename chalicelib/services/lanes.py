"""Lanes in the table: adding entries, waking, waiting, holding, and letting go again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import ConditionFailed
from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.services import keys

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@dataclass(frozen=True)
class Entry:
    """Work for one target of a conversation.

    target  the connection it goes to, or keys.files_of one; kind what is to be done (see services/effects.py)
    data    what the kind needs; join and size say with which neighbours it may share a call
    """

    target: str
    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    join: str = ""
    size: int = 0


def append(conversation: Item, entries: Sequence[Entry], now: int) -> tuple[list[Write], dict[str, int]]:
    """The writes that add entries to a conversation's lanes, and the lanes' next numbers afterwards.

    The numbers stand on the conversation, whose version every writer checks, so no two entries get the same one.
    """
    numbers: dict[str, int] = dict(conversation["next"])
    writes: list[Write] = []
    last: dict[str, int] = {}
    for entry in entries:
        number = numbers.get(entry.target, 1)
        numbers[entry.target] = number + 1
        last[entry.target] = number
        writes.append(added(conversation, entry, number, now))
    for target, number in last.items():
        writes.append(
            Update(
                keys.lane(conversation["id"], target),
                keys.HEAD,
                set={"last": number, "due_pk": keys.DUE},
                first={
                    "due_at": now,
                    "first": 1,
                    "conversation": conversation["id"],
                    "connection": keys.connection_of(target),
                },
            )
        )
    return writes, numbers


def added(conversation: Item, entry: Entry, number: int, now: int) -> Put:
    """The write of one numbered entry."""
    item: Item = {
        "pk": keys.lane(conversation["id"], entry.target),
        "sk": keys.entry(number),
        "number": number,
        "kind": entry.kind,
        "state": "due",
        "at": now,
        **entry.data,
    }
    if entry.join:
        item |= {"join": entry.join, "size": entry.size}
    return Put(item, new=True)


def wake(lanes: Iterable[str], deps: Deps) -> None:
    """Tell the workers of these lanes (by pk) to look. Lost or doubled, nothing changes: the clock finds due lanes."""
    messages = [(lane, {"v": 1, "lane": lane}) for lane in dict.fromkeys(lanes)]
    if len(messages) == 1:
        deps.effects.send(*messages[0])
    elif messages:
        deps.effects.send_all(messages)


def sleep(head: Item, due_at: int | None, deps: Deps) -> None:
    """Leave the lane: due again at `due_at`, or out of the due index where there is nothing to wait for.

    An entry that was added meanwhile keeps the lane due.
    """
    if due_at is None:
        change = Update(head["pk"], keys.HEAD, remove=("due_pk", "due_at"), when={"last": head.get("last", 0)})
    elif head.get("due_pk") == keys.DUE and head.get("due_at") == due_at:
        return
    else:
        change = Update(head["pk"], keys.HEAD, set={"due_pk": keys.DUE, "due_at": due_at})
    if due_at is None and "due_pk" not in head:
        return
    try:
        deps.table.update(change)
    except ConditionFailed:
        wake([head["pk"]], deps)


def wait_for_connection(head: Item, deps: Deps) -> None:
    """Park a lane until its connection is resumed."""
    partition = keys.paused(head["connection"])
    deps.table.update(
        Update(
            head["pk"], keys.HEAD, set={"due_pk": partition, "reason": "the connection is paused"}, first={"due_at": 0}
        )
    )


def release_paused(connection: str, deps: Deps) -> int:
    """Make the lanes due that waited for a connection, and wake them; returns how many."""
    partition = keys.paused(connection)
    released: set[str] = set()
    # The index lags: it may still list what was released a moment ago.
    while waiting := {key["pk"] for key in deps.table.index("due", {"due_pk": partition}, limit=100)} - released:
        for pk in waiting:
            due = {"due_pk": keys.DUE, "due_at": deps.now()}
            with suppress(ConditionFailed):
                deps.table.update(Update(pk, keys.HEAD, set=due, remove=("reason",), when={"due_pk": partition}))
        wake(sorted(waiting), deps)
        released |= waiting
    return len(released)


def release(pk: str, deps: Deps, *, skip: bool) -> None:
    """Let a held lane go on: try its entry again, or skip it for good. Raises `ConditionFailed` where it is not held.

    A retry looks first for what an earlier attempt may have left, under the same id; a call that cannot be looked up
    (held as unknown) is made anew, since the person who retries has looked.
    """
    head = deps.table.get(pk, keys.HEAD) or {}
    if not head.get("held"):
        raise ConditionFailed(pk)
    first, last = head["held_entries"]
    numbers = range(first, last + 1)
    state = "skipped" if skip else "due"
    writes: list[Write] = [Update(pk, keys.entry(number), set={"state": state}) for number in numbers]
    change: dict[str, Any] = {"due_pk": keys.DUE, "due_at": deps.now()}
    remove = ["held", "held_entries", "reason", "failure", "tries", "not_before"]
    if skip:
        change["first"] = last + 1
    if skip or head["held"] == "unknown":
        remove.append("call")
    elif head.get("call"):
        change["call.crashes"] = 0
    writes.append(
        Update(pk, keys.HEAD, set=change, remove=tuple(remove), when={"held": head["held"], "first": head["first"]})
    )
    if head.get("failure"):
        writes += resolved(head["failure"], "skipped" if skip else "tried again", deps)
    deps.table.transact(writes)
    wake([pk], deps)


def conversation_of(pk: str) -> str:
    """The conversation that a lane, by its pk, belongs to."""
    return pk.removeprefix("L#").partition("#")[0].partition(":")[0]


def resolved(failure_id: str, how: str, deps: Deps, *, told: str = "") -> list[Write]:
    """The writes that move a failure out of the open list; with `told`, only if it has not been told anew since."""
    from chalicelib.aws.table import Delete

    kept = deps.table.get(keys.FAILURES, failure_id)
    if kept is None or (told and kept["told"] != told):
        return []
    done = {**kept, "pk": keys.FAILURES_DONE, "resolved": how, "resolved_at": deps.now()}
    return [Delete(keys.FAILURES, failure_id, when={"told": kept["told"]}), Put(done)]
