"""Hints: something about a ticket may have changed. What is true is read from the CRM, then stored like any message.

A ticket is not read while one of our own calls on it is open: what we are writing would come back as somebody else's.
Then, and where the CRM cannot be read now, the hint waits in the record's pull lane; hints of one record are joined.
While a person is asked about a call the ticket is read all the same: an agent's answer must not wait for that, and what
such a call may have written bears the customer's name, so it goes to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Update, Write
from chalicelib.core import merge
from chalicelib.core.ledger import backoff
from chalicelib.core.model import Event, Hint, Priority, Snapshot, Status, TicketChanged, TicketCommented
from chalicelib.services import conversations, failures, keys, lanes, messages, signals
from chalicelib.services.lanes import Entry
from chalicelib.services.messages import REPEATED, STORED
from chalicelib.services.records import Delivery
from connectors.base import BadCredentials, CrmConnector, Rejected, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

WAITS = "waits"
IGNORED = "ignored"
# How long a hint waits for an open call at most, if nobody wakes it when the call is settled.
_CALL_OPEN = 15_000
# No reading of a provider begins with less time (ms) left of a run: a provider that answers nothing would take the time
# of the whole batch, again and again, and innocent messages would be given up with it.
LONGEST_READ = 30_000
# CRMs count whole seconds, and clocks differ: what changed so shortly before it was read may have changed again.
_SETTLED = 10_000


def follow(hint: Hint, delivery: Delivery, deps: Deps) -> str:
    """Read what a hint points at and store it.

    Returns "stored" if it brought something new, "repeated" if not, "ignored" for a ticket that is not ours, "waits"
    where it cannot be read now.
    """
    connection = delivery.connection
    link = deps.table.get(keys.link(connection, hint.record))
    conversation_id = link["conversation"] if link else hint.conversation
    if not conversation_id or deps.table.get(keys.conversation(conversation_id)) is None:
        return IGNORED
    if hint.version and link and hint.version <= link.get("covered", ""):
        return REPEATED
    lane = keys.lane(conversation_id, connection)
    state = deps.connections.state(connection)
    connector = deps.connections.open(connection)
    if connector is None or not state:
        return IGNORED
    assert isinstance(connector, CrmConnector)
    before = deps.table.get(lane, keys.HEAD) or {}
    if link is None and before.get("record", hint.record) != hint.record:
        return IGNORED
    if state.get("paused"):
        return _wait(hint, delivery, deps, paused=True)
    if int(state.get("not_before", 0)) > deps.now():
        return _wait(hint, delivery, deps, until=int(state["not_before"]))
    if before.get("call") and not before.get("held"):
        return _wait_for_call(hint, delivery, lane, deps)
    if deps.deadline is not None and deps.now() > deps.deadline - LONGEST_READ:
        return _wait(hint, delivery, deps, until=deps.now())
    read_at = deps.now()
    try:
        known = _Known(connection, (link or {}).get("newest", ""), deps)
        events = connector.fetch(hint, known)
    except TryLater as error:
        return _try_later(hint, delivery, error, deps)
    except BadCredentials as error:
        signals.provider_error("hint", error, connection, deps, delivery=delivery.id, record=hint.record)
        credentials_failed(connection, str(error), deps)
        return _wait(hint, delivery, deps, paused=True)
    except Rejected as error:
        return _unreadable(hint, delivery, error, deps)
    after = deps.table.get(lane, keys.HEAD) or {}
    if (after.get("call"), after.get("first")) != (before.get("call"), before.get("first")):
        return _wait_for_call(hint, delivery, lane, deps)
    if _gone_on(hint, events, after, deps):
        events = [event for event in events if not isinstance(event, TicketChanged)]
    return _store(events, conversation_id, delivery, read_at, known.newest, deps)


def _gone_on(hint: Hint, events: Sequence[Event], head: Item, deps: Deps) -> bool:
    """Whether the conversation goes on in a follow-up of this ticket, or is about to: what waits will find it closed.
    Its state is history then."""
    if head.get("record", hint.record) != hint.record:
        return True
    closed = any(isinstance(event, TicketChanged) and event.status is Status.CLOSED for event in events)
    if not closed or int(head.get("last", 0)) < int(head.get("first", 1)):
        return False
    waiting = deps.table.query(head["pk"], keys.entry(head["first"]), keys.entry(head["last"]), limit=12)
    return any(entry["kind"] in ("comment", "note", "relay") for entry in waiting)


def _store(
    events: Sequence[Event], conversation_id: str, delivery: Delivery, read_at: int, newest: str, deps: Deps
) -> str:
    outcome = REPEATED
    for event in events:
        match event:
            case TicketCommented():
                told = messages.commented(event, conversation_id, delivery, deps)
            case TicketChanged():
                told = _changed(event, conversation_id, delivery, read_at, newest, deps)
            case _:
                continue
        outcome = STORED if STORED in (told, outcome) else REPEATED
    return outcome


def _changed(
    event: TicketChanged, conversation_id: str, delivery: Delivery, read_at: int, newest: str, deps: Deps
) -> str:
    """Merge a ticket's state into the conversation's; what the CRM has to be told becomes an entry of its lane."""
    connection, link_key = delivery.connection, keys.link(delivery.connection, event.record)
    connector = deps.connections.open(connection)
    assert isinstance(connector, CrmConnector)
    for _ in range(8):
        link = deps.table.get(link_key) or {}
        conversation = deps.table.get(keys.conversation(conversation_id))
        if conversation is None:
            raise LookupError(f"conversation {conversation_id} is not in the table")
        agreed = snapshot(link)
        ours = merge.State(conversation["status"], conversation["priority"], conversation["team"])
        written, _ = connector.read_back(Status(ours.status), Priority(ours.priority))
        merged = merge.merge(ours, agreed, event, written)
        covered = event.version if read_at - event.updated_at >= _SETTLED else link.get("covered", "")
        link_change = {"conversation": conversation_id, "covered": max(covered, link.get("covered", ""))}
        link_change |= {"newest": newest, **snapshot_items(merged.snapshot)}
        if not merged.news and merged.tell is None:
            if link_change.items() <= link.items():
                return STORED if link.get("delivery") == delivery.id else REPEATED
            try:
                deps.table.update(Update(link_key, set=link_change, when=_same(link)))
            except ConditionFailed:
                continue
            return STORED if link.get("delivery") == delivery.id else REPEATED
        writes, wake = _state_writes(merged, conversation, connection, deps, delivery.id)
        writes.append(Update(link_key, set={**link_change, "delivery": delivery.id}, when=_same(link)))
        try:
            deps.table.transact(writes)
        except ConditionFailed:
            continue
        lanes.wake(wake, deps)
        return STORED
    raise AwsUnavailable("lost every race for the ticket's link; the queue delivers again")


def _state_writes(
    merged: merge.Merged, conversation: Item, source: str, deps: Deps, delivery: str = ""
) -> tuple[list[Write], list[str]]:
    """The conversation's new state, its history, and entries for whichever CRM does not know of it yet."""
    state = merged.state
    changed = {
        name: value
        for name, value in (("status", state.status), ("priority", state.priority), ("team", state.team))
        if value != conversation[name]
    }
    others = [crm for crm in conversation["crms"] if crm != source] if changed else []
    entries = [Entry(crm, "state", dict(changed)) for crm in others]
    if merged.tell is not None:
        entries.append(Entry(source, "state", {"status": merged.tell.status}))
    added, numbers = lanes.append(conversation, entries, deps.now())
    trail: dict[str, Any] = dict(changed)
    if merged.overruled:
        trail["overruled"] = list(merged.overruled)
    change: dict[str, Any] = {**changed, "next": numbers}
    if "status" in changed:
        if not conversation.get("held"):
            change["listed"] = f"conversations#{state.status}"
        if state.status == Status.SOLVED:
            change["solved_at"] = deps.now()
    writes: list[Write] = [*added, conversations.bump(conversation, change)]
    writes.append(conversations.history(conversation, deps, by=source, delivery=delivery, **trail))
    return writes, [keys.lane(conversation["id"], entry.target) for entry in entries]


