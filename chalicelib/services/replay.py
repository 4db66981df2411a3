"""Replaying what came in: kept raw deliveries are parsed again by today's connectors, and our record follows.

Three steps, each safe to repeat: `find` lists the deliveries that are kept, `look` tells what is read otherwise today,
`apply` looks once more and writes. Where nothing is read otherwise, nothing is done.

| what is kept        | what a replay does with it                                                                    |
|---------------------|-----------------------------------------------------------------------------------------------|
| beside a message,   | another text, author, time, file or address for answers: the record is corrected in place     |
| or in the bucket    | a message of the delivery that was missed: stored as if it came now, under its own key        |
| in the failure list | what can be parsed now is handled, and leaves the list                                        |
| a CRM's hint        | holds no words: services/reread.py reads its ticket again, where that is asked for            |
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AwsUnavailable, ConditionFailed, NotFound
from chalicelib.aws.table import Item
from chalicelib.core.model import ConnectionEnded, Event, Hint, Ignored, MessageReceived
from chalicelib.services import corrected, inbox, keys, lanes, records, reparsed
from chalicelib.services.records import Delivery
from chalicelib.services.reparsed import CHANGED, NEW, Difference
from connectors.base import Unparsable, WebhookRequest

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# Items read so far, and the read units that took.
Told = Callable[[int, float], None]
STORED, HANDLED, FAILED = "stored", "handled", "failed"
_WANTED = ("pk", "sk", "at", "delivery", "connection")
_MOST_FAILURES = 10_000
_DEFAULT = ("content-type",)


@dataclass(frozen=True)
class Kept:
    """A delivery that is kept raw: by the records that it brought (their pks), or by its entry of the failure list."""

    connection: str
    delivery: str
    at: int
    messages: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Looked:
    """What today's connector reads in a kept delivery.

    differences  what is read otherwise; () where all is as it is kept
    readable     of a failure: whether it can be read now; `events` how many things it says
    hints        the tickets that the delivery points at, without saying what happened
    left         why nothing can be done with it, "" where something can; gone whether the raw one is no longer kept
    """

    kept: Kept
    differences: tuple[Difference, ...] = ()
    readable: bool = False
    events: int = 0
    hints: tuple[Hint, ...] = ()
    left: str = ""
    gone: bool = False

    @property
    def acts(self) -> bool:
        """Whether `apply` would do something."""
        return self.readable or any(one.kind in (CHANGED, NEW) for one in self.differences)


@dataclass(frozen=True)
class Applied:
    """What was done about one difference: changed, stored, handled, busy, overtaken, or failed; `why` in words."""

    connection: str
    delivery: str
    outcome: str
    message: str = ""
    why: str = ""


@dataclass(frozen=True)
class _Parsed:
    """A delivery with its events; where there are none, why. `told` is the failure's mark of when it was told last."""

    delivery: Delivery
    events: tuple[Event, ...] = ()
    left: str = ""
    gone: bool = False
    told: str = ""
    records: Mapping[str, Item] = field(default_factory=dict)


def find(
    deps: Deps, since: int, until: int, *, connection: str = "", tell: Told = lambda read, units: None
) -> list[Kept]:
    """The deliveries that were kept between two times (ms), oldest first. Reads the whole table, and tells how far."""
    when: dict[str, object] = {"sk": "-", "at": (">=", since), "ours": None}
    if connection:
        when["connection"] = connection
    by_delivery: dict[tuple[str, str], list[Item]] = {}
    read, units = 0, 0.0
    for page in deps.table.scan("M#", when, _WANTED):
        read, units = read + page.read, units + page.units
        for item in page.items:
            if item["at"] <= until and "delivery" in item:
                by_delivery.setdefault((item["connection"], item["delivery"]), []).append(item)
        tell(read, units)
    found = [
        Kept(*named, min(item["at"] for item in items), tuple(sorted(item["pk"] for item in items)))
        for named, items in by_delivery.items()
    ]
    found += [one for one in _failed(deps) if since <= one.at <= until and connection in ("", one.connection)]
    return sorted(found, key=lambda one: (one.at, one.delivery))


def look(kept: Kept, deps: Deps) -> Looked:
    """Parse a kept delivery again, and compare. Writes nothing. Raises `AwsUnavailable`."""
    return _looked(kept, _parse(kept, deps), deps)


def apply(kept: Kept, replay: str, deps: Deps) -> list[Applied]:
    """Look again, and do what is to be done. `replay` is the run's own id. Raises `AwsUnavailable`."""
    parsed = _parse(kept, deps)
    looked = _looked(kept, parsed, deps)
    if kept.failure:
        return [_handle(kept, parsed, deps)] if looked.readable else []
    return [_act(one, parsed.delivery, replay, deps) for one in looked.differences if one.kind in (CHANGED, NEW)]


def _failed(deps: Deps) -> Iterator[Kept]:
    for item in deps.table.query(keys.FAILURES, limit=_MOST_FAILURES):
        if item["kind"] in ("delivery", "message") and item.get("body", {}).get("kind") == "webhook":
            yield Kept(item["connection"], item["body"]["delivery"], item["at"], failure=item["sk"])


def _looked(kept: Kept, parsed: _Parsed, deps: Deps) -> Looked:
    if parsed.left:
        return Looked(kept, left=parsed.left, gone=parsed.gone)
    if kept.failure:
        return Looked(kept, readable=True, events=len(parsed.events))
    hints = tuple(event for event in parsed.events if isinstance(event, Hint))
    missing = [pk for pk in reparsed.keys_of(parsed.events, kept.connection) if pk not in parsed.records]
    there = (
        {pk: item for (pk, _), item in deps.table.get_many([(pk, "-") for pk in missing]).items()} if missing else {}
    )
    own = {} if hints else parsed.records
    differences = reparsed.compare(parsed.events, {**own, **there}, parsed.delivery, deps)
    return Looked(kept, tuple(_addressed(differences, parsed, deps)), hints=hints)


