"""Zendesk's API: credentials, limits, routes (https://developer.zendesk.com/api-reference/introduction/requests/)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.sandbox import calls, zendesk_routes, zendesk_uploads
from infra.sandbox.faults import Fault
from infra.sandbox.server import Reply, Request, json_reply
from infra.sandbox.zendesk_routes import Call
from infra.sandbox.zendesk_shapes import Problem, not_found, too_many

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
Route = Callable[["ZendeskSandbox", Call], Reply]
EXPORT = "/api/v2/incremental/tickets/cursor"


def handle(zendesk: ZendeskSandbox, request: Request) -> Reply:
    """Answer anything under /zendesk."""
    path = request.path.removeprefix("/zendesk").removesuffix("/").removesuffix(".json")
    template, route, number = _route(request.method, path)
    zendesk.world.requests["zendesk", request.method, template] += 1
    name = f"{request.method} {template}"
    caller = _credentials(request).partition("/token:")[0]
    return calls.answer(
        zendesk.world, "zendesk", name, lambda: _call(zendesk, request, path, route, number), _fail, caller
    )


def _call(zendesk: ZendeskSandbox, request: Request, path: str, route: Route | None, number: int) -> Reply:
    limits: dict[str, str] = {}
    try:
        if zendesk.world.now() < zendesk.outage_until:
            raise Problem(503, {"error": "ServiceUnavailable", "description": "Down for maintenance"})
        if path.startswith(("/attachments/", "/content/")):
            if zendesk.private_attachments and path.startswith("/attachments/"):
                _authorize(zendesk, request)
            return zendesk_uploads.download(zendesk, request)
        user = _authorize(zendesk, request)
        left = zendesk.count("account", zendesk.account_limit)
        limits = {"X-Rate-Limit": str(zendesk.account_limit), "X-Rate-Limit-Remaining": str(left)}
        if route is None:
            raise not_found()
        reply = route(zendesk, Call(request, path, user, number))
        return Reply(reply.status, reply.body, {**limits, **reply.headers})
    except Problem as problem:
        reply = problem.reply()
        return Reply(reply.status, reply.body, {**limits, **reply.headers})


def _fail(fault: Fault) -> Reply:
    if fault.kind == "429":
        seconds = fault.retry_after if fault.retry_after is not None else 30
        return too_many("Number of allowed API requests per minute exceeded", seconds).reply()
    if fault.kind == "expired_token":
        description = "The access token provided is expired, revoked, malformed or invalid for other reasons."
        return json_reply(401, {"error": "invalid_token", "error_description": description})
    wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    error = "InternalError" if fault.kind == "500" else "ServiceUnavailable"
    return json_reply(int(fault.kind), {"error": error, "description": "Something went wrong"}, wait)


def _authorize(zendesk: ZendeskSandbox, request: Request) -> Json:
    user = zendesk.users.get(zendesk.tokens.get(_credentials(request), 0))
    if user is None or user["suspended"]:
        raise Problem(401, {"error": "Couldn't authenticate you"})
    return user


def _credentials(request: Request) -> str:
    """`email/token:token` of a Basic authorization, "" where there is none that can be read."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(given, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return ""


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/v2/users/me"): zendesk_routes.me,
    ("POST", "/api/v2/users/create_or_update"): zendesk_routes.create_or_update_user,
    ("GET", "/api/v2/users/show_many"): zendesk_routes.list_users,
    ("GET", "/api/v2/users/search"): zendesk_routes.list_users,
    ("GET", "/api/v2/users"): zendesk_routes.list_users,
    ("POST", "/api/v2/users"): zendesk_routes.create_user,
    ("GET", "/api/v2/users/{id}"): zendesk_routes.show_user,
    ("PUT", "/api/v2/users/{id}"): zendesk_routes.update_user,
    ("GET", "/api/v2/groups"): zendesk_routes.list_groups,
    ("GET", "/api/v2/groups/assignable"): zendesk_routes.list_groups,
    ("GET", "/api/v2/groups/{id}"): zendesk_routes.show_group,
    ("GET", "/api/v2/tickets"): zendesk_routes.list_tickets,
    ("POST", "/api/v2/tickets"): zendesk_routes.create_ticket,
    ("GET", "/api/v2/tickets/show_many"): zendesk_routes.list_tickets,
    ("GET", "/api/v2/tickets/{id}"): zendesk_routes.show_ticket,
    ("PUT", "/api/v2/tickets/{id}"): zendesk_routes.update_ticket,
    ("GET", "/api/v2/tickets/{id}/comments"): zendesk_routes.list_comments,
    ("GET", "/api/v2/tickets/{id}/audits"): zendesk_routes.list_audits,
    ("GET", EXPORT): zendesk_routes.export,
    ("GET", "/api/v2/search"): zendesk_routes.search,
    ("POST", "/api/v2/uploads"): zendesk_routes.upload,
    ("GET", "/api/v2/triggers"): zendesk_routes.list_triggers,
    ("POST", "/api/v2/triggers"): zendesk_routes.create_trigger,
    ("GET", "/api/v2/triggers/active"): zendesk_routes.list_triggers,
    ("GET", "/api/v2/triggers/{id}"): zendesk_routes.show_trigger,
    ("PUT", "/api/v2/triggers/{id}"): zendesk_routes.update_trigger,
    ("GET", "/api/v2/webhooks"): zendesk_routes.list_webhooks,
    ("POST", "/api/v2/webhooks"): zendesk_routes.create_webhook,
    ("GET", "/api/v2/webhooks/{webhook}"): zendesk_routes.show_webhook,
    ("GET", "/api/v2/webhooks/{webhook}/signing_secret"): zendesk_routes.show_webhook,
}
NUMBER = re.compile(r"/(\d+)(?=/|$)")


def _route(method: str, path: str) -> tuple[str, Route | None, int]:
    """The path's template, what answers it, and the number in it."""
    if path.startswith(("/attachments/", "/content/")):
        return "/attachments/{token}", None, 0
    found = NUMBER.search(path.removeprefix("/api/v2"))
    template = NUMBER.sub("/{id}", path)
    if template.startswith("/api/v2/webhooks/"):
        template = re.sub(r"webhooks/[^/]+", "webhooks/{webhook}", template)
    return template, ROUTES.get((method, template)), int(found[1]) if found else 0
