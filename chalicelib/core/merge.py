"""What a ticket's state says about its conversation: a three-way merge against what both sides last agreed on.

| field    | owner                                                                                      |
|----------|--------------------------------------------------------------------------------------------|
| status   | whoever changed it; where both did, a customer's new message wins over an agent's *solved* |
| priority | the CRM                                                                                    |
| team     | the CRM                                                                                    |
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.model import Snapshot, Status, TicketChanged


@dataclass(frozen=True)
class State:
    """The fields that both sides have."""

    status: str
    priority: str
    team: str


@dataclass(frozen=True)
class Merged:
    """The outcome: our new state, what the CRM still has to be told, the new snapshot, and what was overruled."""

    state: State
    tell: State | None
    snapshot: Snapshot
    overruled: tuple[str, ...] = ()
    news: bool = False


def merge(ours: State, snapshot: Snapshot, theirs: TicketChanged, written: str = "") -> Merged:
    """Merge a ticket as read from the CRM into our state. A record older than the snapshot is no news.

    written  what our status is once the CRM has taken it: it may have fewer words than we, and that is no news
    """
    if snapshot.version and theirs.version < snapshot.version:
        return Merged(ours, None, snapshot)
    status, tell_status, overruled = _status(ours.status, written or ours.status, snapshot.status, theirs.status.value)
    priority = theirs.priority.value if theirs.priority else ours.priority
    team = theirs.team or ours.team
    if snapshot.priority and snapshot.priority == priority:
        priority = ours.priority
    if snapshot.team and snapshot.team.casefold() == team.casefold():
        team = ours.team
    state = State(status, priority, team)
    agreed = Snapshot(
        status=theirs.status.value,
        priority=theirs.priority.value if theirs.priority else snapshot.priority,
        team=theirs.team or snapshot.team,
        version=theirs.version,
        updated_at=theirs.updated_at,
    )
    tell = State(status, "", "") if tell_status else None
    return Merged(state, tell, agreed, overruled, news=state != ours)


def _status(ours: str, written: str, agreed: str, theirs: str) -> tuple[str, bool, tuple[str, ...]]:
    if theirs in (agreed, written):
        return ours, False, ()
    if ours == Status.CLOSED:
        return ours, False, (f"status {theirs}: the conversation is closed for good",)
    if written == agreed or not agreed:
        return theirs, False, ()
    if theirs == Status.CLOSED:
        return theirs, False, (f"status {ours}: the ticket is closed for good",)
    return ours, True, (f"status {theirs} set in the CRM while it became {ours} here",)
