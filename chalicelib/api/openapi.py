"""The API's description, made from its operations and the types of their answers. https://spec.openapis.org/oas/v3.1.1"""

from __future__ import annotations

import dataclasses
import importlib
import re
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from chalicelib.api.door import LARGEST_BODY, OPERATIONS, Operation

Json = dict[str, Any]
_PLAIN: Mapping[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    object: {},
}
_REFUSED = {
    400: "The query, the cursor or the body cannot be read.",
    401: "No key, or none that is known.",
    403: "The role viewer changes nothing.",
    404: "There is nothing under this id.",
    409: "It cannot be done as things stand now.",
    413: f"The body has more than {LARGEST_BODY} bytes.",
    415: "The body is not JSON.",
    422: "The body is read, but not right; or the provider refuses the settings, in its own words.",
    429: "Too many sign-ins failed from this address: Retry-After says when to try again.",
    503: "AWS does not answer; try again.",
}
_ERROR: Json = {
    "type": "object",
    "description": "What went wrong: a word for programs, and for people the reason and what to do.",
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}, "mend": {"type": "string"}},
    "required": ["error", "message", "mend"],
}


def document() -> Json:
    """The OpenAPI document."""
    schemas: dict[str, Json] = {"Error": _ERROR}
    paths: dict[str, Json] = {}
    for one in sorted(OPERATIONS, key=lambda one: (one.path, one.method)):
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Deskweave",
            "version": "1",
            "description": "Connections, and what customers and agents said. Times are ms since the epoch.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An admin key, or the issuer's token."}
            },
        },
    }


def _operation(one: Operation, schemas: dict[str, Json]) -> Json:
    ids = [_parameter("path", name, {"type": "string"}) for name in re.findall(r"\{(\w+)\}", one.path)]
    query = [_parameter("query", name, dict(schema)) for name, schema in one.query.items()]
    answer = {"description": one.summary, "content": {"application/json": {"schema": _given(one.gives, schemas)}}}
    found: Json = {
        "operationId": one.act.__name__,
        "summary": one.summary,
        "description": f"For the role {'admin' if one.writes else 'viewer or admin'}.",
        "tags": [one.path.split("/")[1].removesuffix(".json")],
        "parameters": [*ids, *query],
        "responses": {str(one.status): answer, **{str(status): _refusal(status) for status in _statuses(one)}},
    }
    if one.body:
        body = {
            "type": "object",
            "properties": {name: dict(schema) for name, schema in one.body.items()},
            "required": list(one.needs),
            "additionalProperties": False,
        }
        found["requestBody"] = {"required": bool(one.needs), "content": {"application/json": {"schema": body}}}
    return found


def _parameter(where: str, name: str, schema: Json) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _statuses(one: Operation) -> list[int]:
    found = {400, 401, 429, 503, *one.refuses}
    found |= {403, 413} if one.writes else set()
    found |= {404} if "{" in one.path else set()
    found |= {415, 422} if one.body else set()
    return sorted(found)


def _refusal(status: int) -> Json:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": _REFUSED[status], "content": {"application/json": {"schema": schema}}}


def _given(gives: str, schemas: dict[str, Json]) -> Json:
    """The schema of an answer as `Operation.gives` spells it."""
    if gives == "object":
        return {"type": "object"}
    if listed := re.fullmatch(r"\[(.+)\]", gives):
        return {"type": "array", "items": _given(listed.group(1), schemas)}
    if page := re.fullmatch(r"Page\[(.+)\]", gives):
        items = {"type": "array", "items": _given(page.group(1), schemas)}
        properties = {"items": items, "next": {"type": "string", "description": "the next page's cursor"}}
        return {"type": "object", "properties": properties, "required": ["items", "next"]}
    module, _, name = gives.partition(".")
    return _schema(getattr(importlib.import_module(f"chalicelib.services.{module}"), name), schemas)


def _schema(kind: Any, schemas: dict[str, Json]) -> Json:
    """The JSON Schema of a type as `json` writes its values; dataclasses are put among `schemas`."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [one.value for one in kind]}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, schemas)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and inner[-1] is not ...:
        items = [_schema(one, schemas) for one in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin in (tuple, list):
        return {"type": "array", "items": _schema(inner[0], schemas)}
    if origin in (Mapping, dict):
        return {"type": "object", "additionalProperties": _schema(inner[1], schemas)}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [{"type": "null"} if one is type(None) else _schema(one, schemas) for one in inner]}
    raise TypeError(f"{kind} has no JSON Schema")


def _dataclass(kind: type, schemas: dict[str, Json]) -> Json:
    name = kind.__name__
    if name not in schemas:
        schemas[name] = {}  # stands here already, for a type that holds itself
        hints = typing.get_type_hints(kind)
        properties = {field.name: _schema(hints[field.name], schemas) for field in dataclasses.fields(kind)}
        told = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        described = {"type": "object", "description": told, "properties": properties, "required": list(properties)}
        schemas[name] = {**described, "additionalProperties": False}
    return {"$ref": f"#/components/schemas/{name}"}
