"""What feeds the functions from their queues: each once, switched on, as app.py declares it.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra import schema
from infra.doctor import record
from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.stack import names
from infra.stack.deployed import Mapping, unrecorded

_AT_WORK = ("Enabled", "Creating", "Enabling", "Updating")


def declared(function: str) -> tuple[int, int]:
    """What app.py declares of a worker: how many messages at once, and how many of it at a time (0 for any number)."""
    from app import app

    source: Any = next(one for one in app.event_sources if one.name == function)
    return int(source.batch_size), int(source.maximum_concurrency or 0)


def mappings(patient: Patient) -> Iterator[Told]:
    for spec in schema.queues(patient.stage).values():
        yield _fed(spec, patient)
    for one in patient.found.strangers:
        detail = "it is no function of this stage, and takes messages that are ours"
        mend = f"see whose it is; then aws lambda delete-event-source-mapping --uuid {one.uuid}"
        yield wrong(f"queue {one.queue} feeds {one.function}", detail, mend)


def _fed(spec: schema.QueueSpec, patient: Patient) -> Told:
    called = f"queue {spec.name} feeds {spec.function}"
    own = [one for one in patient.found.mappings if one.queue == spec.name and one.function == spec.function]
    astray = [one for one in patient.found.mappings if one.queue == spec.name and one.function != spec.function]
    if spec.function not in patient.found.functions:
        return wrong(called, "the function is not there", patient.deploy())
    if astray:
        told = ", ".join(one.function for one in astray)
        does = f"feed {spec.name} to {spec.function}, and no longer to {told}"
        return mendable(patient, called, f"it feeds {told}", does, lambda: _made(spec, astray, patient))
    if not own:
        return mendable(
            patient, called, "it does not", f"feed {spec.function} from {spec.name}", lambda: _made(spec, [], patient)
        )
    if len(own) > 1:
        spare = _spare(own, patient)
        told = ", ".join(one.uuid for one in spare)
        does = f"delete {len(spare)} of the {len(own)} mappings of {spec.name}: {told}"
        detail = f"{len(own)} times; once is enough ({told})"
        return mendable(patient, called, detail, does, lambda: _made(spec, spare, patient))
    return _settings(called, spec, own[0], patient)


def _settings(called: str, spec: schema.QueueSpec, one: Mapping, patient: Patient) -> Told:
    """Of the one mapping of a queue."""
    batch, at_once = declared(spec.function)
    scaling = {"MaximumConcurrency": at_once} if at_once else {}
    wanted: dict[str, Any] = {"BatchSize": batch, "Enabled": True, "ScalingConfig": scaling}
    detail = ""
    if one.state not in _AT_WORK:
        detail = f"AWS calls it {one.state}"
    elif one.batch_size != batch:
        detail = f"{one.batch_size} messages at a time; {batch} are meant"
    elif one.at_once != at_once:
        detail = f"{one.at_once or 'any number'} of the function at a time; {at_once or 'any number'} are meant"
    if detail:
        does = f"set the mapping of {spec.name} as app.py has it, switched on"
        update = patient.client("lambda").update_event_source_mapping
        return mendable(patient, called, detail, does, lambda: update(UUID=one.uuid, **wanted))
    if one in unrecorded(patient.stage, patient.found, patient.folder):
        detail = "but this machine has no record of it, so the next chalice deploy would stop at it"
        does = f"note it in .chalice/deployed/{patient.stage}.json"
        return mendable(patient, called, detail, does, lambda: record.write(patient))
    return well(called, f"up to {one.batch_size} messages at a time")


def _spare(own: list[Mapping], patient: Patient) -> list[Mapping]:
    """All but the one that chalice knows, or that works."""
    known = record.uuids(patient)
    best = min(own, key=lambda one: (one.uuid not in known, one.state not in _AT_WORK, one.uuid))
    return [one for one in own if one is not best]


def _made(spec: schema.QueueSpec, spare: list[Mapping], patient: Patient) -> None:
    """Delete what is spare, make what is missing, and note it where the next `chalice deploy` looks."""
    client = patient.client("lambda")
    patient.forget()
    there = {one.uuid for one in patient.found.mappings if one.queue == spec.name}
    for one in spare:
        if one.uuid in there:
            client.delete_event_source_mapping(UUID=one.uuid)
    if not there - {one.uuid for one in spare}:
        batch, at_once = declared(spec.function)
        place = patient.place
        given: dict[str, Any] = {
            "FunctionName": names.function(patient.stage, spec.function),
            "EventSourceArn": f"arn:{place.partition}:sqs:{place.region}:{place.account}:{spec.name}",
            "BatchSize": batch,
        }
        if at_once:
            given["ScalingConfig"] = {"MaximumConcurrency": at_once}
        client.create_event_source_mapping(**given)
    patient.forget()
    record.write(patient)
