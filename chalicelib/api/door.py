"""The door of the REST API: who asks, whether they may, what they ask, and every refusal in one form.

A route is a function with `@operation(...)`; what stands there drives the check of the role, the reading of query and
body, and the OpenAPI description at once. Nothing but chalice and the standard library is loaded before a request.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, Request, Response

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.admin_keys import Caller

LARGEST_BODY = 256 * 1024
_ID = re.compile(r"[\x21-\x7e]{1,300}")
# On every answer. Nothing of ours is a page, may be framed, or is worth a cache's memory.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}

# What a query may hold, and a body's values may be, as JSON Schema has them.
TEXT: Mapping[str, Any] = {"type": "string", "maxLength": 1000}
SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "string", "maxLength": 20_000},
    "maxProperties": 100,
}
FLAG: Mapping[str, Any] = {"type": "boolean"}
LIMIT: Mapping[str, Any] = {"type": "integer", "minimum": 1, "maximum": 100, "default": 25}


class Refusal(Exception):
    """A request that is not done: its status, a word for programs, and for people what is wrong and what to do.

    quiet  whether the log has had enough of it
    """

    quiet = False

    def __init__(self, status: int, error: str, message: str, mend: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "message": message, "mend": mend, **more}


class Asked:
    """A request that was let in: who asks, its query and its body, both checked."""

    def __init__(self, deps: Deps, caller: Caller, query: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        self.deps = deps
        self.caller = caller
        self.query = query
        self.body = body


class Operation:
    """One operation of the API, as it is done and as it is described.

    writes   needs the role admin; everything else a viewer may
    gives    the answer's type: a class of chalicelib.services as "module.Class", "Page[module.Class]", "[...]" a list
    query    names and JSON Schemas of the query's parameters; body those of the body's values, `needs` the needed ones
    status   of the answer; `refuses` the statuses that are special to this operation
    """

    def __init__(
        self,
        method: str,
        path: str,
        act: Callable[..., Any],
        *,
        gives: str,
        writes: bool = False,
        query: Mapping[str, Mapping[str, Any]] | None = None,
        body: Mapping[str, Mapping[str, Any]] | None = None,
        needs: tuple[str, ...] = (),
        status: int = 200,
        refuses: tuple[int, ...] = (),
    ) -> None:
        self.method = method
        self.path = path
        self.act = act
        self.gives = gives
        self.writes = writes
        self.query = query or {}
        self.body = body or {}
        self.needs = needs
        self.status = status
        self.refuses = refuses

    @property
    def summary(self) -> str:
        return (self.act.__doc__ or "").strip()


OPERATIONS: list[Operation] = []


def operation(blueprint: Blueprint, method: str, path: str, **told: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a route: `act(asked, **ids)` returns the answer, or raises. Its docstring is its summary."""

    def known(act: Callable[..., Any]) -> Callable[..., Any]:
        one = Operation(method, path, act, **told)
        OPERATIONS.append(one)
        answered = partial(_answered, one, blueprint)
        answered.__name__ = act.__name__  # type: ignore[attr-defined]  # chalice names the route by it
        blueprint.route(path, methods=[method], content_types=[])(answered)
        return act

    return known


def _answered(one: Operation, blueprint: Blueprint, **ids: str) -> Response:
    from chalicelib import bootstrap
    from chalicelib.api.refusals import of

    deps, request, caller, quiet, retry = bootstrap.deps(), blueprint.current_request, None, False, {}
    began = deps.now()
    try:
        caller = _let_in(one, request, deps)
        asked = Asked(deps, caller, _query(one, request), _body(one, request))
        body, status = one.act(asked, **{name: _id(value) for name, value in ids.items()}), one.status
        text = json.dumps(body, default=_plain)
    except Exception as error:  # a refusal, or a bug: told in one form, in one place
        refusal = of(error)
        if refusal.status == 500:
            deps.log.bug("admin", error, operation=one.act.__name__)
        text, status, quiet = json.dumps(refusal.body, default=_plain), refusal.status, refusal.quiet
        retry = {"Retry-After": str(refusal.body["retry_after"])} if "retry_after" in refusal.body else {}
    told = {"operation": one.act.__name__, "who": _who(caller)}
    if not quiet:
        deps.log.step("admin", outcome=str(status), **told, took=deps.now() - began)
    if one.writes and status < 400:
        deps.log.step("audit", outcome="done", **told, target=next(iter(ids.values()), ""))
    headers: dict[str, str | list[str]] = {**_JSON, **_MORE_HEADERS.get(status, {}), **retry}
    return Response(text, status_code=status, headers=headers)


def _who(caller: Caller | None) -> str:
    """A caller as the log names them: issuers may give an address for an account's name."""
    if caller is None or "@" not in caller.name:
        return caller.name if caller else ""
    import hashlib

    return f"account sha256:{hashlib.sha256(caller.name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


_JSON = {"Content-Type": "application/json"}
_MORE_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


def address(request: Request) -> str:
    """The caller's address as API Gateway tells it; what a header says of it anybody may have written."""
    return str((request.context.get("identity") or {}).get("sourceIp") or "")


