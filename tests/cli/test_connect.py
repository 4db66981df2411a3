"""`deskweave connect`, `connectors`, `admin` and what is new in `connections`."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from chalicelib.services import admin_connections
from connectors import registry
from infra import consent, inventory
from tests.cli.conftest import House

MARK = "marker7secret"


def slack_settings(house: House) -> dict[str, str]:
    slack = house.sandbox.slack
    return {"bot_token": slack.bot_token, "signing_secret": slack.signing_secret, "api_url": slack.api_url}


def options(settings: dict[str, str]) -> list[str]:
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def ids(house: House) -> set[str]:
    return {one["id"] for one in house.json("connections", "list")}


def connected(house: House, *arguments: str, input: str | None = None) -> Any:
    result = house.run("connect", *arguments, "--json", input=input)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_account_is_connected_by_options(house: House) -> None:
    done = connected(house, "slack", *options(slack_settings(house)))
    assert (done["live"], done["saved"], done["id"] in ids(house)) == (True, True, True)


def test_an_account_is_connected_by_json_on_standard_input(house: House) -> None:
    given = json.dumps(slack_settings(house))
    assert connected(house, "slack", "--json-in", "-", input=given)["live"] is True
    assert connected(house, "slack", input=given)["live"] is True


def test_an_account_is_connected_by_a_file_and_the_environment(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = slack_settings(house)
    (tmp_path / "token").write_text(settings["bot_token"] + "\n")
    monkeypatch.setenv("DESKWEAVE_SLACK_SIGNING_SECRET", settings["signing_secret"])
    given = ["--set", f"bot_token=@{tmp_path / 'token'}", "--set", f"api_url={settings['api_url']}"]
    result = house.run("connect", "slack", *given)
    assert (result.exit_code, "warning" in result.stderr) == (0, False), result.output
    kept = house.deps.secrets.read(f"connections/{(ids(house) - {house.slack, house.zendesk}).pop()}")["settings"]
    assert {key: kept[key] for key in settings} == settings


def test_what_is_missing_is_asked_for_and_secrets_are_not_shown(house: House) -> None:
    settings = slack_settings(house)
    answers = f"short\n{settings['signing_secret']}\n{settings['bot_token']}\n"
    result = house.run("connect", "slack", "--ask", "--set", f"api_url={settings['api_url']}", input=answers)
    assert result.exit_code == 0, result.output
    assert "Signing Secret" in result.stderr
    assert "does not have the form" in result.stderr
    assert settings["signing_secret"] not in result.output
    assert settings["bot_token"] not in result.output


def test_a_secret_on_the_command_line_is_warned_of(house: House) -> None:
    result = house.run("connect", "slack", *options(slack_settings(house)))
    assert "bot_token is a secret" in result.stderr
    assert "--set bot_token=@FILE, or DESKWEAVE_SLACK_BOT_TOKEN" in result.stderr
    assert house.sandbox.slack.bot_token not in result.output


def test_the_webhooks_address_and_the_guides_next_step_are_told(house: House) -> None:
    house.deps.connections.set_public_url("https://desk.example/api")
    result = house.run("connect", "slack", *options(slack_settings(house)))
    connection = (ids(house) - {house.slack, house.zendesk}).pop()
    assert f"Webhooks go to https://desk.example/api/webhooks/slack/{connection}" in result.stdout
    assert "3. Invite the app" in result.stdout
    assert "Fill in the connection" not in result.stdout


def test_what_is_no_matter_of_credentials_leaves_it_saved_and_paused(house: House) -> None:
    zendesk = house.sandbox.zendesk
    given = {"subdomain": zendesk.subdomain, "email": zendesk.integration_email, "api_url": zendesk.url}
    given |= {"api_token": zendesk.integration_token, "webhook_secret": zendesk.webhook_secret}
    result = house.run("connect", "zendesk", *options(given))
    assert result.exit_code == 0, result.output
    assert "to mend: Admin Center" in result.stdout
    connection = (ids(house) - {house.slack, house.zendesk}).pop()
    assert f"deskweave connections resume {connection}" in result.stdout
    assert house.json("connections", "show", connection)["paused"] is True


REFUSED: list[tuple[list[str], str]] = [
    (["--set", f"bot_token=xoxb-{MARK}"], "invalid_auth"),
    (["--set", "bot_token="], "no bot token was sent"),
    (["--set", f"bot_token={MARK}"], "bot_token (Bot token) does not have the form"),
    (["--set", "signing_secret="], "signing_secret (Signing secret) is missing"),
    (["--set", "nonsense=1"], "Slack has no setting nonsense; it has bot_token"),
    (["--set", "bot_token"], "KEY=VALUE"),
    (["--set", "bot_token=@/nowhere/at/all"], "cannot be read"),
    (["--json-in", "/nowhere/at/all"], "cannot be read"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_what_is_not_right_is_told_and_nothing_is_saved(house: House, arguments: list[str], told: str) -> None:
    before = ids(house)
    result = house.run("connect", "slack", "--no-ask", *options(slack_settings(house)), *arguments)
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert MARK not in result.output
    assert ids(house) == before


@pytest.mark.parametrize("given", ["[]", "{", '{"bot_token": 1}', "null", "", '{"nonsense": "x"}', "[" * 5000])
def test_settings_that_are_no_object_of_texts_are_refused(house: House, given: str) -> None:
    before = ids(house)
    result = house.run("connect", "slack", input=given)
    assert result.exit_code == 1, result.output
    assert ids(house) == before


def test_a_provider_that_cannot_be_reached_saves_nothing(house: House) -> None:
    before, given = ids(house), slack_settings(house)
    house.sandbox.stop()
    result = house.run("connect", "slack", *options(given))
    assert (result.exit_code, "cannot be reached" in result.stdout) == (1, True)
    assert "Nothing was saved" in result.stdout
    assert ids(house) == before


def test_an_unknown_provider_is_told_with_those_there_are(house: House) -> None:
    result = house.run("connect", "fax")
    assert (result.exit_code, "no connector is called 'fax'; there are: " in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("to", "outcome", "exit_code"), [("", "sent", 0), ("C0000000000", "refused", 1), ("#help", "refused", 1)]
)
def test_a_test_message_is_sent_on_request(house: House, to: str, outcome: str, exit_code: int) -> None:
    to = to or house.channel
    result = house.run("connect", "slack", *options(slack_settings(house)), "--test", to, "--json")
    assert (result.exit_code, json.loads(result.stdout)["test"]["outcome"]) == (exit_code, outcome)
    assert len(house.sandbox.slack.messages(house.channel)) == (outcome == "sent")


# --- the consent page --------------------------------------------------------------------------------------------


def app_settings(house: House) -> dict[str, str]:
    own = house.sandbox.slack.consent
    return {
        "signing_secret": house.sandbox.slack.signing_secret,
        "client_id": own.client_id,
        "client_secret": own.client_secret,
        "api_url": house.sandbox.slack.api_url,
    }


class Browser:
    """Opens what it is told, in a thread of its own, and keeps the status of each page."""

    def __init__(self, *before: str) -> None:
        self.before = before
        self.statuses: list[int] = []

    def tell(self, page: str) -> None:
        threading.Thread(target=self._open, args=(page,), daemon=True).start()

    def _open(self, page: str) -> None:
        redirect = page.partition("redirect_uri=")[2].partition("&")[0].replace("%3A", ":").replace("%2F", "/")
        for address in (*(redirect + query for query in self.before), page):
            try:
                with urlopen(address) as answered:
                    self.statuses.append(answered.status)
            except HTTPError as refused:
                self.statuses.append(refused.code)
                refused.close()


def walked(house: House, browser: Browser, seconds: float = 20) -> dict[str, str]:
    settings = app_settings(house)

    def page(redirect: str) -> admin_connections.Consent:
        return admin_connections.consent("slack", settings, redirect, house.deps)

    code, redirect = consent.walk(page, browser.tell, seconds=seconds)
    return admin_connections.redeemed("slack", settings, code, redirect)


def test_the_consent_comes_back_to_this_machine(house: House) -> None:
    assert walked(house, Browser())["bot_token"] == house.sandbox.slack.bot_token


def test_an_answer_with_another_state_is_refused_and_the_right_one_still_taken(house: House) -> None:
    browser = Browser("?code=evil&state=other", "?code=evil", "/elsewhere?code=evil", "?code=evil&state=%D0%BA")
    assert walked(house, browser)["bot_token"] == house.sandbox.slack.bot_token
    assert browser.statuses[:4] == [400] * 4


def test_who_presses_cancel_is_told_so(house: House) -> None:
    house.sandbox.slack.consent.denied = True
    with pytest.raises(consent.Denied, match="access_denied"):
        walked(house, Browser())


def test_nobody_coming_back_ends_the_waiting(house: House) -> None:
    with pytest.raises(consent.Denied, match="nobody came back"):
        consent.walk(lambda redirect: admin_connections.Consent("x", "s"), lambda page: None, seconds=0.01)


PASTED: list[tuple[str, type[Exception] | None]] = [
    ("https://x.example/done?code=c1&state=s1", None),
    ("code=c1&state=s1", None),
    ("  c1 \n", None),
    ("https://x.example/done?code=c1&state=s2", consent.WrongState),
    ("https://x.example/done?code=c1", consent.WrongState),
    ("https://x.example/done?error=access_denied&state=s1", consent.Denied),
    ("", consent.Denied),
]


@pytest.mark.parametrize(("pasted", "error"), PASTED)
def test_a_pasted_address_counts_only_with_our_state(pasted: str, error: type[Exception] | None) -> None:
    if error is None:
        assert consent.code_of(pasted, "s1") == "c1"
        return
    with pytest.raises(error):
        consent.code_of(pasted, "s1")


def test_a_pasted_code_connects_the_workspace(house: House) -> None:
    redirect = "https://desk.example/done"
    page = admin_connections.consent("slack", app_settings(house), redirect, house.deps).url
    code = house.sandbox.slack.consent.agreed(page)
    given = ["--paste", "--redirect", redirect, *options(app_settings(house))]
    result = house.run("connect", "slack", *given, "--json", input=f"{code}\n")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["live"] is True
    assert code not in result.output
    assert house.sandbox.slack.bot_token not in result.output


def test_a_wrong_code_that_is_pasted_connects_nothing(house: House) -> None:
    before = ids(house)
    result = house.run("connect", "slack", "--paste", *options(app_settings(house)), input="wrong-code\n")
    assert result.exit_code == 1
    assert "/slack/oauth/v2/authorize?client_id=" in result.stderr
    assert "invalid_code" in result.stderr
    assert "Nothing was saved" in result.stderr
    assert ids(house) == before


# --- connections -------------------------------------------------------------------------------------------------


def test_a_secret_is_rotated_once_the_provider_takes_it(house: House) -> None:
    given = ["--set", f"bot_token=xoxb-{MARK}"]
    wrong = house.run("connections", "change", house.slack, *given)
    assert (wrong.exit_code, "nothing was changed" in wrong.stdout) == (1, True)
    assert house.run("connections", "change", house.slack, "--set", "signing_secret=another-secret-16").exit_code == 0
    kept = house.deps.secrets.read(f"connections/{house.slack}")["settings"]
    assert (kept["signing_secret"], kept["bot_token"]) == ("another-secret-16", house.sandbox.slack.bot_token)
    assert house.run("connections", "change", house.slack).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "input", "gone"), [((), "n\n", False), ((), "y\n", True), (("--yes",), None, True)]
)
def test_removing_asks_first(house: House, arguments: tuple[str, ...], input: str | None, gone: bool) -> None:
    result = house.run("connections", "remove", house.slack, *arguments, input=input)
    assert result.exit_code == (0 if gone else 1)
    assert (house.slack not in ids(house)) is gone
    assert house.run("connections", "remove", "0" * 18, "--yes").exit_code == 1


def test_a_test_message_is_sent_over_a_connection(house: House) -> None:
    assert house.json("connections", "test", house.slack, house.channel)["outcome"] == "sent"
    assert "no channel" in house.run("connections", "test", house.zendesk, "x").stderr


def test_a_provider_without_an_api_for_webhooks_says_where_to_click(house: House) -> None:
    result = house.run("connections", "register", house.slack)
    assert (result.exit_code, "GUIDE.md" in result.stderr) == (1, True)


# --- connectors, admin -------------------------------------------------------------------------------------------


def test_the_connectors_are_listed_with_what_they_are_made_of(house: House, tmp_path: Path) -> None:
    assert house.run("connectors", "--json", str(tmp_path / "x.json")).exit_code == 0
    found = json.loads((tmp_path / "x.json").read_text())
    assert [one["name"] for one in found] == registry.names()
    for one in found:
        assert set(one) == {"name", "kind", "capabilities", "effect", "cases", "lines"}
        assert one["effect"] == dict(registry.connector(one["name"]).effects)
    slack = next(one for one in found if one["name"] == "slack")
    assert slack["cases"] > 50
    folder = Path(inventory.__file__).resolve().parent.parent / "connectors" / "slack"
    lines = [line for path in folder.rglob("*.py") for line in path.read_text().splitlines() if line.strip()]
    assert slack["lines"] == len(lines)
    assert "slack" in house.run("connectors").stdout


def test_a_connectors_lines_count_the_shared_vendor_code_in() -> None:
    folder = Path(inventory.__file__).resolve().parent.parent / "connectors"
    shared = [path for path in (folder / "shared").glob("*/__init__.py")]
    users = {
        name
        for name in registry.names()
        for path in (folder / name).rglob("*.py")
        if "connectors.shared." in path.read_text()
    }
    assert bool(shared) is bool(users)
    for name in users:
        own = sum(1 for path in (folder / name).rglob("*.py") for line in path.read_text().splitlines() if line.strip())
        assert next(one.lines for one in inventory.connectors() if one.name == name) > own


def test_an_admin_key_is_made_shown_once_listed_and_revoked(house: House) -> None:
    made = house.json("admin", "key", "new", "--role", "admin", "--name", "Ops")
    assert made["key"].startswith("dwk_")
    (listed,) = house.json("admin", "key", "list")
    assert (listed["id"], listed["role"], listed["name"]) == (made["id"], "admin", "Ops")
    assert made["key"] not in house.run("admin", "key", "list").stdout
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert house.runtime.request("GET", "/admin/connections", bearer).status == 200
    assert house.run("admin", "key", "revoke", made["id"]).exit_code == 0
    assert house.runtime.request("GET", "/admin/connections", bearer).status == 401
    assert house.run("admin", "key", "revoke", made["id"]).exit_code == 1


def test_a_key_is_a_viewers_unless_it_is_said(house: House) -> None:
    assert house.json("admin", "key", "new")["role"] == "viewer"


def test_an_issuer_is_set_shown_and_removed(house: House) -> None:
    given = ["--issuer", "https://login.example", "--audience", "desk", "--admin", "boss"]
    assert house.run("admin", "issuer", "set", *given).exit_code == 0
    assert house.json("admin", "issuer", "show")["admins"] == ["boss"]
    wrong = house.run("admin", "issuer", "set", "--issuer", "http://login.example", "--audience", "x", "--admin", "y")
    assert (wrong.exit_code, "https://" in wrong.stderr) == (1, True)
    assert house.run("admin", "issuer", "remove").exit_code == 0
    assert house.json("admin", "issuer", "show") is None


def test_the_description_of_the_api_is_written(house: House, tmp_path: Path) -> None:
    assert json.loads(house.run("openapi").stdout)["openapi"] == "3.1.0"
    assert house.run("openapi", "--json", str(tmp_path / "api.json")).exit_code == 0
    assert (tmp_path / "api.json").read_text() == house.run("openapi").stdout
