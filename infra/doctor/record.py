"""chalice's own record of what it deployed, `.chalice/deployed/STAGE.json`: whether it says what AWS has; making it.

Without it `chalice deploy` makes a second API, with another address, and AWS refuses it the second mapping of a queue.
The form is chalice's: schema 2.0, as chalice/deploy/planner.py records it.
https://aws.github.io/chalice/topics/configfile.html · https://github.com/aws/chalice/issues/2146
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from infra import schema
from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.stack import config, names
from infra.stack.deployed import gateway_url
from infra.stack.deployed import recorded as known_to_chalice

_Resource = dict[str, Any]


def recorded(patient: Patient) -> Iterator[Told]:
    called = f".chalice/deployed/{patient.stage}.json"
    try:
        known = {one["name"]: one for one in config.deployed(patient.stage, patient.folder)}
    except ValueError:
        yield _lost(called, "it cannot be read", patient)
        return
    if not known:
        detail = "it is not on this machine: chalice deploy from here would make a second API, and stop at the mappings"
        yield _lost(called, detail, patient)
        return
    wanted = resources(patient)
    stale = [one["name"] for one in wanted if not one.items() <= known.get(one["name"], {}).items()]
    if stale:
        yield _lost(called, f"it does not say what AWS has: {', '.join(stale)}", patient)
    else:
        yield well(called, f"{len(known)} resources, as AWS has them")
    if config.stage_settings(patient.stage, patient.folder).get("api_gateway_custom_domain") and not any(
        one["resource_type"] == "domain_name" for one in known.values()
    ):
        detail = "the custom domain is not in it, and only chalice can write that part"
        mend = "get the file from whoever deployed last, or remove the domain's base path mapping and deploy again"
        yield wrong(called, detail, mend)


def _lost(called: str, detail: str, patient: Patient) -> Told:
    return mendable(patient, called, detail, f"write {called} from what AWS has", lambda: write(patient))


def uuids(patient: Patient) -> set[str]:
    """The mappings that chalice knows of."""
    return {str(one.get("event_uuid", "")) for one in known_to_chalice(patient.stage, patient.folder)}


def write(patient: Patient) -> None:
    """Write the record anew. What chalice recorded beyond our own parts stays. Raises `OSError`."""
    path = patient.folder / "deployed" / f"{patient.stage}.json"
    wanted = resources(patient)
    ours = {one["name"] for one in wanted} | {_event(function) for function in schema.QUEUED_FUNCTIONS}
    others = [one for one in known_to_chalice(patient.stage, patient.folder) if one["name"] not in ours]
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({"resources": [*wanted, *others], "schema_version": "2.0", "backend": "api"}, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def resources(patient: Patient) -> list[_Resource]:
    """What chalice would have recorded, in its order: whatever is deleted first comes last."""
    found = patient.found
    made = _layer(patient)
    for name in (*schema.QUEUED_FUNCTIONS, "clock", "api"):
        if name not in found.functions:
            continue
        chalices, has = names.FUNCTIONS[name], found.functions[name]
        if has["role"].rsplit("/", 1)[-1] == names.role(patient.stage, name):
            role = {"role_arn": has["role"], "role_name": names.role(patient.stage, name)}
            made.append({"name": f"{chalices}_role", "resource_type": "iam_role", **role})
        made.append({"name": chalices, "resource_type": "lambda_function", "lambda_arn": has["arn"]})
        made += _fed(name, patient)
        if name == "clock" and found.rule:
            rule = {"rule_name": names.clock_rule(patient.stage)}
            made.append({"name": "clock-event", "resource_type": "cloudwatch_event", **rule})
    if found.api:
        url = gateway_url(patient.stage, found.api, patient.cloud.region, patient.folder) + "/"
        api = {"rest_api_id": found.api, "rest_api_url": url}
        made.append({"name": "rest_api", "resource_type": "rest_api", **api})
    return made


def _layer(patient: Patient) -> list[_Resource]:
    ours = f":layer:{names.layer(patient.stage)}:"
    arns = {arn for has in patient.found.functions.values() for arn in has["layers"] if ours in arn}
    newest = max(arns, key=lambda arn: int(arn.rsplit(":", 1)[-1]), default="")
    layer = {"name": "managed-layer", "resource_type": "lambda_layer", "layer_version_arn": newest}
    return [layer] if newest else []


def _fed(name: str, patient: Patient) -> list[_Resource]:
    """The first mapping between a function and its own queue."""
    spec = schema.queues(patient.stage).get(name)
    known = uuids(patient)
    own = [one for one in patient.found.mappings if spec and (one.queue, one.function) == (spec.name, name)]
    if not own or not spec:
        return []
    one = min(own, key=lambda one: (one.uuid not in known, one.uuid))
    arn = patient.found.functions[name]["arn"]
    place = arn.partition(":lambda:")[0], ":".join(arn.partition(":lambda:")[2].split(":")[:2])
    event = {"queue_arn": f"{place[0]}:sqs:{place[1]}:{spec.name}", "event_uuid": one.uuid, "queue": spec.name}
    return [{"name": _event(name), "resource_type": "sqs_event", **event, "lambda_arn": arn}]


def _event(function: str) -> str:
    return f"{function}-sqs-event-source"
