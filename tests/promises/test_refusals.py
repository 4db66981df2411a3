"""P8: what is refused, what is taken and kept, and what is put off; a stranger learns nothing and spends nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.services.connections import new_id
from tests.promises.test_bad_input import GOOD, signed
from tests.support import books
from tests.support.faults import Down
from tests.support.scenario import Scenario


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    with Scenario() as running:
        yield running


def _lines(scenario: Scenario, outcome: str) -> list[dict[str, Any]]:
    return [line for line in scenario.lines if line.get("outcome") == outcome and line.get("step") == "receive"]


@pytest.mark.parametrize("provider", ["slack", "zendesk"])
@pytest.mark.parametrize("how", ["secret", "truncated", "stale", "non-ascii"])
def test_a_forgery_is_401_a_metric_and_no_record(scenario: Scenario, provider: str, how: str) -> None:
    before = scenario.items()
    delivery = scenario.sandbox.forge(provider, how)
    scenario.run()
    assert [status for _, status in delivery.attempts] == [401]
    assert scenario.items() == before
    (line,) = _lines(scenario, "401")
    assert line["refused"] == 1
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "refused"}]


@pytest.mark.parametrize("provider", ["slack", "zendesk"])
def test_a_forgery_is_refused_also_where_the_settings_are_read_again(scenario: Scenario, provider: str) -> None:
    scenario.write()
    scenario.run()
    scenario.clock.advance(90_000)
    delivery = scenario.sandbox.forge(provider, "secret")
    scenario.sandbox.deliver_due()
    assert [status for _, status in delivery.attempts] == [401]
    assert [c.operation for c in scenario.runtime.meter.of(function="api")][-1] == "GetParameter"


@pytest.mark.parametrize("path", ["slack/{unknown}", "slack/{removed}", "pigeon/{unknown}", "slack/{zendesk}"])
def test_an_unknown_connection_is_verified_like_a_known_one(scenario: Scenario, path: str) -> None:
    """The same work: whoever measures the time learns nothing. The stranger's request is no less verified."""
    removed = scenario.deps.connections.add("slack", scenario.slack_settings())
    scenario.deps.connections.remove(removed)
    ids = {"unknown": new_id(lambda n: b"\x09" * n), "removed": removed, "zendesk": scenario.zendesk_id}
    body = GOOD
    answer = scenario.runtime.request("POST", "/webhooks/" + path.format(**ids), signed(scenario, body), body)
    assert answer.status == 404
    assert not any(queue.counts().visible for queue in scenario.runtime.queues.values())
    assert _lines(scenario, "404")


def test_a_stranger_who_tries_many_ids_does_not_keep_the_known_connection_out(scenario: Scenario) -> None:
    ids = [new_id(lambda n, k=number: bytes([k]) * n) for number in range(40)]
    scenario.restart()
    reads = len(scenario.runtime.meter.of(function="api"))
    for one in ids:
        assert scenario.runtime.request("POST", f"/webhooks/slack/{one}", signed(scenario, GOOD), GOOD).status in (
            404,
            503,
        )
    asked = [call for call in scenario.runtime.meter.of(function="api")[reads:] if call.service == "ssm"]
    assert len(asked) <= 5
    scenario.write()
    scenario.settle()
    assert 404 not in {status for delivery in scenario.sandbox.deliveries for _, status in delivery.attempts}
    books.check(scenario)


def test_a_paused_connection_takes_what_comes_and_works_it_off_when_resumed(scenario: Scenario) -> None:
    ts = scenario.write()
    scenario.settle()
    for connection in (scenario.slack_id, scenario.zendesk_id):
        scenario.deps.connections.pause(connection, "by hand")
    scenario.write(ts)
    scenario.answer()
    scenario.settle()
    attempts = {status for delivery in scenario.sandbox.deliveries for _, status in delivery.attempts}
    assert attempts == {200}
    assert len(scenario.records("message")) == 2
    assert len(books.books(scenario).lost) == 2
    for connection in (scenario.slack_id, scenario.zendesk_id):
        scenario.deps.connections.resume(connection)
    scenario.settle()
    books.check(scenario)


