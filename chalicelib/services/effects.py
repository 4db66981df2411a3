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
from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.core import ledger, wording
from chalicelib.services import failures, hints, keys, lanes, messages, to_channel, to_crm
from chalicelib.services.lanes import Entry
from chalicelib.services.work import Done, Work
from connectors.base import BadCredentials, Call, RecordClosed, Rejected, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# The time-outs of the provider calls of one entry add up to less than this (ms); no call begins with less time left.
LONGEST_CALL = 60_000
# How often a call may end without any word from its worker (a crash, a time-out) before a person has to look.
_CRASHES = 5
_READ = 12


def handle(records: Sequence[Mapping[str, Any]], deadline: int, deps: Deps) -> None:
    """Work on the lanes that a batch of wake-ups names. Raises `AwsUnavailable` where AWS fails."""
    for lane in dict.fromkeys(json.loads(record["body"])["lane"] for record in records):
        work(lane, deadline, deps)


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
            return lanes.wait_for_connection(head, deps)
        entries = [] if head.get("call") else _entries(head, _READ, deps)
        match ledger.next_step(head, entries, int(state.get("not_before", 0)), deps.now()):
            case ledger.Idle(due_at):
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
        return _hold(claimed, entries, "failed", "the connection was removed", deps)
    if crashes > _CRASHES:
        reason = f"its worker ended {_CRASHES} times without a word (a crash or a time-out)"
        return _hold(claimed, entries, "failed", reason, deps, keep_call=True)
    settle = connector.settle_seconds * 1000
    effect = connector.effects.get(call["op"], "unknown")
    match ledger.may_have_been_applied(effect, call, settle, deps.now()):
        case "repeat":
            return _carry_out(claimed, call, entries, deps, retry=True)
        case "lookup":
            work = _work(claimed, entries, call, deps, retry=True)
            return _guarded(work, lambda: _look_up(work, call, settle))
        case "wait":
            return _later(claimed, call["started_at"] + settle, "waits for the provider's word", deps)
    reason = "it is not known whether the provider did it; look there, then retry or skip"
    return _hold(claimed, entries, "unknown", reason, deps)


def _look_up(work: Work, call: dict[str, Any], settle: int) -> bool:
    """Find what the call made; nothing found counts only once the call can no longer be on its way."""
    deps = work.deps
    side = to_crm if work.crm else to_channel
    found = side.lookup(work, call["op"])
    if found is not None:
        return _settle(work, found)
    if deps.now() < call["attempted_at"] + settle:
        return _later(work.head, call["attempted_at"] + settle, "an earlier attempt may still arrive", deps)
    claimed = _claim(
        work.head,
        {**call, "attempted_at": deps.now()},
        {"call.id": call["id"], "call.until": call["until"]},
        deps,
    )
    return claimed is not None and _carry_out(claimed, dict(claimed["call"]), work.entries, deps, retry=True)


def _carry_out(head: Item, call: dict[str, Any], entries: list[Item], deps: Deps, *, retry: bool) -> bool:
    work = _work(head, entries, call, deps, retry=retry)
    side = to_crm if work.crm else to_channel
    return _guarded(work, lambda: _settle(work, side.carry_out(work)))


def _guarded(work: Work, act: Any) -> bool:
    """Do it, and turn what a connector raises into what happens next. Returns whether the lane goes on now."""
    deps, head, entries = work.deps, work.head, work.entries
    try:
        return bool(act())
    except TryLater as error:
        return _try_later(work, error)
    except BadCredentials as error:
        hints.credentials_failed(head["connection"], str(error), deps)
        _release_call(head, deps, forget=not work.call.retry)
        return True
    except RecordClosed as error:
        return _follow_up(work) if "record" in head else _hold(head, entries, "failed", str(error), deps)
    except Rejected as error:
        return _hold(head, entries, "failed", str(error), deps)
    except AwsUnavailable:
        raise
    except ConditionFailed:
        deps.log.step("effects", outcome="overtaken", lane=head["pk"], call=work.call.id)
        return False
    except Exception as error:
        deps.log.bug("effects", error, lane=head["pk"])
        return _hold(head, entries, "failed", f"a bug in Deskweave: {type(error).__name__}", deps, keep_call=True)


