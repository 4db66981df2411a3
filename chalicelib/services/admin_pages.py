"""Lists page by page, for the REST API. A page goes on where its `next` says; "" is the last page's.

A cursor names the first item that the page before left out, so that nothing is lost or told twice while it stays.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from chalicelib.aws.table import Item
from chalicelib.core.model import Status
from chalicelib.services import read, read_admin
from chalicelib.services.views import Customer, Failure, Lane, Line, Summary

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

One = TypeVar("One")
Place = tuple[int, str]
CUSTOMERS = "customers"
_MOST = 10_000
_TEXT = re.compile("[\x20-\ud7ff\ue000-\U0010ffff]{1,900}")  # what a key of the table can hold


class BadCursor(ValueError):
    """The cursor is none that this list gave."""


@dataclass(frozen=True)
class Page(Generic[One]):
    """One page of a list, and the cursor of the next, "" where there is none."""

    items: tuple[One, ...]
    next: str = ""


def conversations(deps: Deps, *, status: str = "", limit: int = 25, cursor: str = "") -> Page[Summary]:
    """Conversations, the newest first, of one status or, with "", of all. Raises `BadCursor`."""
    partitions = [f"conversations#{name}" for name in ([status] if status else Status)]
    listed, after = _listed(partitions, limit, cursor, deps)
    items = [item for item in listed if item["status"] == status or not status]
    return Page(tuple(read.summaries(items, deps)), after)


def customers(deps: Deps, *, limit: int = 25, cursor: str = "") -> Page[Customer]:
    """Customers, the newest first. Raises `BadCursor`."""
    listed, after = _listed([CUSTOMERS], limit, cursor, deps)
    return Page(tuple(read_admin.customer(item["id"], deps) for item in listed), after)


def messages(conversation: str, deps: Deps, *, limit: int = 25, cursor: str = "") -> Page[Line]:
    """A conversation's messages, the newest page first, each page in the order of time. Raises `BadCursor`."""
    before = str(_read(cursor, str)[0]) if cursor else ""
    found = read.conversation(conversation, deps, limit=limit, before=before)
    return Page(found.messages, _write(found.before) if found.before else "")


def lanes(deps: Deps, *, connection: str = "", limit: int = 25, cursor: str = "") -> Page[Lane]:
    """Lanes with unfinished work, those first that have waited longest. Raises `BadCursor`."""
    found = read.lanes(deps, connection=connection, limit=_MOST)
    return _sliced(found, [(lane.since, lane.lane) for lane in found], limit, cursor)


def failures(deps: Deps, *, connection: str = "", limit: int = 25, cursor: str = "") -> Page[Failure]:
    """The open failures, oldest first. Raises `BadCursor`."""
    found = read_admin.failures(deps, connection=connection, limit=_MOST)
    return _sliced(found, [(failure.at, failure.id) for failure in found], limit, cursor)


def _sliced(found: Sequence[One], places: Sequence[Place], limit: int, cursor: str) -> Page[One]:
    start = _place(cursor) if cursor else (0, "")
    wanted = [(place, one) for place, one in zip(places, found, strict=True) if place >= start]
    after = _write(*wanted[limit][0]) if len(wanted) > limit else ""
    return Page(tuple(one for _, one in wanted[:limit]), after)


def _listed(partitions: Sequence[str], limit: int, cursor: str, deps: Deps) -> tuple[list[Item], str]:
    """A page of what the index "listed" has under these partitions, newest first, and the next page's cursor."""
    start = _place(cursor) if cursor else None
    wanted = limit + 1
    while True:
        found, whole = _newest(partitions, start, wanted, deps)
        # Among those of one millisecond the index has no order of its own: all of them are needed to have one.
        if len(found) > limit and all(found[limit][0] < -oldest for oldest in whole):
            break
        if not whole or wanted >= _MOST:
            break
        wanted *= 2
    after = _write(-found[limit][0], found[limit][1]) if len(found) > limit else ""
    kept = deps.table.get_many([(pk, "-") for _, pk in found[:limit]])
    return [kept[pk, "-"] for _, pk in found[:limit] if (pk, "-") in kept], after


def _newest(partitions: Sequence[str], start: Place | None, wanted: int, deps: Deps) -> tuple[list[Place], list[int]]:
    """(-time, pk) of the newest from `start` on, and the oldest time told of each partition that has more."""
    found: list[Place] = []
    oldest: list[int] = []
    upto = {"listed_at": start[0]} if start else None
    for partition in partitions:
        items = deps.table.index("listed", {"listed": partition}, upto, limit=wanted, forward=False)
        found += [(-int(item["listed_at"]), str(item["pk"])) for item in items]
        if len(items) == wanted:
            oldest.append(int(items[-1]["listed_at"]))
    first = (-start[0], start[1]) if start else (-(2**63), "")
    return sorted(place for place in found if place >= first), oldest


def _write(*place: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    number, name = _read(cursor, int, str)
    return int(number), str(name)


def _read(cursor: str, *kinds: type) -> list[int | str]:
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list) or [type(one) for one in found] != list(kinds) or not all(map(_usable, found)):
        raise BadCursor("the cursor is none that this list gave; leave it out to begin anew")
    return found


def _usable(one: int | str) -> bool:
    return _TEXT.fullmatch(one) is not None if isinstance(one, str) else 0 <= one < 2**53
