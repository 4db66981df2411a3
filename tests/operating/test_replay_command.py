"""`deskweave replay` over what the real services stored."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from chalicelib.services import inbox, records
from chalicelib.services.records import Delivery
from tests.cli.conftest import House

EVENT = {"type": "message", "channel": "C0123456789", "user": "U0123456789", "ts": "1700000000.000100"}
RAW = json.dumps({"type": "event_callback", "event": EVENT | {"text": "I am Ada"}}).encode()


def queued(house: House, raw: bytes, delivery: str) -> dict[str, Any]:
    body = {"v": 1, "kind": "webhook", "connection": house.slack, "provider": "slack", "delivery": delivery}
    return body | {"at": house.deps.now(), "headers": {}, "raw": base64.b64encode(raw).decode()}


def misread(house: House) -> str:
    """A message of which an older version stored two letters; returns its conversation."""
    house.deps.inbox.send("group", queued(house, RAW, "d1"))
    house.runtime.pump_until_quiet()
    (kept,) = house.deps.table.scan("M#", {"sk": "-", "ours": None}, ("pk",))
    item = house.deps.table.get(kept.items[0]["pk"])
    assert item is not None
    older = {name: value for name, value in (item | {"text": "I\x1b[2J"}).items() if name != "raw"}
    house.deps.table.put(older | records.packed(older, Delivery(house.slack, "slack", "d1", item["at"], RAW)))
    return str(item["conversation"])


def refused(house: House) -> str:
    """A delivery that an older version could not read; returns the failure's id."""
    raw = RAW.replace(b"000100", b"000200")
    inbox.set_aside(queued(house, raw, "d2"), "it has no type", house.deps, kind="delivery")
    return "delivery-d2"


def texts(house: House, conversation: str) -> list[str]:
    return [line["text"] for line in house.json("show", conversation)["messages"]]


def test_a_dry_run_shows_the_difference_and_changes_nothing(house: House) -> None:
    conversation, failure = misread(house), refused(house)
    result = house.run("replay", "--since", "1h", "--dry-run")
    assert result.exit_code == 0
    assert "text: I\N{REPLACEMENT CHARACTER}[2J → I am Ada" in result.stdout
    assert conversation in result.stdout
    assert f"{failure} of {house.slack} can be read now: 1 events" in result.stdout
    assert "2 deliveries looked at; 1 records to put right; 0 missed messages; 1 failures" in result.stdout
    assert "read units" in result.stdout
    found = house.json("replay", "--since", "1h", "--dry-run")
    assert [one["fields"] for one in found["differences"]] == [{"text": {"was": "I\x1b[2J", "now": "I am Ada"}}]
    assert found["failures"] == [{"id": failure, "connection": house.slack, "events": 1}]
    assert texts(house, conversation) == ["I\x1b[2J"]
    assert len(house.json("failures")) == 1


def test_it_asks_first_and_a_no_changes_nothing(house: House) -> None:
    conversation = misread(house)
    result = house.run("replay", "--since", "1h", input="n\n")
    assert (result.exit_code, "→ I am Ada" in result.stderr) == (1, True)
    assert "nothing was changed" in result.stderr
    assert texts(house, conversation) == ["I\x1b[2J"]


@pytest.mark.parametrize("said", ["y\n", ""])
def test_it_puts_our_record_right_and_says_so_in_the_history(house: House, said: str) -> None:
    conversation = misread(house)
    refused(house)
    comments = len(house.sandbox.zendesk.comments(1))
    result = house.run("replay", "--since", "1h", *([] if said else ["--yes"]), input=said)
    assert result.exit_code == 0, result.output
    assert "1 records put right; 1 failures handled." in result.stdout
    house.runtime.pump_until_quiet()
    shown = house.json("show", conversation)
    assert [line["text"] for line in shown["messages"]] == ["I am Ada"]
    assert [change["fields"] for change in shown["changes"]] == [{"text": ["I\x1b[2J", "I am Ada"]}]
    assert "by replay r" in house.run("show", conversation).stdout
    assert len(house.sandbox.zendesk.comments(1)) == comments
    assert house.json("failures") == []
    assert len(house.json("conversations")) == 2
    again = house.json("replay", "--since", "1h", "--yes")
    assert (again["differences"], again["failures"], again["left"]) == ([], [], [])
    assert "applied" not in again


def test_what_cannot_be_done_now_is_told_and_fails(house: House) -> None:
    conversation = misread(house)
    house.deps.table.put(
        {"pk": f"L#{conversation}#{house.zendesk}", "sk": "HEAD", "first": 1, "last": 1, "call": {"id": "k1"}}
    )
    result = house.run("replay", "--since", "1h", "--yes")
    assert result.exit_code == 1
    assert "a call that carries it is under way; run it again" in result.stdout
    assert texts(house, conversation) == ["I\x1b[2J"]


def test_only_one_connection_and_the_oldest_so_many_are_looked_at(house: House) -> None:
    misread(house)
    refused(house)
    assert house.json("replay", "--since", "1h", "--connection", house.zendesk, "--dry-run")["deliveries"] == 0
    found = house.json("replay", "--since", "1h", "--limit", "1", "--dry-run")
    assert (found["deliveries"], found["more"]) == (1, 1)
    told = house.run("replay", "--since", "1h", "--limit", "1", "--dry-run").stdout
    (since,) = re.findall(r"1 more beyond --limit: go on with --since (\S+)\.", told)
    assert house.json("replay", "--since", since, "--dry-run")["failures"]


def test_tickets_are_read_again_on_request_alone(house: House) -> None:
    misread(house)
    record = house.newest()["tickets"][0]["record"]
    hint = json.dumps({"ticket_id": record}).encode()
    body = queued(house, hint, "d3") | {"connection": house.zendesk, "provider": "zendesk"}
    bob, _, _ = house.sandbox.zendesk.add_agent("Bob Agent", "bob@desk.example")
    house.sandbox.zendesk.agent_comment(bob, int(record), "an answer")
    house.deps.inbox.send("group", body)
    house.runtime.pump_until_quiet()
    assert "1 tickets that only --tickets reads again" in house.run("replay", "--since", "1h", "--dry-run").stdout
    house.sandbox.zendesk.agent_comment(bob, int(record), "another answer")
    found = house.json("replay", "--since", "1h", "--tickets", "--dry-run")["tickets"]
    assert [[one["text"] for one in ticket["missing"]] for ticket in found] == [["another answer"]]
    assert house.run("replay", "--since", "1h", "--tickets", "--yes").exit_code == 0
    house.runtime.pump_until_quiet()
    assert [one["missing"] for one in house.json("replay", "--since", "1h", "--tickets")["tickets"]] == [[]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Missing option '--since'"),
        (("--since", "yesterday"), "'yesterday' is no time: 30m, 2h, 3d, 2026-11-22 or 2026-11-22T08:30"),
        (("--since", "1h", "--until", "2h"), "--until is before --since"),
        (("--since", "2h", "--limit", "0"), "0 is not in the range"),
    ],
)
def test_a_mistake_is_told_in_plain_words(house: House, arguments: tuple[str, ...], told: str) -> None:
    result = house.run("replay", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_store_that_cannot_be_reached_is_told_in_plain_words(house: House) -> None:
    def fails(service: str, operation: str, phase: str) -> None:
        from botocore.exceptions import ConnectTimeoutError

        raise ConnectTimeoutError(endpoint_url="made to fail")

    house.runtime.on_call = fails
    result = house.run("replay", "--since", "1h")
    assert result.exit_code == 1
    assert "AWS did not do it" in result.stderr
