"""What came of a provider call, written down: done, later, held for a person, or a follow-up in a new ticket.

Each is one conditional write, or one transaction, on the lane's head: whoever lost the lane meanwhile changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Put, Update, Write
from chalicelib.core import ledger, wording
from chalicelib.core.model import Status
from chalicelib.core.threading import AFTER_CUSTOMER
from chalicelib.services import conversations, failures, keys, lanes, signals
from chalicelib.services.lanes import Entry
from chalicelib.services.work import Done, Work
from connectors.base import ConnectorError, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


def settle(work: Work, done: Done) -> bool:
    """Write down what a call did: entries, the lane's head, the link, and the keys under which it may come back."""
    head, deps = work.head, work.deps
    last = work.entries[-1]["number"]
    for _ in range(4):
        outcome = {"state": "done", "done_at": deps.now(), "key": done.keys[0] if done.keys else ""}
        writes: list[Write] = [Update(head["pk"], keys.entry(e["number"]), set=outcome) for e in work.entries]
        change: dict[str, Any] = {"first": last + 1}
        then_wake = head.get("then_wake")
        remove = ["call", "tries", "reason", "not_before"] + (["then_wake"] if then_wake else [])
        if head.get("held"):
            remove += ["held", "held_entries", "failure"]
            writes += lanes.resolved(head.get("failure", ""), "the provider told what became of it", deps)
        if done.record and done.record != head.get("record"):
            change["record"] = done.record
            remove.append("follows")
        following, newest, wake = _following(work, done, head)
        if newest > last:
            change |= {"due_pk": keys.DUE, "due_at": deps.now()}
        else:
            remove += ["due_pk", "due_at"]
        # A hint that began to wait while the provider was called has to be seen, or it would wait for the clock.
        when = {"call.id": work.call.id, "last": head.get("last", 0), "then_wake": then_wake}
        writes.append(Update(head["pk"], keys.HEAD, set=change, remove=tuple(remove), when=when))
        ours = {"ours": True, "lane": head["pk"], "first": work.entries[0]["number"], "last": last, "at": deps.now()}
        ours["call"] = work.call.id
        writes += [Put({"pk": keys.message(head["connection"], key), **ours}) for key in done.keys]
        writes += done.writes + following
        if newest > int(head.get("last", 0)):
            change["last"] = newest
        try:
            deps.table.transact(writes)
        except ConditionFailed:
            head = deps.table.get(head["pk"], keys.HEAD) or {}
            if head.get("call", {}).get("id") != work.call.id:
                return False
            continue
        delay = deps.now() - min(entry["at"] for entry in work.entries)
        deps.log.measure(
            "effects",
            {"done": len(work.entries), "delay": delay},
            outcome="done",
            **_ids(work),
            entry=work.entries[0]["number"],
            took=deps.now() - work.call.now,
        )
        lanes.wake([*([then_wake] if then_wake else []), *wake], deps)
        return bool(newest > last)
    raise AwsUnavailable("the lane's head is being written by others; the clock wakes the lane again")


def note_error(work: Work, error: ConnectorError, **more: Any) -> None:
    """Note that the provider did not carry the call out, and why."""
    ids = _ids(work)
    signals.provider_error("effects", error, ids.pop("connection"), work.deps, **ids, **more)


def _ids(work: Work) -> dict[str, Any]:
    """What a line of a call names; the delivery that brought its message where that has been read already."""
    read = work.messages if "messages" in vars(work) else []
    delivery = read[0].get("delivery") if read else None
    ids = {"connection": work.head["connection"], "lane": work.head["pk"], "call": work.call.id, "op": work.op}
    return ids | {"delivery": delivery}


