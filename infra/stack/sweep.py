"""Deleting what `chalice deploy` made, by name: for what `chalice delete` has no record of, or stopped at.

`chalice delete` knows more (a custom domain), but ends at the first thing that somebody else has deleted already.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from infra.stack import config, names, words
from infra.stack.cloud import Cloud
from infra.stack.deployed import MISSING, Deployed


def sweep(stage: str, found: Deployed, cloud: Cloud) -> None:
    """Delete the API, the clock's rule, mappings, functions, roles and layer of a stage. Raises `words.Refused`."""
    with words.plain(cloud.region):
        functions = cloud.client("lambda")
        if found.api:
            _gone(cloud.client("apigateway").delete_rest_api, restApiId=found.api)
        _delete_rule(names.clock_rule(stage), cloud)
        for mapping in found.mappings:
            _gone(functions.delete_event_source_mapping, UUID=mapping.uuid)
        for name in names.FUNCTIONS:
            _gone(functions.delete_function, FunctionName=names.function(stage, name))
            _delete_role(names.role(stage, name), cloud)
        _delete_layer(names.layer(stage), cloud)
    config.forget_deployed(stage)


def _delete_rule(rule: str, cloud: Cloud) -> None:
    events = cloud.client("events")
    if targets := _gone(events.list_targets_by_rule, Rule=rule).get("Targets"):
        _gone(events.remove_targets, Rule=rule, Ids=[target["Id"] for target in targets])
    _gone(events.delete_rule, Name=rule)


def _delete_role(role: str, cloud: Cloud) -> None:
    iam = cloud.client("iam")
    for policy in _gone(iam.list_role_policies, RoleName=role).get("PolicyNames", ()):
        _gone(iam.delete_role_policy, RoleName=role, PolicyName=policy)
    _gone(iam.delete_role, RoleName=role)


def _delete_layer(layer: str, cloud: Cloud) -> None:
    client = cloud.client("lambda")
    for version in _gone(client.list_layer_versions, LayerName=layer).get("LayerVersions", ()):
        _gone(client.delete_layer_version, LayerName=layer, VersionNumber=version["Version"])


def _gone(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """What AWS answers, {} where there is no such thing any more."""
    try:
        answer: dict[str, Any] = call(**request) or {}
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        return {}
    return answer