def set_state(conversation_id: str, change: dict[str, str], by: str, deps: Deps) -> str:
    """Change a conversation's state from our side; every CRM is told. Returns "stored" or "repeated"."""
    for _ in range(8):
        conversation = deps.table.get(keys.conversation(conversation_id))
        if conversation is None:
            raise LookupError(f"there is no conversation {conversation_id}")
        changed = {name: value for name, value in change.items() if value != conversation[name]}
        if not changed or conversation["status"] == Status.CLOSED:
            return REPEATED
        after = {**conversation, **changed}
        state = merge.State(after["status"], after["priority"], after["team"])
        writes, wake = _state_writes(merge.Merged(state, None, Snapshot(), news=True), conversation, by, deps)
        try:
            deps.table.transact(writes)
        except ConditionFailed:
            continue
        lanes.wake(wake, deps)
        return STORED
    raise AwsUnavailable("lost every race for the conversation; the queue delivers again")


def snapshot(link: Item) -> Snapshot:
    """What both sides last agreed on, as the link has it."""
    return Snapshot(
        link.get("agreed_status", ""),
        link.get("agreed_priority", ""),
        link.get("agreed_team", ""),
        link.get("version", ""),
        int(link.get("updated_at", 0)),
    )


def snapshot_items(agreed: Snapshot) -> dict[str, Any]:
    """The link's attributes for a snapshot."""
    return {
        "agreed_status": agreed.status,
        "agreed_priority": agreed.priority,
        "agreed_team": agreed.team,
        "version": agreed.version,
        "updated_at": agreed.updated_at,
    }


