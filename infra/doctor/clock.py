"""The clock: its rule, whom the rule calls, and whether it really runs.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeRule.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.stack import names
from infra.stack.deployed import MISSING

EVERY_MINUTE = "rate(1 minute)"
# CloudWatch has a run's count within a few minutes; a clock that stood still for so long is silent.
SILENT = timedelta(minutes=15)


def rule(patient: Patient) -> Iterator[Told]:
    called = names.clock_rule(patient.stage)
    events = patient.client("events")
    found = _there(lambda: events.describe_rule(Name=called))
    function = patient.found.functions.get("clock", {}).get("arn", "")
    targets = _there(lambda: events.list_targets_by_rule(Rule=called)).get("Targets", []) if found else []
    detail = ""
    if not found:
        detail = "no rule calls it"
    elif found["State"] != "ENABLED":
        detail = "its rule is switched off"
    elif found.get("ScheduleExpression") != EVERY_MINUTE:
        detail = f"its rule says {found.get('ScheduleExpression') or 'nothing'}; {EVERY_MINUTE} is meant"
    elif function not in [target["Arn"] for target in targets]:
        detail = "its rule calls nobody" if not targets else f"its rule calls {targets[0]['Arn'].rsplit(':', 1)[-1]}"
    elif not _may_call(called, patient):
        detail = "its rule may not call the function"
    if not function:
        yield wrong("clock", "the function is not there", patient.deploy())
    elif detail:
        does = f"set the rule {called}: it calls the clock each minute"
        yield mendable(patient, "clock", detail, does, lambda: _set(called, function, patient))
    else:
        yield well("clock", "its rule calls it each minute")


def _may_call(called: str, patient: Patient) -> bool:
    client = patient.client("lambda")
    found = _there(lambda: client.get_policy(FunctionName=names.function(patient.stage, "clock")))
    allowed = [json.dumps(one) for one in json.loads(found.get("Policy", "{}")).get("Statement", ())]
    return any("events.amazonaws.com" in one and f":rule/{called}" in one for one in allowed)


def _set(called: str, function: str, patient: Patient) -> None:
    """As chalice makes it, so that chalice can take it away again: a target by the id 1."""
    events = patient.client("events")
    arn = events.put_rule(Name=called, ScheduleExpression=EVERY_MINUTE, State="ENABLED")["RuleArn"]
    events.put_targets(Rule=called, Targets=[{"Id": "1", "Arn": function}])
    if not _may_call(called, patient):
        patient.client("lambda").add_permission(
            FunctionName=function,
            StatementId=f"deskweave-doctor-{called}"[:100],
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=arn,
        )


def pulse(patient: Patient) -> Iterator[Told]:
    """Whether it ran, and ended well, as CloudWatch counts it: a rule that is right proves no run."""
    now = datetime.fromtimestamp(patient.deps.now() / 1000, UTC)
    has = patient.found.functions.get("clock")
    if not has:
        return
    age = now - datetime.fromisoformat(str(has["modified"]))
    if age < SILENT:
        yield well("clock's runs", f"it was deployed {age.total_seconds() / 60:.0f} minutes ago: too early to tell")
        return
    ran, failed = (_sum(metric, now, patient) for metric in ("Invocations", "Errors"))
    minutes = SILENT.total_seconds() / 60
    if not ran:
        detail = f"it did not run within {minutes:.0f} minutes: nothing that waits is tried again"
        yield mendable(
            patient, "clock's runs", detail, "run the clock once, and see what it says", lambda: run(patient)
        )
    elif failed >= ran:
        mend = f"aws logs tail {names.log_group(patient.stage, 'clock')} --since 15m tells why"
        yield wrong("clock's runs", f"each of its {ran:.0f} runs within {minutes:.0f} minutes failed", mend)
    else:
        yield well("clock's runs", f"{ran:.0f} within {minutes:.0f} minutes, {failed:.0f} of them failed")


def _sum(metric: str, now: datetime, patient: Patient) -> float:
    answer = patient.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": names.function(patient.stage, "clock")}],
        StartTime=now - SILENT,
        EndTime=now,
        Period=300,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


class NotRun(Exception):
    """The clock was called, and did not come to its end; the message says why."""


def run(patient: Patient) -> None:
    """Run the clock once and wait for its end; overlapping runs are harmless. Raises `NotRun`."""
    if patient.local:
        from chalicelib.services import clock

        return clock.handle(patient.deps)
    event = {"version": "0", "id": "doctor", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    place = patient.place
    event |= {"account": place.account, "region": place.region, "time": "", "resources": []}
    ran: dict[str, Any] = patient.client("lambda").invoke(
        FunctionName=names.function(patient.stage, "clock"), Payload=json.dumps(event).encode()
    )
    if "FunctionError" in ran:
        told = json.loads(ran["Payload"].read() or b"{}")
        raise NotRun(f"the clock failed: {told.get('errorType', '')} {told.get('errorMessage', '')}"[:300])
    return None


def _there(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        return dict(call())
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        return {}
