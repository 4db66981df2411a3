"""The table and the bucket: there, as the template has them, and kept as safe. Neither is ever made or emptied here.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra import schema
from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.doctor.wanted import same_policy

_RESTORE = "restore it: docs/operating.md, or AWS Backup; the doctor makes no empty one in its place"
_NOT_SET = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_GONE = frozenset({"NoSuchBucket", "404"})


def table(patient: Patient) -> Iterator[Told]:
    name = schema.table_name(patient.stage)
    dynamodb = patient.client("dynamodb")
    try:
        found = dynamodb.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        yield wrong(f"table {name}", "it is not there: every conversation is gone", _RESTORE)
        return
    indexes = {one["IndexName"] for one in found.get("GlobalSecondaryIndexes", ())}
    if missing := sorted(set(schema.INDEXES) - indexes):
        detail = f"it has no index {', '.join(missing)}"
        does = f"make the index {missing[0]} of the table {name}"
        yield mendable(patient, f"table {name}", detail, does, lambda: _index(name, missing[0], patient))
    elif found["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield wrong(f"table {name}", f"AWS calls it {found['TableStatus']}", "see the table in the DynamoDB console")
    else:
        yield well(f"table {name}", f"{found['TableStatus'].lower()}, {len(indexes)} indexes")
    yield _time_to_live(name, patient)
    yield _backups(name, patient)


def _index(name: str, index: str, patient: Patient) -> None:
    definition = schema.table_definition(name)
    made = next(one for one in definition["GlobalSecondaryIndexes"] if one["IndexName"] == index)
    keys = {one["AttributeName"] for one in made["KeySchema"]}
    given = [one for one in definition["AttributeDefinitions"] if one["AttributeName"] in keys | {"pk", "sk"}]
    change = [{"Create": made}]
    dynamodb = patient.client("dynamodb")
    there = dynamodb.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", ())
    if index not in [one["IndexName"] for one in there]:
        dynamodb.update_table(TableName=name, AttributeDefinitions=given, GlobalSecondaryIndexUpdates=change)


def _time_to_live(name: str, patient: Patient) -> Told:
    dynamodb = patient.client("dynamodb")
    found = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        return well("table's time to live", f"on, by {found.get('AttributeName', schema.TTL_ATTRIBUTE)}")
    detail = "off: what was kept for a while stays for ever"
    does = f"switch the time to live of the table {name} on"
    given = schema.time_to_live(name)
    return mendable(patient, "table's time to live", detail, does, lambda: dynamodb.update_time_to_live(**given))


def _backups(name: str, patient: Patient) -> Told:
    dynamodb = patient.client("dynamodb")
    found = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    state = found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if state in ("ENABLED", "ENABLING"):
        return well("table's backups", "it can be put back to any second of the last 35 days")
    does = f"switch point-in-time recovery of the table {name} on (about $0.20 a GB and month)"
    given = {"TableName": name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    detail = "off: a mistake could not be undone"
    return mendable(patient, "table's backups", detail, does, lambda: dynamodb.update_continuous_backups(**given))


def bucket(patient: Patient) -> Iterator[Told]:
    name = patient.place.bucket
    s3 = patient.client("s3")
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        yield wrong(f"bucket {name}", "it is not there: received mails and files are gone", _RESTORE)
        return
    yield well(f"bucket {name}")
    wanted = next(iter(patient.wanted.of("AWS::S3::Bucket")))
    for document in patient.wanted.of("AWS::S3::BucketPolicy"):
        yield _policy(name, document["PolicyDocument"], patient)
    yield _lifecycle(name, wanted.get("LifecycleConfiguration", {}).get("Rules", []), patient)
    yield _closed(name, wanted.get("PublicAccessBlockConfiguration", {}), patient)


def _policy(name: str, wanted: dict[str, Any], patient: Patient) -> Told:
    s3 = patient.client("s3")
    has = _set(lambda: json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]))
    if has and same_policy(has, wanted):
        return well("bucket's policy", "encrypted connections only; SES may put mails")
    detail = "it is not the template's: mails could not be put, or unencrypted requests are taken"
    does = f"write the template's policy of the bucket {name}"
    text = json.dumps(wanted)
    act = s3.put_bucket_policy
    return mendable(
        patient, "bucket's policy", detail if has else "there is none", does, lambda: act(Bucket=name, Policy=text)
    )


def _lifecycle(name: str, wanted: list[dict[str, Any]], patient: Patient) -> Told:
    s3 = patient.client("s3")
    has = _set(lambda: s3.get_bucket_lifecycle_configuration(Bucket=name))
    rules = [_rule(one) for one in wanted]
    known = {json.dumps(_bare(one), sort_keys=True) for one in (has or {}).get("Rules", ())}
    missing = [one["ID"] for one in rules if json.dumps(_bare(one), sort_keys=True) not in known]
    if not missing:
        return well("bucket's lifecycle", f"{len(rules)} rules: raw deliveries and mails come to an end")
    others = [one for one in (has or {}).get("Rules", ()) if one.get("ID") not in {one["ID"] for one in rules}]
    given = {"Bucket": name, "LifecycleConfiguration": {"Rules": [*rules, *others]}}
    detail = f"it lacks {', '.join(missing)}: raw deliveries and mails stay for ever"
    does = f"write the template's lifecycle rules of the bucket {name}"
    put = s3.put_bucket_lifecycle_configuration
    return mendable(patient, "bucket's lifecycle", detail, does, lambda: put(**given))


def _rule(given: dict[str, Any]) -> dict[str, Any]:
    """A rule of CloudFormation as S3's own API writes it."""
    made: dict[str, Any] = {"ID": given["Id"], "Status": given["Status"], "Filter": {"Prefix": given.get("Prefix", "")}}
    if "ExpirationInDays" in given:
        made["Expiration"] = {"Days": int(given["ExpirationInDays"])}
    if "AbortIncompleteMultipartUpload" in given:
        made["AbortIncompleteMultipartUpload"] = dict(given["AbortIncompleteMultipartUpload"])
    return made


def _bare(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule without what AWS writes in more than one way."""
    found: dict[str, Any] = {
        key: rule[key] for key in ("ID", "Status", "Expiration", "AbortIncompleteMultipartUpload") if key in rule
    }
    prefix = rule.get("Prefix") or rule.get("Filter", {}).get("Prefix", "")
    return {**found, "Prefix": prefix}


def _closed(name: str, wanted: dict[str, bool], patient: Patient) -> Told:
    s3 = patient.client("s3")
    has = _set(lambda: s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]) or {}
    if all(has.get(key) == value for key, value in wanted.items()):
        return well("bucket's doors", "closed to the public")
    given = {"Bucket": name, "PublicAccessBlockConfiguration": wanted}
    detail = "public access is not blocked"
    does = f"block public access to the bucket {name}"
    return mendable(patient, "bucket's doors", detail, does, lambda: s3.put_public_access_block(**given))


def _set(call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What is set, None where nothing is."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_SET:
            return None
        raise
