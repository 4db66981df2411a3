"""The clock, each minute: wake lanes that are due, queue one poll a CRM, move dead letters into the failure list.

It makes no provider call, and overlapping runs do no harm.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.services import keys, lanes, mail, signals
from chalicelib.services.inbox import acked, set_aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.aws.table import Item
    from chalicelib.bootstrap import Deps

# What one run wakes of one connection's lanes: a minute's worth of a modest rate limit, so that an outage's backlog
# drains without running into the next 429.
PACE = 200
_MOST = 2_000


def handle(deps: Deps) -> None:
    """One run. Raises `AwsUnavailable`."""
    began = deps.now()
    waiting = deps.table.index("due", {"due_pk": keys.DUE}, limit=_MOST)
    woken = _wake([lane for lane in waiting if lane["due_at"] <= began], deps)
    polls = _queue_polls(deps)
    released = _release_paused(deps)
    dead, stored = _dead_letters(deps)
    # What is measured comes last: nothing that has to be done waits for it.
    lags = signals.poll_lags(deps)
    measured = {"oldest_lane": signals.oldest_lane(waiting, deps), "held_lanes": signals.held_lanes(deps)}
    measured |= signals.settled(stored)
    counts = {"woken": woken, "released": released, "polls": polls, "dead": dead, "waiting": len(waiting)}
    deps.log.measure("clock", measured, outcome="ran", **counts, took=deps.now() - began)
    for connection, seconds in lags.items():
        deps.log.measure("clock", {"poll_lag": seconds}, outcome="lag", connection=connection)


def _wake(due: Sequence[Item], deps: Deps) -> int:
    paced: dict[str, int] = {}
    wake = []
    for key in due:
        connection = key["pk"].rsplit("#", 1)[-1]
        paced[connection] = paced.get(connection, 0) + 1
        if paced[connection] <= PACE:
            wake.append(key["pk"])
    lanes.wake(wake, deps)
    return len(wake)


def _queue_polls(deps: Deps) -> int:
    live = [state["sk"] for state in deps.connections.states() if state["kind"] == "crm" and not state.get("paused")]
    deps.inbox.send_all([(f"{crm} poll", {"v": 1, "kind": "poll", "connection": crm}) for crm in live])
    return len(live)


def _release_paused(deps: Deps) -> int:
    """Lanes that parked for a paused connection at the moment it was resumed: the index did not list them yet."""
    live = [state["sk"] for state in deps.connections.states() if not state.get("paused")]
    return sum(lanes.release_paused(connection, deps) for connection in live)


def _dead_letters(deps: Deps) -> tuple[int, int]:
    """How many letters the queues gave up on, and how many of them are deliveries that come to an end by that."""
    counts = [_dead_letters_of(name, deps) for name in ("inbox", "effects", "mail")]
    return sum(moved for moved, _ in counts), sum(stored for _, stored in counts)


def _dead_letters_of(name: str, deps: Deps) -> tuple[int, int]:
    """What the queue gave up on becomes a failure that a person can retry; a dead wake-up is only woken again."""
    queue = deps.queue(f"{name}-dead")
    moved = stored = 0
    while letters := queue.receive():
        for letter in letters:
            if name == "effects":
                lanes.wake(filter(None, [json.loads(letter["Body"]).get("lane")]), deps)
            elif name == "mail":
                mail.set_aside(letter["Body"], "the queue gave up delivering it", deps)
            else:
                body = json.loads(letter["Body"])
                set_aside(body, "the queue gave up delivering it", deps, kind="message")
                stored += acked(body)
            queue.delete(letter["ReceiptHandle"])
            moved += 1
    return moved, stored
