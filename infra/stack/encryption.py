"""A stage encrypted with a KMS key of one's own: what changes in the template, and what the key's policy must allow.

https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
SES into buckets and topics  https://docs.aws.amazon.com/ses/latest/dg/receiving-email-permissions.html
SNS into encrypted queues    https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html
Alarms into encrypted topics https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
Log groups                   https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.stack import names, words
from infra.stack.cloud import Cloud
from infra.stack.policies import Place
from infra.stack.words import Refused

# What stands for AWS's own keys on the command line, and in SSM.
AWS_OWN, SSM_OWN = "aws", "alias/aws/ssm"
# Seconds that SQS uses a data key again: 60 to 86,400. Each use of the key is billed.
DATA_KEY_SECONDS = 3600
_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):([0-9]{12}):key/(mrk-[0-9a-f]{32}|[0-9a-f-]{36})")
_DATA_KEYS = ("kms:Decrypt", "kms:GenerateDataKey*")
_LOGS = ("kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def checked(key: str, account: str, region: str) -> str:
    """The key's ARN as it is. Raises `Refused` for what cannot be the stage's key."""
    found = _ARN.fullmatch(key)
    if not found:
        form = f"arn:aws:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        raise Refused(f"{key} is not the ARN of a KMS key (an alias is none), which looks like {form}")
    if found.groups()[:2] != (region, account):
        raise Refused(f"The key is in account {found[2]}, region {found[1]}; the stage is in {account}, {region}.")
    return key


def encrypted(resources: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The template's resources with the key wherever they take one; as they are where `key` is ""."""
    if not key:
        return dict(resources)
    return {
        name: {**one, "Properties": _WITH[one["Type"]](one["Properties"], key)} if one["Type"] in _WITH else one
        for name, one in resources.items()
    }


def _table(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {**given, "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}}


def _bucket(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    # With a key of the bucket's, S3 asks KMS once for many objects.
    encryption = {"ServerSideEncryptionConfiguration": [{**rule, "BucketKeyEnabled": True}]}
    return {**given, "BucketEncryption": encryption}


def _queue(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    plain = {name: value for name, value in given.items() if name != "SqsManagedSseEnabled"}
    return {**plain, "KmsMasterKeyId": key, "KmsDataKeyReusePeriodSeconds": DATA_KEY_SECONDS}


_WITH: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "AWS::DynamoDB::Table": _table,
    "AWS::S3::Bucket": _bucket,
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": lambda given, key: {**given, "KmsMasterKeyId": key},
    "AWS::Logs::LogGroup": lambda given, key: {**given, "KmsKeyId": key},
}


def statements(place: Place) -> list[dict[str, Any]]:
    """What the key's policy must allow besides the account's own IAM policies: AWS's services that write for us."""
    ours = {"StringEquals": {"aws:SourceAccount": place.account}}
    groups = (
        f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{names.log_group(place.stage, 'api')}*"
    )
    logs = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
    account = f"arn:{place.partition}:iam::{place.account}:root"
    return [
        _allow("DeskweaveByIamPolicies", {"AWS": account}, ("kms:*",), {}),
        _allow("DeskweaveSesStoresAndTellsOfMail", {"Service": "ses.amazonaws.com"}, _DATA_KEYS, ours),
        _allow("DeskweaveSnsFillsTheMailQueue", {"Service": "sns.amazonaws.com"}, _DATA_KEYS, ours),
        _allow("DeskweaveAlarmsTellTheirTopic", {"Service": "cloudwatch.amazonaws.com"}, _DATA_KEYS, ours),
        _allow("DeskweaveLogs", {"Service": f"logs.{place.region}.amazonaws.com"}, _LOGS, logs),
    ]


def missing(place: Place, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of the statements that a key's policy has nothing like: the same principal with the same actions or more.

    Conditions are not looked at: an admin may have others.
    """
    return [one for one in statements(place) if not any(_covers(given, one) for given in _all(document))]


def look(place: Place, cloud: Cloud) -> tuple[list[dict[str, Any]], bool]:
    """What the policy of the place's key lacks, and whether it could be read; all of it where it could not.

    Raises `Refused` where the key is not there, switched off, or of another kind.
    """
    kms = cloud.client("kms")
    with words.plain(cloud.region):
        try:
            found = kms.describe_key(KeyId=place.key)["KeyMetadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NotFoundException", "InvalidArnException"):
                raise Refused(f"There is no key {place.key} in this account and region.") from error
            raise
        if (wrong := _wrong(found)) is not None:
            raise Refused(f"The key {place.key} cannot be used: {wrong}")
        try:
            policy = json.loads(kms.get_key_policy(KeyId=place.key, PolicyName="default")["Policy"])
        except ClientError as error:
            if not error.response["Error"]["Code"].startswith("AccessDenied"):
                raise
            return statements(place), False
    return missing(place, policy), True


def _wrong(key: Mapping[str, Any]) -> str | None:
    if key["KeyState"] != "Enabled":
        return f"AWS calls it {key['KeyState']}. Enable it, or take another one."
    if (key.get("KeySpec", "SYMMETRIC_DEFAULT"), key.get("KeyUsage", "")) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        return "it is no symmetric key for encryption. Make one: aws kms create-key"
    if key.get("KeyManager") == "AWS":
        return "it is one of AWS's own, whose policy nobody can change. Make one of yours: aws kms create-key"
    return None


def _allow(sid: str, principal: dict[str, str], actions: tuple[str, ...], condition: dict[str, Any]) -> dict[str, Any]:
    made = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*"}
    return {**made, "Condition": condition} if condition else made


def _all(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = document.get("Statement", ())
    return [found] if isinstance(found, Mapping) else list(found)


def _covers(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a statement lets the same principal do as much."""
    if given.get("Effect") != "Allow" or not isinstance(given.get("Principal"), Mapping):
        return False
    ((kind, who),) = wanted["Principal"].items()
    allowed = _list(given.get("Action", ()))
    every = all(any(_matches(one, action) for one in allowed) for action in wanted["Action"])
    return who in _list(given["Principal"].get(kind, ())) and every


def _matches(pattern: str, action: str) -> bool:
    return pattern == action or (pattern.endswith("*") and action.startswith(pattern[:-1]))


def _list(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def secrets_to_change(place: Place, cloud: Cloud) -> list[str]:
    """The stage's secrets that another key encrypts than the place's. Raises `Refused`."""
    wanted = place.key or SSM_OWN
    path = [{"Key": "Path", "Option": "Recursive", "Values": [names.secrets(place.stage)]}]
    with words.plain(cloud.region):
        pages = cloud.client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=path)
        found = [one for page in pages for one in page["Parameters"]]
    return sorted(one["Name"] for one in found if one.get("KeyId", SSM_OWN) != wanted)


def change_secret(name: str, place: Place, cloud: Cloud) -> None:
    """Write a secret again under the place's key. Raises `Refused`."""
    ssm = cloud.client("ssm")
    with words.plain(cloud.region):
        value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", KeyId=place.key or SSM_OWN, Overwrite=True)


def grant(roles: Mapping[str, str], cloud: Cloud) -> None:
    """Give functions that stand already their new policies, before anything is encrypted anew. Raises `Refused`.

    roles  role -> the policy's text; the same that the next `chalice deploy` writes
    """
    with words.plain(cloud.region):
        for role, policy in roles.items():
            cloud.client("iam").put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy)
