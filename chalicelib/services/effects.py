"""The workers: carry out the entries of a lane, in order, each once.

A wake-up names a lane. The worker reads the lane's head, strongly consistent, and does what core/ledger.py says.
Before a provider is called the call is written on the head, conditionally, with its id, its entries and the time until
which nobody else may act. What came of it is written in one transaction with the links that keep an echo from coming
back as news. A call whose outcome is not known is settled by the connector's declared means before it is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Update
from chalicelib.core import ledger
from chalicelib.services import files, forms, hints, keys, lanes, outcomes, to_channel, to_crm
from chalicelib.services.work import Done, Work
from connectors.base import BadCredentials, Call, RecordClosed, Rejected, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# The time-outs of the provider calls of one entry add up to less than this (ms); no call begins with less time left.
LONGEST_CALL = 75_000
# How often a call may end without any word from its worker (a crash, a time-out) before a person has to look.
_CRASHES = 5
_READ = 12


def handle(records: Sequence[Mapping[str, Any]], deadline: int, deps: Deps) -> None:
    """Work on the lanes that a batch of wake-ups names. Raises `AwsUnavailable` where AWS fails."""
    # A wake-up of a newer version may be spelled otherwise: the clock finds its lane.
    for lane in filter(None, dict.fromkeys(json.loads(record["body"]).get("lane") for record in records)):
        try:
            work(lane, deadline, deps)
        except AwsUnavailable as error:
            deps.log.step("effects", outcome="again", lane=lane, error=str(error)[:100])
            raise


def work(lane: str, deadline: int, deps: Deps) -> None:
    """Carry out a lane's entries until none is left, it has to wait, or `deadline` (ms) comes near."""
    while deps.now() <= deadline - LONGEST_CALL:
        head = deps.table.get(lane, keys.HEAD)
        if head is None:
            return
        if "hint" in head:
            return _pull(head, deps)
        state = deps.connections.state(head["connection"])
        if not state or state.get("paused"):
            deps.log.step("effects", outcome="paused", lane=lane)
            return lanes.wait_for_connection(head, deps)
        entries = [] if head.get("call") else _entries(head, _READ, deps)
        match ledger.next_step(head, entries, int(state.get("not_before", 0)), deps.now()):
            case ledger.Idle(due_at):
                deps.log.step("effects", outcome="idle", lane=lane)
                return lanes.sleep(head, due_at, deps)
            case ledger.Begin(first, last):
                goes_on = _begin(head, [e for e in entries if first <= e["number"] <= last], deadline, deps)
            case ledger.Resume(call):
                goes_on = _resume(head, dict(call), deadline, deps)
        if not goes_on:
            return
    lanes.wake([lane], deps)


def _entries(head: Item, limit: int, deps: Deps) -> list[Item]:
    return deps.table.query(head["pk"], keys.entry(head["first"]), keys.entry(head.get("last", 0)), limit=limit)


def _begin(head: Item, entries: list[Item], deadline: int, deps: Deps) -> bool:
    """Claim the lane for a new call and make it."""
    now = deps.now()
    call = {
        "id": deps.new_id("k"),
        "first": entries[0]["number"],
        "last": entries[-1]["number"],
        "op": _operation(head, entries[0]),
        "until": deadline,
        "started_at": now,
        "attempted_at": now,
        "noted": "",
        "crashes": 0,
    }
    claimed = _claim(head, call, {"call": None, "first": head["first"], "held": None}, deps)
    return claimed is not None and _carry_out(claimed, call, entries, deps, retry=False)


def _resume(head: Item, call: dict[str, Any], deadline: int, deps: Deps) -> bool:
    """Settle a call that may or may not have been applied, by the means that the connector declares."""
    when = {"call.id": call["id"], "call.until": call["until"], "held": None}
    crashes = int(call.get("crashes", 0)) + 1
    claimed = _claim(head, {**call, "until": deadline, "crashes": crashes}, when, deps)
    if claimed is None:
        return False
    call = dict(claimed["call"])
    entries = _entries(claimed, call["last"] - call["first"] + 1, deps)
    connector = deps.connections.open(claimed["connection"])
    if connector is None:
        return outcomes.hold(claimed, entries, "failed", "the connection was removed", deps)
    if crashes > _CRASHES:
        reason = f"its worker ended {_CRASHES} times without a word (a crash or a time-out)"
        return outcomes.hold(claimed, entries, "failed", reason, deps, keep_call=True)
    settle = connector.settle_seconds * 1000
    effect = "key" if call["op"] == "fetch" else connector.effects.get(call["op"], "unknown")
    match ledger.may_have_been_applied(effect, call, settle, deps.now()):
        case "repeat":
            return _carry_out(claimed, call, entries, deps, retry=True)
        case "lookup":
            work = _work(claimed, entries, call, deps, retry=True)
            return _guarded(work, lambda: _look_up(work, call, settle))
        case "wait":
            return outcomes.later(claimed, call["started_at"] + settle, "waits for the provider's word", deps)
    reason = "it is not known whether the provider did it; look there, then retry or skip"
    return outcomes.hold(claimed, entries, "unknown", reason, deps)


def settle_by_echo(head: Item, key: str, deps: Deps) -> bool:
    """Settle the open call that the provider's own callback tells of, held for a person or not."""
    call = dict(head["call"])
    entries = _entries(head, call["last"] - call["first"] + 1, deps)
    work = _work(head, entries, call, deps, retry=True)
    if outcomes.settle(work, Done((key,))):
        lanes.wake([head["pk"]], deps)
    return True


