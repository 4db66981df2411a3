"""Forward to a newer version and back again, on an AWS that answers: shown first, and nothing that is kept is lost.

Slow: it installs ministack once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib import VERSION
from tests.deploy.conftest import aws, project
from tests.deploy.ministack import Ministack, Project, Ran

pytestmark = pytest.mark.slow
__all__ = ["aws", "project"]

NEWER = "99.0.0"
MESSAGE = {"v": 2, "kind": "webhook", "connection": "c", "delivery": "d1"}


def ok(ran: Ran) -> Ran:
    assert ran.code == 0, f"{ran.out}\n{ran.err}"
    return ran


def changed(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_stage_goes_forward_and_back(project: Project, aws: Ministack) -> None:
    ok(project.deskweave("up", "--stage", "moves", "--yes"))
    item = {"pk": {"S": "C#1"}, "sk": {"S": "-"}}
    aws.client("dynamodb").put_item(TableName="deskweave-moves", Item=item)

    _newer(project)
    asked = project.deskweave("up", "--stage", "moves", input="n\n")
    assert asked.code == 1 and f"Version {VERSION} -> {NEWER}" in asked.out
    assert "5 log groups: RetentionInDays" in asked.out
    assert "may also dynamodb:DescribeTable on table/deskweave-moves" in asked.out
    assert f"environment_variables.DESKWEAVE_VERSION: {VERSION} -> {NEWER}" in asked.out
    told = json.loads(ok(project.deskweave("up", "--stage", "moves", "--yes", "--json")).out)
    assert (told["version_before"], told["version"], told["done"]) == (VERSION, NEWER, True)
    assert _kept_for(aws) == 60
    queue = aws.client("sqs").get_queue_url(QueueName="deskweave-moves-inbox.fifo")["QueueUrl"]
    given = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(MESSAGE), **given)

    _older(project)
    asked = project.deskweave("up", "--stage", "moves", input="n\n")
    assert asked.code == 1 and f"! This goes BACK from version {NEWER} to {VERSION}" in asked.out
    assert "may no longer dynamodb:DescribeTable" in asked.out
    ok(project.deskweave("up", "--stage", "moves", "--yes"))
    assert _kept_for(aws) == 30
    assert aws.client("dynamodb").get_item(TableName="deskweave-moves", Key=item)["Item"] == item
    (message,) = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"]) == MESSAGE
    assert "Nothing to change" in ok(project.deskweave("up", "--stage", "moves")).out


def _newer(project: Project) -> None:
    """A version that keeps logs for longer, and whose clock looks at the table itself."""
    changed(project.folder / "chalicelib" / "__init__.py", f'"{VERSION}"', f'"{NEWER}"')
    changed(project.folder / "infra" / "stack" / "template.py", "LOG_DAYS = 30", "LOG_DAYS = 60")
    policies = project.folder / "infra" / "stack" / "policies.py"
    policies.write_text(policies.read_text() + '\nGRANTS["clock"]["table"] += ("DescribeTable",)\n', encoding="utf-8")


def _older(project: Project) -> None:
    changed(project.folder / "chalicelib" / "__init__.py", f'"{NEWER}"', f'"{VERSION}"')
    changed(project.folder / "infra" / "stack" / "template.py", "LOG_DAYS = 60", "LOG_DAYS = 30")
    changed(project.folder / "infra" / "stack" / "policies.py", 'GRANTS["clock"]["table"] += ("DescribeTable",)\n', "")


def _kept_for(aws: Ministack) -> Any:
    """Days for which the clock's logs are kept."""
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/deskweave-moves-clock")
    return found["logGroups"][0]["retentionInDays"]
