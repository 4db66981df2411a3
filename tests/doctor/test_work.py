"""The local run: work that stands still, connections that lost a half, and what the providers say, found and mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from chalicelib.aws import clients
from chalicelib.aws.table import Delete, Update
from chalicelib.bootstrap import Deps
from chalicelib.services import failures, keys, links
from infra.doctor import examine
from infra.doctor.model import Patient, Result
from infra.stack.cloud import Cloud
from tests.cli.conftest import House
from tests.doctor.stage import Raw

HOUR = 3_600_000


def patient(house: House, **given: Any) -> Patient:
    """As a command of another process sees it, which has read nothing yet."""
    deps = Deps("local", house.deps.now, house.deps.random, house.deps.sink)
    return Patient("local", Cloud("local", clients.client), deps, local=True, **{"offline": True, **given})


def wrong(one: Patient) -> dict[str, Result]:
    return {found.finding.name: found for found in examine.examine(one) if not found.finding.ok}


@pytest.fixture
def settled(house: House) -> House:
    """Anna's conversation, in Zendesk, with an answer; everything is done and the doctor finds nothing."""
    links.new_key(house.deps)
    house.receives(house.writes("hello"))
    assert wrong(patient(house)) == {}
    return house


def lane(house: House) -> str:
    return keys.lane(house.newest()["id"], house.zendesk)


def _forgotten_wake(house: House) -> None:
    """Something is due, and nobody woke the lane for an hour."""
    pk = lane(house)
    head = house.deps.table.get(pk, keys.HEAD) or {}
    number = int(head["last"]) + 1
    _entry(house, pk, number)
    due = {"last": number, "due_pk": keys.DUE, "due_at": house.deps.now() - HOUR}
    house.deps.table.update(Update(pk, keys.HEAD, set=due))


def _entry(house: House, pk: str, number: int) -> None:
    entry = {"number": number, "kind": "note", "state": "due", "at": house.deps.now(), "text": "a note"}
    house.deps.table.put({"pk": pk, "sk": keys.entry(number), **entry})
    conversation = keys.conversation(house.newest()["id"])
    house.deps.table.update(Update(conversation, set={f"next.{house.zendesk}": number + 1}))


def _abandoned_call(house: House) -> None:
    _forgotten_wake(house)
    pk = lane(house)
    number = int((house.deps.table.get(pk, keys.HEAD) or {})["last"])
    then = house.deps.now() - 2 * HOUR
    call = {"id": "k1", "first": number, "last": number, "op": "add_comment", "until": then, "started_at": then}
    call |= {"attempted_at": then, "noted": "", "crashes": 0}
    house.deps.table.update(Update(pk, keys.HEAD, set={"call": call}))


def _unlisted_work(house: House) -> None:
    _forgotten_wake(house)
    house.deps.table.update(Update(lane(house), keys.HEAD, remove=("due_pk", "due_at")))


def _silent_hold(house: House) -> None:
    """A lane is held, and the failure that tells of it is gone."""
    _forgotten_wake(house)
    number = int((house.deps.table.get(lane(house), keys.HEAD) or {})["last"])
    held = {"held": "failed", "held_entries": [number, number], "reason": "refused", "failure": "f1"}
    house.deps.table.update(Update(lane(house), keys.HEAD, set=held, remove=("due_pk", "due_at")))


def _row_lost(house: House) -> None:
    house.deps.table.delete(Delete("CONNECTIONS", house.slack))


def _moved(house: House) -> None:
    house.deps.connections.set_public_url("https://old.example")
    house.deps.table.put({"pk": "SETTINGS", "sk": "public", "url": "https://new.example"})


def _key_lost(house: House) -> None:
    house.deps.secrets.remove(links.KEY)


def _dead_letter(house: House) -> None:
    house.runtime.queues["effects-dead"].send(json.dumps({"v": 1, "lane": lane(house)}), "g", "d")


@dataclass(frozen=True)
class Fault:
    name: str
    make: Callable[[House], None]
    finds: frozenset[str]
    told: str