def _look_up(work: Work, call: dict[str, Any], settle: int) -> bool:
    """Find what the call made; nothing found counts only once the call can no longer be on its way."""
    deps = work.deps
    found = _side(work).lookup(work, call["op"])
    if found is not None:
        return outcomes.settle(work, found)
    if deps.now() < call["attempted_at"] + settle:
        return outcomes.later(work.head, call["attempted_at"] + settle, "an earlier attempt may still arrive", deps)
    claimed = _claim(
        work.head,
        {**call, "attempted_at": deps.now(), "noted": work.call.noted},
        {"call.id": call["id"], "call.until": call["until"]},
        deps,
    )
    return claimed is not None and _carry_out(claimed, dict(claimed["call"]), work.entries, deps, retry=True)


def _carry_out(head: Item, call: dict[str, Any], entries: list[Item], deps: Deps, *, retry: bool) -> bool:
    work = _work(head, entries, call, deps, retry=retry)
    return _guarded(work, lambda: outcomes.settle(work, _side(work).carry_out(work)))


def _side(work: Work) -> Any:
    forms.check_operation(work.op)
    if work.op == "fetch":
        return files
    return to_crm if work.crm else to_channel


def _guarded(work: Work, act: Any) -> bool:
    """Do it, and turn what a connector raises into what happens next. Returns whether the lane goes on now."""
    deps, head, entries = work.deps, work.head, work.entries
    try:
        return bool(act())
    except TryLater as error:
        return outcomes.try_later(work, error)
    except BadCredentials as error:
        outcomes.note_error(work, error)
        hints.credentials_failed(head["connection"], str(error), deps)
        outcomes.release_call(head, deps, forget=not work.call.retry)
        return True
    except RecordClosed as error:
        return (
            outcomes.follow_up(work) if "record" in head else outcomes.hold(head, entries, "failed", str(error), deps)
        )
    except Rejected as error:
        outcomes.note_error(work, error)
        return outcomes.hold(head, entries, "failed", str(error), deps)
    except AwsUnavailable:
        raise
    except ConditionFailed:
        deps.log.step("effects", outcome="overtaken", lane=head["pk"], call=work.call.id)
        return False
    except Exception as error:
        deps.log.bug("effects", error, lane=head["pk"])
        return outcomes.hold(
            head, entries, "failed", f"a bug in Deskweave: {type(error).__name__}", deps, keep_call=True
        )


def _work(head: Item, entries: list[Item], call: dict[str, Any], deps: Deps, *, retry: bool) -> Work:
    def note(value: str) -> None:
        when = {"call.id": call["id"], "call.until": call["until"]}
        deps.table.update(Update(head["pk"], keys.HEAD, set={"call.noted": value}, when=when))

    connector = deps.connections.open(head["connection"])
    if connector is None:
        raise AwsUnavailable("the connection's settings are gone while its state is there")
    made = Call(
        call["id"],
        call["started_at"],
        deps.now(),
        retry=retry,
        noted=call["noted"],
        reference=f"{head['conversation']}.{call['id']}",
        record=note,
        known=lambda found: known(head["connection"], found, deps),
    )
    return Work(head, entries, made, call["op"], connector, deps)


def known(connection: str, found: Sequence[str], deps: Deps) -> set[str]:
    """Which of these message keys of a connection are in the table, ours or a customer's."""
    by_pk = {keys.message(connection, key): key for key in found}
    return {by_pk[pk] for pk, _ in deps.table.get_many([(pk, "-") for pk in by_pk])}


def _operation(head: Item, entry: Item) -> str:
    """Which of the connector's declared calls an entry needs."""
    match entry["kind"]:
        case "comment" | "note" | "relay" | "file":
            return "add_comment" if head.get("record") else "create_ticket"
        case "state":
            return "update_ticket"
    return str(entry["kind"])


def _claim(head: Item, call: dict[str, Any], when: dict[str, Any], deps: Deps) -> Item | None:
    """Write the call on the head; None where somebody else was quicker."""
    try:
        return deps.table.update(Update(head["pk"], keys.HEAD, set={"call": call}, when=when))
    except ConditionFailed:
        return None


def _pull(head: Item, deps: Deps) -> None:
    """A hint that waited goes back into the inbox, in its ticket's group."""
    state = deps.connections.state(head["connection"])
    if not state or state.get("paused"):
        deps.log.step("effects", outcome="paused", lane=head["pk"])
        return lanes.wait_for_connection(head, deps)
    if "delivery" not in head:
        return
    if int(state.get("not_before", 0)) > deps.now():
        return lanes.sleep(head, int(state["not_before"]), deps)
    hint = head["hint"]
    body = {
        "v": 1,
        "kind": "hint",
        "connection": head["connection"],
        "provider": state["provider"],
        "delivery": head["delivery"],
        "at": head["arrived"],
        "source": head["source"],
        "hint": {"record": hint["record"], "conversation": hint["conversation"], "version": ""},
    }
    deps.inbox.send(keys.ticket_group(head["connection"], hint["record"]), body)
    deps.log.step("effects", outcome="asked", lane=head["pk"], delivery=head["delivery"])
    try:
        told = ("due_pk", "due_at", "delivery", "source", "arrived")
        deps.table.update(Update(head["pk"], keys.HEAD, remove=told, when={"asked": head["asked"]}))
    except ConditionFailed:
        return
