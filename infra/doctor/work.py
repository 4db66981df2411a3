"""Work that stands still: lanes that nobody wakes, or that nothing lists any more, and failures that grow old.

Lanes outside the due index are found by their conversations: the newest ones of each state that is not solved or
closed. A whole table is never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from chalicelib.aws.errors import ConditionFailed
from chalicelib.aws.table import Item, Update
from chalicelib.core.model import Status
from chalicelib.services import failures as service
from chalicelib.services import keys
from chalicelib.services import lanes as service_lanes
from infra.doctor.model import Patient, Told, mendable, well, wrong

# The clock wakes what is due within a minute, at most 200 lanes a connection.
LATE_MS = 15 * 60_000
# A call's time is two and a half minutes at most; this long after it, nobody has come to settle it.
ABANDONED_MS = 60 * 60_000
OLD_DAYS = 7
_DAY_MS = 24 * 3_600_000
_MOST = 1_000
_NEWEST = 500
_OPEN = (Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD)


def lanes(patient: Patient) -> Iterator[Told]:
    deps = patient.deps
    now = deps.now()
    late = [key["pk"] for key in deps.table.index("due", {"due_pk": keys.DUE}, {"due_at": now - LATE_MS}, limit=_MOST)]
    heads = list(deps.table.get_many([(pk, keys.HEAD) for pk in late]).values())
    late_ones = [one for one in heads if int((one.get("call") or {}).get("until", 0)) <= now]
    if late_ones:
        abandoned = [one for one in late_ones if 0 < int((one.get("call") or {}).get("until", 0)) < now - ABANDONED_MS]
        oldest = (now - min(int(one.get("due_at", now)) for one in late_ones)) // 60_000
        detail = f"{_many(late)} were due {LATE_MS // 60_000} minutes ago or earlier, the first {oldest} minutes ago"
        detail += f"; {len(abandoned)} of them stand in a call that nobody settled" if abandoned else ""
        pks = sorted(one["pk"] for one in late_ones)
        does = f"wake {len(pks)} lanes"
        yield mendable(patient, "lanes that are due", detail, does, lambda: service_lanes.wake(pks, deps))
    else:
        yield well("lanes that are due", "none waits for the clock")
    yield from _unlisted(_open_heads(patient), patient)


def _many(found: list[str]) -> str:
    return f"{len(found)} lanes" if len(found) < _MOST else f"{_MOST} lanes or more"


def _open_heads(patient: Patient) -> list[Item]:
    """The lanes' heads of the newest open conversations."""
    table = patient.deps.table
    listed = [
        (key["pk"], "-")
        for status in _OPEN
        for key in table.index("listed", {"listed": f"conversations#{status}"}, limit=_NEWEST, forward=False)
    ]
    conversations = table.get_many(listed).values()
    wanted = [(keys.lane(one["id"], target), keys.HEAD) for one in conversations for target in one.get("next", {})]
    return list(table.get_many(wanted).values())


def _unlisted(heads: list[Item], patient: Patient) -> Iterator[Told]:
    """Lanes with work that neither the clock nor a person would ever see."""
    unfinished = [one for one in heads if one.get("call") or int(one.get("last", 0)) >= int(one.get("first", 1))]
    lost = [one for one in unfinished if not one.get("held") and "due_pk" not in one]
    if lost:
        does = f"put {len(lost)} lanes back among those that are due, and wake them"
        detail = f"{len(lost)} have work that is listed nowhere: the clock would never wake them"
        yield mendable(patient, "lanes that are lost", detail, does, lambda: _relist(lost, patient))
    held = [one for one in heads if one.get("held")]
    known = patient.deps.table.get_many([(keys.FAILURES, one.get("failure") or "-") for one in held])
    silent = [one for one in held if (keys.FAILURES, one.get("failure") or "-") not in known]
    if silent:
        does = f"list the failures of {len(silent)} held lanes again"
        detail = f"{len(silent)} are held, and no failure tells of it: no person would ever see them"
        yield mendable(patient, "lanes that are held", detail, does, lambda: _tell(silent, patient))
    if not lost and not silent:
        yield well("lanes of open conversations", f"{len(heads)} looked at: each is done, due, or told")


def _relist(lost: list[Item], patient: Patient) -> None:
    deps = patient.deps
    for one in lost:
        due = {"due_pk": keys.DUE, "due_at": deps.now()}
        with suppress(ConditionFailed):
            deps.table.update(Update(one["pk"], keys.HEAD, set=due, when={"due_pk": None, "held": None}))
    service_lanes.wake(sorted(one["pk"] for one in lost), deps)


def _tell(silent: list[Item], patient: Patient) -> None:
    deps = patient.deps
    for one in silent:
        first, last = one["held_entries"]
        id = one.get("failure") or deps.new_id("f")
        mend = "`deskweave failures retry` does it again, `skip` goes on without it"
        ids = {"connection": one["connection"], "lane": one["pk"], "conversation": one.get("conversation", "")}
        where = {"state": one["held"], "first": first, "last": last}
        service.add("lane", one.get("reason", "held"), mend, deps, id=id, **ids, **where)
        if not one.get("failure"):
            with suppress(ConditionFailed):
                change = Update(one["pk"], keys.HEAD, set={"failure": id}, when={"held": one["held"], "failure": None})
                deps.table.update(change)


def failures(patient: Patient) -> Iterator[Told]:
    now = patient.deps.now()
    listed = service.listed(patient.deps, limit=_MOST)
    old = [one for one in listed if int(one["at"]) < now - OLD_DAYS * _DAY_MS]
    if old:
        days = (now - min(int(one["at"]) for one in old)) // _DAY_MS
        detail = f"{len(old)} of {len(listed)} wait for a person for more than {OLD_DAYS} days, the oldest for {days}"
        yield wrong("failures", detail, "deskweave failures, then retry or skip each")
    else:
        yield well("failures", f"{len(listed)} wait for a person, none for more than {OLD_DAYS} days")
