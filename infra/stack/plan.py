"""What `deskweave up` would do to a stage, and doing it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from infra import schema
from infra.stack import cloud as aws
from infra.stack import config, deployed, difference, encryption, names, policies, template, words
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

    changes    of the stack, [] where only what it tells of itself changes; None where it stays as it is
    half_made  why an earlier run did not come to its end, "" where there is none: its remains go first
    kept       the table and the bucket (their logical ids) where they outlived their stack: the new one takes them over
    key        whether the key that signs links to files has to be made
    secrets    those of the stage's secrets that have to be encrypted with another key
    key_policy what the policy of the stage's own KMS key has to allow and, as far as can be seen, does not
    left       mappings that an unfinished `chalice deploy` left behind
    warnings   what an admin should know before
    before     the version that was here, "" where there was none or it noted none (before 0.3)
    functions  what the next `chalice deploy` changes of the functions that run
    within     what changes in each of the files that are there already, by its name
    """

    place: Place
    changes: list[Change] | None
    half_made: str = ""
    kept: list[str] = field(default_factory=list)
    files: list[config.Change] = field(default_factory=list)
    key: bool = False
    secrets: list[str] = field(default_factory=list)
    key_policy: list[dict[str, Any]] = field(default_factory=list)
    left: list[Mapping] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    before: str = ""
    functions: list[str] = field(default_factory=list)
    within: dict[str, list[str]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return self.changes is None and not (self.half_made or self.files or self.key or self.left or self.secrets)


def make(
    stage: str, cloud: Cloud, bucket: str | None = None, kms_key: str | None = None, architecture: str | None = None
) -> Plan:
    """Find out what has to be done. Raises `Refused`; nothing of the stage is changed.

    kms_key       the ARN of the key that shall encrypt the stage, "aws" for AWS's own keys, None for what it has now
    architecture  x86_64 or arm64, None for what it has now
    """
    account, partition = cloud.identity()
    own_key, former = _keys(config.environment(stage), account, cloud.region, kms_key)
    bucket_name = _bucket(stage, account, bucket)
    place = Place(stage, account, cloud.region, bucket_name, partition, own_key, former)
    config.refuse_elsewhere(stage, account, cloud.region)
    key_policy = _key_policy(place, cloud) if place.key else []
    stack = Stack(names.stack(stage), cloud)
    state = stack.settled()
    half_made = stack.explained(state) if state.status in aws.HALF_MADE else ""
    new = state.status in aws.ABSENT
    kept = _kept(place, cloud) if new or half_made else []
    changes = _all(place, kept) if half_made or kept else _named(stack.prepare(_template(place), new=new), place)
    _keeps_data(changes, stack)
    found, files = deployed.look(stage, cloud), config.changes(place, architecture=architecture)
    before = difference.version_before(state.outputs, found)
    return Plan(
        place,
        changes,
        half_made,
        kept,
        files,
        not _has_key(stage, cloud),
        encryption.secrets_to_change(place, cloud) if place.key or place.former else [],
        key_policy,
        deployed.unrecorded(stage, found),
        difference.warnings(before) + _warnings(place, cloud),
        before,
        difference.of_functions(found, place, files),
        {one.path.name: difference.of_file(one, stage) for one in files},
    )


def carry_out(plan: Plan, cloud: Cloud, progress: Progress, random: Callable[[int], bytes] = os.urandom) -> None:
    """Do it; a repeat carries on where one was interrupted. Raises `Refused`."""
    stage = plan.place.stage
    stack = Stack(names.stack(stage), cloud)
    changes = plan.changes
    if (plan.changes or plan.secrets) and (plan.place.key or plan.place.former):
        encryption.grant(_policies(plan.place, deployed.look(stage, cloud)), cloud)
    if plan.half_made:
        stack.delete(progress)
    # A rolled back stack takes with it what it had made itself: only now it shows what is really kept.
    kept = _kept(plan.place, cloud) if plan.half_made else plan.kept
    if kept:
        part, told = template.to_import(stage, plan.place.bucket, kept, plan.place.key)
        stack.carry_out(stack.prepare(part, new=True, to_import=told) or [], progress)
    if plan.half_made or kept:
        changes = stack.prepare(_template(plan.place), new=not kept)
    if changes is not None:
        stack.carry_out(changes, progress)
    with words.plain(cloud.region):
        for mapping in plan.left:
            cloud.client("lambda").delete_event_source_mapping(UUID=mapping.uuid)
    if plan.key:
        _make_key(plan.place, cloud, random)
    for name in plan.secrets:
        encryption.change_secret(name, plan.place, cloud)
    config.apply(plan.files)


def drop(plan: Plan, cloud: Cloud) -> None:
    """Forget what was prepared, since it is not wanted."""
    if plan.changes is not None and not plan.half_made and not plan.kept:
        Stack(names.stack(plan.place.stage), cloud).drop_prepared()


def _keeps_data(changes: list[Change] | None, stack: Stack) -> None:
    """No version replaces or takes away what holds data; one that would is refused before anything is done."""
    lost = [one for one in changes or () if one.action in ("replace", "remove") and one.kind in ("table", "bucket")]
    if lost:
        stack.drop_prepared()
        named = " and ".join(f"the {one.kind} {one.name}" for one in lost)
        raise Refused(
            f"This version would {lost[0].action} {named}, with what is in it: nothing was changed. No version of "
            "Deskweave means to do that; was infra/ changed by hand? Please report it otherwise."
        )


def _bucket(stage: str, account: str, given: str | None) -> str:
    kept = config.environment(stage).get("DESKWEAVE_BUCKET", "")
    if kept and given and kept != given:
        raise Refused(f"The stage's bucket is called {kept}, and cannot be called otherwise once it holds files.")
    return kept or given or names.bucket(stage, account)


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
    return template.text(place.stage, place.bucket, key=place.key)


def _all(place: Place, kept: list[str]) -> list[Change]:
    """What a change set would tell of a stack that cannot have one yet."""
    made = template.template(place.stage, place.bucket, key=place.key)["Resources"]
    added = [
        Change("import" if logical in kept else "add", aws.KINDS[one["Type"]], logical)
        for logical, one in sorted(made.items())
    ]
    return _named(added, place) or []


def _named(changes: list[Change] | None, place: Place) -> list[Change] | None:
    """Changes with the names that things have on AWS, also those that are not there yet."""
    known = template.names_of(template.template(place.stage, place.bucket))
    return changes if changes is None else [replace(one, name=known.get(one.name, one.name)) for one in changes]


def _has_key(stage: str, cloud: Cloud) -> bool:
    with words.plain(cloud.region):
        return _exists(lambda: cloud.client("ssm").get_parameter(Name=names.key(stage, "files")), "ParameterNotFound")


def _keys(kept: dict[str, str], account: str, region: str, given: str | None) -> tuple[str, tuple[str, ...]]:
    """The key that shall encrypt the stage, "" for AWS's own, and those that did before."""
    now, before = kept.get("DESKWEAVE_KMS_KEY", ""), kept.get("DESKWEAVE_FORMER_KMS_KEYS", "").split()
    if given is None:
        return now, tuple(before)
    wanted = "" if given == encryption.AWS_OWN else encryption.checked(given, account, region)
    return wanted, tuple(dict.fromkeys(key for key in (*before, now) if key and key != wanted))


def _key_policy(place: Place, cloud: Cloud) -> list[dict[str, Any]]:
    """What the key's policy lacks; refused where that can be seen, since mail and logs would fail from then on."""
    lacking, seen = encryption.look(place, cloud)
    if lacking and seen:
        told = json.dumps(lacking, indent=2)
        raise Refused(
            f"The policy of the key {place.key} does not allow all that a stage needs: nothing was changed. "
            f"Add these statements to it (aws kms put-key-policy), then run this again:\n{told}"
        )
    return lacking


def _policies(place: Place, found: deployed.Deployed) -> dict[str, str]:
    """The roles that stand already -> their policies, which the next chalice deploy would write too."""
    return {names.role(place.stage, name): policies.text(name, place) for name in found.policies}


def _make_key(place: Place, cloud: Cloud, random: Callable[[int], bytes]) -> None:
    """32 random bytes, once: links that are out would die with another one."""
    value = json.dumps({"key": base64.b64encode(random(32)).decode()})
    given = {"Name": names.key(place.stage, "files"), "Value": value, "Type": "SecureString", "Overwrite": False}
    given |= {"KeyId": place.key} if place.key else {}
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