FAULTS = (
    Fault("nobody woke a lane", _forgotten_wake, frozenset({"lanes that are due"}), "1 lanes were due"),
    Fault("nobody settled a call", _abandoned_call, frozenset({"lanes that are due"}), "1 of them stand in a call"),
    Fault("work is listed nowhere", _unlisted_work, frozenset({"lanes that are lost"}), "would never wake them"),
    Fault("a held lane is told nowhere", _silent_hold, frozenset({"lanes that are held"}), "no person would ever"),
    Fault("the key of links is gone", _key_lost, frozenset({"key of file links"}), "it is gone"),
    Fault("a dead letter waits", _dead_letter, frozenset({"dead letters"}), "1 in deskweave-local-effects-dead"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_stands_still_is_found_mended_and_gone(settled: House, fault: Fault) -> None:
    fault.make(settled)
    one = patient(settled)
    found = wrong(one)
    assert set(found) == fault.finds
    assert all(fault.told in result.finding.detail and result.mend for result in found.values())
    agreed = examine.mends(list(found.values()), outside=False)
    assert [done.error for _ in range(2) for done in examine.mend(one, agreed)] == ["", ""]
    settled.runtime.pump_until_quiet()
    left = wrong(patient(settled))
    assert left == {}
    assert examine.mends(examine.examine(patient(settled)), outside=False) == []


def test_work_that_was_lost_is_done_once_after_the_mend(settled: House) -> None:
    _unlisted_work(settled)
    record = int(settled.newest()["tickets"][0]["record"])
    before = len(settled.sandbox.zendesk.comments(record))
    for _ in range(2):
        one = patient(settled)
        examine.mend(one, examine.mends(examine.examine(one), outside=False))
        settled.runtime.pump_until_quiet()
    assert len(settled.sandbox.zendesk.comments(record)) == before + 1


def test_a_held_lane_that_is_told_again_can_be_skipped(settled: House) -> None:
    _silent_hold(settled)
    one = patient(settled)
    examine.mend(one, examine.mends(examine.examine(one), outside=False))
    assert [failure["id"] for failure in settled.json("failures")] == ["f1"]
    assert settled.run("failures", "skip", "f1", "--yes").exit_code == 0
    assert settled.json("failures") == []


def test_a_connection_whose_row_is_lost_comes_back_paused(settled: House) -> None:
    _row_lost(settled)
    one = patient(settled)
    (found,) = wrong(one).values()
    assert (found.check, "nothing knows of it" in found.finding.detail) == ("connections", True)
    assert found.mend is not None
    examine.mend(one, [(found, found.mend)] * 2)
    (left,) = wrong(patient(settled)).values()
    assert left.mend is None and "paused: found by deskweave doctor" in left.finding.detail
    assert settled.run("connections", "resume", settled.slack).exit_code == 0
    assert wrong(patient(settled)) == {}


def test_a_connection_whose_secret_is_gone_is_a_persons_matter(settled: House) -> None:
    settled.deps.secrets.remove(f"connections/{settled.zendesk}")
    (found,) = wrong(patient(settled)).values()
    assert found.mend is None
    assert f"deskweave connections remove {settled.zendesk}" in found.finding.mend


def test_an_address_that_changed_is_kept_with_each_connection(settled: House) -> None:
    _moved(settled)
    one = patient(settled)
    found = wrong(one)
    assert {result.check for result in found.values()} == {"connections"} and len(found) == 2
    agreed = examine.mends(list(found.values()), outside=False)
    assert [done.error for done in examine.mend(one, agreed)] == ["", ""]
    assert wrong(patient(settled)) == {}
    kept = settled.deps.secrets.read(f"connections/{settled.slack}")["url"]
    assert kept == f"https://new.example/webhooks/slack/{settled.slack}"


def test_failures_that_grow_old_are_told(settled: House) -> None:
    body = {"v": 1, "kind": "poll", "connection": settled.zendesk}
    failures.add("poll", "no", "mend it", settled.deps, id="p1", connection=settled.zendesk, group="g", body=body)
    assert wrong(patient(settled)) == {}
    settled.forward(8 * 24 * HOUR)
    found = wrong(patient(settled))["failures"]
    assert found.mend is None and "1 of 1 wait for a person for more than 7 days" in found.finding.detail


def test_a_lane_that_is_worked_on_is_not_late(settled: House) -> None:
    _abandoned_call(settled)
    busy = {"call.until": settled.deps.now() + 1000}
    settled.deps.table.update(Update(lane(settled), keys.HEAD, set=busy))
    assert wrong(patient(settled)) == {}


def test_the_store_that_denies_one_look_blinds_one_check_and_is_told_plainly(settled: House) -> None:
    def deny(request: Any, **_: Any) -> AWSResponse | None:
        if b"FAILURES" not in (request.body or b""):
            return None
        body = json.dumps({"__type": "AccessDeniedException", "message": "no"}).encode()
        return AWSResponse(request.url, 400, {}, Raw(body))

    events = clients.client("dynamodb").meta.events
    events.register_first("before-send.dynamodb.Query", deny)
    try:
        found = wrong(patient(settled))
    finally:
        events.unregister("before-send.dynamodb.Query", deny)
    (one,) = found.values()
    assert (one.check, one.outcome) == ("failures", "unseen")
    assert "A permission is missing" in one.finding.detail
