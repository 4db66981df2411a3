"""What `deskweave up` would do to a stage, and doing it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from botocore.exceptions import ClientError

from infra import schema
from infra.stack import cloud as aws
from infra.stack import config, deployed, names, template, words
from infra.stack.cloud import Change, Cloud, Progress, Stack
from infra.stack.deployed import Mapping
from infra.stack.policies import Place
from infra.stack.words import Refused

# AWS gives new accounts 10; every function of the account shares them.
FEW_FUNCTIONS = 100
QUOTA = "https://console.aws.amazon.com/servicequotas/home/services/lambda/quotas/L-B99A9384"


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    changes    of the stack; None where it stays as it is
    half_made  why an earlier run did not come to its end, "" where there is none: its remains go first
    kept       the table and the bucket (their logical ids) where they outlived their stack: the new one takes them over
    key        whether the key that signs links to files has to be made
    left       mappings that an unfinished `chalice deploy` left behind
    warnings   what an admin should know before
    """

    place: Place
    changes: list[Change] | None
    half_made: str = ""
    kept: list[str] = field(default_factory=list)
    files: list[config.Change] = field(default_factory=list)
    key: bool = False
    left: list[Mapping] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.changes or self.half_made or self.files or self.key or self.left)


def make(stage: str, cloud: Cloud, bucket: str | None = None) -> Plan:
    """Find out what has to be done. Raises `Refused`; nothing of the stage is changed."""
    account, partition = cloud.identity()
    place = Place(stage, account, cloud.region, _bucket(stage, account, bucket), partition)
    _same_place(place)
    stack = Stack(names.stack(stage), cloud)
    state = stack.state()
    if state.moving:
        state = stack.wait_until_still()
    if state.status == aws.STUCK:
        told = (
            "Its last change could neither be made nor be undone. In the CloudFormation console choose the stack, then"
        )
        raise Refused(f"{stack.explained(state)} {told} `Continue update rollback`; then run this again.")
    half_made = stack.explained(state) if state.status in aws.HALF_MADE else ""
    new = state.status in aws.ABSENT
    kept = _kept(place, cloud) if new or half_made else []
    changes = _all(place, kept) if half_made or kept else _named(stack.prepare(_template(place), new=new), place)
    found = deployed.look(stage, cloud)
    return Plan(
        place,
        changes,
        half_made,
        kept,
        config.changes(place),
        not _has_key(stage, cloud),
        deployed.unrecorded(stage, found),
        _warnings(place, cloud),
    )


def carry_out(plan: Plan, cloud: Cloud, progress: Progress, random: Callable[[int], bytes] = os.urandom) -> None:
    """Do it; a repeat carries on where one was interrupted. Raises `Refused`."""
    stage = plan.place.stage
    stack = Stack(names.stack(stage), cloud)
    changes = plan.changes
    if plan.half_made:
        stack.delete(progress)
    # A rolled back stack takes with it what it had made itself: only now it shows what is really kept.
    kept = _kept(plan.place, cloud) if plan.half_made else plan.kept
    if kept:
        part, told = template.to_import(stage, plan.place.bucket, kept)
        stack.carry_out(stack.prepare(part, new=True, to_import=told) or [], progress)
    if plan.half_made or kept:
        changes = stack.prepare(_template(plan.place), new=not kept)
    if changes:
        stack.carry_out(changes, progress)
    with words.plain(cloud.region):
        for mapping in plan.left:
            cloud.client("lambda").delete_event_source_mapping(UUID=mapping.uuid)
    if plan.key:
        _make_key(stage, cloud, random)
    config.apply(plan.files)


def drop(plan: Plan, cloud: Cloud) -> None:
    """Forget what was prepared, since it is not wanted."""
    if plan.changes and not plan.half_made and not plan.kept:
        Stack(names.stack(plan.place.stage), cloud).drop_prepared()