def without_words(record: logging.LogRecord) -> bool:
    """Keep an exception's message, which may hold a customer's words, out of chalice's log: its place is told."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return True
    from chalicelib import bootstrap

    bootstrap.deps().log.bug("receive", error)
    return False


def _let_in(one: Operation, request: Request, deps: Deps) -> Caller:
    """Who asks, if they may. Nothing else of the request is looked at before."""
    from chalicelib.api import callers

    given = str(request.headers.get("authorization") or "")
    try:
        caller = callers.caller(given, address(request), deps)
    except callers.TooOften as error:
        refusal = Refusal(429, "too_often", str(error), "send a key that is right", retry_after=error.seconds)
        refusal.quiet = not error.first
        raise refusal from None
    if caller is None:
        mend = "send `Authorization: Bearer` with an admin key: `deskweave admin key new` makes one"
        raise Refusal(401, "unauthorized", "this needs an admin key, or a token of the issuer", mend)
    if one.writes and caller.role != "admin":
        mend = "ask for a key with the role admin"
        raise Refusal(403, "forbidden", f"the role {caller.role.value} reads and does not change anything", mend)
    return caller


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise Refusal(404, "not_found", "no id looks like this")
    return value


def _query(one: Operation, request: Request) -> dict[str, Any]:
    """The query's values, defaults filled in."""
    given: Mapping[str, str] = request.query_params or {}
    for name in given:
        if name not in one.query:
            known = ", ".join(one.query) or "none"
            raise Refusal(400, "bad_query", f"{_shown(name)} is no parameter of this request", f"there are: {known}")
    found = {}
    for name, schema in one.query.items():
        value = _parameter(name, given[name], schema) if name in given else schema.get("default", "")
        found[name] = value
    return found


def _parameter(name: str, value: str, schema: Mapping[str, Any]) -> Any:
    if schema["type"] != "integer":
        return _fits(name, value, schema, 400)
    least, most = schema["minimum"], schema["maximum"]
    if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
        raise Refusal(400, "bad_query", f"{name} is a number from {least} to {most}")
    return int(value)


def _body(one: Operation, request: Request) -> dict[str, Any]:
    """The body's values: a JSON object with the names that the operation knows."""
    raw = _raw(request)
    if not raw and not one.needs:
        return {}
    if not one.body:
        raise Refusal(400, "bad_body", "this request takes no body")
    kind = str(request.headers.get("content-type") or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(415, "unsupported_media_type", "the body must be JSON", "send Content-Type: application/json")
    found = _object(raw)
    for name in found:
        if name not in one.body:
            raise Refusal(422, "bad_body", f"{_shown(name)} is not known", f"there are: {', '.join(one.body)}")
    for name in one.needs:
        if name not in found:
            raise Refusal(422, "bad_body", f"{name} is missing")
    return {name: _fits(name, value, one.body[name], 422) for name, value in found.items()}


def _raw(request: Request) -> bytes:
    try:
        raw = request.raw_body
        raw = raw if isinstance(raw, bytes) else raw.encode()
    except (ValueError, AttributeError):
        raise Refusal(400, "bad_body", "the body cannot be read") from None
    if len(raw) > LARGEST_BODY:
        raise Refusal(413, "too_large", f"a body has {LARGEST_BODY} bytes at most")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    """A JSON object whose texts can all be written as UTF-8."""
    from chalicelib.services.receive import too_deep

    try:
        if too_deep(raw):
            raise ValueError
        found = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Refusal(400, "bad_body", "the body is not JSON, or not one that can be kept") from None
    if not isinstance(found, dict):
        raise Refusal(422, "bad_body", "the body must be a JSON object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _fits(name: str, value: Any, schema: Mapping[str, Any], status: int) -> Any:
    """The value, where its schema takes it; an empty one of a list of choices counts as none."""
    right: dict[str, type] = {"string": str, "boolean": bool, "object": dict}
    error = "bad_query" if status == 400 else "bad_body"
    if not isinstance(value, right[schema["type"]]):
        raise Refusal(status, error, f"{name} must be a JSON {schema['type']}")
    if "enum" in schema and value not in schema["enum"]:
        raise Refusal(status, error, f"{name} is one of {', '.join(filter(None, schema['enum']))}")
    if isinstance(value, str) and (len(value) > schema["maxLength"] or re.search(r"[\x00-\x08\x0e-\x1f\x7f]", value)):
        raise Refusal(status, error, f"{name} is too long, or holds control characters")
    if isinstance(value, dict):
        if len(value) > schema["maxProperties"]:
            raise Refusal(status, error, f"{name} has too many entries")
        for key, one in value.items():
            _fits(f"{name}.{_shown(key)}", one, schema["additionalProperties"], status)
    return value


def _shown(name: object) -> str:
    """A name as it was given, short and in one line."""
    return re.sub(r"[^\x20-\x7e]", "?", str(name))[:60]


def _plain(value: object) -> object:
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")
