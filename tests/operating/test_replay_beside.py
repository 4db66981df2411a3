"""P1-P4 of a replay: what it handles, what it leaves alone and says so, and what goes on beside it."""

from __future__ import annotations

from collections.abc import Callable

import boto3
import pytest

from chalicelib.aws.errors import AwsUnavailable
from chalicelib.aws.table import Update
from chalicelib.services import keys, replay, reread
from chalicelib.services.reparsed import DOUBTFUL
from infra.sandbox import Fault
from tests.operating.replaying import (
    NOTHING,
    Replayed,
    by_older,
    failing,
    looked,
    only,
    reading,
    replayed,
    set_aside,
)
from tests.support import books
from tests.support.faults import Down, Meanwhile
from tests.support.scenario import Said, Scenario
from tests.support.wide import Wide


@pytest.mark.parametrize("kind", ["delivery", "message"])
@pytest.mark.parametrize(
    "act", [lambda scenario: scenario.write(file=True), lambda scenario: scenario.mail()], ids=["slack", "mail"]
)
def test_what_could_not_be_read_is_handled_and_leaves_the_list(act: Callable[[Wide], object], kind: str) -> None:
    with Wide() as scenario:
        failing(scenario, lambda: act(scenario), kind)
        assert len(scenario.failures()) == 1
        assert replayed(scenario) == Replayed(1, 0, {"handled": 1})
        scenario.run(61)
        books.check(scenario)
        assert replayed(scenario) == NOTHING


def test_a_failure_leaves_the_list_only_once_it_is_stored() -> None:
    with Wide() as scenario:
        failing(scenario, scenario.write, "delivery")
        # The first thing that storing a message reads; a replay's own look at a failure does without.
        Down(scenario, "dynamodb", "BatchGetItem", times=1)
        with pytest.raises(AwsUnavailable):
            replayed(scenario)
        scenario.runtime.on_call = None
        assert len(scenario.failures()) == 1
        assert replayed(scenario).did == {"handled": 1}
        scenario.run(61)
        books.check(scenario)


def test_what_still_cannot_be_read_stays_in_the_list() -> None:
    with Scenario() as scenario:
        set_aside(scenario, b"{}")
        (one,) = looked(scenario)
        assert one.left == "it cannot be read: the delivery does not say what it is"
        assert replayed(scenario) == Replayed(1, 1, {})
        assert len(scenario.failures()) == 1


def test_what_may_be_stored_under_another_key_is_not_stored_twice() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(key="another"))
        scenario.run(61)
        before = scenario.items()
        (one,) = looked(scenario)
        assert [each.kind for each in one.differences] == [DOUBTFUL]
        assert replayed(scenario) == NOTHING
        assert scenario.items() == before


def test_what_lies_in_the_bucket_no_more_is_told_as_gone() -> None:
    with Wide() as scenario:
        scenario.mail()
        scenario.run(61)
        with scenario.runtime.wire.acting("setup"):
            boto3.client("s3").delete_object(Bucket=scenario.deps.bucket.name, Key=only(scenario)["raw_at"])
        (one,) = looked(scenario)
        assert (one.gone, one.left) == (True, "its raw delivery is no longer kept in the bucket")


def test_a_mail_that_was_kept_without_its_receipt_is_left() -> None:
    with Wide() as scenario:
        scenario.mail()
        scenario.run(61)
        scenario.deps.table.update(Update(only(scenario)["pk"], remove=("head",)))
        assert [one.left for one in looked(scenario)] == ["an earlier version kept it without its receipt"]


def test_what_came_by_a_connection_that_was_removed_is_left() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        scenario.run(61)
        scenario.deps.connections.remove(scenario.slack_id)
        assert [one.left for one in looked(scenario)] == ["its connection was removed"]
        assert replayed(scenario) == Replayed(1, 1, {})


def test_a_record_without_words_is_left_as_it_is() -> None:
    """A tombstone holds the key, so that nothing is taken twice, and nothing comes back into it."""
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        scenario.run(61)
        pk = only(scenario)["pk"]
        scenario.deps.table.update(Update(pk, remove=("text", "author", "raw", "sort", "files")))
        before = scenario.deps.table.get(pk)
        replayed(scenario)
        assert scenario.deps.table.get(pk) == before


def test_no_word_changes_while_a_call_carries_it() -> None:
    """The call may have to be repeated under its key, and must be the same then."""
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        kept = only(scenario)
        lane = keys.lane(kept["conversation"], scenario.zendesk_id)
        scenario.deps.table.update(Update(lane, keys.HEAD, set={"call": {"id": "k1", "first": 1, "last": 1}}))
        assert replayed(scenario).did == {"busy": 1}
        assert only(scenario) == kept
        scenario.deps.table.update(Update(lane, keys.HEAD, remove=("call",)))
        assert replayed(scenario).did == {"changed": 1}


