"""What becomes of a message after it was sent: the provider tells, in any order, and sometimes twice.

How far a message has come only ever grows, for each of its recipients. The first word about a message whose own answer
was lost settles that call: the callback carries our reference. What did not arrive is told to the agents once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed
from chalicelib.aws.table import Item, Update
from chalicelib.core import wording
from chalicelib.core.model import DeliveryState, DeliveryUpdated, Status
from chalicelib.services import conversations, effects, keys, lanes
from chalicelib.services.lanes import Entry
from chalicelib.services.records import Delivery

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_TRIES = 8
# A message may fail after it was delivered (a late bounce), but nothing is taken back.
_RANKS = {state: rank for rank, state in enumerate(DeliveryState)}
_BAD = (DeliveryState.FAILED, DeliveryState.COMPLAINED)
_MOST_RECIPIENTS = 100


def updated(event: DeliveryUpdated, delivery: Delivery, deps: Deps) -> str:
    """Note how far a message has come. Returns "stored", "repeated", or "ignored" for one that we did not send."""
    pk = keys.message(delivery.connection, event.key)
    for _ in range(_TRIES):
        kept = deps.table.get(pk)
        if kept is None and event.reference and _settle(event, delivery, deps):
            continue
        if kept is None or not kept.get("ours"):
            return "ignored"
        progress = dict(kept.get("progress", {}))
        whom = event.recipient[:320] or "-"
        before = progress.get(whom)
        if (before and _RANKS[DeliveryState(before)] >= _RANKS[event.state]) or len(progress) > _MOST_RECIPIENTS:
            return "repeated"
        progress[whom] = event.state.value
        if _noted(event, kept, progress, delivery, deps):
            return "stored"
    raise AwsUnavailable("lost every race for the message; the queue delivers again")


def _noted(event: DeliveryUpdated, kept: Item, progress: dict[str, str], delivery: Delivery, deps: Deps) -> bool:
    note = Update(kept["pk"], set={"progress": progress}, when={"progress": kept.get("progress")})
    if event.state not in _BAD:
        try:
            deps.table.update(note)
        except ConditionFailed:
            return False
        return True
    conversation = conversations.get(lanes.conversation_of(kept["lane"]), deps)
    text = wording.undelivered(
        delivery.provider, event.recipient, event.reason, complained=event.state is DeliveryState.COMPLAINED
    )
    crms = conversation["crms"] if conversation["status"] != Status.CLOSED else []
    deps.log.count("tracking", "undelivered", outcome=event.state.value, connection=delivery.connection)
    plan = conversations.changed(conversation, {}, [Entry(crm, "note", {"text": text}) for crm in crms], deps, [note])
    return conversations.written(plan, deps)


def _settle(event: DeliveryUpdated, delivery: Delivery, deps: Deps) -> bool:
    """Settle the open call that the callback names; false where there is none such."""
    conversation_id, _, call_id = event.reference.partition(".")
    head = deps.table.get(keys.lane(conversation_id, delivery.connection), keys.HEAD) or {}
    if not call_id or head.get("call", {}).get("id") != call_id:
        return False
    return effects.settle_by_echo(head, event.key, deps)
