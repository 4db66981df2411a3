"""A whole stage on ministack, and the doctor who looks at it from this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.bootstrap import Deps
from infra.doctor import examine
from infra.doctor.checks import CHECKS
from infra.doctor.examine import Mended
from infra.doctor.model import Check, Patient, Result
from infra.stack.cloud import Cloud
from tests.deploy.ministack import ACCOUNT, REGION, Ministack, Project

STAGE = "prod"
STACK = f"deskweave-{STAGE}"
BUCKET = f"{STACK}-files-{ACCOUNT}"


def function(name: str) -> str:
    return STACK if name == "api" else f"{STACK}-{name}"


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


class Raw:
    """A body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_: object) -> list[bytes]:
        return [self.body]


@dataclass
class Stage:
    """`client` is one that knows nothing of our own code; `chalices` the record as `chalice deploy` wrote it."""

    aws: Ministack
    project: Project
    chalices: dict[str, Any] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    @property
    def folder(self) -> Path:
        return self.project.folder / ".chalice"

    def patient(self, now: Callable[[], int] | None = None, **given: Any) -> Patient:
        """The stage as the doctor sees it."""
        deps = Deps(STAGE, now, sink=lambda line: None)
        return Patient(STAGE, Cloud(REGION, self.client), deps, folder=self.folder, **given)

    def wrong(self, patient: Patient | None = None, checks: Sequence[Check] = CHECKS) -> dict[str, Result]:
        """What is not well, by name."""
        found = examine.examine(patient or self.patient(), checks)
        return {result.finding.name: result for result in found if not result.finding.ok}

    def mend(self, patient: Patient) -> list[Mended]:
        """Do all that the doctor can."""
        found = examine.mends(examine.examine(patient), outside=False)
        return examine.mend(patient, found)

    def queue(self, name: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=f"{STACK}-{name}")["QueueUrl"])

    def mapping(self, name: str) -> dict[str, Any]:
        """The one mapping of a worker, as AWS tells it."""
        given = {"FunctionName": function(name)}
        (found,) = self.client("lambda").list_event_source_mappings(**given)["EventSourceMappings"]
        return dict(found)

    def api(self) -> str:
        (found,) = self.client("apigateway").get_rest_apis()["items"]
        return str(found["id"])

    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "deployed" / f"{STAGE}.json").read_text()))

    def item(self, pk: str, sk: str = "-") -> dict[str, Any]:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        return dict(self.client("dynamodb").get_item(TableName=STACK, Key=key).get("Item", {}))
