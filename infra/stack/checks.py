"""Whether what `chalice deploy` made of a stage is whole and right: each check a finding with its mend."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.core.model import Finding
from infra import schema
from infra.stack import config, names, words
from infra.stack.cloud import Cloud
from infra.stack.deployed import Deployed, unrecorded

# As app.py declares them: what a function takes from its queue at once.
BATCH = 10
EVERY_MINUTE = "rate(1 minute)"


def findings(stage: str, found: Deployed, cloud: Cloud) -> list[Finding]:
    """Look at everything that a working stage has. Raises `words.Refused`."""
    deploy = f"chalice deploy --stage {stage}"
    return [
        *(_function(name, stage, found, deploy) for name in names.FUNCTIONS),
        *(_mapping(spec, stage, found, deploy) for spec in schema.queues(stage).values()),
        *(_policy(name, stage, found, deploy) for name in found.functions),
        _clock(found, deploy),
        Finding("API", bool(found.api), found.api or "there is none that may call the API function", deploy),
        *_logs(stage, cloud),
    ]


def _function(name: str, stage: str, found: Deployed, deploy: str) -> Finding:
    called = f"function {names.function(stage, name)}"
    has = found.functions.get(name)
    if not has:
        return Finding(called, False, "it is not there", deploy)
    seconds = schema.function_seconds()[name]
    if has["stage"] != stage:
        return Finding(
            called, False, f"it works for the stage {has['stage'] or 'local'!r}", f"deskweave up, then {deploy}"
        )
    if has["seconds"] != seconds:
        detail = f"its time-out is {has['seconds']} s; its queue is made for {seconds} s"
        return Finding(called, False, detail, f"deskweave up --stage {stage}, then {deploy}")
    if has["state"] not in ("Active", "Inactive"):
        return Finding(called, False, f"AWS calls it {has['state']}", f"wait a minute; else {deploy}")
    return Finding(called, True, f"{has['memory_mb']} MB, {seconds} s, deployed {str(has['modified'])[:16]}")


def _mapping(spec: schema.QueueSpec, stage: str, found: Deployed, deploy: str) -> Finding:
    called = f"queue {spec.name} feeds {spec.function}"
    own = [one for one in found.mappings if one.queue == spec.name]
    if not own:
        return Finding(called, False, "it does not", deploy)
    if len(own) > 1:
        extra = ", ".join(one.uuid for one in own[1:])
        mend = f"delete all but one: aws lambda delete-event-source-mapping --uuid {own[1].uuid}"
        return Finding(called, False, f"{len(own)} times; once is enough ({extra})", mend)
    one = own[0]
    if one.function != spec.function:
        return Finding(called, False, f"it feeds {one.function}", deploy)
    if one.batch_size != BATCH:
        return Finding(called, False, f"{one.batch_size} messages at a time; {BATCH} are meant", deploy)
    if one.state not in ("Enabled", "Creating", "Enabling", "Updating"):
        mend = f"aws lambda update-event-source-mapping --enabled --uuid {one.uuid}"
        return Finding(called, False, f"AWS calls it {one.state}", mend)
    if one in unrecorded(stage, found):
        detail = "but this machine has no record of it, so the next chalice deploy would stop at it"
        return Finding(called, False, detail, f"deskweave up --stage {stage}, then {deploy}")
    return Finding(called, True, f"up to {one.batch_size} messages at a time")


def _policy(name: str, stage: str, found: Deployed, deploy: str) -> Finding:
    called = f"policy of {name}"
    has = found.policies.get(name)
    if not has:
        return Finding(called, False, "its role has none", deploy)
    if _canonical(has) != _canonical(_wanted(stage, name)):
        return Finding(called, False, "it is not the one in .chalice", f"deskweave up --stage {stage}, then {deploy}")
    return Finding(called, True, f"{len(has.get('Statement', ()))} statements, as written by deskweave up")


def _wanted(stage: str, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads((config.FOLDER / f"policy-{stage}-{names.FUNCTIONS[name]}.json").read_text()))
    except FileNotFoundError:
        return {}


def _canonical(document: dict[str, Any]) -> str:
    return json.dumps(document.get("Statement", []), sort_keys=True)


def _clock(found: Deployed, deploy: str) -> Finding:
    if found.rule == EVERY_MINUTE:
        return Finding("clock", True, "runs each minute")
    return Finding("clock", False, found.rule or "no rule calls it, or the rule is switched off", deploy)


def _logs(stage: str, cloud: Cloud) -> list[Finding]:
    """A group without an end keeps logs, and costs, for ever."""
    with words.plain(cloud.region):
        pages = cloud.client("logs").get_paginator("describe_log_groups")
        prefix = names.log_group(stage, "api")
        groups = [group for page in pages.paginate(logGroupNamePrefix=prefix) for group in page["logGroups"]]
    days = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    found = []
    for name in names.FUNCTIONS:
        group = names.log_group(stage, name)
        if group not in days:
            found.append(Finding(f"logs {group}", False, "there is no such group", f"deskweave up --stage {stage}"))
        elif not days[group]:
            mend = f"aws logs put-retention-policy --retention-in-days 30 --log-group-name {group}"
            found.append(Finding(f"logs {group}", False, "they are kept for ever", mend))
        else:
            found.append(Finding(f"logs {group}", True, f"kept for {days[group]} days"))
    return found
