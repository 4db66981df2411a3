"""The stack itself, and what the account allows.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from infra.doctor.model import Patient, Told, well, wrong
from infra.stack import cloud as aws
from infra.stack import names, template
from infra.stack.cloud import Stack
from infra.stack.plan import FEW_FUNCTIONS, QUOTA


def stack(patient: Patient) -> Iterator[Told]:
    called, mend = f"stack {names.stack(patient.stage)}", f"deskweave up --stage {patient.stage}"
    state = patient.state
    if state.status in aws.ABSENT:
        yield wrong(called, f"there is none in region {patient.cloud.region}", f"{mend}, or --region tells where it is")
    elif state.moving:
        yield wrong(called, f"{state.status}: AWS is at it", "wait, then look again")
    elif state.status == aws.STUCK:
        yield wrong(called, _why(patient), "CloudFormation console, the stack, Continue update rollback; then " + mend)
    elif state.status in aws.HALF_MADE:
        yield wrong(called, f"half made: {_why(patient)}", f"{mend}: it removes the remains first, and keeps the data")
    elif "InboxQueue" not in state.outputs:
        yield wrong(called, f"{state.status}: down, data kept", mend)
    elif state.status.endswith(("_FAILED", "ROLLBACK_COMPLETE")):
        yield wrong(called, f"its last change was undone: {_why(patient)}", mend)
    else:
        yield _versions(called, mend, patient)


def _why(patient: Patient) -> str:
    return Stack(names.stack(patient.stage), patient.cloud).explained(patient.state)


def _versions(called: str, mend: str, patient: Patient) -> Told:
    """Whether this tree would make the same stack."""
    wanted = json.loads(template.text(patient.stage, patient.place.bucket, key=patient.place.key))["Resources"]
    has = json.loads(json.dumps(patient.wanted.template["Resources"]))
    off = sorted(name for name in wanted.keys() | has.keys() if _plain(wanted.get(name)) != _plain(has.get(name)))
    if not off:
        return well(called, patient.state.status)
    told = ", ".join(off[:4]) + (f" and {len(off) - 4} more" if len(off) > 4 else "")
    return wrong(called, f"another version of Deskweave made it; {told} would change", f"{mend} shows it first")


def _plain(value: Any) -> Any:
    """Numbers and flags as texts, since CloudFormation may keep them so."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value).lower() if isinstance(value, bool | int) else value


def quota(patient: Patient) -> Iterator[Told]:
    limit = patient.client("lambda").get_account_settings()["AccountLimit"]
    free, most = int(limit["UnreservedConcurrentExecutions"]), int(limit["ConcurrentExecutions"])
    if free >= FEW_FUNCTIONS:
        yield well("functions at a time", f"{free} of the account's {most} are free to use")
        return
    detail = f"{free} of the account's {most} are free to use, by all its stages and apps together: under load "
    detail += "webhooks would be refused for want of one"
    yield wrong("functions at a time", detail, f"ask AWS for 1,000, which costs nothing: {QUOTA}")
