"""Threading: which conversation a message joins, and when it opens a new one."""

from __future__ import annotations

import pytest

from chalicelib.core.model import Status
from chalicelib.core.threading import DAY, Join, Open, decide

SOLVED_AT = 1_000 * DAY

CASES = [
    ("", None, 0, SOLVED_AT, Open()),
    ("c1", None, 0, SOLVED_AT, Open()),
    ("c1", Status.NEW, 0, SOLVED_AT, Join(Status.NEW)),
    ("c1", Status.OPEN, 0, SOLVED_AT, Join(Status.OPEN)),
    ("c1", Status.PENDING, 0, SOLVED_AT, Join(Status.OPEN)),
    ("c1", Status.ON_HOLD, 0, SOLVED_AT, Join(Status.OPEN)),
    ("c1", Status.SOLVED, SOLVED_AT, SOLVED_AT + 1, Join(Status.OPEN)),
    ("c1", Status.SOLVED, SOLVED_AT, SOLVED_AT + 14 * DAY, Join(Status.OPEN)),
    ("c1", Status.SOLVED, SOLVED_AT, SOLVED_AT + 14 * DAY + 1, Open(follows="c1")),
    ("c1", Status.CLOSED, SOLVED_AT, SOLVED_AT + 1, Open(follows="c1")),
]


@pytest.mark.parametrize(("conversation", "status", "solved_at", "sent_at", "expected"), CASES)
def test_a_message_joins_its_conversation_or_opens_one(
    conversation: str, status: Status | None, solved_at: int, sent_at: int, expected: Join | Open
) -> None:
    assert decide(conversation, status, solved_at, sent_at) == expected
