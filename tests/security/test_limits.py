"""Requests that fail are limited; one that is in order never is, however many failed before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.services import admin_keys, limits, links
from chalicelib.services.connections import new_id
from chalicelib.services.limits import Limiter
from infra.local.runtime import LocalRuntime
from tests.promises.test_bad_input import GOOD, signed
from tests.support.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with Scenario() as running:
        yield running


def refused(scenario: Scenario) -> list[str]:
    return [line["outcome"] for line in scenario.lines if "refused" in line]


def post(scenario: Scenario, connection: str, *, forged: bool = False) -> Any:
    headers = signed(scenario, GOOD) | ({"X-Slack-Signature": "v0=" + "0" * 64} if forged else {})
    headers = {name: value for name, value in headers.items() if not forged or name.lower() != "x-slack-signature"}
    return scenario.runtime.request("POST", f"/webhooks/slack/{connection}", headers, GOOD)


def test_a_flood_of_bad_signatures_keeps_no_good_delivery_of_the_same_connection_out(scenario: Scenario) -> None:
    most = limits.of(scenario.deps).webhooks.most
    answers = []
    for number in range(most * 3):
        answers.append(post(scenario, scenario.slack_id, forged=True).status)
        if number % 10 == 0:
            assert post(scenario, scenario.slack_id).status == 200
    assert answers == [401] * most + [429] * most * 2
    assert refused(scenario) == ["401"] * most + ["429"], "a flood is told once a window"
    last = post(scenario, scenario.slack_id, forged=True)
    assert 0 < int(last.headers["retry-after"]) < 60, "Zendesk takes no longer one"
    scenario.clock.advance(10_000)
    assert post(scenario, scenario.slack_id, forged=True).status == 401


def test_a_flood_towards_one_connection_leaves_the_others_answers_as_they_are(scenario: Scenario) -> None:
    for _ in range(limits.of(scenario.deps).webhooks.most + 1):
        post(scenario, scenario.slack_id, forged=True)
    answer = scenario.runtime.request("POST", f"/webhooks/zendesk/{scenario.zendesk_id}", {}, b"{}")
    assert answer.status == 401


def test_a_rotated_secret_is_found_in_the_middle_of_a_flood(scenario: Scenario) -> None:
    for _ in range(limits.of(scenario.deps).webhooks.most * 2):
        post(scenario, scenario.slack_id, forged=True)
    scenario.clock.advance(61_000)
    new = "fixture-" + scenario.slack.signing_secret
    kept = scenario.deps.secrets.read(f"connections/{scenario.slack_id}")
    kept["settings"] |= {"signing_secret": new}
    scenario.deps.secrets.write(f"connections/{scenario.slack_id}", kept)
    for _ in range(limits.of(scenario.deps).webhooks.most * 2):
        post(scenario, scenario.slack_id, forged=True)
    scenario.slack.signing_secret = new
    assert post(scenario, scenario.slack_id).status == 200


def test_a_flood_of_unknown_ids_keeps_no_connection_out_that_a_new_process_has_not_seen(scenario: Scenario) -> None:
    scenario.restart()
    reads = len(scenario.runtime.meter.of(function="api"))
    strangers = [new_id(lambda n, k=number: bytes([k]) * n) for number in range(60)]
    assert {post(scenario, one).status for one in strangers} == {404, 429}
    assert post(scenario, scenario.slack_id).status == 200
    asked = [call.operation for call in scenario.runtime.meter.of(function="api")[reads:]]
    assert asked.count("GetParameter") == 6, "five strangers and the connection"
    assert asked.count("Query") == 1, "the list of connections, once a second"
    assert len(refused(scenario)) == limits.of(scenario.deps).webhooks.most + 1


# --- the REST API ------------------------------------------------------------------------------------------------


class Caller:
    """Somebody at an address, through API Gateway."""

    def __init__(self, runtime: LocalRuntime, address: str) -> None:
        self.runtime, self.address = runtime, address

    def get(self, path: str, key: str = "") -> Any:
        parts = path.split("/")
        resource, names = ("/files/{token}", {"token": parts[-1]}) if parts[1] == "files" else (path, {})
        headers = {"authorization": [f"Bearer {key}"], "x-forwarded-for": ["203.0.113.9"]}
        asked = {
            "headers": {name: value[0] for name, value in headers.items()},
            "multiValueHeaders": headers,
            "pathParameters": names,
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "stageVariables": None,
            "requestContext": {
                "httpMethod": "GET",
                "resourcePath": resource,
                "path": path,
                "identity": {"sourceIp": self.address},
            },
            "body": None,
            "isBase64Encoded": False,
        }
        with self.runtime.wire.acting("function", "api"):
            return self.runtime.app.app(asked, None)

    def status(self, key: str) -> int:
        return int(self.get("/api/conversations", key)["statusCode"])


@pytest.fixture
def key(scenario: Scenario) -> str:
    return admin_keys.new(admin_keys.AdminRole.VIEWER, "test", scenario.deps)[0]


def test_one_key_that_is_tried_again_and_again_is_not_even_looked_up(scenario: Scenario, key: str) -> None:
    guesser = Caller(scenario.runtime, "198.51.100.7")
    wrong = key[:-8] + "00000000"
    statuses = [guesser.status(wrong) for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    before = len(scenario.runtime.meter.of(function="api"))
    answer = guesser.get("/api/conversations", wrong)
    assert len(scenario.runtime.meter.of(function="api")) == before
    assert 0 < int(answer["headers"]["Retry-After"]) <= 60
    assert guesser.status(key) == 429, "a right guess from there is no use either"
    assert Caller(scenario.runtime, "198.51.100.8").status(key) == 200, "its owner elsewhere is let in"
    scenario.clock.advance(60_000)
    assert guesser.status(key) == 200


def test_many_wrong_keys_from_one_address_are_429_and_a_right_one_from_there_gets_in(
    scenario: Scenario, key: str
) -> None:
    caller = Caller(scenario.runtime, "198.51.100.7")
    wrong = [f"dwk_{number:012x}" + "0" * 48 for number in range(40)]
    assert [caller.status(one) for one in wrong] == [401] * 30 + [429] * 10
    assert caller.status(key) == 200
    assert caller.status("") == 429
    assert Caller(scenario.runtime, "198.51.100.8").status(wrong[0]) == 401
    told = [line["outcome"] for line in scenario.lines if line["step"] == "admin"]
    assert told == ["401"] * 30 + ["429", "200", "401"], "what goes on and on is told once"


@pytest.mark.parametrize("given", ["", "x", "a.b.c", "é", "dwk_"])
def test_whatever_is_sent_as_a_key_is_limited(scenario: Scenario, given: str) -> None:
    caller = Caller(scenario.runtime, "198.51.100.7")
    assert [caller.status(given) for _ in range(12)] == [401] * 10 + [429] * 2


# --- links to files ----------------------------------------------------------------------------------------------


def test_links_that_are_not_ours_are_429_and_one_of_ours_still_opens(scenario: Scenario) -> None:
    caller = Caller(scenario.runtime, "198.51.100.7")
    assert [caller.get(f"/files/x{n}")["statusCode"] for n in range(40)] == [404] * 30 + [429] * 10
    ours = links.link("M#0123456789abcdefgh#gone", 0, scenario.deps).rpartition("/")[2]
    assert caller.get(f"/files/{ours}")["statusCode"] == 410
    assert caller.get("/files/x")["headers"]["Retry-After"]


def test_a_file_whose_place_cannot_be_read_is_503_with_a_word_on_when(scenario: Scenario) -> None:
    from tests.support.faults import Down

    ours = links.link("M#0123456789abcdefgh#gone", 0, scenario.deps).rpartition("/")[2]
    Down(scenario, "dynamodb", "BatchGetItem")
    answer = Caller(scenario.runtime, "198.51.100.7").get(f"/files/{ours}")
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")


# --- the counter -------------------------------------------------------------------------------------------------


def test_the_memory_is_bounded_and_who_is_pushed_out_counts_anew() -> None:
    limiter = Limiter(2, 1000, remembered=100)
    for number in range(100_000):
        limiter.count(f"address {number}", 5)
    assert len(limiter._counts) == 100
    limiter.count("early", 5)
    limiter.count("early", 5)
    assert limiter.full("early", 5)
    for number in range(100):
        limiter.count(f"later {number}", 5)
    assert not limiter.full("early", 5)


def test_a_window_ends_and_tells_when() -> None:
    limiter = Limiter(1, 10_000)
    assert limiter.count("a", 19_000) == 1
    assert (limiter.full("a", 19_999), limiter.seconds(19_000), limiter.seconds(10_000)) == (True, 1, 10)
    assert not limiter.full("a", 20_000)
    assert limiter.count("a", 20_000) == 1
