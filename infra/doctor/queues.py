"""The queues: each there, wired to its dead-letter queue, patient enough for its function; and what was given up.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra import schema
from infra.doctor import clock
from infra.doctor.model import Patient, Told, mendable, well
from infra.doctor.wanted import same_policy

_DOCUMENTS = frozenset({"RedrivePolicy", "RedriveAllowPolicy", "Policy"})
# More of these does no harm, less does.
_AT_LEAST = frozenset({"VisibilityTimeout", "MessageRetentionPeriod"})
_NOT_TOLD = frozenset({"QueueName", "Tags"})
_WHY = {
    "VisibilityTimeout": "a message would be delivered again while it is still worked on",
    "RedrivePolicy": "what cannot be handled would stay for ever, or be lost",
    "Policy": "the mail topic could not fill it",
}


def queues(patient: Patient) -> Iterator[Told]:
    for name, wanted in _wanted(patient).items():
        yield _queue(name, wanted, patient)


def _wanted(patient: Patient) -> dict[str, dict[str, Any]]:
    """Queue -> its attributes as the template has them, dead-letter queues first: the others point at them."""
    policies = {
        str(queue).rsplit("/", 1)[-1]: policy["PolicyDocument"]
        for policy in patient.wanted.of("AWS::SQS::QueuePolicy")
        for queue in policy["Queues"]
    }
    found = {}
    for properties in patient.wanted.of("AWS::SQS::Queue"):
        name = properties["QueueName"]
        found[name] = {key: value for key, value in properties.items() if key not in _NOT_TOLD}
        if name in policies:
            found[name]["Policy"] = policies[name]
    return dict(sorted(found.items(), key=lambda one: "RedrivePolicy" in one[1]))


def _queue(name: str, wanted: dict[str, Any], patient: Patient) -> Told:
    called = f"queue {name}"
    has = attributes(name, patient)
    if has is None:
        detail, does = "it is not there: what is sent to it is refused", f"make the queue {name} again, empty"
        return mendable(patient, called, detail, does, lambda: _make(name, patient))
    off = [key for key, value in wanted.items() if not _right(key, value, has.get(key))]
    if not off:
        return well(called, _summary(wanted))
    first = off[0]
    told = "; ".join(f"{key} is {has.get(key, 'not set')}, {_written(wanted[key])} is meant" for key in off)
    does = f"set {', '.join(off)} of the queue {name} as the template has it"
    given = {key: _written(wanted[key]) for key in off}
    detail = f"{told}: {_WHY[first]}" if first in _WHY else told
    return mendable(patient, called, detail, does, lambda: _set(name, given, patient))


def attributes(name: str, patient: Patient) -> dict[str, str] | None:
    """What SQS tells of a queue, None where there is none."""
    sqs = patient.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {}))
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
            return None
        raise


def _right(key: str, wanted: Any, has: str | None) -> bool:
    if has is None:
        return wanted in (False, None)
    if key in _AT_LEAST:
        return int(has) >= int(wanted)
    if key == "Policy":
        return same_policy(json.loads(has), wanted)
    if key in _DOCUMENTS:
        return bool(_plain(json.loads(has)) == _plain(wanted))
    return has == _written(wanted)


def _plain(document: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in document.items()}


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _summary(wanted: dict[str, Any]) -> str:
    if "RedrivePolicy" not in wanted:
        return "keeps what was given up"
    return f"wired to its dead-letter queue, {wanted['VisibilityTimeout']} s for its function"


def _make(name: str, patient: Patient) -> None:
    """Make a queue, and its dead-letter queue where that is gone as well."""
    wanted = _wanted(patient)
    target = wanted[name].get("RedrivePolicy", {}).get("deadLetterTargetArn", "").rsplit(":", 1)[-1]
    if target and attributes(target, patient) is None:
        _make(target, patient)
    given = {key: _written(value) for key, value in wanted[name].items() if value not in (False, None)}
    patient.client("sqs").create_queue(QueueName=name, Attributes=given)


def _set(name: str, given: dict[str, str], patient: Patient) -> None:
    sqs = patient.client("sqs")
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], Attributes=given)


def dead_letters(patient: Patient) -> Iterator[Told]:
    """The clock moves them into the failure list each minute; what stays there has no clock."""
    waiting = {}
    for spec in schema.queues(patient.stage).values():
        has = attributes(spec.dead_name, patient) or {}
        waiting[spec.dead_name] = int(has.get("ApproximateNumberOfMessages", 0))
    told = ", ".join(f"{many} in {name}" for name, many in waiting.items() if many)
    if not told:
        yield well("dead letters", "none waits")
        return
    does = "run the clock once: it moves them into the failure list, where a person can retry them"
    yield mendable(patient, "dead letters", told, does, lambda: clock.run(patient))
