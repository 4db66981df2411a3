"""How a stage stands: its stack, functions, queues and alarms on AWS, its connections and failures in the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.core.model import Finding
from infra import schema
from infra.doctor import examine
from infra.doctor.model import Patient
from infra.stack import config, names, words
from infra.stack.cloud import ABSENT, HALF_MADE, Cloud, Stack

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.views import Connection

_MOST = 1000


@dataclass(frozen=True)
class Depth:
    """What stands in a queue: messages that wait, that a function has, and that were given up."""

    queue: str
    waiting: int
    in_flight: int
    dead: int


@dataclass(frozen=True)
class Overview:
    """A stage at one moment. `findings` and below are of AWS: empty for the local run.

    alarms    name -> why, of those that ring
    failures  how many wait for a person, at most 1,000
    """

    stage: str
    region: str
    url: str
    connections: list[Connection]
    failures: int
    stack: str = ""
    findings: list[Finding] = field(default_factory=list)
    queues: list[Depth] = field(default_factory=list)
    alarms: dict[str, str] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return all(one.ok for one in self.findings) and not self.alarms and not any(one.dead for one in self.queues)


def local(deps: Deps) -> Overview:
    """The local run, or whatever stands behind AWS_ENDPOINT_URL: what the table knows."""
    from chalicelib.services import read_admin, settings

    failures = len(read_admin.failures(deps, limit=_MOST))
    return Overview(deps.stage, "", settings.public_url(deps), read_admin.connections(deps), failures)


def deployed_stage(stage: str, cloud: Cloud, deps: Deps) -> Overview:
    """A stage on AWS. Raises `words.Refused`."""
    config.refuse_elsewhere(stage, cloud.identity()[0], cloud.region)
    state = Stack(names.stack(stage), cloud).state()
    if state.status in ABSENT:
        mend = f"`deskweave up --stage {stage}` makes it, or --region tells where it is"
        raise words.Refused(f"There is no stack {names.stack(stage)} in region {cloud.region}: {mend}.")
    # A stack that was rolled back has no table to look into.
    known = Overview(stage, "", "", [], 0) if state.status in HALF_MADE else local(deps)
    findings = examine.quick(Patient(stage, cloud, deps))
    return Overview(
        stage,
        cloud.region,
        known.url,
        known.connections,
        known.failures,
        state.status,
        findings,
        [depth for spec in schema.queues(stage).values() if (depth := _depth(spec, cloud))],
        _alarms(stage, cloud),
    )


def _depth(spec: schema.QueueSpec, cloud: Cloud) -> Depth | None:
    waiting = _attributes(spec.name, cloud)
    dead = _attributes(spec.dead_name, cloud)
    if waiting is None or dead is None:
        return None
    return Depth(spec.function, waiting[0], waiting[1], sum(dead))


def _attributes(queue: str, cloud: Cloud) -> tuple[int, int] | None:
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    with words.plain(cloud.region):
        sqs = cloud.client("sqs")
        try:
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        except ClientError as error:
            if "NonExistentQueue" in error.response["Error"]["Code"] or "QueueDoesNotExist" in str(error):
                return None
            raise
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    return int(found[wanted[0]]), int(found[wanted[1]])


def _alarms(stage: str, cloud: Cloud) -> dict[str, str]:
    prefix = f"{names.stack(stage)}-"
    with words.plain(cloud.region):
        pages = cloud.client("cloudwatch").get_paginator("describe_alarms")
        found = [
            alarm
            for page in pages.paginate(AlarmNamePrefix=prefix, StateValue="ALARM")
            for alarm in page["MetricAlarms"]
        ]
    return {alarm["AlarmName"]: alarm.get("AlarmDescription", "") for alarm in found}