def test_an_unknown_event_is_acknowledged_and_counted(scenario: Scenario) -> None:
    scenario.sandbox.send_raw("slack", GOOD)
    scenario.sandbox.send_raw("zendesk", b'{"type": "zen:event-type:user.created", "detail": {"id": "1"}}')
    scenario.run()
    assert [d.attempts[0][1] for d in scenario.sandbox.deliveries] == [200, 200]
    assert len([line for line in scenario.lines if line["step"] == "inbox" and line["outcome"] == "ignored"]) == 2
    assert sum(line["acked"] for line in scenario.lines if "acked" in line) == 2
    assert sum(line["stored"] for line in scenario.lines if "stored" in line) == 2
    assert not scenario.failures()


def test_a_body_that_is_not_base64_is_400(scenario: Scenario) -> None:
    """API Gateway marks binary bodies as base64; chalice alone would answer an empty 200."""
    event = {
        "resource": "/webhooks/{provider}/{connection}",
        "path": f"/webhooks/slack/{scenario.slack_id}",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"provider": "slack", "connection": scenario.slack_id},
        "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/webhooks/{provider}/{connection}"},
        "body": "not base64 at all!",
        "isBase64Encoded": True,
    }
    answer = scenario.runtime.app.app(event, None)
    assert answer["statusCode"] == 400


def test_a_base64_body_is_verified_over_its_raw_bytes(scenario: Scenario) -> None:
    body = GOOD
    headers = signed(scenario, body)
    event = {
        "resource": "/webhooks/{provider}/{connection}",
        "path": f"/webhooks/slack/{scenario.slack_id}",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"provider": "slack", "connection": scenario.slack_id},
        "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/webhooks/{provider}/{connection}"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    assert scenario.runtime.app.app(event, None)["statusCode"] == 200


@pytest.mark.parametrize(("service", "operation"), [("ssm", "GetParameter"), ("sqs", "SendMessage")])
def test_what_cannot_be_read_or_queued_is_503_with_a_word_on_when_to_retry(
    scenario: Scenario, service: str, operation: str
) -> None:
    Down(scenario, service, operation)
    answer = scenario.runtime.request("POST", f"/webhooks/slack/{scenario.slack_id}", signed(scenario, GOOD), GOOD)
    assert answer.status == 503
    assert 0 < int(answer.headers["retry-after"]) < 60


HOSTILE: dict[str, Callable[[Scenario], bytes]] = {
    "NUL and controls": lambda s: _message(s, "a\x00b\x1b[31mc"),
    "half a surrogate": lambda s: _message(s, "\ud800"),
    "a megabyte": lambda s: _message(s, "x" * 1_000_000),
    "markup": lambda s: _message(s, "<script>alert(1)</script> {{ticket.id}} =HYPERLINK(1)"),
    "right to left": lambda s: _message(s, "\u202egnp.exe"),
    "19 digits": lambda s: _message(s, "n", extra={"event_time": 9999999999999999999}),
    "an emoji cut": lambda s: _message(s, "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 30_000),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_words_are_stored_and_reach_the_ticket(scenario: Scenario, what: str) -> None:
    scenario.sandbox.send_raw("slack", HOSTILE[what](scenario), "message")
    scenario.settle()
    assert not scenario.failures()
    assert len(scenario.records("message")) == 1
    assert len(scenario.zendesk.tickets) == 1
    assert len(scenario.zendesk.comments(1)) == 1


def _message(scenario: Scenario, text: str, extra: dict[str, Any] | None = None) -> bytes:
    event = {
        "type": "message",
        "user": scenario.customer,
        "text": text,
        "ts": f"{scenario.clock() // 1000}.000001",
        "channel": scenario.channel,
        "channel_type": "channel",
    }
    team = {"team_id": scenario.slack.team_id, "api_app_id": scenario.slack.app_id}
    return json.dumps({"type": "event_callback", **team, "event": event, **(extra or {})}).encode()
