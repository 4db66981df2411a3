"""Salesforce's REST API: sign-in, limits, records, queries, and several things as one.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_list.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.sandbox import calls, salesforce_login, salesforce_queries, salesforce_records
from infra.sandbox.faults import Fault
from infra.sandbox.salesforce_records import KEYED, OBJECTS
from infra.sandbox.salesforce_shapes import Problem, not_found
from infra.sandbox.server import Reply, Request, json_reply

if TYPE_CHECKING:
    from infra.sandbox.salesforce import SalesforceSandbox

Json = dict[str, Any]
TOKEN = "/services/oauth2/token"
DATA = re.compile(r"/services/data/v(\d{2})\.0/(.*)", re.DOTALL)
METADATA = re.compile(r"/services/Soap/m/\d{2}\.0")
REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])+)\}")
MOST_STEPS, MOST_QUERIES = 25, 5
SESSION_OVER = Problem(401, "INVALID_SESSION_ID", "Session expired or invalid")
QUOTA_OVER = Problem(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


@dataclass(frozen=True)
class Step:
    """One thing that is asked for: by itself, or as part of a composite request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    user: str


@dataclass(frozen=True)
class Done:
    status: int
    body: Any = None


def handle(org: SalesforceSandbox, request: Request) -> Reply:
    """Answer anything under /salesforce."""
    path = request.path.removeprefix("/salesforce")
    template = _template(path, request)
    org.world.requests["salesforce", request.method, template] += 1
    caller = str((org.find(salesforce_login.user_of(org, request)) or {}).get("Username") or "")
    name = f"{request.method} {template}"
    return calls.answer(org.world, "salesforce", name, lambda: _call(org, request, path), _fail, caller)


def _call(org: SalesforceSandbox, request: Request, path: str) -> Reply:
    try:
        if org.world.now() < org.outage_until:
            raise Problem(503, "SERVER_UNAVAILABLE", "Server unavailable")
        if path == TOKEN and request.method == "POST":
            return salesforce_login.sign_in(org, request)
        if METADATA.fullmatch(path) and request.method == "POST":
            return salesforce_login.case_settings(org, request)
        user = salesforce_login.user_of(org, request)
        if not user:
            raise SESSION_OVER
        if org.used >= org.api_limit:
            raise QUOTA_OVER
        org.used += 1
        reply = _data(org, request, path, user)
        usage = {"Sforce-Limit-Info": f"api-usage={org.used}/{org.api_limit}"}
        return Reply(reply.status, reply.body, {**reply.headers, **usage})
    except Problem as problem:
        return problem.reply()