def test_a_call_that_begins_at_the_last_moment_goes_first() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        kept = only(scenario)
        lane = keys.lane(kept["conversation"], scenario.zendesk_id)

        def begins() -> None:
            with scenario.runtime.wire.acting("setup"):
                scenario.deps.table.update(Update(lane, keys.HEAD, set={"call": {"id": "k1", "first": 1, "last": 1}}))

        meanwhile = Meanwhile(scenario, "TransactWriteItems", begins)
        assert replayed(scenario).did == {"busy": 1}
        assert meanwhile.done
        assert only(scenario) == kept


def test_what_somebody_changes_meanwhile_stays_as_they_left_it() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        scenario.run(61)
        kept = only(scenario)

        def changes() -> None:
            with scenario.runtime.wire.acting("setup"):
                scenario.deps.table.update(Update(kept["pk"], set={"text": "theirs"}))

        Meanwhile(scenario, "TransactWriteItems", changes)
        assert replayed(scenario).did == {"overtaken": 1}
        assert only(scenario)["text"] == "theirs"


def test_a_conversation_that_goes_on_meanwhile_keeps_both() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        scenario.run(61)

        def goes_on() -> None:
            conversation = scenario.conversations()[0]
            with scenario.runtime.wire.acting("setup"):
                scenario.deps.table.update(
                    Update(conversation["pk"], set={"status": "open", "version": conversation["version"] + 1})
                )

        Meanwhile(scenario, "TransactWriteItems", goes_on)
        assert replayed(scenario).did == {"changed": 1}
        assert (only(scenario)["text"], scenario.conversations()[0]["status"]) == ("words m1x", "open")


def missed_comment(scenario: Scenario) -> str:
    """An agent's answer that an older reader took no notice of; returns its ticket."""
    scenario.write()
    scenario.settle()
    scenario.note()
    scenario.settle()
    scenario.sandbox.faults.add(Fault("zendesk", "drop", "ticket", times=4))
    mark = scenario.mark("r")
    comment = scenario.zendesk.agent_comment(scenario.agent, 1, f"answer {mark}")
    scenario.said.append(Said("reply", mark))
    link = keys.link(scenario.zendesk_id, "1")
    version = scenario.zendesk.tickets[1]["updated_at"]
    scenario.deps.table.update(Update(link, set={"newest": str(comment), "covered": str(version)}))
    return "1"


def test_a_tickets_comment_that_was_missed_reaches_the_customer_once() -> None:
    with Scenario() as scenario:
        record = missed_comment(scenario)
        hints = {hint.record for one in looked(scenario) for hint in one.hints}
        assert hints == {record}
        for missing in (1, 0):
            ticket = reread.look(scenario.zendesk_id, record, scenario.deps)
            assert (len(ticket.missing), ticket.left) == (missing, "")
            reread.apply(ticket, scenario.deps)
            scenario.settle()
            books.check(scenario)


def test_an_uninstalled_app_of_then_does_not_pause_the_connection_now() -> None:
    with Scenario() as scenario:
        set_aside(scenario, b'{"type": "event_callback", "event": {"type": "app_uninstalled"}}')
        assert replayed(scenario).did == {"handled": 1}
        assert not scenario.deps.connections.state(scenario.slack_id).get("paused")
        assert scenario.failures() == []


def test_only_what_was_kept_between_two_times_is_found() -> None:
    with Scenario() as scenario:
        for _ in range(3):
            scenario.write()
            scenario.run(60)
        now, deps = scenario.clock(), scenario.deps
        found = [len(replay.find(deps, since, until)) for since, until in ((0, now), (now - 90_000, now), (0, 1))]
        assert found == [3, 1, 0]
        assert replay.find(deps, 0, now, connection=scenario.zendesk_id) == []
        assert [len(one.messages) for one in replay.find(deps, 0, now, connection=scenario.slack_id)] == [1, 1, 1]


def test_a_ticket_that_cannot_be_read_now_is_left_with_the_reason() -> None:
    with Scenario() as scenario:
        scenario.write()
        scenario.run(61)
        deps, desk = scenario.deps, scenario.zendesk_id
        lane = keys.lane(scenario.conversations()[0]["id"], desk)

        def left(record: str = "1") -> str:
            return reread.look(desk, record, deps).left

        assert left() == ""
        assert left("404") == "it is no ticket of ours"
        scenario.zendesk.outage(scenario.clock() + 60_000)
        assert left().startswith("the CRM asks for time: ")
        deps.table.update(Update(lane, keys.HEAD, set={"call": {"id": "k1"}}))
        assert left() == "a call of ours on it is open"
        deps.connections.pause(desk, "moving house")
        assert left() == "its connection is paused"
        deps.connections.remove(desk)
        assert left() == "its connection was removed"
