"""Taking a stage away: what goes, what stays and what that costs, and doing it.

The stack shrinks to the table and the bucket, so that `deskweave up` grows it again around the same data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from infra import schema
from infra.stack import config, deployed, names, sweep, template, words
from infra.stack.cloud import ABSENT, HALF_MADE, Cloud, Progress, Stack
from infra.stack.deployed import Deployed

_FEW = 1000


@dataclass(frozen=True)
class Removal:
    """What there is of a stage, and what is to become of it.

    found  what `chalice deploy` made and still stands
    """

    stage: str
    region: str
    bucket: str
    status: str
    table: bool
    secrets: list[str] = field(repr=False)
    found: Deployed = field(repr=False)
    delete_data: bool

    @property
    def anything(self) -> bool:
        whole = self.status not in ABSENT or self.found.functions
        return bool(whole or (self.delete_data and (self.table or self.secrets)))

    @property
    def goes(self) -> list[str]:
        many = len(self.found.functions)
        told = [f"{many} functions, their roles, and the API with its address"] if many else []
        told.append("the queues with what waits in them, the alarms, and the logs")
        if self.delete_data:
            told.append(f"the table {schema.table_name(self.stage)} with every conversation, for good")
            told.append(f"the bucket {self.bucket} with every file, for good")
            told.append("the connections' credentials, and the key that signs links to files")
        return told

    @property
    def stays(self) -> list[str]:
        if self.delete_data:
            return []
        return [
            f"the table {schema.table_name(self.stage)} ($0.25 to 0.31 a GB and month, and $0.20 for its backups)",
            f"the bucket {self.bucket} (about $0.023 a GB and month)",
            f"the secrets in SSM below {names.secrets(self.stage)} (free)",
            f"the stack {names.stack(self.stage)}, which holds the table and the bucket (free)",
        ]


def find(stage: str, cloud: Cloud, *, delete_data: bool) -> Removal:
    """What there is. Raises `words.Refused`."""
    account, _ = cloud.identity()
    config.refuse_elsewhere(stage, account, cloud.region)
    stack = Stack(names.stack(stage), cloud)
    state = stack.settled()
    found = deployed.look(stage, cloud)
    bucket = config.environment(stage).get("DESKWEAVE_BUCKET") or names.bucket(stage, account)
    kept = (_has_table(stage, cloud), _secrets(stage, cloud))
    return Removal(stage, cloud.region, bucket, state.status, *kept, found, delete_data)


def carry_out(removal: Removal, cloud: Cloud, progress: Progress) -> None:
    """Do it. A repeat carries on. Raises `words.Refused`."""
    sweep.sweep(removal.stage, removal.found, cloud)
    stack = Stack(names.stack(removal.stage), cloud)
    if removal.delete_data or removal.status in HALF_MADE:
        if removal.status not in ABSENT:
            stack.delete(progress)
    elif removal.status not in ABSENT:
        key = config.environment(removal.stage).get("DESKWEAVE_KMS_KEY", "")
        smaller = template.text(removal.stage, removal.bucket, data_only=True, key=key)
        if changes := stack.prepare(smaller, new=False):
            stack.carry_out(changes, progress)
    if removal.delete_data:
        _delete_data(removal, cloud)
        config.apply(config.removals(removal.stage))


def _delete_data(removal: Removal, cloud: Cloud) -> None:
    with words.plain(cloud.region):
        _empty_and_delete(removal.bucket, cloud)
        if removal.table:
            cloud.client("dynamodb").delete_table(TableName=schema.table_name(removal.stage))
        for start in range(0, len(removal.secrets), 10):
            cloud.client("ssm").delete_parameters(Names=removal.secrets[start : start + 10])


def _empty_and_delete(bucket: str, cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    try:
        while objects := s3.list_objects_v2(Bucket=bucket, MaxKeys=_FEW).get("Contents"):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": one["Key"]} for one in objects]})
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def _has_table(stage: str, cloud: Cloud) -> bool:
    with words.plain(cloud.region):
        try:
            cloud.client("dynamodb").describe_table(TableName=schema.table_name(stage))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False
    return True


def _secrets(stage: str, cloud: Cloud) -> list[str]:
    """Their names, not what they say."""
    with words.plain(cloud.region):
        pages = cloud.client("ssm").get_paginator("describe_parameters")
        wanted = [{"Key": "Path", "Option": "Recursive", "Values": [names.secrets(stage)]}]
        return [one["Name"] for page in pages.paginate(ParameterFilters=wanted) for one in page["Parameters"]]