def _work(head: Item, entries: list[Item], call: dict[str, Any], deps: Deps, *, retry: bool) -> Work:
    def note(value: str) -> None:
        when = {"call.id": call["id"], "call.until": call["until"]}
        deps.table.update(Update(head["pk"], keys.HEAD, set={"call.noted": value}, when=when))

    connector = deps.connections.open(head["connection"])
    if connector is None:
        raise AwsUnavailable("the connection's settings are gone while its state is there")
    made = Call(call["id"], call["started_at"], deps.now(), retry=retry, noted=call["noted"], record=note)
    return Work(head, entries, made, call["op"], connector, deps)


def _operation(head: Item, entry: Item) -> str:
    """Which of the connector's declared calls an entry needs."""
    match entry["kind"]:
        case "comment" | "note" | "file":
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


# --- what came of it ---------------------------------------------------------------------------------------------


def _settle(work: Work, done: Done) -> bool:
    """Write down what a call did: entries, the lane's head, the link, and the keys under which it may come back."""
    head, deps = work.head, work.deps
    last = work.entries[-1]["number"]
    for _ in range(4):
        outcome = {"state": "done", "done_at": deps.now(), "key": done.keys[0] if done.keys else ""}
        writes: list[Write] = [Update(head["pk"], keys.entry(e["number"]), set=outcome) for e in work.entries]
        change: dict[str, Any] = {"first": last + 1}
        then_wake = head.get("then_wake")
        remove = ["call", "tries", "reason", "not_before"] + (["then_wake"] if then_wake else [])
        if done.record and done.record != head.get("record"):
            change["record"] = done.record
            remove.append("follows")
        if head.get("last", 0) > last:
            change |= {"due_pk": keys.DUE, "due_at": deps.now()}
        else:
            remove += ["due_pk", "due_at"]
        # A hint that began to wait while the provider was called has to be seen, or it would wait for the clock.
        when = {"call.id": work.call.id, "last": head.get("last", 0), "then_wake": then_wake}
        writes.append(Update(head["pk"], keys.HEAD, set=change, remove=tuple(remove), when=when))
        ours = {"ours": True, "lane": head["pk"], "first": work.entries[0]["number"], "last": last, "at": deps.now()}
        ours["call"] = work.call.id
        writes += [Put({"pk": keys.message(head["connection"], key), **ours}) for key in done.keys]
        writes += done.writes
        try:
            deps.table.transact(writes)
        except ConditionFailed:
            head = deps.table.get(head["pk"], keys.HEAD) or {}
            if head.get("call", {}).get("id") != work.call.id:
                return False
            continue
        for entry in work.entries:
            deps.log.count(
                "effects",
                "effects",
                outcome="done",
                connection=head["connection"],
                lane=head["pk"],
                entry=entry["number"],
                call=work.call.id,
                ms=deps.now() - entry["at"],
            )
        if then_wake:
            lanes.wake([then_wake], deps)
        return bool(head.get("last", 0) > last)
    raise AwsUnavailable("the lane's head is being written by others; the clock wakes the lane again")


def _try_later(work: Work, error: TryLater) -> bool:
    """Let the lane, or the whole connection, wait. A call that was surely not applied is forgotten."""
    head, deps = work.head, work.deps
    tries = int(head.get("tries", 0)) + 1
    wait = int(error.retry_after * 1000) if error.retry_after is not None else ledger.backoff(tries)
    until = deps.now() + wait
    if error.scope == "connection":
        deps.connections.wait(head["connection"], until)
    deps.log.count("effects", "effects", outcome="later", connection=head["connection"], lane=head["pk"], tries=tries)
    forget = not error.doubtful and not work.call.retry
    _release_call(head, deps, forget=forget, not_before=until, reason=str(error), tries=tries)
    return False


def _release_call(
    head: Item, deps: Deps, *, forget: bool, not_before: int = 0, reason: str = "", tries: int = 0
) -> None:
    """Give the lane free: without the call where it surely was not applied, else with it, to be settled later."""
    change: dict[str, Any] = {"due_pk": keys.DUE, "due_at": not_before or deps.now()}
    if not_before:
        change |= {"not_before": not_before, "reason": reason[:500], "tries": tries}
    remove: tuple[str, ...] = ()
    if forget:
        remove = ("call",)
    else:
        change |= {"call.until": 0, "call.crashes": 0}
    when = {"call.id": head["call"]["id"], "call.until": head["call"]["until"]}
    try:
        deps.table.update(Update(head["pk"], keys.HEAD, set=change, remove=remove, when=when))
    except ConditionFailed:
        return


