"""Connecting and looking after connections over REST, and no secret in any answer or log line."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest

from chalicelib.aws.table import Update
from chalicelib.services import connections as service
from connectors import registry
from infra.sandbox.faults import Fault
from tests.api.conftest import Api
from tests.api.test_door import ROUTES, filled

MARK = "marker7secret"


def slack_settings(api: Api) -> dict[str, str]:
    slack = api.house.sandbox.slack
    return {"bot_token": slack.bot_token, "signing_secret": slack.signing_secret, "api_url": slack.api_url}


def zendesk_settings(api: Api) -> dict[str, str]:
    zendesk = api.house.sandbox.zendesk
    return {
        "subdomain": zendesk.subdomain,
        "email": zendesk.integration_email,
        "api_token": zendesk.integration_token,
        "webhook_secret": zendesk.webhook_secret,
        "api_url": zendesk.url,
    }


def kept(api: Api) -> list[str]:
    """The ids of the connections that are listed."""
    return [one["id"] for one in api.get("/admin/connections")]


def test_an_account_whose_check_is_clean_goes_live(api: Api) -> None:
    api.house.deps.connections.set_public_url("https://desk.example")
    done = api.post("/admin/connections", {"provider": "slack", "settings": slack_settings(api)}, 201)
    assert done["live"] is True
    assert done["webhook"] == f"https://desk.example/webhooks/slack/{done['id']}"
    assert "Invite the app" in done["next"]
    shown = api.get(f"/admin/connections/{done['id']}")
    values = {one["key"]: one["value"] for one in shown["settings"]}
    assert (values["team_id"], values["bot_token"]) == (api.house.sandbox.slack.team_id, "set")


def test_what_is_no_matter_of_credentials_leaves_the_account_paused_with_what_to_do(api: Api) -> None:
    done = api.post("/admin/connections", {"provider": "zendesk", "settings": zendesk_settings(api)}, 201)
    assert done["live"] is False
    wrong = [one for one in done["findings"] if not one["ok"]]
    assert any(one["name"] == "Webhook" for one in wrong)
    assert all("Admin Center" in one["mend"] for one in wrong)
    assert api.get(f"/admin/connections/{done['id']}")["paused"] is True


WRONG: list[tuple[str, dict[str, str], str]] = [
    ("slack", {"bot_token": f"xoxb-{MARK}"}, "invalid_auth"),
    ("zendesk", {"api_token": MARK}, "401"),
    ("zendesk", {"subdomain": "elsewhere", "api_url": "http://127.0.0.1:9"}, "could not be reached"),
    ("slack", {"bot_token": ""}, "no bot token was sent"),
]


@pytest.mark.parametrize(("provider", "wrong", "told"), WRONG)
def test_wrong_credentials_are_told_in_the_providers_words_and_nothing_is_saved(
    api: Api, provider: str, wrong: dict[str, str], told: str
) -> None:
    before = (kept(api), api.house.runtime.meter.counts["function", "ssm", "PutParameter"])
    settings = {**(slack_settings(api) if provider == "slack" else zendesk_settings(api)), **wrong}
    answer = api.call("POST", "/admin/connections", {"provider": provider, "settings": settings})
    assert (answer.status, answer.json()["error"]) == (422, "refused")
    assert told in answer.json()["message"]
    assert answer.json()["mend"]
    assert (kept(api), api.house.runtime.meter.counts["function", "ssm", "PutParameter"]) == before


def test_settings_are_changed_once_the_provider_takes_them(api: Api) -> None:
    path, settings = f"/admin/connections/{api.house.slack}", api.house.deps.secrets
    before = settings.read(f"connections/{api.house.slack}")
    wrong = api.call("PATCH", path, {"settings": {"bot_token": f"xoxb-{MARK}"}})
    assert (wrong.status, "invalid_auth" in wrong.json()["message"]) == (422, True)
    assert settings.read(f"connections/{api.house.slack}") == before
    right = api.call("PATCH", path, {"settings": {"signing_secret": "another-signing-secret"}})
    assert (right.status, right.json()["live"]) == (200, True)
    assert settings.read(f"connections/{api.house.slack}")["settings"]["signing_secret"] == "another-signing-secret"


def test_a_connection_is_paused_checked_and_resumed(api: Api) -> None:
    path = f"/admin/connections/{api.house.slack}"
    paused = api.post(f"{path}/pause", {"reason": "moving house"})
    assert (paused["paused"], paused["reason"]) == (True, "moving house")
    checked = api.post(f"{path}/check")
    assert (checked["ok"], checked["paused"]) == (True, True)
    assert api.post(f"{path}/resume")["paused"] is False
    api.house.sandbox.slack.scopes = "chat:write"
    api.post(f"{path}/pause")
    held = api.post(f"{path}/resume")
    assert (held["ok"], held["paused"]) == (False, True)
    assert any("channels:history" in one["mend"] for one in held["findings"])
    assert api.post(f"{path}/resume", {"without_check": True})["paused"] is False


def test_a_removed_connection_is_gone_with_its_secrets(api: Api) -> None:
    path = f"/admin/connections/{api.house.slack}"
    assert api.call("DELETE", path).json()["provider"] == "slack"
    assert api.house.slack not in kept(api)
    assert api.call("GET", path).status == api.call("DELETE", path).status == 404
    assert api.house.deps.connections.open(api.house.slack) is None


def test_a_removal_that_got_half_way_is_finished(api: Api) -> None:
    api.house.deps.secrets.remove(f"connections/{api.house.slack}")
    assert api.call("DELETE", f"/admin/connections/{api.house.slack}").status == 200
    assert api.house.slack not in kept(api)


def test_a_test_message_is_sent_once_and_its_outcome_told(api: Api) -> None:
    slack, path = api.house.sandbox.slack, f"/admin/connections/{api.house.slack}/test"
    sent = api.post(path, {"to": api.house.channel})
    (message,) = slack.messages(api.house.channel)
    assert (sent["outcome"], sent["key"]) == ("sent", f"{api.house.channel}:{message['ts']}")
    assert "test message" in message["text"]
    refused = api.post(path, {"to": "C0000000000"})
    assert (refused["outcome"], "channel_not_found" in refused["reason"]) == ("refused", True)
    assert api.call("POST", path, {"to": "#help"}).status == 422
    assert api.call("POST", path.replace(api.house.slack, api.house.zendesk), {"to": "x"}).status == 422


def test_a_test_message_whose_outcome_is_not_known_is_not_repeated(api: Api) -> None:
    api.house.sandbox.faults.add(Fault("slack", "timeout_after", match="chat.postMessage"))
    told = api.post(f"/admin/connections/{api.house.slack}/test", {"to": api.house.channel})
    assert told["outcome"] == "unknown"
    assert len(api.house.sandbox.slack.messages(api.house.channel)) == 1


def test_a_provider_without_an_api_for_webhooks_registers_nothing(api: Api) -> None:
    assert api.post(f"/admin/connections/{api.house.slack}/register")["findings"] == []


def test_slack_is_connected_by_its_consent_page(api: Api) -> None:
    slack = api.house.sandbox.slack
    settings = {
        "signing_secret": slack.signing_secret,
        "client_id": slack.consent.client_id,
        "client_secret": slack.consent.client_secret,
        "api_url": slack.api_url,
    }
    asked = {"provider": "slack", "settings": settings, "redirect": "https://desk.example/done"}
    page = api.post("/admin/consent", asked)
    back = {name: values[0] for name, values in parse_qs(urlsplit(sent_back(page["url"])).query).items()}
    assert back["state"] == page["state"]
    given = {"provider": "slack", "settings": settings, "code": back["code"], "redirect": asked["redirect"]}
    assert api.post("/admin/connections", given, 201)["live"] is True
    again = api.call("POST", "/admin/connections", given)
    assert (again.status, "code_already_used" in again.json()["message"]) == (422, True)
    assert len(kept(api)) == 3


def sent_back(url: str) -> str:
    """Where the consent page sends the admin once they agreed."""

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *given: Any) -> None:
            return None

    from urllib.error import HTTPError

    with pytest.raises(HTTPError) as answered:
        build_opener(Stay()).open(url)
    assert answered.value.code == 302
    return str(answered.value.headers["Location"])


def test_consent_without_the_apps_id_says_what_is_missing(api: Api) -> None:
    asked = {"provider": "slack", "settings": {}, "redirect": "https://desk.example/done"}
    answer = api.call("POST", "/admin/consent", asked)
    assert (answer.status, "client_id" in answer.json()["message"]) == (422, True)
    other = api.call("POST", "/admin/consent", {**asked, "provider": "zendesk"})
    assert (other.status, "no consent page" in other.json()["message"]) == (422, True)


def seed_marks(api: Api) -> list[str]:
    """A connection of every provider, each secret with a value of its own that can be found again."""
    marks: list[str] = []
    for name in registry.names():
        kind = registry.connector(name)
        settings = {field.key: f"{MARK}-{name}-{field.key}" if field.secret else field.default for field in kind.fields}
        marks += [value for value in settings.values() if MARK in value]
        one = service.new_id(api.house.deps.random)
        api.house.deps.secrets.write(f"connections/{one}", {"provider": name, "settings": settings})
        state = {"provider": name, "kind": kind.kind, "added_at": 1, "paused": True, "reason": "fixture"}
        api.house.deps.table.update(Update(service.PARTITION, one, set=state))
    return marks


def test_no_secret_is_in_any_answer_or_log_line(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    marks = seed_marks(api)
    assert len(marks) >= 8
    own = {"slack": slack_settings(api), "zendesk": zendesk_settings(api)}
    fields = [(name, field) for name in own for field in registry.connector(name).fields if field.secret]
    secrets = {*marks, *(own[name][field.key] for name, field in fields if field.key in own[name])}
    secrets |= {api.admin, api.viewer}
    told = []
    for connection in kept(api):
        for one in ROUTES:
            if one.method == "GET":
                told.append(api.call("GET", filled(one).replace("connections/x1", f"connections/{connection}")).body)
        told.append(api.call("POST", f"/admin/connections/{connection}/pause").body)
    for provider, wrong, _ in WRONG:
        given = {**(slack_settings(api) if provider == "slack" else zendesk_settings(api)), **wrong}
        told.append(api.call("POST", "/admin/connections", {"provider": provider, "settings": given}).body)
        told.append(api.call("PATCH", f"/admin/connections/{api.house.slack}", {"settings": wrong}).body)
    captured = capfd.readouterr()
    everything = b"\n".join(told).decode() + captured.out + captured.err
    assert '"step":"admin"' in captured.out
    assert [one for one in secrets if one in everything] == []
    assert MARK not in everything


def every_account(api: Api) -> dict[str, tuple[dict[str, str], str, str]]:
    """For each provider of the sandbox: right settings, a secret one of them, and where a test message goes."""
    sandbox = api.house.sandbox
    twilio, ses, salesforce = sandbox.twilio, sandbox.ses, sandbox.salesforce
    return {
        "slack": (slack_settings(api), "bot_token", api.house.channel),
        "zendesk": (zendesk_settings(api), "api_token", ""),
        "sms": (
            {
                "account_sid": twilio.account_sid,
                "auth_token": twilio.auth_token,
                "from": twilio.number,
                "api_url": twilio.api_url,
            },
            "auth_token",
            "+15005550010",
        ),
        "ses": (
            {
                "region": ses.region,
                "from_address": ses.address,
                "access_key_id": ses.access_key_id,
                "secret_access_key": ses.secret_access_key,
                "api_url": ses.api_url,
            },
            "secret_access_key",
            "",
        ),
        "salesforce": (
            {
                "domain": salesforce.domain,
                "consumer_key": salesforce.consumer_key,
                "consumer_secret": salesforce.consumer_secret,
                "webhook_secret": salesforce.webhook_secret,
                "api_url": salesforce.url,
            },
            "consumer_secret",
            "",
        ),
    }


@pytest.mark.parametrize("provider", ["slack", "zendesk", "sms", "ses", "salesforce"])
def test_every_providers_refusal_saves_nothing_and_its_right_settings_do(api: Api, provider: str) -> None:
    api.house.deps.connections.set_public_url("https://desk.example")
    settings, secret, to = every_account(api)[provider]
    before = kept(api)
    wrong = {**settings, secret: f"xoxb-{MARK}" if provider == "slack" else MARK}
    refused = api.call("POST", "/admin/connections", {"provider": provider, "settings": wrong})
    assert (refused.status, refused.json()["error"]) == (422, "refused"), refused.body
    assert MARK not in refused.body.decode()
    assert kept(api) == before
    done = api.post("/admin/connections", {"provider": provider, "settings": settings, "register": True}, 201)
    assert done["findings"][0]["ok"] is True
    assert kept(api) != before
    if to:
        assert api.post(f"/admin/connections/{done['id']}/test", {"to": to})["outcome"] == "sent"


def test_a_webhook_is_registered_where_the_provider_has_an_api_for_it(api: Api) -> None:
    settings = every_account(api)["sms"][0]
    api.house.deps.connections.set_public_url("")
    done = api.post("/admin/connections", {"provider": "sms", "settings": settings}, 201)
    assert done["live"] is False
    path = f"/admin/connections/{done['id']}"
    nowhere = api.post(f"{path}/register")
    assert (nowhere["ok"], "no public address" in nowhere["findings"][0]["detail"]) == (False, True)
    api.house.deps.connections.set_public_url("https://desk.example")
    assert api.post(f"{path}/register")["ok"] is True
    assert api.post(f"{path}/resume")["paused"] is False


def test_a_setting_that_a_connector_refuses_is_refused_with_its_reason(api: Api) -> None:
    given = {"provider": "salesforce", "settings": {"domain": "acme.my.salesforce.com", "password": MARK}}
    answer = api.call("POST", "/admin/connections", given)
    assert (answer.status, answer.json()["error"]) == (422, "bad_settings")
    assert answer.json()["message"].startswith("password: ")
    assert MARK not in answer.body.decode()


STRANGE = ("ключ", "a b", "x\ty\n", "x\u2028y", "é" * 40, "%00", "http://[::1", "'; DROP--")


@pytest.mark.parametrize("provider", ["slack", "zendesk", "sms", "ses", "salesforce"])
def test_a_setting_that_nobody_can_send_is_refused_like_any_wrong_one(api: Api, provider: str) -> None:
    settings, _, _ = every_account(api)[provider]
    for field in registry.connector(provider).fields:
        if field.key == "api_url" or field.key not in settings:
            continue
        for value in STRANGE:
            given = {"provider": provider, "settings": {**settings, field.key: value}}
            answer = api.call("POST", "/admin/connections", given)
            assert answer.status in (201, 422), (field.key, value, answer.body)
            if field.secret and value.isascii() is False:
                assert value not in answer.body.decode()


def test_settings_that_are_too_long_to_be_kept_are_refused(api: Api) -> None:
    before = kept(api)
    settings = {**zendesk_settings(api), "groups": "\n".join(f"team{number}=group{number}" for number in range(400))}
    answer = api.call("POST", "/admin/connections", {"provider": "zendesk", "settings": settings})
    assert (answer.status, "too long" in answer.json()["message"]) == (422, True)
    assert kept(api) == before
