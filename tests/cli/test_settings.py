"""`deskweave routing`, `customers` and `connections`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.services import failures
from connectors import registry
from tests.cli.conftest import House

CHANNELS = ", ".join(name for name in registry.names() if registry.connector(name).kind == "channel")
BILLING: list[dict[str, Any]] = [{"team": "Billing", "priority": "high", "words": ["invoice"]}]
VIP: list[dict[str, Any]] = [{"team": "Gold", "tag": "vip"}]


def rules(folder: Path, given: object) -> str:
    path = folder / "rules.json"
    path.write_text(given if isinstance(given, str) else json.dumps(given))
    return str(path)


def test_rules_that_are_set_route_the_next_conversation(house: House, tmp_path: Path) -> None:
    result = house.run("routing", "set", rules(tmp_path, BILLING))
    assert result.exit_code == 0, result.output
    assert "`deskweave routing undo` brings them back" in result.stdout
    assert house.json("routing", "show") == BILLING
    house.forward(60_000)
    house.receives(house.writes("about my invoice"))
    found = house.newest()
    assert (found["team"], found["priority"]) == ("Billing", "high")


def test_undo_brings_back_the_rules_before_and_undo_of_undo_those_after(house: House, tmp_path: Path) -> None:
    house.run("routing", "set", rules(tmp_path, BILLING))
    house.run("routing", "set", rules(tmp_path, VIP))
    assert house.json("routing", "undo") == BILLING
    assert house.json("routing", "undo") == VIP


def test_undo_without_a_change_says_so(house: House) -> None:
    result = house.run("routing", "undo")
    assert result.exit_code == 1
    assert "never changed" in result.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "write a list of rules"),
        ([{"team": ""}], "rule 1: a team is missing"),
        ([{"team": "A"}, {"team": "B", "prority": "high"}], "rule 2: prority is not known"),
        ([{"team": "A", "priority": "asap"}], "'asap' is no priority; use one of low, normal, high, urgent"),
        ("no json", "is not JSON"),
    ],
)
def test_a_bad_rule_is_told_and_changes_nothing(house: House, tmp_path: Path, given: object, told: str) -> None:
    house.run("routing", "set", rules(tmp_path, VIP))
    result = house.run("routing", "set", rules(tmp_path, given))
    assert result.exit_code == 1
    assert told in result.stderr
    assert house.json("routing", "show") == VIP
    assert house.json("routing", "undo") == []


def test_rules_are_taken_from_standard_input(house: House) -> None:
    assert house.run("routing", "set", "-", input=json.dumps(VIP)).exit_code == 0
    assert house.json("routing", "show") == VIP


def test_a_rule_for_a_channel_that_nobody_has_is_warned_of(house: House, tmp_path: Path) -> None:
    result = house.run("routing", "set", rules(tmp_path, [{"team": "A", "channel": "slak"}]), "--json")
    assert result.exit_code == 0
    assert "rule 1 never matches: no channel is called 'slak'; there are: " + CHANNELS in result.stderr
    json.loads(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "team", "rule"),
    [
        (("--text", "my invoice is wrong"), "Billing", 1),
        (("--text", "hello", "--tag", "VIP"), "Gold", 2),
        (("--text", "hello"), "Support", 0),
    ],
)
def test_routing_is_tried_without_a_message(
    house: House, tmp_path: Path, arguments: tuple[str, ...], team: str, rule: int
) -> None:
    house.run("routing", "set", rules(tmp_path, BILLING + VIP))
    told = house.json("routing", "test", "--channel", "slack", *arguments)
    assert (told["team"], told["rule"]) == (team, rule)
    assert told["matched"] == ([None, *BILLING, *VIP][rule])


def test_rules_are_tried_before_they_are_set(house: House, tmp_path: Path) -> None:
    given = rules(tmp_path, VIP)
    told = house.run("routing", "test", "--channel", "slack", "--text", "x", "--tag", "vip", "--rules", given).stdout
    assert told == 'Gold, normal: rule 1, {"team": "Gold", "tag": "vip"}\n'
    assert house.json("routing", "show") == []


def test_an_unknown_channel_is_told_with_those_there_are(house: House) -> None:
    result = house.run("routing", "test", "--channel", "fax", "--text", "x")
    assert (result.exit_code, "no channel is called 'fax'; there are: " + CHANNELS in result.stderr) == (2, True)


def test_a_customer_is_shown_with_addresses_and_contacts(house: House) -> None:
    house.receives(house.writes("hello"))
    shown = house.json("customers", "show", house.newest()["customer"])
    assert shown["name"] == "Anna Example"
    assert shown["identities"] == [{"connection": house.slack, "provider": "slack", "key": house.anna}]
    assert [one["provider"] for one in shown["contacts"]] == ["zendesk"]
    assert "Anna Example" in house.run("customers", "show", shown["id"]).stdout


def test_a_tag_is_given_once_and_taken_away(house: House) -> None:
    house.receives(house.writes("hello"))
    customer = house.newest()["customer"]
    for name, tags in (("vip", ["vip"]), ("VIP", ["vip"]), ("partner", ["vip", "partner"])):
        assert house.json("customers", "tag", customer, name) == {"id": customer, "tags": tags}
    for tags in (["partner"], ["partner"]):
        assert house.json("customers", "tag", customer, "Vip", "--remove")["tags"] == tags


def test_connections_are_listed_with_their_state(house: House) -> None:
    house.run("connections", "pause", house.slack, "--reason", "moving house")
    found = {one["id"]: one for one in house.json("connections", "list")}
    assert (found[house.slack]["paused"], found[house.slack]["reason"]) == (True, "moving house")
    assert (found[house.zendesk]["provider"], found[house.zendesk]["paused"]) == ("zendesk", False)
    assert "moving house" in house.run("connections", "list").stdout


def test_no_secret_of_a_connection_is_shown(house: House) -> None:
    for connection in (house.slack, house.zendesk):
        result = house.run("connections", "show", connection)
        told = house.run("connections", "show", connection, "--json")
        secrets = house.deps.secrets.read(f"connections/{connection}")["settings"]
        kinds = {one["key"]: one["secret"] for one in json.loads(told.stdout)["settings"]}
        for key, value in secrets.items():
            if kinds[key] and value:
                assert value not in result.output + told.output
    shown = {one["key"]: one["value"] for one in house.json("connections", "show", house.slack)["settings"]}
    assert (shown["bot_token"], shown["previous_signing_secret"]) == ("set", "not set")
    assert shown["api_url"] == house.sandbox.slack.api_url


def test_a_check_that_finds_something_fails_and_tells_the_mend(house: House) -> None:
    result = house.run("connections", "check", house.zendesk)
    assert result.exit_code == 1
    assert "to mend: Admin Center" in result.stdout
    found = house.run("connections", "check", house.zendesk, "--json")
    assert any(not one["ok"] and one["mend"] for one in json.loads(found.stdout))


def test_a_check_that_finds_nothing_succeeds(house: House) -> None:
    found = house.json("connections", "check", house.slack)
    assert found
    assert all(one["ok"] for one in found)


def test_a_provider_that_does_not_answer_its_check_is_told_in_plain_words(house: House) -> None:
    house.sandbox.stop()
    result = house.run("connections", "check", house.slack)
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "wrong" in result.stdout


def test_a_paused_connection_goes_on_when_it_is_resumed(house: House) -> None:
    house.run("connections", "pause", house.zendesk)
    failures.add("connection", "no", "mend", house.deps, id=f"connection-{house.zendesk}", connection=house.zendesk)
    conversation = house.receives(house.writes("hello"))
    resumed = house.json("connections", "resume", house.zendesk, "--without-check")
    assert resumed == {"id": house.zendesk, "paused": False, "findings": []}
    house.runtime.pump_until_quiet()
    assert house.json("show", conversation)["messages"][0]["deliveries"][0]["state"] == "done"
    assert house.json("failures") == []


def test_a_connection_whose_check_is_not_clean_stays_paused(house: House) -> None:
    house.run("connections", "pause", house.zendesk)
    result = house.run("connections", "resume", house.zendesk)
    assert result.exit_code == 1
    assert "to mend: Admin Center" in result.stdout
    assert "stays paused until that is mended" in result.stdout
    assert house.json("connections", "show", house.zendesk)["paused"] is True


def test_a_connection_whose_check_is_clean_is_resumed(house: House) -> None:
    house.run("connections", "pause", house.slack)
    assert house.json("connections", "resume", house.slack)["paused"] is False
    assert house.json("connections", "show", house.slack)["paused"] is False


def test_a_stage_that_cannot_be_is_told(house: House) -> None:
    result = house.run("conversations", "--stage", "no stage!")
    assert result.exit_code == 1
    assert "Is --stage right" in result.stderr
