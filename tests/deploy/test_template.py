"""The stage's template says what was promised of the AWS side, always in the same words, and holds no secret."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import schema
from infra.stack import alarms, names, template
from tests.deploy import tools

ROOT = Path(__file__).resolve().parents[2]
MADE = template.template("prod", "deskweave-prod-files-123456789012")


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = MADE["Resources"][name]["Properties"]
    return found


def test_the_same_stage_gives_the_same_text_in_every_process() -> None:
    code = "import sys; from infra.stack import template; sys.stdout.write(template.text('prod', 'b'))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1 and json.loads(texts.pop())["Resources"]


def test_the_table_is_the_one_that_the_code_uses() -> None:
    wanted = schema.table_definition("deskweave-prod")
    assert {name: properties("Table")[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Table", {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}),
        ("Table", {"SSESpecification": {"SSEEnabled": True}}),
        ("Table", {"TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True}}),
        ("InboxQueue", {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}),
        ("EffectsQueue", {"FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}),
        ("InboxDead", {"FifoQueue": True, "SqsManagedSseEnabled": True}),
        ("MailQueue", {"QueueName": "deskweave-prod-mail", "SqsManagedSseEnabled": True}),
        ("MailTopic", {"TopicName": "deskweave-prod-mail"}),
        ("ApiLogs", {"LogGroupName": "/aws/lambda/deskweave-prod", "RetentionInDays": 30}),
    ],
)
def test_what_was_promised_is_there(name: str, wanted: dict[str, Any]) -> None:
    assert wanted.items() <= properties(name).items()


def test_nothing_in_the_bucket_is_public() -> None:
    closed = properties("Bucket")["PublicAccessBlockConfiguration"]
    assert len(closed) == 4 and all(closed.values())
    statements = properties("BucketPolicy")["PolicyDocument"]["Statement"]
    assert {one["Effect"] for one in statements if one["Principal"] == "*"} == {"Deny"}


@pytest.mark.parametrize("name", ["BucketPolicy", "MailTopicPolicy"])
def test_ses_acts_for_our_own_account_only(name: str) -> None:
    by_ses = [
        one
        for one in properties(name)["PolicyDocument"]["Statement"]
        if one["Principal"] == {"Service": "ses.amazonaws.com"}
    ]
    assert len(by_ses) == 1
    assert by_ses[0]["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_our_topic_fills_the_mail_queue() -> None:
    (statement,) = properties("MailQueuePolicy")["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "MailTopic"}}}


def test_data_outlives_the_stack_and_nothing_else_does() -> None:
    kept = {name for name, one in MADE["Resources"].items() if one.get("DeletionPolicy") == "Retain"}
    assert kept == set(template.KEPT) == {"Table", "Bucket"}


def test_a_stage_that_is_down_keeps_its_data_as_it_was() -> None:
    small = template.template("prod", "deskweave-prod-files-123456789012", data_only=True)
    assert small["Resources"] == {name: MADE["Resources"][name] for name in template.DATA}


def test_every_queue_and_function_has_its_alarms() -> None:
    watched = {
        (one["Properties"]["MetricName"], dimension["Value"])
        for one in MADE["Resources"].values()
        if one["Type"] == "AWS::CloudWatch::Alarm"
        for dimension in one["Properties"].get("Dimensions", ())
    }
    for spec in schema.queues("prod").values():
        assert ("ApproximateNumberOfMessagesVisible", spec.dead_name) in watched
        assert ("ApproximateAgeOfOldestMessage", spec.name) in watched
    assert {("Errors", names.function("prod", name)) for name in names.FUNCTIONS} <= watched


def logged() -> set[tuple[str, str]]:
    """Metric and outcome of every `log.count` in the code whose outcome stands there in words."""
    found = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "count" and len(call.args) == 2:
                outcome = next((word.value for word in call.keywords if word.arg == "outcome"), None)
                if isinstance(outcome, ast.Constant) and isinstance(call.args[1], ast.Constant):
                    found.add((str(call.args[1].value), str(outcome.value)))
    return found


def kinds() -> set[str]:
    """The kinds of failures that the code lists, by `failures.add` or `set_aside`; those of lanes count by outcome."""
    found = set()
    for path in (ROOT / "chalicelib").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            given = (
                [word.value for word in call.keywords if word.arg == "kind"] if name == "set_aside" else call.args[:1]
            )
            if name in ("set_aside", "add") and given and isinstance(given[0], ast.Constant):
                found |= {given[0].value} if isinstance(given[0].value, str) else set()
    return found


def test_every_metric_that_has_an_alarm_is_one_that_is_logged() -> None:
    fixed = {(metric, outcome) for metric in ("bugs", "paused", "unavailable") for outcome in alarms.OWN[metric]}
    assert fixed <= logged()


def test_every_kind_of_failure_rings() -> None:
    found = kinds()
    assert {"delivery", "message", "record", "connection", "poll"} <= found
    assert found <= set(alarms.OWN["failures"])


def test_no_secret_is_in_it() -> None:
    text = json.dumps(MADE).lower()
    assert not any(word in text for word in ("securestring", "password", "secret", "token", "private"))


@pytest.mark.slow
@pytest.mark.parametrize("data_only", [False, True], ids=["up", "down"])
def test_cfn_lint_has_nothing_to_say(data_only: bool, tmp_path: Path) -> None:
    try:
        python = tools.interpreter("cfn-lint")
    except tools.NotInstalled as reason:
        pytest.skip(f"not run: cfn-lint cannot be had here: {reason}")
    written = tmp_path / "template.json"
    written.write_text(template.text("prod", "deskweave-prod-files-123456789012", data_only=data_only))
    lint = ["-c", "import sys; from cfnlint.runner import main; sys.exit(main())", "--template"]
    ran = subprocess.run([str(python), *lint, str(written)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr
    spoilt = json.loads(written.read_text())
    spoilt["Resources"]["Table"]["Properties"]["BillingMode"] = "PAY_LATER"
    written.write_text(json.dumps(spoilt))
    assert subprocess.run([str(python), *lint, str(written)], capture_output=True, check=False).returncode
