"""The ledger: what a worker may do with a lane."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.ledger import (
    JOINED,
    Begin,
    Idle,
    Resume,
    backoff,
    may_have_been_applied,
    next_step,
)

NOW = 1_000_000
CALL = {"id": "k", "first": 3, "last": 4, "until": NOW + 1, "started_at": NOW - 10}
ENTRY = {"number": 3, "kind": "send"}

CASES = [
    ("nothing to do", {"first": 3}, [], 0, Idle(None)),
    ("an entry is due", {"first": 3}, [ENTRY], 0, Begin(3, 3)),
    ("a held lane stays put", {"first": 3, "held": "failed"}, [ENTRY], 0, Idle(None)),
    ("nobody acts while a call is open", {"first": 3, "call": CALL}, [], 0, Idle(NOW + 1)),
    ("a call whose time is over is settled", {"first": 3, "call": CALL | {"until": NOW}}, [], 0, None),
    ("a lane waits", {"first": 3, "not_before": NOW + 5}, [ENTRY], 0, Idle(NOW + 5)),
    ("the connection waits", {"first": 3, "not_before": NOW + 5}, [ENTRY], NOW + 9, Idle(NOW + 9)),
    ("a doubtful call waits too", {"call": CALL | {"until": 0}, "not_before": NOW + 5}, [], 0, Idle(NOW + 5)),
]


@pytest.mark.parametrize(("name", "head", "entries", "not_before", "expected"), CASES, ids=[case[0] for case in CASES])
def test_a_lane_is_worked_on(
    name: str, head: dict[str, Any], entries: list[dict[str, Any]], not_before: int, expected: Any
) -> None:
    step = next_step(head, entries, not_before, NOW)
    assert step == (expected if expected is not None else Resume(head["call"]))


def _waiting(*joins: str, size: int = 10) -> list[dict[str, Any]]:
    return [{"number": n, "kind": "comment", "join": join, "size": size} for n, join in enumerate(joins, 1)]


JOINS = [
    (_waiting("a", "a", "a"), 3),
    (_waiting("a", "a", "b", "a"), 2),
    (_waiting("", "", ""), 1),
    (_waiting(*["a"] * 30), JOINED),
    (_waiting("a", "a", "a", size=20_000), 1),
    (_waiting("a", "a", "a", size=14_000), 2),
]


@pytest.mark.parametrize(("entries", "last"), JOINS)
def test_waiting_entries_of_one_kind_share_a_call(entries: list[dict[str, Any]], last: int) -> None:
    assert next_step({"first": 1}, entries, 0, NOW) == Begin(1, last)


def test_backing_off_grows_and_never_ends() -> None:
    waits = [backoff(n) for n in range(1, 20)]
    assert waits == sorted(waits)
    assert waits[0] < 10_000
    assert waits[-1] == 900_000


SETTLING = [
    ("key", "repeat"),
    ("lookup", "lookup"),
    ("echo", "wait"),
    ("unknown", "unknown"),
    ("", "unknown"),
]


@pytest.mark.parametrize(("effect", "means"), SETTLING)
def test_a_doubtful_call_is_settled_by_its_declared_means(effect: str, means: str) -> None:
    assert may_have_been_applied(effect, CALL, 60_000, NOW) == means


def test_an_echo_that_does_not_come_in_time_leaves_the_call_unknown() -> None:
    assert may_have_been_applied("echo", CALL, 60_000, NOW + 60_001) == "unknown"
