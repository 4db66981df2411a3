"""What the benchmarks conclude from their counts: no figure passes that was not measured, no growth goes unseen."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from bench import advice, budgets, cold, doors, growth, payload, report, sync
from bench.growth import Work
from connectors.base import InvalidWebhook, WebhookRequest
from connectors.registry import connector

NOW = 1_750_000_000_000


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("first_ack_ratio", 1.15, "holds"),
        ("first_ack_ratio", 1.16, "DOES NOT HOLD"),
        ("first_ack_ratio", None, "not run"),
        ("crm_writes_per_echo", 0, "holds"),
        ("crm_writes_per_echo", 0.1, "DOES NOT HOLD"),
        ("messages_per_second", 3.0, ""),
    ],
)
def test_a_budget_holds_only_where_it_was_measured(name: str, value: float | None, verdict: str) -> None:
    assert budgets.figure(name, value).verdict == verdict
    assert budgets.figure(name, value).holds is {"holds": True, "DOES NOT HOLD": False}.get(verdict)


def test_without_valgrind_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert cold.first_ack(False, 1.15).ratio is None


@pytest.mark.parametrize(
    ("later", "grown"),
    [
        (Work(20, 10, 10, 2), []),
        (Work(21, 10, 10, 2), []),  # within the tolerance
        (Work(20, 10, 11, 2), [50]),
        (Work(20, 10, 10, 3), [50]),
        (Work(18, 9, 9, 1), []),
    ],
)
def test_growth_of_any_kind_of_work_is_seen(later: Work, grown: list[int]) -> None:
    assert growth.grown({5: Work(20, 10, 10, 2), 50: later}) == grown


def test_what_grew_is_named() -> None:
    found = {5: Work(20, 10, 10, 2, {"read link": 1, "read message": 1}), 50: Work(20, 10, 20, 2, {"read message": 11})}
    assert growth.culprits(found) == ["read message: 1.0 units at 5, 11.0 at 50"]


def test_the_message_is_what_slack_sends_and_of_the_size_that_the_budget_names() -> None:
    rng = random.Random(1)
    seat = payload.workspace(rng)
    body = payload.message(seat, rng, "C0123456789", "U0123456789", "1750000000.000100", "1750000000.000000")
    assert payload.SIZE - 1 <= len(body) <= payload.SIZE
    slack = connector("slack")({"signing_secret": seat.signing_secret, "team_id": seat.team}, "c")
    headers = {name.lower(): value for name, value in payload.signed(seat.signing_secret, body, NOW).items()}
    request = WebhookRequest("POST", headers, body, NOW)
    slack.verify(request)
    (event,) = slack.parse(request)
    assert getattr(event, "text", "") == json.loads(body)["event"]["text"]
    with pytest.raises(InvalidWebhook):
        slack.verify(WebhookRequest("POST", headers, body + b" ", NOW))


def test_sdk_modules_are_known_by_their_package() -> None:
    modules = ["slack_sdk.web", "requests", "connectors.slack", "botocore.vendored.requests", "chalice.app"]
    assert cold.sdk_modules(modules) == ["slack_sdk.web", "requests"]


def test_a_fresh_interpreter_tells_its_calls_and_its_modules(tmp_path: Path) -> None:
    told = {app: cold.Cold(tmp_path).told(app) for app in (cold.OURS, cold.BARE)}
    assert told[cold.BARE].calls == ["GetParameter", "SendMessage"]
    assert told[cold.OURS].calls[-1] == "SendMessage"
    assert "chalicelib.services.receive" in told[cold.OURS].modules
    assert "chalicelib.services.receive" not in told[cold.BARE].modules


@pytest.mark.parametrize("provider", sync.BOTH)
def test_writes_of_the_crm_are_counted_apart_from_reads(provider: str) -> None:
    found = sync.crm(provider, messages=2)
    assert found.writes_per_message == 1
    assert found.writes_per_echo == 0
    assert 1 <= found.reads_per_hint <= 2


def test_with_two_crms_each_sees_what_is_done_in_the_other_once() -> None:
    found = sync.both(messages=2)
    assert found.writes_per_message == dict.fromkeys(sync.BOTH, 1)
    assert found.writes_per_answer == found.writes_per_status == dict.fromkeys(sync.BOTH, 1)
    assert found.writes_afterwards == dict.fromkeys(sync.BOTH, 0)


@pytest.mark.parametrize("provider", doors.DOORS)
def test_each_providers_delivery_is_acknowledged_with_one_send(provider: str) -> None:
    counted = cold.calls(provider)
    assert counted.cold == ["GetParameter", "GetQueueUrl", "SendMessage"]
    assert counted.warm == ["SendMessage"]
    assert counted.sdk_modules == []


def test_advice_is_given_only_where_the_account_shows_the_saving() -> None:
    assert advice.advice({"DynamoDB write message": 1.25}) == []
    texts = [one.text for one in advice.advice({"DynamoDB write message": 2.5, "SQS GetQueueUrl": 0.5})]
    assert texts[0].startswith("message: fit it into 1 KB") and len(texts) == 2


def test_the_json_has_every_figure_and_whether_it_holds(tmp_path: Path) -> None:
    figures = [budgets.figure("first_ack_ratio", None), budgets.figure("ack_aws_calls", 1)]
    report.write(tmp_path / "bench.json", figures, {})
    written = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert written["first_ack_ratio"] is None and written["ack_aws_calls"] == 1
    assert written["holds"] == {"first_ack_ratio": None, "ack_aws_calls": True}