def _addressed(differences: Sequence[Difference], parsed: _Parsed, deps: Deps) -> Iterator[Difference]:
    """The differences, and where the conversation's answers go because of a message of this delivery."""
    by_pk = {one.message: one for one in differences}
    for event in parsed.events:
        if not isinstance(event, MessageReceived):
            continue
        pk = keys.message(parsed.delivery.connection, event.key)
        kept = parsed.records.get(pk, {})
        conversation = deps.table.get(keys.conversation(kept.get("conversation", ""))) if "text" in kept else None
        if conversation and (to := corrected.wrong_address(event, kept, conversation)):
            own = by_pk.get(pk) or Difference(CHANGED, pk, kept["conversation"], kept=kept, event=event)
            by_pk[pk] = replace(own, fields={**own.fields, "reply_to": to})
    yield from by_pk.values()


def _parse(kept: Kept, deps: Deps) -> _Parsed:
    """The delivery as it is kept, and its events."""
    connector = deps.connections.open(kept.connection)
    delivery = Delivery(kept.connection, connector.name if connector else "", kept.delivery, kept.at)
    if connector is None:
        return _Parsed(delivery, left="its connection was removed")
    try:
        parsed, query = _of_failure(kept, delivery, deps) if kept.failure else (_of_records(kept, delivery, deps), "")
    except NotFound:
        return _Parsed(delivery, left="its raw delivery is no longer kept in the bucket", gone=True)
    except ValueError as error:
        return _Parsed(delivery, left=f"its raw delivery cannot be unpacked: {error}")
    if parsed.left:
        return parsed
    delivery = parsed.delivery
    if delivery.raw_at and not delivery.head and set(connector.keep_headers) - set(_DEFAULT):
        return replace(parsed, left="an earlier version kept it without its receipt")
    headers = json.loads(delivery.head) if delivery.head else {}
    now = next((int(item["sent_at"]) for item in parsed.records.values() if "sent_at" in item), delivery.at)
    try:
        events = connector.parse(WebhookRequest("POST", headers, delivery.raw, now, query=query))
    except Unparsable as error:
        return replace(parsed, left=f"it cannot be read: {error}")
    except Exception as error:  # a bug in one connector's parser must not end a replay over all the others
        return replace(parsed, left=f"a bug in the connector: {type(error).__name__}")
    return replace(parsed, events=tuple(event for event in events if not isinstance(event, Ignored)))


def _of_records(kept: Kept, delivery: Delivery, deps: Deps) -> _Parsed:
    """Raises `NotFound`, `ValueError`."""
    found = {pk: item for (pk, _), item in deps.table.get_many([(pk, "-") for pk in kept.messages]).items()}
    own = {pk: item for pk, item in found.items() if item.get("delivery") == kept.delivery}
    holder = next((item for item in own.values() if "author" in item and ("raw" in item or "raw_at" in item)), None)
    raw = records.raw_delivery(holder, deps) if holder else None
    if holder is None or raw is None:
        return _Parsed(
            delivery, left="it came without a delivery (by a poll, or with its edit)" if own else "it is gone"
        )
    told = replace(delivery, raw=raw, raw_at=holder.get("raw_at", ""), head=records.raw_head(holder))
    return _Parsed(told, records=own)


def _of_failure(kept: Kept, delivery: Delivery, deps: Deps) -> tuple[_Parsed, str]:
    """Raises `NotFound`, `ValueError`."""
    item = deps.table.get(keys.FAILURES, kept.failure)
    if item is None:
        return _Parsed(delivery, left="somebody has resolved it meanwhile"), ""
    body = item["body"]
    raw = zlib.decompress(item["raw"]) if "raw" in item else deps.bucket.get(body["bucket"])
    at = int(body["at"])
    told = replace(delivery, at=at, raw=raw, raw_at=body.get("bucket", ""), head=records.head(body["headers"]))
    return _Parsed(told, told=item["told"]), str(body.get("query", ""))


def _act(one: Difference, delivery: Delivery, replay: str, deps: Deps) -> Applied:
    told = Applied(delivery.connection, delivery.id, FAILED, one.message)
    try:
        if one.kind == CHANGED:
            return replace(told, outcome=corrected.correct(one, delivery, replay, deps))
        assert one.event is not None
        return replace(told, outcome=inbox.apply(one.event, delivery, deps))
    except AwsUnavailable:
        raise
    except Exception as error:
        deps.log.bug("inbox", error, connection=delivery.connection, delivery=delivery.id)
        return replace(told, why=f"a bug in Deskweave: {type(error).__name__}")


def _handle(kept: Kept, parsed: _Parsed, deps: Deps) -> Applied:
    """Store what a failed delivery says, then take it off the list: whoever dies between finds it there again."""
    told = Applied(kept.connection, kept.delivery, HANDLED)
    try:
        for event in parsed.events:
            # What was true of the account then is told by its own check now.
            if not isinstance(event, ConnectionEnded):
                inbox.apply(event, parsed.delivery, deps)
        if writes := lanes.resolved(kept.failure, "replayed", deps, told=parsed.told):
            with suppress(ConditionFailed):
                deps.table.transact(writes)
    except AwsUnavailable:
        raise
    except Exception as error:
        deps.log.bug("inbox", error, connection=kept.connection, delivery=kept.delivery)
        return replace(told, outcome=FAILED, why=f"a bug in Deskweave: {type(error).__name__}")
    return told
