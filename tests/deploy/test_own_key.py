"""`deskweave up --kms-key` against an AWS that answers: to a key of one's own, and back to AWS's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.stack import encryption
from infra.stack.policies import Place
from tests.deploy.ministack import ACCOUNT, REGION, Ministack, Project, Ran

pytestmark = pytest.mark.slow


def told(ran: Ran) -> Any:
    assert ran.code == 0, f"{ran.out}\n{ran.err}"
    return json.loads(ran.out)


def key_of(aws: Ministack, stage: str, *, lacking: int | None = None) -> str:
    """A new key whose policy allows all that a stage needs, one statement left out where that is asked for."""
    statements = encryption.statements(Place(stage, ACCOUNT, REGION, "b"))
    kept = [one for number, one in enumerate(statements) if number != lacking]
    policy = json.dumps({"Version": "2012-10-17", "Statement": kept})
    return str(aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def secret_keys(aws: Ministack, stage: str) -> set[str]:
    path = [{"Key": "Path", "Option": "Recursive", "Values": [f"/deskweave/{stage}"]}]
    found = aws.client("ssm").describe_parameters(ParameterFilters=path)["Parameters"]
    return {one.get("KeyId", encryption.SSM_OWN) for one in found}


def queue_key(aws: Ministack, stage: str) -> str:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=f"deskweave-{stage}-inbox.fifo")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return str(found.get("KmsMasterKeyId", ""))


def test_a_stage_goes_to_a_key_of_ones_own_and_back(project: Project, aws: Ministack) -> None:
    stage, up = "own", ("up", "--stage", "own", "--yes", "--json")
    told(project.deskweave(*up))
    assert (secret_keys(aws, stage), queue_key(aws, stage)) == ({encryption.SSM_OWN}, "")
    key = key_of(aws, stage)
    changed = told(project.deskweave(*up, "--kms-key", key))
    assert changed["kms_key"] == key and changed["secrets_encrypted"] == ["/deskweave/own/keys/files"]
    assert (secret_keys(aws, stage), queue_key(aws, stage)) == ({key}, key)
    table = aws.client("dynamodb").describe_table(TableName="deskweave-own")["Table"]
    assert table["TableName"] and told(project.deskweave(*up))["empty"], "a further run changes nothing"
    back = told(project.deskweave(*up, "--kms-key", "aws"))
    assert back["kms_key"] == "" and not back["empty"]
    assert (secret_keys(aws, stage), queue_key(aws, stage)) == ({encryption.SSM_OWN}, "")
    policy = json.loads((project.folder / ".chalice" / "policy-own-inbox.json").read_text())
    former = [one for one in policy["Statement"] if one["Sid"] == "FormerKeysDecrypt"]
    assert [one["Resource"] for one in former] == [[key]]


def test_a_key_whose_policy_lacks_something_changes_nothing(project: Project, aws: Ministack) -> None:
    key = key_of(aws, "lack", lacking=1)
    ran = project.deskweave("up", "--stage", "lack", "--yes", "--kms-key", key)
    assert ran.code == 1 and "nothing was changed" in ran.err and "ses.amazonaws.com" in ran.err
    assert "sns.amazonaws.com" not in ran.err
    assert not aws.client("dynamodb").list_tables()["TableNames"].count("deskweave-lack")
