"""Redriving: what the queues gave up on goes back to where it was, once the cause is mended.

It lies in one of two places. The clock empties the dead-letter queues each minute: a dead wake-up it only wakes again,
everything else becomes a failure of the kind `message`. A redrive covers both, so it does not matter who was quicker.
A message is in its queue before it leaves the dead-letter one: whoever dies between has it twice, and nothing changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.services import failures, forms, keys

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

QUEUES = ("inbox", "effects", "mail")
DEAD, SET_ASIDE = "dead letter", "failure"
_GIVEN_UP = "the queue gave up delivering it"
_MOST = 10_000


@dataclass(frozen=True)
class Letter:
    """A message that was given up on; never its body.

    queue  where it belongs; place "dead letter" or "failure"; id the queue's or the failure's
    kind   what it is: webhook, hint, poll, state, wake-up, mail
    at     ms, since when it is there: when it was sent, or when it was set aside
    """

    queue: str
    place: str
    id: str
    kind: str
    connection: str
    reason: str
    at: int


def listed(queue: str, deps: Deps) -> list[Letter]:
    """What was given up on, of one queue. Of a group with more than ten dead letters, those that can be seen now.

    They are received and given back at once, since a queue shows its messages in no other way.
    """
    dead = deps.queue(f"{queue}-dead")
    seen: list[Mapping[str, Any]] = []
    try:
        while letters := dead.receive():
            seen += letters
    finally:
        for letter in seen:
            # One that took too long to list has come back by itself.
            with suppress(AwsUnavailable):
                dead.let_go(letter["ReceiptHandle"])
    return [_dead(queue, letter) for letter in seen] + _set_aside(queue, deps)


def redrive(queue: str, deps: Deps) -> Iterator[Letter]:
    """Send everything back to its queue, the oldest of a group first; gives each once it is there.

    Raises `AwsUnavailable`; what was not sent by then stays where it is.
    """
    dead, source = deps.queue(f"{queue}-dead"), deps.queue(queue)
    while letters := dead.receive():
        for letter in letters:
            source.take_in(letter)
            dead.delete(letter["ReceiptHandle"])
            yield _dead(queue, letter)
    for failure in _set_aside(queue, deps):
        try:
            failures.retry(failure.id, deps)
        except LookupError:  # somebody else has retried it meanwhile
            continue
        yield failure


def left(queue: str, deps: Deps) -> int:
    """About how many dead letters there are; those that somebody else has just received are among them."""
    return deps.queue(f"{queue}-dead").count()


def _dead(queue: str, letter: Mapping[str, Any]) -> Letter:
    body = _body(letter["Body"]) if queue != "mail" else {"kind": "mail"}
    kind = "wake-up" if queue == "effects" else str(body.get("kind", "unknown"))
    connection = keys.connection_of_lane(str(body["lane"])) if "lane" in body else str(body.get("connection", ""))
    sent = int(letter.get("Attributes", {}).get("SentTimestamp", 0))
    return Letter(queue, DEAD, letter["MessageId"], kind, connection, _GIVEN_UP, sent)


def _body(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _set_aside(queue: str, deps: Deps) -> list[Letter]:
    found = deps.table.query(keys.FAILURES, limit=_MOST)
    return [
        Letter(queue, SET_ASIDE, one["sk"], one["body"]["kind"], one.get("connection", ""), one["reason"], one["at"])
        for one in sorted(found, key=lambda one: (one["at"], one["sk"]))
        if one["kind"] == "message"
        and queue == ("mail" if one["body"]["kind"] == "mail" else "inbox")
        # What a newer version wrote would only be set aside again.
        and int(one.get("newer", 0)) <= forms.QUEUED
    ]