def _later(head: Item, due_at: int, reason: str, deps: Deps) -> bool:
    _release_call(head, deps, forget=False, not_before=due_at, reason=reason, tries=int(head.get("tries", 0)))
    return False


def _follow_up(work: Work) -> bool:
    """The ticket was closed for good: the same entries make a follow-up ticket, for the same conversation."""
    head, deps = work.head, work.deps
    change = {"follows": head["record"], "due_pk": keys.DUE, "due_at": deps.now()}
    when = {"call.id": work.call.id, "record": head["record"]}
    try:
        deps.table.update(Update(head["pk"], keys.HEAD, set=change, remove=("call", "record"), when=when))
    except ConditionFailed:
        return False
    deps.log.step("effects", outcome="follow-up", lane=head["pk"], record=head["record"])
    return True


def _hold(head: Item, entries: list[Item], state: str, reason: str, deps: Deps, *, keep_call: bool = False) -> bool:
    """Hold the lane at these entries until a person retries or skips them, and tell the agent why."""
    keep_call = keep_call or state == "unknown"
    for _ in range(4):
        failure_id = deps.new_id("f")
        mend = "`deskweave failures retry` does it again, `skip` goes on without it"
        put = failures.entry(
            "lane", reason, mend, deps, id=failure_id, connection=head["connection"], lane=head["pk"], state=state,
            first=entries[0]["number"], last=entries[-1]["number"], conversation=head.get("conversation"),
        )  # fmt: skip
        held = [entries[0]["number"], entries[-1]["number"]]
        change: dict[str, Any] = {"held": state, "held_entries": held, "reason": reason[:500], "failure": failure_id}
        remove = ["due_pk", "due_at", "not_before"] + ([] if keep_call else ["call"])
        if keep_call:
            change["call.until"] = 0
        writes: list[Write] = [
            Update(head["pk"], keys.entry(e["number"]), set={"state": state, "reason": reason[:500]}) for e in entries
        ]
        when = {"call.id": head["call"]["id"]}
        writes.append(Update(head["pk"], keys.HEAD, set=change, remove=tuple(remove), when=when))
        told, wake = _tell_agent(head, entries, reason, deps)
        try:
            deps.table.transact([put, *writes, *told])
        except ConditionFailed:
            now = deps.table.get(head["pk"], keys.HEAD) or {}
            if now.get("call", {}).get("id") != head["call"]["id"]:
                return False
            continue
        deps.log.count("effects", "failures", outcome=state, connection=head["connection"], lane=head["pk"])
        lanes.wake(wake, deps)
        return False
    raise AwsUnavailable("the conversation is being written by others; the clock wakes the lane again")


def _tell_agent(head: Item, entries: list[Item], reason: str, deps: Deps) -> tuple[list[Write], list[str]]:
    """A reply that did not go out: a private note on the ticket says so, where the agent who wrote it sees it."""
    if entries[0]["kind"] not in ("send", "send_file"):
        return [], []
    conversation = deps.table.get(keys.conversation(head["conversation"]))
    if conversation is None or not conversation["crms"]:
        return [], []
    provider = deps.connections.state(head["connection"]).get("provider", "the channel")
    text = wording.not_delivered(provider, reason)
    added, numbers = lanes.append(
        conversation, [Entry(crm, "note", {"text": text}) for crm in conversation["crms"]], deps.now()
    )
    wake = [keys.lane(conversation["id"], crm) for crm in conversation["crms"]]
    return [*added, messages.bump(conversation, {"next": numbers})], wake


def _pull(head: Item, deps: Deps) -> None:
    """A hint that waited goes back into the inbox, in its ticket's group."""
    state = deps.connections.state(head["connection"])
    if not state or state.get("paused"):
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
        "at": hint["at"],
        "source": hint["source"],
        "hint": {"record": hint["record"], "conversation": hint["conversation"], "version": ""},
    }
    deps.inbox.send(keys.ticket_group(head["connection"], hint["record"]), body)
    try:
        deps.table.update(
            Update(head["pk"], keys.HEAD, remove=("due_pk", "due_at", "delivery"), when={"asked": head["asked"]})
        )
    except ConditionFailed:
        return