def _fail(fault: Fault) -> Reply:
    """The vendor has no 429: what is too much is a 403."""
    if fault.kind == "429":
        return QUOTA_OVER.reply()
    if fault.kind == "expired_token":
        return SESSION_OVER.reply()
    if fault.kind == "503":
        return Problem(503, "SERVER_UNAVAILABLE", "Server unavailable").reply()
    return Problem(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1").reply()


def _template(path: str, request: Request) -> str:
    """The call's name: ids are left out, and a composite request tells which objects it changes."""
    found = DATA.fullmatch(path)
    if found is None:
        return path if path == TOKEN else re.sub(r"/\d\d\.0", "", path)
    rest = found[2].strip("/")
    if rest == "composite":
        return f"/composite/{_written(request) or 'query'}"
    parts = rest.split("/")
    if parts[0] == "sobjects" and len(parts) > 2 and parts[2] != "describe":
        parts[2:] = ["{key}"] if len(parts) > 3 else ["{id}"]
    return "/" + "/".join(parts[:1] if parts[0] == "query" else parts)


def _written(request: Request) -> str:
    try:
        steps = request.json()["compositeRequest"]
        changed = [urlsplit(one["url"]).path for one in steps if one["method"] != "GET"]
        return "+".join(dict.fromkeys(path.partition("/sobjects/")[2].partition("/")[0] for path in changed))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


# --- records, queries, several as one ----------------------------------------------------------------------------


def _data(org: SalesforceSandbox, request: Request, path: str, user: str) -> Reply:
    found = DATA.fullmatch(path)
    if found is None:
        raise not_found()
    try:
        body = request.json() if request.body else None
    except ValueError:
        raise Problem(400, "JSON_PARSER_ERROR", "Unexpected character in the body") from None
    rest = found[2].strip("/")
    if rest == "composite" and request.method == "POST":
        return json_reply(200, {"compositeResponse": _composite(org, body, user)})
    with org.transaction():
        done = _do(org, Step(request.method, rest, request.query, request.headers, body, user))
    return json_reply(done.status, done.body) if done.body is not None else Reply(done.status)


def _composite(org: SalesforceSandbox, body: Any, user: str) -> list[Json]:
    steps = body.get("compositeRequest") if isinstance(body, dict) else None
    if not isinstance(steps, list) or not steps:
        raise Problem(400, "JSON_PARSER_ERROR", "compositeRequest is missing")
    queries = [one for one in steps if "/query" in str(one.get("url"))]
    if len(steps) > MOST_STEPS or len(queries) > MOST_QUERIES:
        message = f"Limit of {MOST_STEPS} operations, or of {MOST_QUERIES} queries, exceeded in the composite request"
        raise Problem(400, "LIMIT_EXCEEDED", message)
    every = bool(body.get("allOrNone"))
    if not every:
        raise Problem(400, "INVALID_INPUT", "this stand-in knows allOrNone alone")
    answers: list[Json] = []
    bodies: dict[str, Any] = {}
    try:
        with org.transaction():
            for step in steps:
                answer = _answer(org, step, bodies, user)
                answers.append(answer)
                bodies[answer["referenceId"]] = answer["body"]
                if answer["httpStatusCode"] >= 300:
                    raise _Undone
    except _Undone:
        failed = len(answers) - 1
        message = "The transaction was rolled back since another operation in the same transaction failed."
        halted = [{"errorCode": "PROCESSING_HALTED", "message": message}]
        for number, step in enumerate(steps):
            if number != failed:
                told = _told(str(step.get("referenceId")), 400, halted)
                answers[number:number + 1] = [told]  # fmt: skip
    return answers


class _Undone(Exception):
    """A step of a composite request failed."""


def _answer(org: SalesforceSandbox, step: Json, bodies: Mapping[str, Any], user: str) -> Json:
    reference = str(step.get("referenceId") or "")
    try:
        if not re.fullmatch(r"\w+", reference) or reference in bodies:
            raise Problem(400, "INVALID_INPUT", f"Invalid reference id: {reference}")
        address = urlsplit(_filled(str(step.get("url")), bodies))
        found = DATA.fullmatch(address.path)
        if found is None:
            raise Problem(400, "INVALID_INPUT", "The url has to begin with /services/data/vXX.X/")
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in (step.get("httpHeaders") or {}).items()}
        body = {
            name: _filled(value, bodies) if isinstance(value, str) else value
            for name, value in (step.get("body") or {}).items()
        }
        done = _do(org, Step(str(step.get("method")), found[2].strip("/"), query, headers, body, user))
        return _told(reference, done.status, done.body)
    except Problem as problem:
        return _told(reference, problem.status, problem.body)


