"""Each function may do what it does, and nothing else: policies are held against the calls of a day with everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.aws.queues import LARGEST_BODY
from chalicelib.services import inbox
from infra import schema
from infra.local import sqs
from infra.stack import names, policies
from infra.stack.policies import Place
from tests.deploy import recorded
from tests.deploy.recorded import Need

PLACE = Place("local", sqs.ACCOUNT, sqs.REGION, schema.bucket_name("local"))
Grants = Mapping[str, Mapping[str, tuple[str, ...]]]

# Granted although no code of ours asks for it: (resource, action) -> why. {own} is the queue in the function's name.
BESIDES: dict[tuple[str, str], str] = {
    ("queue:{own}", "ChangeMessageVisibility"): "Lambda's poller",
    ("queue:{own}", "DeleteMessage"): "Lambda's poller",
    ("queue:{own}", "GetQueueAttributes"): "Lambda's poller",
    ("queue:{own}", "ReceiveMessage"): "Lambda's poller",
    ("bucket-itself", "ListBucket"): "else S3 says AccessDenied of an object that is not there",
    ("mail", "SendEmail"): "which of the two actions a raw mail through API v2 needs, AWS's pages say differently",
}
# Asked for and refused on purpose: what SES needs once is made with an admin's own credentials, and told as a finding.
REFUSED = {
    "CreateConfigurationSet",
    "CreateConfigurationSetEventDestination",
    "CreateReceiptRule",
    "CreateReceiptRuleSet",
    "SetActiveReceiptRuleSet",
    "UpdateConfigurationSetEventDestination",
    "UpdateReceiptRule",
}


@pytest.fixture(scope="module")
def needed() -> set[Need]:
    return {need for need in recorded.day() if need.action not in REFUSED}


def granted(grants: Grants) -> set[Need]:
    return {Need(name, of, action) for name, what in grants.items() for of, does in what.items() for action in does}


def lacking(grants: Grants, needed: set[Need]) -> set[Need]:
    """What functions ask for and may not."""
    return needed - granted(grants)


def spare(grants: Grants, needed: set[Need]) -> set[Need]:
    """What functions may and never ask for, apart from what AWS itself does for them."""
    besides = {
        Need(name, resource.format(own=name), action)
        for name in grants
        for resource, action in BESIDES
        if name in schema.QUEUED_FUNCTIONS or "{own}" not in resource
    }
    return granted(grants) - needed - besides


def test_every_call_is_allowed_on_its_resource(needed: set[Need]) -> None:
    assert {need.function for need in needed} == set(names.FUNCTIONS)
    assert lacking(policies.GRANTS, needed) == set()


def test_nothing_is_granted_that_no_call_needs(needed: set[Need]) -> None:
    assert spare(policies.GRANTS, needed) == set()


def test_every_exception_is_one(needed: set[Need]) -> None:
    asked = {(need.resource.replace(f"queue:{need.function}", "queue:{own}"), need.action) for need in needed}
    assert asked & set(BESIDES) == set()
    every = {
        (need.resource.replace(f"queue:{need.function}", "queue:{own}"), need.action)
        for need in granted(policies.GRANTS)
    }
    assert set(BESIDES) <= every


# A deliberate fault: function, resource, action, and whether the grant is added or taken away.
FAULTS: list[tuple[str, str, str, str]] = [
    ("clock", "table", "DeleteItem", "added"),
    ("clock", "index:listed", "Query", "added"),
    ("mail", "bucket", "GetObject", "added"),
    ("inbox", "connections", "PutParameter", "added"),
    ("effects", "queue:mail", "SendMessage", "added"),
    ("api", "queue:inbox", "ReceiveMessage", "added"),
    ("inbox", "keys", "GetParameter", "added"),
    ("clock", "index:due", "Query", "taken away"),
    ("clock", "table", "BatchGetItem", "taken away"),
    ("clock", "queue:mail-dead", "DeleteMessage", "taken away"),
    ("mail", "table", "Query", "taken away"),
    ("inbox", "table", "DeleteItem", "taken away"),
    ("effects", "table", "DeleteItem", "taken away"),
    ("effects", "mail", "SendRawEmail", "taken away"),
    ("effects", "queue:inbox", "SendMessage", "taken away"),
    ("api", "keys", "GetParameter", "taken away"),
    ("api", "queue:effects", "SendMessage", "taken away"),
    ("api", "mail-account", "DescribeActiveReceiptRuleSet", "taken away"),
]


@pytest.mark.parametrize(("function", "resource", "action", "how"), FAULTS)
def test_one_grant_more_or_less_is_found_out(
    needed: set[Need], function: str, resource: str, action: str, how: str
) -> None:
    spoilt = {name: dict(grants) for name, grants in policies.GRANTS.items()}
    has = spoilt[function].get(resource, ())
    assert (action in has) is (how == "taken away")
    kept = tuple(one for one in has if one != action)
    spoilt[function][resource] = kept if how == "taken away" else (*has, action)
    found = (lacking(spoilt, needed), spare(spoilt, needed))
    one = {Need(function, resource, action)}
    assert found == ((one, set()) if how == "taken away" else (set(), one))


def test_any_other_grant_taken_away_is_found_out_too(needed: set[Need]) -> None:
    unfelt = {
        need
        for need in granted(policies.GRANTS)
        if not lacking(_without(need), needed)
        and (need.resource.replace(need.function, "{own}"), need.action) not in BESIDES
    }
    assert unfelt == set()


def _without(need: Need) -> Grants:
    spoilt: dict[str, dict[str, tuple[str, ...]]] = {name: dict(grants) for name, grants in policies.GRANTS.items()}
    kept = tuple(one for one in spoilt[need.function][need.resource] if one != need.action)
    spoilt[need.function][need.resource] = kept
    return spoilt


def test_whatever_a_queue_brings_fits_into_the_failure_list() -> None:
    """The inbox may write nothing into the bucket: what is set aside needs no room there."""
    assert inbox._LARGEST_KEPT > LARGEST_BODY


# --- the document --------------------------------------------------------------------------------------------------


def test_the_policy_says_what_the_table_of_grants_says() -> None:
    for function in names.FUNCTIONS:
        said = {
            (action, arn)
            for statement in policies.policy(function, PLACE)["Statement"]
            for action in statement["Action"]
            for arn in statement["Resource"]
            if not action.startswith("logs:")
        }
        meant = {
            (f"{policies._SERVICE[resource.partition(':')[0]]}:{action}", arn)
            for resource, actions in policies.GRANTS[function].items()
            for action in actions
            for arn in PLACE.arns(resource)
        }
        assert said == meant


@pytest.mark.parametrize(
    ("function", "action", "arn"),
    [
        ("inbox", "dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:123456789012:table/deskweave-other"),
        ("inbox", "dynamodb:DeleteTable", "arn:aws:dynamodb:us-east-1:123456789012:table/deskweave-local"),
        ("inbox", "dynamodb:Query", "arn:aws:dynamodb:us-east-1:123456789012:table/deskweave-local/index/listed"),
        ("inbox", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/other/connections/c"),
        ("inbox", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/local/keys/files"),
        ("clock", "ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/local/connections/c"),
        ("clock", "s3:GetObject", "arn:aws:s3:::deskweave-local-files/deliveries/d"),
        ("mail", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:deskweave-local-effects.fifo"),
        ("api", "sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:123456789012:deskweave-local-inbox.fifo"),
        ("api", "ssm:PutParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/local/keys/files"),
        ("effects", "ssm:PutParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/deskweave/local/connections/c"),
        *(("api", f"ses:{action}", "arn:aws:ses:us-east-1:123456789012:identity/x") for action in sorted(REFUSED)),
    ],
)
def test_what_a_function_has_no_business_with_is_refused(function: str, action: str, arn: str) -> None:
    place = Place("local", "123456789012", "us-east-1", "deskweave-local-files")
    assert not policies.allowed(policies.policy(function, place), action, arn)


def test_every_function_of_the_app_has_its_grants() -> None:
    assert set(policies.GRANTS) == set(names.FUNCTIONS) == set(schema.function_seconds())


# --- with a key of one's own -----------------------------------------------------------------------------------------

# What AWS asks of the key for a call to an encrypted resource, by service and action.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
# https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
KMS = {
    "queue": {"SendMessage": {"Decrypt", "GenerateDataKey"}, "ReceiveMessage": {"Decrypt"}},
    "bucket": {"GetObject": {"Decrypt"}, "PutObject": {"GenerateDataKey"}},
    "connections": {"GetParameter": {"Decrypt"}, "PutParameter": {"Encrypt"}},
    "keys": {"GetParameter": {"Decrypt"}},
}
WAYS = {"queue": "sqs", "bucket": "s3", "connections": "ssm", "keys": "ssm", "table": "dynamodb", "index": "dynamodb"}


def test_with_a_key_each_call_may_use_it_and_nothing_else_may(needed: set[Need]) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    place = Place("local", sqs.ACCOUNT, sqs.REGION, "b", "aws", key)
    polled = {Need(name, f"queue:{name}", "ReceiveMessage") for name in schema.QUEUED_FUNCTIONS}
    for function in names.FUNCTIONS:
        wanted = {
            (f"kms:{action}", f"{WAYS[kind]}.{sqs.REGION}.amazonaws.com")
            for need in needed | polled
            if need.function == function and (kind := need.resource.partition(":")[0]) in WAYS
            for action in ({"Decrypt"} if WAYS[kind] == "dynamodb" else KMS[kind].get(need.action, set()))
        }
        assert _key_statements(policies.policy(function, place), key) == wanted


def _key_statements(document: dict[str, Any], key: str) -> set[tuple[str, str]]:
    found = [one for one in document["Statement"] if key in json.dumps(one)]
    assert all(one["Resource"] == [key] and list(one["Condition"]) == ["StringEquals"] for one in found)
    return {
        (action, way)
        for one in found
        for action in one["Action"]
        for way in one["Condition"]["StringEquals"]["kms:ViaService"]
    }
