"""The lane's ledger: what a worker may do next, decided from the lane's head alone.

A lane is one (conversation, target). Its head holds the number of the first unfinished entry and, while a provider is
being called, the call: its id, the entries it carries, and until when nobody else may act.

An entry goes `due -> calling -> done | waiting | unknown | failed`; a person may turn `failed` and `unknown` into
`due` (retry) or `skipped`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Most messages that one comment may carry, and most characters.
JOINED = 10
JOINED_TEXT = 30_000

_BACKOFF = (5_000, 15_000, 60_000, 300_000, 900_000)


@dataclass(frozen=True)
class Idle:
    """Nothing to do now: wake again at `due_at` (ms), never where it is None."""

    due_at: int | None


@dataclass(frozen=True)
class Begin:
    """Call the provider for entries first..last."""

    first: int
    last: int


@dataclass(frozen=True)
class Resume:
    """A call was begun and its outcome is not known: settle it under the same id, for the same entries."""

    call: Mapping[str, Any]


def next_step(
    head: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], not_before: int, now: int
) -> Idle | Begin | Resume:
    """What to do with a lane.

    head      {first, call?: {id, first, last, until, doubtful}, not_before?, held?}
    entries   the unfinished entries in order, from `first`: {number, kind, join?, size?}
    not_before  ms, the connection's: the whole account waits until then
    """
    if head.get("held"):
        return Idle(None)
    call = head.get("call")
    if call and call["until"] > now:
        return Idle(call["until"])
    wait = max(int(head.get("not_before", 0)), not_before)
    if wait > now:
        return Idle(wait)
    if call:
        return Resume(call)
    if not entries:
        return Idle(None)
    return Begin(entries[0]["number"], _joined(entries))


def _joined(entries: Sequence[Mapping[str, Any]]) -> int:
    """The last of the entries that one call can carry: those that share the first one's `join` key, in a row."""
    first = entries[0]
    last, size = first["number"], int(first.get("size", 0))
    for entry in entries[1:JOINED]:
        size += int(entry.get("size", 0))
        if not first.get("join") or entry.get("join") != first["join"] or size > JOINED_TEXT:
            break
        last = entry["number"]
    return int(last)


def backoff(tries: int) -> int:
    """How long to wait after the n-th failure in a row, in ms. It never gives up: an outage ends some day."""
    return _BACKOFF[min(max(tries, 1), len(_BACKOFF)) - 1]


def may_have_been_applied(effect: str, call: Mapping[str, Any], settle_ms: int, now: int) -> str:
    """How to settle a doubtful call: "repeat" (same key), "lookup", "wait" (for the echo), or "unknown"."""
    if effect == "key":
        return "repeat"
    if effect == "lookup":
        return "lookup"
    if effect == "echo":
        return "wait" if now < int(call["started_at"]) + settle_ms else "unknown"
    return "unknown"