def _told(reference: str, status: int, body: Any) -> Json:
    return {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": reference}


def _filled(text: str, bodies: Mapping[str, Any]) -> str:
    """Put in what earlier steps answered, where it is asked for in plain characters."""

    def put(found: re.Match[str]) -> str:
        value: Any = bodies.get(found[1])
        for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", found[2]):
            try:
                value = value[int(number)] if number else value[name]
            except (LookupError, TypeError):
                message = f"Invalid reference specified. No value for {found[1]}{found[2]} found in the response"
                raise Problem(400, "PROCESSING_HALTED_REFERENCE", message) from None
        return str(value)

    return REFERENCE.sub(put, text)


def _do(org: SalesforceSandbox, step: Step) -> Done:
    parts = [unquote(one) for one in step.path.split("/")]
    match parts:
        case ["query"] if step.method == "GET":
            return Done(200, salesforce_queries.query(org, str(step.query.get("q", ""))))
        case ["query", cursor] if step.method == "GET":
            return Done(200, salesforce_queries.more(org, cursor))
        case ["limits"] if step.method == "GET":
            remaining = org.api_limit - org.used
            return Done(200, {"DailyApiRequests": {"Max": org.api_limit, "Remaining": remaining}})
        case ["sobjects", name, "describe"] if step.method == "GET":
            return Done(200, salesforce_queries.describe(org, name))
        case ["sobjects", name] if step.method == "POST":
            return _made(org, name, step)
        case ["sobjects", name, identity]:
            return _one(org, name, identity, step)
        case ["sobjects", name, field, key]:
            return _keyed(org, name, field, key, step)
    raise not_found()


def _writable(org: SalesforceSandbox, name: str) -> None:
    if name in org.hidden or name not in OBJECTS:
        raise not_found()
    if name not in (*KEYED, "CaseComment"):
        raise Problem(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type {name} does not support it here")


def _made(org: SalesforceSandbox, name: str, step: Step) -> Done:
    _writable(org, name)
    record = org.write(name, _fields(step), step.user, headers=dict(step.headers))
    return Done(201, {"id": record["Id"], "success": True, "errors": []})


def _one(org: SalesforceSandbox, name: str, identity: str, step: Step) -> Done:
    _writable(org, name)
    record = salesforce_records.by_id(org, name, identity)
    if step.method == "PATCH":
        org.write(name, _fields(step), step.user, record["Id"], dict(step.headers))
        return Done(204)
    if step.method == "DELETE":
        org.put({**record, "IsDeleted": True})
        return Done(204)
    if step.method != "GET":
        raise Problem(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{step.method}' not allowed")
    wanted = [one for one in str(step.query.get("fields", "")).split(",") if one]
    names = [salesforce_records.field_of(org, name, one)[0] for one in wanted] or list(
        salesforce_records.fields(org, name)
    )
    return Done(
        200,
        {"attributes": salesforce_queries.attributes(name, record["Id"]), **{one: record.get(one) for one in names}},
    )


def _keyed(org: SalesforceSandbox, name: str, field: str, key: str, step: Step) -> Done:
    """Upsert by an External Id: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm"""
    _writable(org, name)
    right, _ = salesforce_records.field_of(org, name, field)
    if right != org.key_field:
        raise Problem(400, "INVALID_FIELD", f"Field name provided, {field} does not match an External ID for {name}")
    record = salesforce_records.find_by_key(org, name, key)
    if step.method == "GET":
        if record is None:
            raise not_found()
        return Done(200, {**record, "attributes": salesforce_queries.attributes(name, record["Id"])})
    if step.method != "PATCH":
        raise Problem(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{step.method}' not allowed")
    fields = _fields(step)
    if org.key_field in fields:
        message = f"The {org.key_field} field should not be specified in the sobject data."
        raise Problem(400, "INVALID_FIELD", message)
    if record is None:
        made = org.write(name, {**fields, org.key_field: key}, step.user, headers=dict(step.headers))
        return Done(201, {"id": made["Id"], "success": True, "errors": [], "created": True})
    org.write(name, fields, step.user, record["Id"], dict(step.headers))
    return Done(200, {"id": record["Id"], "success": True, "errors": [], "created": False})


def _fields(step: Step) -> Json:
    if not isinstance(step.body, dict):
        raise Problem(400, "JSON_PARSER_ERROR", "The body has to be an object")
    return step.body
