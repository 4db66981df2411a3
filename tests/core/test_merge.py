"""The three-way merge: who changed what, and who is right."""

from __future__ import annotations

import itertools

import pytest

from chalicelib.core.merge import State, merge
from chalicelib.core.model import Priority, Snapshot, Status, TicketChanged


def _theirs(status: str, priority: str = "normal", team: str = "Support", version: str = "2") -> TicketChanged:
    return TicketChanged("1", Status(status), Priority(priority) if priority else None, team, version, 0)


AGREED = Snapshot("open", "normal", "Support", "1", 0)

CASES = [
    ("nothing changed", State("open", "normal", "Support"), _theirs("open"), "open", None),
    ("they solved", State("open", "normal", "Support"), _theirs("solved"), "solved", None),
    ("we solved, not told yet", State("solved", "normal", "Support"), _theirs("open"), "solved", None),
    ("both the same", State("solved", "normal", "Support"), _theirs("solved"), "solved", None),
    ("both, different: ours stands", State("pending", "normal", "Support"), _theirs("solved"), "pending", "pending"),
    ("closed is final", State("pending", "normal", "Support"), _theirs("closed"), "closed", None),
]


@pytest.mark.parametrize(("name", "ours", "theirs", "status", "tell"), CASES, ids=[case[0] for case in CASES])
def test_a_status_is_merged(name: str, ours: State, theirs: TicketChanged, status: str, tell: str | None) -> None:
    merged = merge(ours, AGREED, theirs)
    assert merged.state.status == status
    assert (merged.tell.status if merged.tell else None) == tell
    assert merged.snapshot.status == theirs.status


def test_priority_and_team_belong_to_the_crm() -> None:
    merged = merge(State("open", "normal", "Support"), AGREED, _theirs("open", "urgent", "Billing"))
    assert (merged.state.priority, merged.state.team, merged.tell) == ("urgent", "Billing", None)


def test_a_field_that_the_crm_leaves_empty_blanks_nothing() -> None:
    merged = merge(State("open", "high", "Billing"), Snapshot("open", "high", "Billing", "1"), _theirs("open", "", ""))
    assert (merged.state.priority, merged.state.team) == ("high", "Billing")
    assert (merged.snapshot.priority, merged.snapshot.team) == ("high", "Billing")


def test_a_record_older_than_the_snapshot_is_no_news() -> None:
    ours = State("open", "normal", "Support")
    merged = merge(ours, Snapshot("open", "normal", "Support", "5"), _theirs("solved", version="4"))
    assert (merged.state, merged.news) == (ours, False)


@pytest.mark.parametrize("seen", itertools.permutations(["open", "pending", "solved"]))
def test_merging_the_same_record_twice_changes_nothing(seen: tuple[str, ...]) -> None:
    ours, agreed, theirs = seen
    first = merge(State(ours, "normal", "Support"), Snapshot(agreed, "normal", "Support", "1"), _theirs(theirs))
    told = first.tell.status if first.tell else first.state.status
    second = merge(first.state, Snapshot(told, "normal", "Support", "2"), _theirs(told))
    assert (second.state, second.tell, second.news) == (first.state, None, False)
