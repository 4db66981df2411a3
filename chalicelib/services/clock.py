"""The clock, each minute: wake lanes that are due, queue one poll a CRM, move dead letters into the failure list.

It makes no provider call, and overlapping runs do no harm.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.services import keys, lanes, mail
from chalicelib.services.inbox import set_aside

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# What one run wakes of one connection's lanes: a minute's worth of a modest rate limit, so that an outage's backlog
# drains without running into the next 429.
PACE = 200
_MOST = 2_000


def handle(deps: Deps) -> None:
    """One run. Raises `AwsUnavailable`."""
    woken = _wake_due(deps)
    polls = _queue_polls(deps)
    released = _release_paused(deps)
    dead = sum(_dead_letters(name, deps) for name in ("inbox", "effects", "mail"))
    deps.log.step("clock", outcome="ran", woken=woken, released=released, polls=polls, dead=dead)


def _wake_due(deps: Deps) -> int:
    due = deps.table.index("due", {"due_pk": keys.DUE}, {"due_at": deps.now()}, limit=_MOST)
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


def _dead_letters(name: str, deps: Deps) -> int:
    """What the queue gave up on becomes a failure that a person can retry; a dead wake-up is only woken again."""
    queue = deps.queue(f"{name}-dead")
    moved = 0
    while letters := queue.receive():
        for letter in letters:
            if name == "effects":
                lanes.wake([json.loads(letter["Body"])["lane"]], deps)
            elif name == "mail":
                mail.set_aside(letter["Body"], "the queue gave up delivering it", deps)
            else:
                set_aside(json.loads(letter["Body"]), "the queue gave up delivering it", deps, kind="message")
            queue.delete(letter["ReceiptHandle"])
            moved += 1
    return moved