def _bucket(stage: str, account: str, given: str | None) -> str:
    kept = config.environment(stage).get("DESKWEAVE_BUCKET", "")
    if kept and given and kept != given:
        raise Refused(f"The stage's bucket is called {kept}, and cannot be called otherwise once it holds files.")
    return kept or given or names.bucket(stage, account)


def _same_place(place: Place) -> None:
    """A stage that was set up elsewhere is not set up a second time by mistake."""
    kept = config.environment(place.stage)
    if kept and (kept.get("DESKWEAVE_ACCOUNT"), kept.get("DESKWEAVE_REGION")) != (place.account, place.region):
        there = f"account {kept.get('DESKWEAVE_ACCOUNT')}, region {kept.get('DESKWEAVE_REGION')}"
        raise Refused(
            f"The stage {place.stage} is in {there}; this is account {place.account}, region {place.region}. Set "
            f"AWS_PROFILE or --region right, or take another --stage. (`.chalice/config.json` says where it is.)"
        )


def _kept(place: Place, cloud: Cloud) -> list[str]:
    """The table and the bucket, where they outlived their stack. Raises `Refused` where the bucket is another's."""
    found = []
    with words.plain(cloud.region):
        table = schema.table_name(place.stage)
        if _exists(lambda: cloud.client("dynamodb").describe_table(TableName=table), "ResourceNotFoundException"):
            found.append("Table")
        try:
            cloud.client("s3").head_bucket(Bucket=place.bucket, ExpectedBucketOwner=place.account)
            found.append("Bucket")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                if error.response["Error"]["Code"] not in ("403", "301", "400"):
                    raise
                told = f"A bucket {place.bucket} is there already, in another account or region (or is hidden from us)."
                raise Refused(f"{told} {words.mend('bucket already exists')}") from error
    return found


def _exists(call: Callable[[], object], missing: str) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != missing:
            raise
        return False
    return True


def _template(place: Place) -> str:
    return template.text(place.stage, place.bucket)


def _all(place: Place, kept: list[str]) -> list[Change]:
    """What a change set would tell of a stack that cannot have one yet."""
    made = template.template(place.stage, place.bucket)["Resources"]
    added = [
        Change("import" if logical in kept else "add", aws.KINDS[one["Type"]], logical)
        for logical, one in sorted(made.items())
    ]
    return _named(added, place) or []


def _named(changes: list[Change] | None, place: Place) -> list[Change] | None:
    """Changes with the names that things have on AWS, also those that are not there yet."""
    known = template.names_of(template.template(place.stage, place.bucket))
    return changes and [replace(one, name=known.get(one.name, one.name)) for one in changes]


def _has_key(stage: str, cloud: Cloud) -> bool:
    with words.plain(cloud.region):
        return _exists(lambda: cloud.client("ssm").get_parameter(Name=names.key(stage, "files")), "ParameterNotFound")


def _make_key(stage: str, cloud: Cloud, random: Callable[[int], bytes]) -> None:
    """32 random bytes, once: links that are out would die with another one."""
    value = json.dumps({"key": base64.b64encode(random(32)).decode()})
    given = {"Name": names.key(stage, "files"), "Value": value, "Type": "SecureString", "Overwrite": False}
    with words.plain(cloud.region):
        try:
            cloud.client("ssm").put_parameter(**given)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterAlreadyExists":
                raise


def _warnings(place: Place, cloud: Cloud) -> list[str]:
    with words.plain(cloud.region):
        limit = cloud.client("lambda").get_account_settings()["AccountLimit"]
    free, all_of_them = int(limit["UnreservedConcurrentExecutions"]), int(limit["ConcurrentExecutions"])
    if free >= FEW_FUNCTIONS:
        return []
    told = f"This account runs at most {all_of_them} functions at a time ({free} unreserved), all its stages and apps "
    told += "together: under load webhooks would be refused for want of one. Ask AWS for 1,000, which costs nothing: "
    return [told + QUOTA]
