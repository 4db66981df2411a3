"""A key of one's own encrypts everything that takes one, functions may use exactly that key, and the way back works."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from infra.cli import main
from infra.local.runtime import LocalRuntime
from infra.stack import config, encryption, names, plan, policies, template
from infra.stack.cloud import Cloud
from infra.stack.policies import Place
from infra.stack.words import Refused
from tests.deploy import design, tools

ACCOUNT, REGION = "123456789012", "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FORMER = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-1234abcd12ab34cd56ef1234567890ab"
BUCKET = "deskweave-prod-files-123456789012"
PLACE = Place("prod", ACCOUNT, REGION, BUCKET, "aws", KEY)

# Resource types -> where the key stands in their properties.
ENCRYPTED: dict[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::S3::Bucket": (
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        "0",
        "ServerSideEncryptionByDefault",
        "KMSMasterKeyID",
    ),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
}
# What keeps nothing of ours.
PLAIN = {
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
}


def at(node: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        node = node[int(step)] if isinstance(node, list) else node.get(step, {})
    return node


def unencrypted(made: dict[str, Any]) -> set[str]:
    """Resources that take the key and have it not, or have something else besides."""
    return {
        name
        for name, one in made["Resources"].items()
        if one["Type"] in ENCRYPTED and at(one["Properties"], ENCRYPTED[one["Type"]]) != KEY
    }


@pytest.mark.parametrize("data_only", [False, True], ids=["up", "down"])
def test_every_resource_that_takes_a_key_has_it(data_only: bool) -> None:
    made = template.template("prod", BUCKET, data_only=data_only, key=KEY)
    assert unencrypted(made) == set()
    assert {one["Type"] for one in made["Resources"].values()} <= set(ENCRYPTED) | PLAIN


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_a_resource_without_the_key_is_found_out(kind: str) -> None:
    made = template.template("prod", BUCKET, key=KEY)
    name = next(name for name, one in made["Resources"].items() if one["Type"] == kind)
    plain = template.template("prod", BUCKET)["Resources"][name]
    assert unencrypted({"Resources": {**made["Resources"], name: plain}}) == {name}


def test_what_aws_takes_of_each() -> None:
    made = template.template("prod", BUCKET, key=KEY)["Resources"]
    queue, table = made["InboxQueue"]["Properties"], made["Table"]["Properties"]["SSESpecification"]
    assert "SqsManagedSseEnabled" not in queue and 300 <= queue["KmsDataKeyReusePeriodSeconds"] <= 86_400
    assert table == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    (rule,) = made["Bucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True and rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


def test_without_a_key_nothing_of_it_is_in_the_template_or_the_policies() -> None:
    plain = Place("prod", ACCOUNT, REGION, BUCKET)
    told = template.text("prod", BUCKET) + "".join(policies.text(name, plain) for name in names.FUNCTIONS)
    assert "kms" not in told.lower()
    assert template.text("prod", BUCKET, key="") == template.text("prod", BUCKET)


@pytest.mark.slow
def test_cfn_lint_has_nothing_to_say_with_a_key(tmp_path: Path) -> None:
    try:
        python = tools.interpreter("cfn-lint")
    except tools.NotInstalled as reason:
        pytest.skip(f"not run: cfn-lint cannot be had here: {reason}")
    written = tmp_path / "template.json"
    written.write_text(template.text("prod", BUCKET, key=KEY))
    lint = ["-c", "import sys; from cfnlint.runner import main; sys.exit(main())", "--template"]
    ran = subprocess.run([str(python), *lint, str(written)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


# --- what functions may do with the key --------------------------------------------------------------------------


def of_the_key(function: str, place: Place = PLACE) -> dict[str, tuple[str, ...]]:
    """KMS action -> the services by way of which it is allowed."""
    found = {}
    for one in policies.policy(function, place)["Statement"]:
        if one["Action"][0].startswith("kms:"):
            assert one["Resource"] == ([KEY] if one["Sid"] != "FormerKeysDecrypt" else list(place.former))
            (found[one["Sid"]],) = (tuple(one["Condition"]["StringEquals"]["kms:ViaService"]),)
    return found


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        ("api", {"Decrypt": "dynamodb s3 sqs ssm", "GenerateDataKey": "s3 sqs", "Encrypt": "ssm"}),
        ("inbox", {"Decrypt": "dynamodb s3 sqs ssm", "GenerateDataKey": "sqs"}),
        ("effects", {"Decrypt": "dynamodb s3 sqs ssm", "GenerateDataKey": "s3 sqs"}),
        ("clock", {"Decrypt": "dynamodb sqs", "GenerateDataKey": "sqs"}),
        ("mail", {"Decrypt": "dynamodb sqs ssm", "GenerateDataKey": "s3 sqs"}),
    ],
)
def test_a_function_may_use_exactly_that_key_for_what_it_does(function: str, wanted: dict[str, str]) -> None:
    ways = {
        f"Key{action}": tuple(f"{service}.{REGION}.amazonaws.com" for service in services.split())
        for action, services in wanted.items()
    }
    assert of_the_key(function) == ways


def test_what_was_encrypted_with_a_key_before_can_still_be_read_and_no_more() -> None:
    back = Place("prod", ACCOUNT, REGION, BUCKET, "aws", "", (FORMER,))
    assert set(of_the_key("inbox", back)) == {"FormerKeysDecrypt"}
    both = Place("prod", ACCOUNT, REGION, BUCKET, "aws", KEY, (FORMER,))
    assert set(of_the_key("inbox", both)) == {"KeyDecrypt", "KeyGenerateDataKey", "FormerKeysDecrypt"}


def test_the_rules_of_aws_hold_with_a_key_too() -> None:
    given = design.design()
    place = Place(design.STAGE, design.ACCOUNT, design.REGION, names.bucket(design.STAGE, design.ACCOUNT), "aws", KEY)
    given.policies = {function: policies.policy(function, place) for function in names.FUNCTIONS}
    given.template = json.loads(template.text(design.STAGE, place.bucket, key=KEY))
    assert design.broken(given) == set()


# --- the key and its policy --------------------------------------------------------------------------------------


class Kms:
    """A KMS with one key."""

    def __init__(self, *, policy: Any = None, refuses: str = "", **metadata: str) -> None:
        usual = {"KeyState": "Enabled", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}
        self.metadata = {**usual, "KeyManager": "CUSTOMER", **metadata}
        self.policy = {"Statement": encryption.statements(PLACE)} if policy is None else policy
        self.refuses = refuses

    def describe_key(self, KeyId: str) -> Any:
        if KeyId != KEY:
            raise ClientError({"Error": {"Code": "NotFoundException", "Message": "no key"}}, "DescribeKey")
        return {"KeyMetadata": self.metadata}

    def get_key_policy(self, KeyId: str, PolicyName: str) -> Any:
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "not yours"}}, "GetKeyPolicy")
        return {"Policy": json.dumps(self.policy)}


def look(kms: Kms, place: Place = PLACE) -> tuple[list[dict[str, Any]], bool]:
    return encryption.look(place, Cloud(REGION, lambda service: kms))


def test_a_key_whose_policy_allows_all_lacks_nothing() -> None:
    assert look(Kms()) == ([], True)


@pytest.mark.parametrize("number", range(5))
def test_each_statement_that_is_missing_is_named(number: int) -> None:
    wanted = encryption.statements(PLACE)
    assert len(wanted) == 5
    lacking, seen = look(Kms(policy={"Statement": wanted[:number] + wanted[number + 1 :]}))
    assert (lacking, seen) == ([wanted[number]], True)


SPOILT = {
    "another service": {"Principal": {"Service": "s3.amazonaws.com"}},
    "half of the actions": {"Action": "kms:Decrypt"},
    "a denial": {"Effect": "Deny"},
    "nobody": {"Principal": {}},
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_statement_that_allows_less_does_not_count(what: str) -> None:
    ses = encryption.statements(PLACE)[1]
    kept = [one for one in encryption.statements(PLACE) if one is not ses and one["Sid"] != ses["Sid"]]
    assert look(Kms(policy={"Statement": [*kept, {**ses, **SPOILT[what]}]}))[0] == [ses]
    wider = {**ses, "Action": ["kms:*"], "Principal": {"Service": ["ses.amazonaws.com", "x.amazonaws.com"]}}
    assert look(Kms(policy={"Statement": [*kept, wider]}))[0] == []


def test_a_policy_that_cannot_be_read_is_told_whole() -> None:
    assert look(Kms(refuses="AccessDeniedException")) == (encryption.statements(PLACE), False)


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"KeyState": "Disabled"}, "AWS calls it Disabled"),
        ({"KeyState": "PendingDeletion"}, "PendingDeletion"),
        ({"KeySpec": "RSA_2048"}, "no symmetric key"),
        ({"KeyUsage": "SIGN_VERIFY"}, "no symmetric key"),
        ({"KeyManager": "AWS"}, "one of AWS's own"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_before_anything_is_changed(metadata: dict[str, str], told: str) -> None:
    with pytest.raises(Refused, match=told):
        look(Kms(**metadata))


def test_a_key_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="There is no key"):
        look(Kms(), Place("prod", ACCOUNT, REGION, BUCKET, "aws", FORMER))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("alias/desk", "is not the ARN of a KMS key"),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/desk", "an alias is none"),
        (KEY.replace(REGION, "us-east-1"), "region us-east-1; the stage is in 123456789012, eu-central-1"),
        (KEY.replace(ACCOUNT, "999999999999"), "account 999999999999"),
        (KEY + "\n", "is not the ARN"),
        ("", "is not the ARN"),
    ],
)
def test_what_is_no_key_of_the_stages_is_refused(key: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        encryption.checked(key, ACCOUNT, REGION)
    assert encryption.checked(KEY, ACCOUNT, REGION) == KEY
    assert encryption.checked(FORMER, ACCOUNT, REGION) == FORMER


# --- to the key and back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "before", "given", "then"),
    [
        ("", "", None, ("", ())),
        ("", "", KEY, (KEY, ())),
        (KEY, "", None, (KEY, ())),
        (KEY, "", KEY, (KEY, ())),
        (KEY, "", "aws", ("", (KEY,))),
        (KEY, "", FORMER, (FORMER, (KEY,))),
        ("", KEY, KEY, (KEY, ())),
        ("", f"{KEY} {FORMER}", None, ("", (KEY, FORMER))),
    ],
)
def test_the_keys_of_a_stage_and_those_before(
    now: str, before: str, given: str | None, then: tuple[str, tuple[str, ...]]
) -> None:
    kept = {"DESKWEAVE_KMS_KEY": now, "DESKWEAVE_FORMER_KMS_KEYS": before}
    assert plan._keys(kept, ACCOUNT, REGION, given) == then


def test_the_stages_settings_name_the_key_and_forget_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((config.FOLDER / "config.json").read_text())
    config.apply(config.changes(PLACE, tmp_path))
    assert config.environment("prod", tmp_path)["DESKWEAVE_KMS_KEY"] == KEY
    back = Place("prod", ACCOUNT, REGION, BUCKET, "aws", "", (KEY,))
    config.apply(config.changes(back, tmp_path))
    found = config.environment("prod", tmp_path)
    assert "DESKWEAVE_KMS_KEY" not in found and found["DESKWEAVE_FORMER_KMS_KEYS"] == KEY
    assert config.changes(back, tmp_path) == []


def test_secrets_are_written_again_under_the_key_and_back(
    runtime: LocalRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib import bootstrap

    deps = bootstrap.deps()
    connection = deps.connections.add("slack", {"signing_secret": "fixture-signing-secret"})
    cloud = Cloud("us-east-1", lambda service: boto3.client(service))
    own = Place("local", "123456789012", "us-east-1", "b", "aws", KEY)
    plain = Place("local", "123456789012", "us-east-1", "b")
    names_of = [f"/deskweave/local/connections/{connection}", "/deskweave/local/keys/files"]
    before = [deps.secrets.read(name.removeprefix("/deskweave/local/")) for name in names_of]
    for place in (own, plain):
        assert encryption.secrets_to_change(place, cloud) == names_of
        for name in names_of:
            encryption.change_secret(name, place, cloud)
        assert encryption.secrets_to_change(place, cloud) == []
        assert [deps.secrets.read(name.removeprefix("/deskweave/local/")) for name in names_of] == before
    monkeypatch.setenv("DESKWEAVE_KMS_KEY", KEY)
    deps.connections.change(connection, {"profile_phone": "yes"})
    assert encryption.secrets_to_change(plain, cloud) == names_of[:1], "a function with the key writes with it"


def test_functions_get_the_key_before_anything_is_encrypted_with_it() -> None:
    asked: list[tuple[str, str]] = []

    class Iam:
        def put_role_policy(self, RoleName: str, PolicyName: str, PolicyDocument: str) -> None:
            asked.append((RoleName, PolicyDocument))

    found = plan.deployed.Deployed(policies={"inbox": {"Statement": []}})
    encryption.grant(plan._policies(PLACE, found), Cloud(REGION, lambda service: Iam()))
    assert asked == [("deskweave-prod-inbox", policies.text("inbox", PLACE))]


def test_the_command_has_the_option() -> None:
    assert "--kms-key" in CliRunner().invoke(main, ["up", "--help"]).output
