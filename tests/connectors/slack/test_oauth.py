"""Slack's consent page and the code that it gives, against the sandbox and with Slack's own SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from connectors.base import BadCredentials
from connectors.slack import Slack, account
from infra.local.clock import VirtualClock
from infra.sandbox import Sandbox
from infra.sandbox.slack_oauth import CODE_LIVES_MS

REDIRECT = "https://desk.example/done"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(VirtualClock(), 3) as running:
        yield running


def slack(sandbox: Sandbox, **changed: str) -> Slack:
    consent = sandbox.slack.consent
    given = {"client_id": consent.client_id, "client_secret": consent.client_secret, "api_url": sandbox.slack.api_url}
    return Slack({**given, **changed}, "c1")


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> None:
        return None


def agree(page: str) -> dict[str, str]:
    """What comes back once the admin has agreed, or pressed Cancel."""
    with pytest.raises(HTTPError) as answered:
        build_opener(_Stay()).open(page)
    back = urlsplit(answered.value.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == REDIRECT
    return {name: values[0] for name, values in parse_qs(back.query).items()}


def test_a_consent_gives_a_token_that_passes_the_check(sandbox: Sandbox) -> None:
    connector = slack(sandbox)
    back = agree(connector.consent(REDIRECT, "a state/with+signs"))
    assert back["state"] == "a state/with+signs"
    given = connector.redeem(back["code"], REDIRECT)
    assert given == {
        "bot_token": sandbox.slack.bot_token,
        "team_id": sandbox.slack.team_id,
        "app_id": sandbox.slack.app_id,
        "bot_user_id": sandbox.slack.bot_user_id,
    }
    assert all(finding.ok for finding in slack(sandbox, **given).check())


def test_the_page_asks_for_every_scope_that_the_check_wants(sandbox: Sandbox) -> None:
    page = Slack({"client_id": "1.2", "client_secret": "x"}, "c1").consent(REDIRECT, "s")
    assert page.startswith("https://slack.com/oauth/v2/authorize?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(page).query).items()}
    assert set(asked.pop("scope").split(",")) == set(account.SCOPES)
    assert asked == {"client_id": "1.2", "redirect_uri": REDIRECT, "state": "s"}


REFUSED = [
    ("invalid_client_id", {"client_id": "1.2"}, {}),
    ("bad_client_secret", {"client_secret": "wrong"}, {}),
    ("invalid_code", {}, {"code": "wrong"}),
    ("bad_redirect_uri", {}, {"redirect": "https://other.example/"}),
]


@pytest.mark.parametrize(("error", "changed", "given"), REFUSED, ids=[error for error, _, _ in REFUSED])
def test_a_code_that_is_refused_is_told_in_slacks_words_with_the_mend(
    sandbox: Sandbox, error: str, changed: dict[str, str], given: dict[str, str]
) -> None:
    code = agree(slack(sandbox).consent(REDIRECT, "s"))["code"]
    with pytest.raises(BadCredentials, match=rf"Slack says {error}: \w+"):
        slack(sandbox, **changed).redeem(**{"code": code, "redirect": REDIRECT, **given})


def test_a_code_is_good_once_and_for_ten_minutes(sandbox: Sandbox) -> None:
    connector = slack(sandbox)
    first, second = (agree(connector.consent(REDIRECT, "s"))["code"] for _ in range(2))
    connector.redeem(first, REDIRECT)
    with pytest.raises(BadCredentials, match="code_already_used"):
        connector.redeem(first, REDIRECT)
    clock = sandbox.world.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(clock() + CODE_LIVES_MS + 1)
    with pytest.raises(BadCredentials, match="invalid_code"):
        connector.redeem(second, REDIRECT)


def test_an_app_whose_tokens_expire_is_refused_with_the_reason(sandbox: Sandbox) -> None:
    sandbox.slack.consent.rotates = True
    code = agree(slack(sandbox).consent(REDIRECT, "s"))["code"]
    with pytest.raises(BadCredentials, match="token rotation"):
        slack(sandbox).redeem(code, REDIRECT)


def test_who_presses_cancel_brings_no_code(sandbox: Sandbox) -> None:
    sandbox.slack.consent.denied = True
    assert agree(slack(sandbox).consent(REDIRECT, "s")) == {"error": "access_denied", "state": "s"}


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_without_the_apps_credentials_there_is_no_page(sandbox: Sandbox, missing: str) -> None:
    with pytest.raises(BadCredentials, match="client_id and client_secret are needed"):
        slack(sandbox, **{missing: ""}).consent(REDIRECT, "s")


def test_slacks_own_sdk_redeems_a_code_of_the_sandbox(sandbox: Sandbox) -> None:
    consent, client = sandbox.slack.consent, WebClient(base_url=sandbox.slack.api_url, retry_handlers=[])
    own = {"client_id": consent.client_id, "client_secret": consent.client_secret, "redirect_uri": REDIRECT}
    code = agree(slack(sandbox).consent(REDIRECT, "s"))["code"]
    assert client.oauth_v2_access(code=code, **own)["access_token"] == sandbox.slack.bot_token
    with pytest.raises(SlackApiError, match="code_already_used"):
        client.oauth_v2_access(code=code, **own)


@pytest.mark.parametrize("to", ["C0123456789", " U0123456789 ", "D0123"])
def test_a_first_message_goes_to_a_channel_or_a_user_by_id(to: str) -> None:
    assert Slack({}, "c1").address(to) == {"channel": to.strip()}


@pytest.mark.parametrize("to", ["", "#help", "@ada", "c0123456789", "C01\n23", "C" * 60, "X0123456789"])
def test_a_name_or_anything_else_is_no_address(to: str) -> None:
    with pytest.raises(ValueError, match="by id"):
        Slack({}, "c1").address(to)
