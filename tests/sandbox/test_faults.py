"""Each kind of fault does what it says, on both providers; deliveries are retried as the vendors do."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from infra.sandbox import Fault, Sandbox
from tests.sandbox.clients import Clock, Receiver, slack_client

ZENDESK_CREATE = {"ticket": {"subject": "Broken", "comment": {"body": "It is broken"}}}


def create_ticket(sandbox: Sandbox, key: str = "") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (f"{sandbox.zendesk.integration_email}/token", sandbox.zendesk.integration_token)
        headers = {"Idempotency-Key": key} if key else {}
        address = f"{sandbox.zendesk.url}/api/v2/tickets.json"
        return session.post(address, json=ZENDESK_CREATE, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [("429", 429, "ratelimited"), ("500", 500, "internal_error"), ("503", 503, "service_unavailable"),
     ("expired_token", 200, "invalid_auth")],
)  # fmt: skip
def test_slack_refuses_and_applies_nothing(sandbox: Sandbox, kind: str, status: int, error: str) -> None:
    channel, client = sandbox.slack.add_channel("help"), slack_client(sandbox)
    sandbox.faults.add(Fault("slack", kind, "chat.postMessage", retry_after=7))
    with pytest.raises(SlackApiError, match=error) as refused:
        client.chat_postMessage(channel=channel, text="x")
    assert refused.value.response.status_code == status
    assert kind != "429" or refused.value.response.headers["Retry-After"] == "7"
    assert sandbox.ledger == []
    assert client.chat_postMessage(channel=channel, text="x")["ok"]


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("500", 500), ("503", 503), ("expired_token", 401)])
def test_zendesk_refuses_and_applies_nothing(sandbox: Sandbox, kind: str, status: int) -> None:
    sandbox.faults.add(Fault("zendesk", kind, "POST /api/v2/tickets", retry_after=7))
    refused = create_ticket(sandbox)
    assert refused.status_code == status
    assert kind not in ("429", "503") or refused.headers["Retry-After"] == "7"
    assert sandbox.zendesk.tickets == {}
    assert create_ticket(sandbox).status_code == 201


@pytest.mark.parametrize(("kind", "applied"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_call_without_an_answer_is_applied_or_not(sandbox: Sandbox, kind: str, applied: int) -> None:
    channel = sandbox.slack.add_channel("help")
    sandbox.faults.add(Fault("slack", kind))
    sandbox.faults.add(Fault("zendesk", kind))
    with pytest.raises(http.client.RemoteDisconnected):
        slack_client(sandbox).chat_postMessage(channel=channel, text="x")
    with pytest.raises(requests.ConnectionError):
        create_ticket(sandbox)
    assert (len(sandbox.slack.messages(channel)), len(sandbox.zendesk.tickets)) == (applied, applied)


def test_a_fault_strikes_after_some_calls_and_so_often(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("slack", "500", "*.test", times=2, after=1))
    client = slack_client(sandbox)
    outcomes = [_works(client) for _ in range(5)]
    assert outcomes == [True, False, False, True, True]
    assert sandbox.requests["slack", "POST", "auth.test"] == 5
    sandbox.faults.add(Fault("slack", "500"))
    sandbox.faults.clear()
    assert _works(client)


def _works(client: WebClient) -> bool:
    try:
        return bool(client.auth_test()["ok"])
    except SlackApiError:
        return False


def test_a_fault_may_strike_one_caller_alone(sandbox: Sandbox) -> None:
    _, email, token = sandbox.zendesk.add_agent("Bo", "bo@sandbox.test")
    sandbox.faults.add(Fault("zendesk", "503", only=sandbox.zendesk.integration_email))
    agent = requests.get(f"{sandbox.zendesk.url}/api/v2/users/me", auth=(f"{email}/token", token), timeout=10)
    assert (agent.status_code, create_ticket(sandbox).status_code) == (200, 503)


def test_sixteen_calls_with_one_key_at_once_make_one_ticket(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: create_ticket(sandbox, "call-1"), range(16)))
    lookups = sorted(answer.headers["x-idempotency-lookup"] for answer in answers)
    assert (lookups, len(sandbox.zendesk.tickets)) == (["hit"] * 15 + ["miss"], 1)


def test_an_unknown_kind_of_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        Fault("slack", "meteor")


def post_two(sandbox: Sandbox) -> None:
    ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
    sandbox.slack.post(ann, channel, "one")
    sandbox.slack.post(ann, channel, "two")


def texts(webhook: Receiver) -> list[str]:
    return [json.loads(body)["event"]["text"] for _, body in webhook.received]


@pytest.mark.parametrize(
    ("kind", "at_once", "later"),
    [
        ("drop", ["two"], []),
        ("duplicate", ["one", "one", "two"], []),
        ("delay", ["two"], ["one"]),
        ("reorder", ["two", "one"], []),
    ],
)
def test_a_webhook_is_spoilt_as_asked(
    sandbox: Sandbox, webhook: Receiver, clock: Clock, kind: str, at_once: list[str], later: list[str]
) -> None:
    sandbox.faults.add(Fault("slack", kind, "message", delay_ms=5_000))
    post_two(sandbox)
    sandbox.deliver_due()
    assert texts(webhook) == at_once
    clock.now = sandbox.next_due() or clock.now
    sandbox.deliver_due()
    assert (texts(webhook)[len(at_once) :], sandbox.next_due()) == (later, None)


def test_slack_retries_at_once_after_a_minute_and_after_five(sandbox: Sandbox, webhook: Receiver, clock: Clock) -> None:
    start = clock.now
    webhook.statuses = [503, 500, 503, 503, 200]
    sandbox.slack.post(sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help"), "one")
    while (due := sandbox.next_due()) is not None:
        clock.now = due
        sandbox.deliver_due()
    (delivery,) = sandbox.deliveries
    times = [(at - start) // 1000 for at, _ in delivery.attempts]
    assert (times, [status for _, status in delivery.attempts]) == ([0, 0, 60, 360], [503, 500, 503, 503])
    marks = [(headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason")) for headers, _ in webhook.received]
    assert marks == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]
    stamps = [int(headers["x-slack-request-timestamp"]) for headers, _ in webhook.received]
    assert ([stamp - stamps[0] for stamp in stamps], delivery.state) == ([0, 0, 60, 360], "failed")


def test_slack_stops_where_it_is_told_to(sandbox: Sandbox, webhook: Receiver) -> None:
    webhook.statuses, webhook.headers = [500], {"X-Slack-No-Retry": "1"}
    sandbox.slack.post(sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help"), "one")
    assert (sandbox.deliver_due(), sandbox.next_due()) == (1, None)


@pytest.mark.parametrize(
    ("status", "headers", "attempts"),
    [
        (200, {}, 1),
        (500, {}, 1),
        (401, {}, 1),
        (409, {}, 4),
        (503, {}, 1),
        (503, {"Retry-After": "59"}, 6),
        (503, {"Retry-After": "60"}, 1),
        (429, {"Retry-After": "5"}, 6),
    ],
)
def test_zendesk_retries_what_it_says_it_retries(
    sandbox: Sandbox, webhook: Receiver, clock: Clock, status: int, headers: dict[str, str], attempts: int
) -> None:
    webhook.statuses, webhook.headers = [status] * 10, headers
    create_ticket(sandbox)
    while (due := sandbox.next_due()) is not None:
        clock.now = due
        sandbox.deliver_due()
    assert len(webhook.received) == attempts


def test_nobody_listening_is_a_failed_attempt(sandbox: Sandbox, webhook: Receiver, clock: Clock) -> None:
    sandbox.zendesk.webhook_url = "http://127.0.0.1:9/"
    create_ticket(sandbox)
    assert sandbox.deliver_due() == 1
    assert sandbox.deliveries[-1].attempts == [(clock.now, 0)]
    assert sandbox.next_due() == clock.now + 10_000


def test_an_answer_that_was_not_heard_brings_a_copy(sandbox: Sandbox, webhook: Receiver) -> None:
    sandbox.faults.add(Fault("slack", "lost_answer"))
    sandbox.slack.post(sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help"), "one")
    assert (sandbox.deliver_due(), texts(webhook)) == (2, ["one", "one"])
    assert [delivery.kind for delivery in sandbox.deliveries] == ["original", "retry-copy"]
    assert webhook.received[1][0]["x-slack-retry-reason"] == "http_timeout"


def test_a_delivery_comes_again_after_a_day_with_a_new_signature(
    sandbox: Sandbox, webhook: Receiver, clock: Clock
) -> None:
    sandbox.slack.post(sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help"), "one")
    sandbox.deliver_due()
    clock.forward(seconds=86_400)
    sandbox.redeliver(sandbox.deliveries[0].id)
    sandbox.redeliver(sandbox.deliveries[0].id, fresh_event_id=True)
    sandbox.deliver_due()
    bodies = [json.loads(body) for _, body in webhook.received]
    assert bodies[0] == bodies[1] and bodies[2]["event"] == bodies[0]["event"]
    assert len({body["event_id"] for body in bodies}) == 2
    stamps = [int(headers["x-slack-request-timestamp"]) for headers, _ in webhook.received]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 86_400, 86_400]


@pytest.mark.parametrize("provider", ["slack", "zendesk"])
def test_forgeries_are_sent_once_each_and_carry_no_good_signature(
    sandbox: Sandbox, webhook: Receiver, provider: str
) -> None:
    webhook.statuses = [401] * 4
    forged = [sandbox.forge(provider) for _ in range(4)]
    assert (sandbox.deliver_due(), sandbox.next_due()) == (4, None)
    assert [delivery.forgery for delivery in forged] == ["secret", "truncated", "stale", "non-ascii"]
    assert {delivery.kind for delivery in forged} == {"forged"}


def test_nothing_is_delivered_beyond_this_machine(sandbox: Sandbox) -> None:
    sandbox.slack.webhook_url = "http://192.0.2.1/hook"
    sandbox.slack.post(sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help"), "one")
    with pytest.raises(ValueError, match="this machine only"):
        sandbox.deliver_due()


def test_the_same_seed_and_calls_give_the_same_bytes() -> None:
    def play() -> list[bytes]:
        sandbox = Sandbox(Clock(), seed=7)
        sandbox.slack.webhook_url = sandbox.zendesk.webhook_url = "http://127.0.0.1:9/"
        ann, channel = sandbox.slack.add_user("Ann"), sandbox.slack.add_channel("help")
        sandbox.slack.post(ann, channel, "one", mention=True)
        sandbox.slack.upload(ann, channel, "a.txt", "text/plain", b"x")
        return [delivery.body for delivery in sandbox.deliveries]

    assert play() == play()
