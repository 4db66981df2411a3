"""What `chalice deploy` has made of a stage, as AWS tells it: functions, queue mappings, clock rule, API, policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra import schema
from infra.stack import config, names, words
from infra.stack.cloud import Cloud

# What AWS says of a thing that is not there.
MISSING = frozenset({"ResourceNotFoundException", "NoSuchEntity", "NotFoundException", "404"})


@dataclass(frozen=True)
class Mapping:
    """What feeds a function from a queue. `function` is our short name of it, or another's whole name."""

    uuid: str
    function: str
    queue: str
    batch_size: int
    state: str
    at_once: int = 0


@dataclass(frozen=True)
class Deployed:
    """What there is of a stage's functions.

    functions  by our short name: {state, memory_mb, seconds, modified, stage, version, arn, role, layers, code}
    mappings   what feeds our functions, from whichever queue
    strangers  what else takes from our queues
    policies   by our short name: the inline policy of its role
    rule       the clock's schedule, "" where there is no rule or it is switched off
    api        the id of the REST API that may call the API function, "" where there is none
    apis       every REST API that may, the one above among them
    """

    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: tuple[Mapping, ...] = ()
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    rule: str = ""
    api: str = ""
    apis: tuple[str, ...] = ()
    strangers: tuple[Mapping, ...] = ()

    @property
    def whole(self) -> bool:
        fed = {mapping.function for mapping in self.mappings}
        return set(self.functions) == set(names.FUNCTIONS) and fed == set(schema.queues("x")) and bool(self.api)


def look(stage: str, cloud: Cloud, folder: Path = config.FOLDER) -> Deployed:
    """Ask AWS. Raises `words.Refused`.

    folder  where chalice's record is, which tells the API where several may call the function
    """
    with words.plain(cloud.region):
        functions = {name: found for name in names.FUNCTIONS if (found := _function(stage, name, cloud))}
        fed = _mappings(stage, functions, cloud)
        mappings = tuple(one for one in fed if one.function in functions)
        strangers = tuple(one for one in fed if one.function not in functions)
        policies = {name: found for name in functions if (found := _policy(stage, name, cloud))}
        apis = _apis(stage, cloud) if "api" in functions else ()
        known = {resource.get("rest_api_id") for resource in recorded(stage, folder)}
        api = next((one for one in apis if one in known), apis[-1] if apis else "")
        return Deployed(functions, mappings, policies, _rule(stage, cloud), api, apis, strangers)


def unrecorded(stage: str, found: Deployed, folder: Path = config.FOLDER) -> list[Mapping]:
    """Mappings that a `chalice deploy` left behind that did not come to its end.

    The next one does not know of them and AWS refuses it the second one of their kind. Where everything is in place, it
    was deployed from another machine: then none counts as left behind.
    https://github.com/aws/chalice/issues/2146
    """
    if found.whole:
        return []
    known = {resource.get("event_uuid") for resource in recorded(stage, folder)}
    return [mapping for mapping in found.mappings if mapping.uuid not in known]


def recorded(stage: str, folder: Path = config.FOLDER) -> list[dict[str, Any]]:
    """What chalice recorded of the stage's resources; [] also where its record cannot be read."""
    try:
        return config.deployed(stage, folder)
    except ValueError:
        return []


def public_url(stage: str, found: Deployed, region: str, folder: Path = config.FOLDER) -> str:
    """Where the world reaches the API: the custom domain of the stage's settings, else API Gateway's own address."""
    domain = config.stage_settings(stage, folder).get("api_gateway_custom_domain", {})
    if domain.get("domain_name"):
        prefix = str(domain.get("url_prefix", "")).strip("/")
        return f"https://{domain['domain_name']}" + (f"/{prefix}" if prefix and prefix != "(none)" else "")
    return gateway_url(stage, found.api, region, folder)


def gateway_url(stage: str, api: str, region: str, folder: Path = config.FOLDER) -> str:
    """API Gateway's own address of a REST API, "" where there is none."""
    if not api:
        return ""
    ending = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{api}.execute-api.{region}.{ending}/{api_stage(stage, folder)}"


