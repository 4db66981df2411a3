"""Which conversation a message belongs to, once its thread's claim has been looked up."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.model import Status

HOUR = 3_600_000
DAY = 24 * HOUR
REOPENS_WITHIN = 14 * DAY

# What a customer's message makes of each state: an agent has to look again, unless none has looked yet.
AFTER_CUSTOMER = {
    Status.NEW: Status.NEW,
    Status.OPEN: Status.OPEN,
    Status.PENDING: Status.OPEN,
    Status.ON_HOLD: Status.OPEN,
    Status.SOLVED: Status.OPEN,
}


@dataclass(frozen=True)
class Join:
    """The message goes on with the conversation; its status becomes `status`."""

    status: Status


@dataclass(frozen=True)
class Open:
    """The message opens a conversation; `follows` is the one it goes on from, "" where there is none."""

    follows: str = ""


def decide(conversation: str, status: Status | None, solved_at: int, sent_at: int) -> Join | Open:
    """Join the claimed conversation or open a new one.

    conversation  the id that the thread's claim names, "" where there is no claim
    status        its status, None where there is no conversation
    solved_at     ms, when it was solved; sent_at ms, when the customer wrote
    """
    if not conversation or status is None:
        return Open()
    if status is Status.CLOSED:
        return Open(follows=conversation)
    if status is Status.SOLVED and sent_at - solved_at > REOPENS_WITHIN:
        return Open(follows=conversation)
    return Join(AFTER_CUSTOMER[status])
