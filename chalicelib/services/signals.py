"""What the log and the metrics tell of providers and of work that waits: error kinds, ages and lags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.aws.table import Item
from chalicelib.services import keys
from connectors.base import BadCredentials, CannotCarry, ConnectorError, RecordClosed, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# Of so many lanes, those that are tried next, the clock reads how old their work is. Waiting lanes take turns within
# a quarter of an hour, so that of more the oldest is seen by then.
_LOOKED_AT = 100
_MOST_HELD = 1000


def kind_of(error: ConnectorError) -> str:
    """What went wrong with a provider, in a word of the log; "" for what is no fault of anybody's."""
    match error:
        case TryLater(doubtful=True):
            return "doubtful"
        case TryLater():
            return "busy" if error.retry_after is not None else "unreachable"
        case BadCredentials():
            return "credentials"
        case CannotCarry() | RecordClosed():
            return ""
    return "refused"


def provider_error(step: str, error: ConnectorError, connection: str, deps: Deps, **ids: Any) -> None:
    """Note and count a call that a provider did not carry out."""
    if kind := kind_of(error):
        deps.log.count(step, "provider_errors", outcome=kind, connection=connection, **ids)


def settled(deliveries: int) -> dict[str, int]:
    """What the metrics are told of so many deliveries that came to an outcome. `unsettled` adds up to what is open."""
    return {"stored": deliveries, "unsettled": -deliveries} if deliveries else {}


def oldest_lane(open_lanes: Sequence[Item], deps: Deps) -> int:
    """Seconds since the oldest unfinished entry was written, or the oldest hint came, among these lanes by their keys;
    0 where there is none. Held lanes, and those of a paused connection, are not among them."""
    heads = deps.table.get_many([(lane["pk"], keys.HEAD) for lane in open_lanes[:_LOOKED_AT]])
    began = [int(head["arrived"]) for head in heads.values() if "arrived" in head]
    first = [
        (head["pk"], keys.entry(head.get("first", 1)))
        for head in heads.values()
        if "hint" not in head and head.get("first", 1) <= head.get("last", 0)
    ]
    began += [int(entry["at"]) for entry in deps.table.get_many(first).values()]
    return (deps.now() - min(began)) // 1000 if began else 0


def held_lanes(deps: Deps) -> int:
    """How many lanes wait for a person, a thousand at most."""
    # The ids of the other kinds begin with their names; what is kept with them may be large, and stays unread.
    return sum(one["kind"] == "lane" for one in deps.table.query(keys.FAILURES, "f", "g", limit=_MOST_HELD))


def poll_lags(deps: Deps) -> dict[str, int]:
    """Seconds since each CRM that is not paused was last known to have told everything, by connection."""
    live = [state for state in deps.connections.states() if state["kind"] == "crm" and not state.get("paused")]
    cursors = deps.table.get_many([(keys.cursor(state["sk"]), "-") for state in live])
    lags = {}
    for state in live:
        cursor = cursors.get((keys.cursor(state["sk"]), "-"), {})
        since = cursor.get("level_at") or cursor.get("at") or state.get("added_at", deps.now())
        lags[str(state["sk"])] = (deps.now() - int(since)) // 1000
    return lags
