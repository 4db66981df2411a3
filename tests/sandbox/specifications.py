"""The vendors' specifications, read so that jsonschema can apply them.

Slack's is a Swagger 2 of 2021 in which a list under `items` beside no type means "one of these"; Zendesk's are OpenAPI
3.1 documents that still say `nullable`. What the vendors answer today and the frozen documents lack is listed here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

# Fields that Slack's objects have gained since its document was frozen (docs.slack.dev/reference/objects).
NEWER_SLACK_FIELDS: dict[str, tuple[str, ...]] = {
    "objs_message": ("metadata", "app_id", "edited", "parent_user_id"),
    "conversations.replies": (
        "metadata",
        "app_id",
        "bot_id",
        "bot_profile",
        "blocks",
        "client_msg_id",
        "edited",
        "files",
        "upload",
        "display_as_bot",
        "subtype",
        "reactions",
    ),
    "conversations.history page": ("response_metadata",),
    "conversations.replies page": ("response_metadata",),
}
# In the document `shares` may hold nothing at all; the reference shows channels with lists of messages.
LOOSER_SLACK_OBJECTS = ("private", "public")
NEWER_SLACK_METHODS = {
    "files.getUploadURLExternal": "introduced in 2022, after the document was frozen",
    "files.completeUploadExternal": "introduced in 2022, after the document was frozen",
    "upload": "the upload address is not a Web API method",
    "download": "url_private is not a Web API method",
}


@cache
def slack_web(corpus: Path) -> Json:
    document: Json = json.loads((corpus / "slack/specs/slack_web_openapi_v2.json").read_text())
    looser: Json = _alternatives(document)
    for name, fields in NEWER_SLACK_FIELDS.items():
        for schema in _slack_objects(looser, name):
            schema["properties"] |= {field: {} for field in fields if field not in schema["properties"]}
    # The document calls the blocks of an updated message an object; everywhere else, and in fact, they are a list.
    updated = looser["paths"]["/chat.update"]["post"]["responses"]["200"]["schema"]["properties"]["message"]
    updated["properties"]["blocks"] = {"$ref": "#/definitions/blocks"}
    shares = looser["definitions"]["objs_file"]["properties"]["shares"]["properties"]
    for side in LOOSER_SLACK_OBJECTS:
        shares[side] = {"type": "object"}
    return looser


def _slack_objects(document: Json, name: str) -> list[Json]:
    if name in document["definitions"]:
        return [document["definitions"][name]]
    method, _, page = name.partition(" ")
    schema = document["paths"][f"/{method}"]["get"]["responses"]["200"]["schema"]
    return [schema] if page else list(schema["properties"]["messages"]["items"]["anyOf"])


def _alternatives(value: Any) -> Any:
    if isinstance(value, list):
        return [_alternatives(each) for each in value]
    if not isinstance(value, dict):
        return value
    items = value.get("items")
    if isinstance(items, list) and value.get("type") != "array":
        return {
            **_alternatives({name: each for name, each in value.items() if name != "items"}),
            "anyOf": _alternatives(items),
        }
    if isinstance(items, list):
        return {**value, "items": {"anyOf": _alternatives(items)}}
    return {name: _alternatives(each) for name, each in value.items()}


@cache
def slack_events(corpus: Path) -> Json:
    """The AsyncAPI's wrapper of every event. `authed_users` gave way to `authorizations` in 2021."""
    document: Json = json.loads((corpus / "slack/specs/slack_events_api_async_v1.json").read_text())
    wrapper: Json = document["components"]["schemas"]["GenericEventWrapper"]
    return {**wrapper, "required": [name for name in wrapper["required"] if name != "authed_users"]}


@cache
def zendesk(corpus: Path) -> Json:
    """One document of all: the parts by resource, and the objects that they leave out from the whole one."""
    paths: Json = {}
    schemas: Json = {}
    whole = _nullable(yaml.safe_load((corpus / "zendesk/zendesk-support-openapi.yml").read_text()))
    for path, operations in whole["paths"].items():
        paths[f"/api/v2{path}"] = operations
    for file in sorted((corpus / "zendesk").glob("*.yml")):
        if file.name == "zendesk-support-openapi.yml":
            continue
        part = _nullable(yaml.safe_load(file.read_text()))
        for path, operations in part["paths"].items():
            for method, operation in operations.items():
                paths.setdefault(path, {}).setdefault(f"{method} ({file.stem})", operation)
        schemas |= part.get("components", {}).get("schemas", {})
    schemas |= whole["components"]["schemas"]
    for ours, theirs in SAME_OBJECT.items():
        schemas[ours] = schemas[theirs]
    missing = sorted(_references({"paths": paths, "schemas": schemas}) - set(schemas))
    components = {**whole["components"], "schemas": {**{name: {} for name in missing}, **schemas}}
    return {"paths": paths, "components": components, "missing": missing}


def missing_behind(document: Json, schema: Json, seen: frozenset[str] = frozenset()) -> set[str]:
    """The objects that a schema refers to, near or far, and that no document holds: anything passes for them."""
    missing = set()
    for name in _references(schema) - seen:
        if name in document["missing"]:
            missing.add(name)
        else:
            missing |= missing_behind(document, document["components"]["schemas"][name], seen | {name})
    return missing


def _references(value: Any) -> set[str]:
    """The names of the objects that a document refers to in its answers."""
    return set(re.findall(r"#/components/schemas/(\w+)", json.dumps(value)))


# The objects that the parts refer to and do not hold, by what the whole document calls them.
SAME_OBJECT = {
    "TicketObject": "Ticket",
    "UserObject": "User",
    "TicketCommentObject": "Comment",
    "AttachmentObject": "Attachment",
    "OrganizationObject": "Organization",
    "TicketCreateRequest": "TicketCreate",
}


def _nullable(value: Any) -> Any:
    """`nullable: true` in the words of JSON Schema; the written examples are left out."""
    if isinstance(value, list):
        return [_nullable(each) for each in value]
    if not isinstance(value, dict):
        return value
    read = {name: _nullable(each) for name, each in value.items() if name not in ("example", "examples")}
    if read.pop("nullable", False) is True:
        return {"anyOf": [read, {"type": "null"}]}
    return read


def zendesk_operations(document: Json, method: str, path: str) -> list[tuple[str, Json]]:
    """Every operation of the documents for a call: (where it stands, the operation)."""
    found = []
    for template, operations in document["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", r"\\d+", template), path):
            names = [name for name in operations if name.split(" ")[0] == method.lower()]
            found += [(f"{name.upper()} {template}", operations[name]) for name in names]
    exact = [each for each in found if "{" not in each[0]]
    return exact or found


def resolvable(document: Json, schema: Json) -> Json:
    """A schema on its own, with what it refers to."""
    return {**schema, "components": document.get("components", {}), "definitions": document.get("definitions", {})}