def api_stage(stage: str, folder: Path = config.FOLDER) -> str:
    """What API Gateway calls its own stage, which is the last part of its address."""
    return str(config.stage_settings(stage, folder).get("api_gateway_stage", config.API_STAGE))


def _function(stage: str, name: str, cloud: Cloud) -> dict[str, Any]:
    found = _found(lambda: cloud.client("lambda").get_function_configuration(FunctionName=names.function(stage, name)))
    if not found:
        return {}
    return {
        "state": found.get("State", "Active"),
        "memory_mb": found["MemorySize"],
        "seconds": found["Timeout"],
        "modified": found["LastModified"],
        "stage": found.get("Environment", {}).get("Variables", {}).get("DESKWEAVE_STAGE", ""),
        "version": found.get("Environment", {}).get("Variables", {}).get("DESKWEAVE_VERSION", ""),
        "arn": found["FunctionArn"],
        "role": found["Role"],
        "layers": [layer["Arn"] for layer in found.get("Layers", ())],
        "code": found.get("CodeSha256", ""),
    }


def _mappings(stage: str, functions: dict[str, dict[str, Any]], cloud: Cloud) -> tuple[Mapping, ...]:
    """What feeds our functions, and what else takes from our queues: a stranger there would be fed our messages."""
    if not functions:
        return ()
    short = {names.function(stage, name): name for name in functions}
    pages = cloud.client("lambda").get_paginator("list_event_source_mappings")
    begin, _, rest = next(iter(functions.values()))["arn"].partition(":lambda:")
    queue = f"{begin}:sqs:{':'.join(rest.split(':')[:2])}:"
    asked = [{"FunctionName": name} for name in short]
    asked += [{"EventSourceArn": queue + spec.name} for spec in schema.queues(stage).values()]
    found = {}
    for which in asked:
        for one in (one for page in pages.paginate(**which) for one in page["EventSourceMappings"]):
            name = one["FunctionArn"].split(":function:")[-1].split(":")[0]
            found[one["UUID"]] = Mapping(
                one["UUID"],
                short.get(name, name),
                one["EventSourceArn"].rsplit(":", 1)[-1],
                one["BatchSize"],
                one.get("State", ""),
                one.get("ScalingConfig", {}).get("MaximumConcurrency", 0),
            )
    return tuple(found.values())


def _policy(stage: str, name: str, cloud: Cloud) -> dict[str, Any]:
    role = names.role(stage, name)
    found = _found(lambda: cloud.client("iam").get_role_policy(RoleName=role, PolicyName=role))
    document = found.get("PolicyDocument", {})
    return dict(json.loads(document) if isinstance(document, str) else document)


def _rule(stage: str, cloud: Cloud) -> str:
    found = _found(lambda: cloud.client("events").describe_rule(Name=names.clock_rule(stage)))
    return str(found.get("ScheduleExpression", "")) if found.get("State") == "ENABLED" else ""


def _apis(stage: str, cloud: Cloud) -> tuple[str, ...]:
    """Every stage's API has the app's name, so it is told by whom the function lets call it."""
    found = _found(lambda: cloud.client("lambda").get_policy(FunctionName=names.function(stage, "api")))
    allowed: list[str] = []
    for statement in json.loads(found.get("Policy", "{}")).get("Statement", ()):
        condition = statement.get("Condition", {})
        arns = [value for test in condition.values() for value in test.values()]
        allowed += [arn.split(":")[5].split("/")[0] for arn in arns if ":execute-api:" in arn]
    return tuple(api for api in dict.fromkeys(allowed) if is_api(api, cloud))


def is_api(api: str, cloud: Cloud) -> bool:
    """Whether there is such a REST API."""
    return bool(_found(lambda: cloud.client("apigateway").get_rest_api(restApiId=api)))


def _found(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What AWS answers, {} where there is no such thing."""
    try:
        answer: dict[str, Any] = call()
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            return {}
        raise
    return answer