def _following(work: Work, done: Done, head: Item) -> tuple[list[Write], int, list[str]]:
    """What a call brings about: the writes, the number of this lane's last entry with them, and other lanes to wake.

    The customer wrote on a ticket that an agent had just solved: it opens again, on both sides. Neither knew of the
    other: the agent had not seen the message, nor had we read that the ticket was solved.
    """
    deps, last, connection = work.deps, int(head.get("last", 0)), str(head["connection"])
    if done.stands is None and not done.entries:
        return [], last, []
    conversation = deps.table.get(keys.conversation(head["conversation"])) or {}
    if conversation.get("status") in (None, Status.CLOSED) and not done.entries:
        return [], last, []
    entries, change, trail = list(done.entries), {}, []
    if done.stands is not None and conversation["status"] != Status.CLOSED:
        status = AFTER_CUSTOMER[done.stands].value
        others = conversation["crms"] if status != conversation["status"] else []
        entries += [Entry(crm, "state", {"status": status}) for crm in dict.fromkeys([connection, *others])]
        change = {"status": status, "listed": f"conversations#{status}"}
        overruled = [f"status {done.stands}"]
        trail = [conversations.history(conversation, deps, by="customer", status=status, overruled=overruled)]
    added, numbers = lanes.append(conversation, entries, deps.now())
    # This lane's own head is written by whoever settles the call: a transaction takes an item once.
    own = [write for write in added if not (isinstance(write, Update) and write.pk == head["pk"])]
    wake = [keys.lane(conversation["id"], entry.target) for entry in entries]
    bump = conversations.bump(conversation, {**change, "next": numbers})
    target = keys.files_of(connection) if work.op == "fetch" else connection
    newest = int(numbers[target]) - 1 if any(entry.target == target for entry in entries) else last
    return [*own, *trail, bump], newest, [lane for lane in dict.fromkeys(wake) if lane != head["pk"]]


def try_later(work: Work, error: TryLater) -> bool:
    """Let the lane, or the whole connection, wait. A call that was surely not applied is forgotten."""
    head, deps = work.head, work.deps
    # To be told when to come again is no failure: a busy provider does not make the next real one wait long.
    tries = int(head.get("tries", 0)) + (error.retry_after is None)
    wait = int(error.retry_after * 1000) if error.retry_after is not None else ledger.backoff(tries)
    until = deps.now() + wait
    if error.scope == "connection":
        deps.connections.wait(head["connection"], until)
    note_error(work, error, tries=tries, took=deps.now() - work.call.now)
    forget = not error.doubtful and not work.call.retry
    release_call(head, deps, forget=forget, not_before=until, reason=str(error), tries=tries)
    return False


def release_call(
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


def later(head: Item, due_at: int, reason: str, deps: Deps) -> bool:
    release_call(head, deps, forget=False, not_before=due_at, reason=reason, tries=int(head.get("tries", 0)))
    return False


def follow_up(work: Work) -> bool:
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


def hold(head: Item, entries: list[Item], state: str, reason: str, deps: Deps, *, keep_call: bool = False) -> bool:
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
        told, wake = _tell_agent(head, entries, state, reason, deps)
        try:
            deps.table.transact([put, *writes, *told])
        except ConditionFailed:
            now = deps.table.get(head["pk"], keys.HEAD) or {}
            if now.get("call", {}).get("id") != head["call"]["id"]:
                return False
            continue
        ids = {"connection": head["connection"], "lane": head["pk"], "call": head["call"]["id"]}
        deps.log.count("effects", "failures", outcome=state, failure=failure_id, **ids)
        lanes.wake(wake, deps)
        return False
    raise AwsUnavailable("the conversation is being written by others; the clock wakes the lane again")


def _tell_agent(head: Item, entries: list[Item], state: str, reason: str, deps: Deps) -> tuple[list[Write], list[str]]:
    """A reply that did not go out, or may not have: a private note says so, where the agent who wrote it sees it."""
    if entries[0]["kind"] not in ("send", "send_file"):
        return [], []
    conversation = deps.table.get(keys.conversation(head["conversation"]))
    if conversation is None or not conversation["crms"]:
        return [], []
    provider = deps.connections.state(head["connection"]).get("provider", "the channel")
    text = wording.in_doubt(provider) if state == "unknown" else wording.not_delivered(provider, reason)
    added, numbers = lanes.append(
        conversation, [Entry(crm, "note", {"text": text}) for crm in conversation["crms"]], deps.now()
    )
    wake = [keys.lane(conversation["id"], crm) for crm in conversation["crms"]]
    return [*added, conversations.bump(conversation, {"next": numbers})], wake
