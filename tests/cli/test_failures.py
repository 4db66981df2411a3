"""`deskweave failures` and `lanes`: what stands still, why, and how a person lets it go on."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.services import inbox
from tests.cli.conftest import House

RAW = b'{"words of a customer": "my card is lost"}'


def held_reply(house: House) -> str:
    """A conversation whose answer Slack refuses for good; returns the failure's id."""
    message = house.writes("hello")
    house.receives(replace(message, reply_to={**message.reply_to, "thread_ts": "1.000001"}))
    house.forward(1_000)
    house.agent(house.newest()["tickets"][0]["record"], "an answer")
    (failure,) = house.json("failures")
    return str(failure["id"])


def unparsed(house: House, delivery: str = "d1") -> str:
    """A delivery that was set aside; returns the failure's id."""
    body = {
        "v": 1,
        "kind": "webhook",
        "connection": house.slack,
        "provider": "slack",
        "delivery": delivery,
        "at": house.deps.now(),
        "headers": {},
        "raw": base64.b64encode(RAW).decode(),
    }
    inbox.set_aside(body, "it has no type", house.deps, kind="delivery")
    return f"delivery-{delivery}"


def test_without_failures_the_list_says_so(house: House) -> None:
    assert house.run("failures").stdout == "No open failures.\n"
    assert house.json("failures") == []
    assert house.run("failures", "retry", "--all").stdout == "No open failures.\n"


def test_a_failure_is_listed_with_its_reason_and_without_customers_words(house: House) -> None:
    unparsed(house)
    (failure,) = house.json("failures")
    expected = {"id": "delivery-d1", "kind": "delivery", "reason": "it has no type", "provider": "slack", "how": ""}
    assert expected.items() <= failure.items()
    for result in (house.run("failures"), house.run("failures", "--json")):
        assert "it has no type" in result.stdout
        assert "my card is lost" not in result.stdout


def test_a_failure_is_shown_with_the_raw_delivery_on_request(house: House, tmp_path: Any) -> None:
    failure = unparsed(house)
    assert house.json("failures", "show", failure)["raw"] == RAW.decode()
    saved = tmp_path / "raw.json"
    result = house.run("failures", "show", failure, "--raw", str(saved))
    assert "my card is lost" in result.stdout
    assert saved.read_bytes() == RAW


def test_a_held_lane_is_listed_and_shown_with_the_text_that_did_not_go_out(house: House) -> None:
    failure = held_reply(house)
    (listed,) = house.json("failures")
    assert (listed["kind"], listed["conversation"]) == ("lane", house.newest()["id"])
    assert house.json("failures", "show", failure)["texts"] == ["an answer"]
    (lane,) = house.json("lanes", "--held")
    assert (lane["provider"], lane["number"], lane["entries"], lane["state"]) == ("slack", 1, 1, "held")
    assert "thread_not_found" in lane["why"]
    assert "thread_not_found" in house.run("lanes").stdout


def test_a_retried_lane_is_tried_again(house: House) -> None:
    failure = held_reply(house)
    assert house.json("failures", "retry", failure) == [
        {"id": failure, "ok": True, "told": "the lane goes on with this entry"}
    ]
    assert [lane["state"] for lane in house.json("lanes")] == ["due"]
    house.runtime.pump_until_quiet()
    assert [one["kind"] for one in house.json("failures")] == ["lane"]


def test_a_skipped_lane_goes_on_behind_the_entry(house: House) -> None:
    failure = held_reply(house)
    conversation = house.newest()["id"]
    assert house.run("failures", "skip", failure, "--yes").exit_code == 0
    house.runtime.pump_until_quiet()
    assert house.json("failures") == []
    assert house.json("lanes") == []
    assert house.json("show", conversation)["messages"][1]["deliveries"][0]["state"] == "skipped"
    assert house.json("failures", "show", failure)["how"] == "skipped"


@pytest.mark.parametrize(("said", "left"), [("n\n", 1), ("y\n", 0)])
def test_skipping_asks_first(house: House, said: str, left: int) -> None:
    failure = unparsed(house)
    result = house.run("failures", "skip", failure, input=said)
    assert result.exit_code == left
    assert len(house.json("failures")) == left


def test_all_failures_of_one_connection_are_retried(house: House) -> None:
    failures = [unparsed(house, f"d{number}") for number in range(3)]
    done = house.json("failures", "retry", "--all", "--connection", house.slack)
    assert sorted(one["id"] for one in done) == failures
    assert house.json("failures") == []
    assert house.json("failures", "retry", "--all", "--connection", house.zendesk) == []


def test_an_unknown_failure_does_not_keep_the_others_from_being_retried(house: House) -> None:
    failure = unparsed(house)
    result = house.run("failures", "retry", "f404", failure, "--json")
    assert result.exit_code == 1
    assert [(one["id"], one["ok"]) for one in json.loads(result.stdout)] == [("f404", False), (failure, True)]


def test_a_failure_that_was_resolved_is_not_retried_again(house: House) -> None:
    failure = unparsed(house)
    house.run("failures", "retry", failure)
    result = house.run("failures", "retry", failure)
    assert result.exit_code == 1
    assert "it is not open any more: tried again" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("f1", "--all"), ("f1", "--connection", "x"), ("--connection", "x")])
def test_what_to_retry_must_be_said(house: House, arguments: tuple[str, ...]) -> None:
    result = house.run("failures", "retry", *arguments)
    assert result.exit_code == 2
    assert "name the failures to retry, or give --all" in result.stderr


def test_lanes_tell_what_waits_for_a_paused_connection(house: House) -> None:
    house.run("connections", "pause", house.zendesk, "--reason", "moving house")
    conversation = house.receives(house.writes("hello"))
    (lane,) = house.json("lanes", "--paused")
    expected = {"conversation": conversation, "connection": house.zendesk, "number": 1, "entries": 1}
    assert (expected | {"state": "paused", "why": "moving house", "since": house.deps.now()}).items() <= lane.items()
    assert house.json("lanes", "--due") == house.json("lanes", "--held") == []
    assert house.json("lanes", "--connection", house.slack) == []


def test_lanes_tell_when_the_next_try_is(house: House) -> None:
    house.sandbox.zendesk.outage(house.deps.now() + 600_000)
    house.receives(house.writes("hello"))
    (lane,) = house.json("lanes", "--due")
    assert lane["state"] == "waiting"
    assert lane["next_try"] > house.deps.now()
    assert lane["why"]


def test_a_hint_that_waits_is_a_lane_too(house: House) -> None:
    house.receives(house.writes("hello"))
    record = house.newest()["tickets"][0]["record"]
    house.deps.connections.pause(house.zendesk, "moving house")
    house.hint(record)
    (lane,) = house.json("lanes")
    assert (lane["record"], lane["conversation"], lane["state"]) == (record, house.newest()["id"], "paused")
    assert f"hint: ticket {record}" in house.run("lanes").stdout
