"""What `chalice deploy` has made of a stage, as AWS tells it: functions, queue mappings, clock rule, API, policies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra import schema
from infra.stack import config, names, words
from infra.stack.cloud import Cloud

# What AWS says of a thing that is not there.
MISSING = frozenset({"ResourceNotFoundException", "NoSuchEntity", "NotFoundException", "404"})


@dataclass(frozen=True)
class Mapping:
    """What feeds a function from a queue."""

    uuid: str
    function: str
    queue: str
    batch_size: int
    state: str


@dataclass(frozen=True)
class Deployed:
    """What there is of a stage's functions.

    functions  by our short name: {state, memory_mb, seconds, modified, stage}
    policies   by our short name: the inline policy of its role
    rule       the clock's schedule, "" where there is no rule or it is switched off
    api        the id of the REST API that may call the API function, "" where there is none
    """

    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: tuple[Mapping, ...] = ()
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    rule: str = ""
    api: str = ""

    @property
    def whole(self) -> bool:
        fed = {mapping.function for mapping in self.mappings}
        return set(self.functions) == set(names.FUNCTIONS) and fed == set(schema.queues("x")) and bool(self.api)


def look(stage: str, cloud: Cloud) -> Deployed:
    """Ask AWS. Raises `words.Refused`."""
    with words.plain(cloud.region):
        functions = {name: found for name in names.FUNCTIONS if (found := _function(stage, name, cloud))}
        mappings = tuple(mapping for name in functions for mapping in _mappings(stage, name, cloud))
        policies = {name: found for name in functions if (found := _policy(stage, name, cloud))}
        return Deployed(functions, mappings, policies, _rule(stage, cloud), _api(stage, cloud) if functions else "")


def unrecorded(stage: str, found: Deployed) -> list[Mapping]:
    """Mappings that a `chalice deploy` left behind that did not come to its end.

    The next one does not know of them and AWS refuses it the second one of their kind. Where everything is in place, it
    was deployed from another machine: then none counts as left behind.
    https://github.com/aws/chalice/issues/2146
    """
    if found.whole:
        return []
    known = {resource.get("event_uuid") for resource in config.deployed(stage)}
    return [mapping for mapping in found.mappings if mapping.uuid not in known]


def public_url(stage: str, found: Deployed, region: str) -> str:
    """Where the world reaches the API: the custom domain of the stage's settings, else API Gateway's own address."""
    settings = config.stage_settings(stage)
    domain = settings.get("api_gateway_custom_domain", {})
    if domain.get("domain_name"):
        prefix = str(domain.get("url_prefix", "")).strip("/")
        return f"https://{domain['domain_name']}" + (f"/{prefix}" if prefix and prefix != "(none)" else "")
    if not found.api:
        return ""
    ending = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{found.api}.execute-api.{region}.{ending}/{settings.get('api_gateway_stage', config.API_STAGE)}"


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
    }


def _mappings(stage: str, name: str, cloud: Cloud) -> list[Mapping]:
    answer = cloud.client("lambda").list_event_source_mappings(FunctionName=names.function(stage, name))
    return [
        Mapping(one["UUID"], name, one["EventSourceArn"].rsplit(":", 1)[-1], one["BatchSize"], one.get("State", ""))
        for one in answer["EventSourceMappings"]
    ]


def _policy(stage: str, name: str, cloud: Cloud) -> dict[str, Any]:
    role = names.role(stage, name)
    found = _found(lambda: cloud.client("iam").get_role_policy(RoleName=role, PolicyName=role))
    document = found.get("PolicyDocument", {})
    return dict(json.loads(document) if isinstance(document, str) else document)


def _rule(stage: str, cloud: Cloud) -> str:
    found = _found(lambda: cloud.client("events").describe_rule(Name=names.clock_rule(stage)))
    return str(found.get("ScheduleExpression", "")) if found.get("State") == "ENABLED" else ""


def _api(stage: str, cloud: Cloud) -> str:
    """Every stage's API has the app's name, so it is told by whom the function lets call it."""
    found = _found(lambda: cloud.client("lambda").get_policy(FunctionName=names.function(stage, "api")))
    allowed: list[str] = []
    for statement in json.loads(found.get("Policy", "{}")).get("Statement", ()):
        condition = statement.get("Condition", {})
        arns = [value for test in condition.values() for value in test.values()]
        allowed += [arn.split(":")[5].split("/")[0] for arn in arns if ":execute-api:" in arn]
    live = [api for api in allowed if _found(lambda api=api: cloud.client("apigateway").get_rest_api(restApiId=api))]
    return live[-1] if live else ""


def _found(call: Any) -> dict[str, Any]:
    """What AWS answers, {} where there is no such thing."""
    try:
        answer: dict[str, Any] = call()
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            return {}
        raise
    return answer
