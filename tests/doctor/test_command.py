"""`deskweave doctor`: what it shows, what it asks, what it leaves alone, and how it ends."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.services import links
from infra.cli import main
from infra.commands.doctor import doctor
from infra.doctor.checks import BY_NAME, CHECKS
from tests.cli.conftest import House

LOCAL = {check.name for check in CHECKS if check.local}


@pytest.fixture
def ill(house: House) -> House:
    """The key of file links is missing, and nothing else (the providers are left alone)."""
    links.new_key(house.deps)
    assert house.run("doctor", "--offline").exit_code == 0
    house.deps.secrets.remove(links.KEY)
    return house


def told(house: House, *arguments: str, code: int) -> Any:
    ran = house.run("doctor", *arguments, "--json")
    assert ran.exit_code == code, ran.output
    return json.loads(ran.stdout)


def test_all_well_is_said_and_ends_with_0(house: House) -> None:
    links.new_key(house.deps)
    ran = house.run("doctor", "--offline")
    assert (ran.exit_code, ran.stdout.splitlines()[-1]) == (0, "All is well.")
    found = told(house, "--offline", code=0)
    assert (found["well"], found["mended"]) == (True, [])
    assert {one["check"] for one in found["results"]} == LOCAL - {"providers"}


def test_what_is_wrong_is_shown_with_its_mend_and_nothing_is_changed(ill: House) -> None:
    ran = ill.run("doctor", "--offline")
    assert ran.exit_code == 1
    assert "wrong key of file links: it is gone" in ran.stdout
    assert "1 wrong; 1 of them can be mended here: deskweave doctor --fix" in ran.stdout
    (found,) = [one for one in told(ill, "--offline", code=1)["results"] if one["outcome"] == "wrong"]
    assert (found["check"], found["fix"].startswith("make a key")) == ("key", True)


@pytest.mark.parametrize(("said", "code"), [("n\n", 1), ("", 1), ("y\n", 0)])
def test_fix_shows_the_list_and_asks(ill: House, said: str, code: int) -> None:
    ran = ill.run("doctor", "--offline", "--fix", input=said)
    assert ran.exit_code == code, ran.output
    assert "This would be done:\n  make a key that signs links" in ran.stdout
    assert ("done    make a key" in ran.stdout) is (code == 0)
    assert ("Nothing was changed." in ran.stdout) is (code == 1)
    assert told(ill, "--offline", code=code)["well"] is (code == 0)


def test_yes_does_not_ask_and_a_second_run_finds_nothing(ill: House) -> None:
    done = told(ill, "--offline", "--fix", "--yes", code=0)
    assert [(one["check"], one["error"]) for one in done["mended"]] == [("key", "")]
    again = told(ill, "--offline", "--fix", "--yes", code=0)
    assert (again["mended"], again["well"]) == ([], True)


def test_with_json_nobody_is_asked_and_nothing_is_done_without_yes(ill: House) -> None:
    assert told(ill, "--offline", "--fix", code=1)["mended"] == []
    assert told(ill, "--offline", code=1)["well"] is False


def test_only_the_named_checks_are_looked_at(ill: House) -> None:
    found = told(ill, "--only", "failures", "--only", "dead-letters", code=0)
    assert {one["check"] for one in found["results"]} == {"failures", "dead-letters"}
    unknown = ill.run("doctor", "--only", "everything")
    assert unknown.exit_code == 2 and "There is no check 'everything'; there are stack, functions" in unknown.stderr


def test_yes_leaves_providers_alone_unless_they_are_named(house: House) -> None:
    twilio = house.sandbox.twilio
    given = {"account_sid": twilio.account_sid, "auth_token": twilio.auth_token, "from": twilio.number}
    number = house.deps.connections.add("sms", {**given, "api_url": twilio.api_url})
    twilio.webhook_url = "https://elsewhere.example/sms"
    links.new_key(house.deps)
    assert told(house, "--fix", "--yes", code=1)["mended"] == []
    assert twilio.webhook_url == "https://elsewhere.example/sms"
    asked = house.run("doctor", "--fix", input="y\n")
    assert "send what comes in to" in asked.stdout
    assert "(at the provider)" in asked.stdout
    assert twilio.webhook_url == house.deps.connections.webhook_url("sms", number)
    twilio.webhook_url = "https://elsewhere.example/sms"
    (done,) = told(house, "--only", "providers", "--fix", "--yes", code=1)["mended"]
    assert (done["check"], done["error"]) == ("providers", "")
    assert twilio.webhook_url == house.deps.connections.webhook_url("sms", number)


def test_what_could_not_be_looked_at_ends_with_2(house: House) -> None:
    house.deps.connections.remove(house.zendesk)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/api/"
        house.deps.connections.change(house.slack, {"api_url": address})
        found = told(house, "--patience", "0.2", "--only", "providers", code=2)
    (one,) = found["results"]
    assert (one["name"], one["outcome"], found["well"]) == (f"slack {house.slack}", "unseen", False)
    assert one["detail"] == "no answer within 0.2 s"


def test_no_secret_is_shown(house: House) -> None:
    shown = house.run("doctor").output + house.run("doctor", "--json").output
    for secret in (house.sandbox.slack.bot_token, house.sandbox.zendesk.integration_token):
        assert secret not in shown


@pytest.mark.parametrize(
    ("arguments", "environment", "told_of"),
    [
        (["--stage", "Prod_1"], {}, "A stage's name has small letters"),
        (["--stage", "prod"], {}, "No AWS region is set"),
        (["--stage", "prod", "--region", "eu-central-1"], {}, "No AWS credentials are set"),
        ([], {}, "Deskweave is not running here"),
    ],
)
def test_what_cannot_be_reached_is_told_and_ends_with_2(
    arguments: list[str],
    environment: dict[str, str],
    told_of: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ran = CliRunner().invoke(main, ["doctor", *arguments])
    assert ran.exit_code == 2
    assert told_of in ran.stderr
    assert "Traceback" not in ran.output


def test_the_list_of_checks_is_shown_without_a_look() -> None:
    ran = CliRunner().invoke(main, ["doctor", "--list", "--json"])
    assert ran.exit_code == 0
    assert [one["check"] for one in json.loads(ran.stdout)] == [check.name for check in CHECKS] == list(BY_NAME)
    assert all(one["looks_at"] for one in json.loads(ran.stdout))
    assert "dead-letters" in CliRunner().invoke(main, ["doctor", "--list"]).stdout


def test_the_help_tells_the_exit_codes() -> None:
    assert doctor.help is not None
    assert "Exit code: 0 all is well" in doctor.help