def _same(link: Item) -> dict[str, Any]:
    return {"version": link.get("version"), "agreed_status": link.get("agreed_status")}


class _Known:
    """Which comments of a ticket we have already. Called with the keys of a page, newest first.

    What stands behind the newest comment of the last reading that was stored is known without looking, so that a long
    ticket costs no more than a short one.
    """

    def __init__(self, connection: str, newest: str, deps: Deps) -> None:
        self.connection = connection
        self.deps = deps
        self.newest = self._stored = newest
        self._first = True

    def __call__(self, comments: Sequence[str]) -> set[str]:
        if self._first and comments:
            self._first, self.newest = False, comments[0]
        behind = comments.index(self._stored) if self._stored in comments else len(comments)
        by_key = {keys.message(self.connection, comment): comment for comment in comments[:behind]}
        found = self.deps.table.get_many([(pk, "-") for pk in by_key])
        return {by_key[pk] for pk, _ in found} | set(comments[behind:])


# --- waiting -----------------------------------------------------------------------------------------------------


def _wait(hint: Hint, delivery: Delivery, deps: Deps, *, until: int = 0, paused: bool = False, reason: str = "") -> str:
    """Put a hint into its record's pull lane. Joined to one that waits already, it brings nothing of its own."""
    pk = keys.pull(hint.record, delivery.connection)
    due = {"due_pk": keys.paused(delivery.connection) if paused else keys.DUE, "due_at": until}
    body = {"record": hint.record, "conversation": hint.conversation}
    before = deps.table.update(
        Update(
            pk,
            keys.HEAD,
            set={**due, "connection": delivery.connection, "hint": body, "reason": reason or "waits to be read"},
            first={"delivery": delivery.id, "source": delivery.source, "arrived": delivery.at},
            add={"asked": 1},
        ),
        old=True,
    )
    joined = before.get("delivery", delivery.id) != delivery.id
    return REPEATED if joined else WAITS


def _wait_for_call(hint: Hint, delivery: Delivery, lane: str, deps: Deps) -> str:
    outcome = _wait(hint, delivery, deps, until=deps.now() + _CALL_OPEN, reason="one of our calls on it is open")
    pull = keys.pull(hint.record, delivery.connection)
    deps.table.update(Update(lane, keys.HEAD, set={"then_wake": pull}))
    head = deps.table.get(lane, keys.HEAD) or {}
    if not head.get("call"):
        lanes.wake([pull], deps)
    return outcome


def _try_later(hint: Hint, delivery: Delivery, error: TryLater, deps: Deps) -> str:
    pull = deps.table.get(keys.pull(hint.record, delivery.connection), keys.HEAD) or {}
    after = int(error.retry_after * 1000) if error.retry_after is not None else backoff(int(pull.get("asked", 0)) + 1)
    until = deps.now() + after
    ids = {"delivery": delivery.id, "record": hint.record}
    signals.provider_error("hint", error, delivery.connection, deps, **ids)
    if error.scope == "connection":
        deps.connections.wait(delivery.connection, until)
    return _wait(hint, delivery, deps, until=until, reason=str(error))


def _unreadable(hint: Hint, delivery: Delivery, error: Rejected, deps: Deps) -> str:
    ids = {"delivery": delivery.id, "record": hint.record}
    signals.provider_error("hint", error, delivery.connection, deps, **ids)
    failures.add(
        "record",
        str(error),
        "mend it in the CRM, then `deskweave failures retry`",
        deps,
        id=f"record-{delivery.connection}-{hint.record}"[:200],
        connection=delivery.connection,
        group=keys.ticket_group(delivery.connection, hint.record),
        body=queued(hint, delivery),
    )
    return "unparsed"


def queued(hint: Hint, delivery: Delivery) -> dict[str, Any]:
    """A hint as the inbox queue carries it."""
    return {
        "v": 1,
        "kind": "hint",
        "connection": delivery.connection,
        "provider": delivery.provider,
        "delivery": delivery.id,
        "at": delivery.at,
        "source": delivery.source,
        "hint": {"record": hint.record, "conversation": hint.conversation, "version": hint.version},
    }


def credentials_failed(connection: str, reason: str, deps: Deps) -> None:
    """Pause a connection whose credentials the provider refuses, and tell the admin; the work is kept.

    Not where they were changed meanwhile and this process had not seen it: then the work is tried again with those.
    """
    if not deps.connections.state(connection) or deps.connections.changed(connection):
        return
    # Listed first: whoever finds the connection paused calls no more, and would have nothing to tell.
    failures.add(
        "connection",
        reason,
        "put the credentials right, then `deskweave failures retry` resumes the connection",
        deps,
        id=f"connection-{connection}",
        connection=connection,
    )
    with suppress(ConditionFailed):
        deps.connections.pause(connection, reason)
