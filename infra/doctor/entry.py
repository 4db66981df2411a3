"""How requests come in: the REST API, its stage, the right to call the function, and the address told to the world.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetStage.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from botocore.exceptions import ClientError

from infra.doctor.model import Patient, Told, mendable, well, wrong
from infra.stack import names, throttling, words
from infra.stack.deployed import MISSING, api_stage, is_api, public_url, recorded
from infra.stack.throttling import Limits

_GATEWAY = re.compile(r"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/")


def api(patient: Patient) -> Iterator[Told]:
    found = patient.found
    if not found.api:
        yield _without(patient)
        return
    if len(found.apis) > 1:
        spare = [one for one in found.apis if one != found.api]
        mend = "once neither links nor providers use it any more: "
        mend += f"aws apigateway delete-rest-api --rest-api-id {spare[0]}"
        yield wrong("API", f"{found.api}; besides it {', '.join(spare)} calls the function, of an earlier deploy", mend)
    else:
        yield well("API", found.api)
    stage = api_stage(patient.stage, patient.folder)
    if not _has_stage(found.api, stage, patient):
        does = f"publish the API {found.api} as its stage {stage} again"
        detail = f"API {found.api} has no stage {stage}: every request is refused"
        yield mendable(patient, "API's stage", detail, does, lambda: _publish(found.api, stage, patient))


def _publish(rest_api: str, stage: str, patient: Patient) -> None:
    """A new stage has no rate limits: those of `deskweave finish` go with it. Raises `words.Refused`."""
    patient.client("apigateway").create_deployment(restApiId=rest_api, stageName=stage)
    limited = throttling.limit(rest_api, stage, Limits(), patient.cloud)
    if not limited.ok:
        raise words.Refused(f"{limited.name}: {limited.detail}")


def _without(patient: Patient) -> Told:
    """No API may call the function: because it is gone, or because it lost the right."""
    found = next((one for one in _candidates(patient) if is_api(one, patient.cloud)), "")
    if not found:
        return wrong("API", "there is none that may call the API function", patient.deploy())
    place = patient.place
    given = {
        "FunctionName": names.function(patient.stage, "api"),
        "StatementId": f"deskweave-doctor-{found}",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:{place.partition}:execute-api:{place.region}:{place.account}:{found}/*",
    }
    client = patient.client("lambda")

    def act() -> None:
        with suppress(client.exceptions.ResourceConflictException):
            client.add_permission(**given)

    detail = f"{found} may not call the function: every request gets a 500"
    return mendable(patient, "API", detail, f"let the API {found} call the function", act)


def _candidates(patient: Patient) -> list[str]:
    """The APIs that chalice recorded, and that the world is told of."""
    from chalicelib.services import settings

    chalices = recorded(patient.stage, patient.folder)
    known = [str(one["rest_api_id"]) for one in chalices if one.get("rest_api_id")]
    told = _GATEWAY.match(settings.public_url(patient.deps) + "/")
    return [*known, *([told[1]] if told else [])]


def _has_stage(rest_api: str, stage: str, patient: Patient) -> bool:
    try:
        patient.client("apigateway").get_stage(restApiId=rest_api, stageName=stage)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        return False
    return True


def address(patient: Patient) -> Iterator[Told]:
    from chalicelib.services import settings

    told = settings.public_url(patient.deps)
    is_at = public_url(patient.stage, patient.found, patient.cloud.region, patient.folder)
    gateway = _GATEWAY.match(told + "/")
    if not is_at:
        return
    if not told:
        yield _tell("it was never told: links and webhook addresses lack it", is_at, patient)
    elif gateway and gateway[1] not in patient.found.apis:
        yield _tell(f"{told} is told to the world, and leads to no API of this stage any more", is_at, patient)
    elif gateway and gateway[1] != patient.found.api and patient.found.api in is_at:
        yield _tell(f"{told} is told to the world; chalice deploy now updates another API", is_at, patient)
    else:
        yield well("public address", told)


def _tell(detail: str, is_at: str, patient: Patient) -> Told:
    does = f"keep {is_at} as the public address, and with each connection its webhook's own"
    return mendable(patient, "public address", detail, does, lambda: patient.deps.connections.set_public_url(is_at))
