"""Going back a version: what the newer one wrote is kept and shown, and done once the newer one is there again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.aws.table import Update
from chalicelib.services import failures, forms, keys
from tests.support import books
from tests.support.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with Scenario() as running:
        running.write()
        running.settle()
        yield running


def upgraded(monkeypatch: pytest.MonkeyPatch, scenario: Scenario) -> None:
    """Deploy the version that reads the second form, and run `deskweave finish`."""
    monkeypatch.setattr(forms, "QUEUED", 2)
    scenario.restart()
    forms.retry_newer(scenario.deps)


def spelled_newer(scenario: Scenario, queue: str) -> int:
    """Spell what waits in a queue as a newer version would; returns how many messages that are."""
    found = scenario.runtime.queues[queue]._by_id.values()
    for message in found:
        message.body = json.dumps({**json.loads(message.body), "v": 2, "more": 0.5})
    return len(found)


def test_deliveries_of_a_newer_version_are_shown_and_handled_after_the_upgrade(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        scenario.write()
    scenario.command(priority="high")
    scenario.sandbox.deliver_due()
    assert spelled_newer(scenario, "inbox") == 4
    scenario.settle()
    kept = scenario.failures()
    assert len(kept) == 4 and {failure["reason"] for failure in kept} == {forms.NEWER}
    assert len(scenario.records("message")) == 1

    upgraded(monkeypatch, scenario)
    scenario.settle()
    assert len(scenario.records("message")) == 4 and scenario.conversations()[0]["priority"] == "high"
    books.check(scenario)


def test_a_neighbour_in_the_batch_is_handled_all_the_same() -> None:
    with Scenario(batch=10) as scenario:
        scenario.write()
        scenario.sandbox.deliver_due()
        spelled_newer(scenario, "inbox")
        scenario.write()
        scenario.settle()
        assert len(scenario.records("message")) == 1 and len(scenario.failures()) == 1


def test_what_was_set_aside_stays_while_the_older_version_runs(scenario: Scenario) -> None:
    scenario.write()
    scenario.sandbox.deliver_due()
    spelled_newer(scenario, "inbox")
    scenario.settle()
    assert forms.retry_newer(scenario.deps) == 0 and len(scenario.failures()) == 1


def test_a_person_who_retries_too_early_loses_nothing(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario.write()
    scenario.sandbox.deliver_due()
    spelled_newer(scenario, "inbox")
    scenario.settle()
    (kept,) = scenario.failures()
    failures.retry(kept["sk"], scenario.deps)
    scenario.settle()
    assert len(scenario.failures()) == 1
    upgraded(monkeypatch, scenario)
    scenario.settle()
    books.check(scenario)


@pytest.mark.parametrize("queue", ["effects", "effects-dead"])
def test_a_wake_up_that_is_spelled_otherwise_costs_no_lane(scenario: Scenario, queue: str) -> None:
    scenario.runtime.queues[queue].send(json.dumps({"v": 2, "lanes": ["L#c1#k1"]}), "g", "d")
    scenario.write()
    scenario.settle()
    assert not scenario.runtime.failures
    books.check(scenario)


def test_an_entry_of_an_unknown_kind_holds_its_lane_and_makes_no_ticket(scenario: Scenario) -> None:
    lane, tickets = _planned(scenario), len(scenario.zendesk.tickets)
    scenario.settle()
    head = scenario.deps.table.get(lane, keys.HEAD) or {}
    assert head["held"] == "failed" and forms.NEWER in head["reason"]
    assert len(scenario.zendesk.tickets) == tickets and len(books.ticket_comments(scenario)) == 1

    # The newer version is there again: it knows the kind, and a person lets the lane go on.
    scenario.deps.table.update(Update(lane, keys.entry(2), set={"kind": "note"}))
    (held,) = scenario.failures()
    failures.retry(held["sk"], scenario.deps)
    scenario.settle()
    assert [comment["plain_body"] for comment in books.ticket_comments(scenario)][-1] == "a survey"
    assert not scenario.failures()


def _planned(scenario: Scenario) -> str:
    """Add an entry, as a newer version might, to the ticket's lane."""
    conversation: dict[str, Any] = scenario.conversations()[0]
    lane = keys.lane(conversation["id"], scenario.zendesk_id)
    number = conversation["next"][scenario.zendesk_id]
    entry = {"pk": lane, "sk": keys.entry(number), "number": number, "kind": "survey", "state": "due"}
    scenario.deps.table.put({**entry, "at": scenario.clock(), "text": "a survey"})
    scenario.deps.table.update(Update(conversation["pk"], set={"next": {scenario.zendesk_id: number + 1}}))
    due = {"last": number, "due_pk": keys.DUE, "due_at": scenario.clock()}
    scenario.deps.table.update(Update(lane, keys.HEAD, set=due))
    return lane


def test_states_that_were_set_aside_do_not_take_each_others_place(scenario: Scenario) -> None:
    """Two changes of state at which the code stumbles are two failures, not one."""
    for status in ("strange", "stranger"):
        body = {"v": 1, "kind": "state", "conversation": "none", "change": {"status": status}, "by": "admin"}
        scenario.deps.inbox.send(f"state {status}", body)
    scenario.settle()
    assert len(scenario.failures()) == 2
