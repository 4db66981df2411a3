"""What two days with the same seed must agree on, wherever they were played, and what may differ with timing.

python -m tests.e2e.figures SEED CUSTOMERS      plays the local demo's day and prints its figures as JSON
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from infra.demo import books, count
from infra.demo.books import Books
from infra.demo.played import Played
from infra.demo.seen import Seen

# Of the books: what has to be the same, and what has to be 0 on both sides.
SAME = ("tickets", "replies_delivered", "relayed", "held", "customers_merged", "files_opened")
ZERO = ("lost", "doubled", "echoes", "private_leaks", "unknown")
# Which of two webhooks, or a poll, brings a thing first is a matter of time, and so is how often one came again; and by
# which channel an answer leaves, where the customer writes by two at once: the books see that it was a right one.
MAY_DIFFER = ("replies", "received", "stored", "repeated", "ignored", "unparsed", "refused", "turned_away", "polls")

Figures = dict[str, Any]


def figures(played: Played) -> Figures:
    """Close a day's books, and count what stands in the table."""
    seen = count.look(played)
    closed = books.close(count.facts(seen))
    return {"stored_messages": _stored(seen), **_of(closed), "wrong": list(closed.wrong)}


def differences(here: Figures, there: Figures) -> Iterator[str]:
    """What must agree and does not, a line for each. The books' own complaints count on either side."""
    for where, one in (("locally", here), ("deployed", there)):
        yield from (f"{where}, the books do not balance: {wrong}" for wrong in one["wrong"])
        yield from (f"{where}, {name} is {one[name]}" for name in ZERO if one[name])
    for name in ("stored_messages", *SAME):
        if here[name] != there[name]:
            yield f"{name}: locally {_told(here[name])}, deployed {_told(there[name])}"


def _of(closed: Books) -> Figures:
    all_of_them = asdict(closed)
    return {name: all_of_them[name] for name in (*SAME, *ZERO, *MAY_DIFFER, "resolved_by_a_person")}


def _stored(seen: Seen) -> dict[str, int]:
    """How many messages stand in the table, by whence they came and what they are."""
    names = {connection: name for name, connection in seen.day.connected.listed().items()}
    counted = Counter(f"{names[item['connection']]} {item['kind']}" for item in seen.messages)
    return dict(sorted(counted.items()))


def _told(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in sorted(value.items())) if isinstance(value, Mapping) else str(value)


def local(seed: int, customers: int) -> Figures:
    """The figures of the local demo."""
    from infra.demo.day import opened

    with opened(seed, customers, lambda line: None) as day:
        day.play()
        return {**figures(day), "seconds": round(day.seconds, 1), "processes_died": day.reaper.deaths}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(local(int(sys.argv[1]), int(sys.argv[2]))))
