"""The door: verify a provider's delivery over its raw bytes, queue it, answer.

On the way to a 2xx there is one AWS data call, the send. Everything heavy is imported behind it, by the inbox.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from chalicelib.aws.errors import AwsUnavailable
from connectors.base import InvalidWebhook, WebhookRequest, WebhookResponse

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from connectors.base import Connector

LARGEST_DELIVERY = 4_500_000
DEEPEST = 64
# What still fits into a queue message once it is base64 inside JSON.
_LARGEST_QUEUED = 180_000
_LONGEST_QUERY = 2_000
_ACKED = {"acked": 1, "unsettled": 1}


def receive(provider: str, connection_id: str, request: WebhookRequest, deps: Deps) -> WebhookResponse:
    """Take one delivery: 2xx once it is durably queued, 401, 404, 400 or 413 where it is refused, 503 to try again.

    429 takes the place of 401 and 404 where they come by the dozen. What is verified never meets a limit.
    """
    if len(request.body) > LARGEST_DELIVERY:
        return _refused(deps, 413, "too large", provider, connection_id)
    try:
        connector = deps.connections.find(provider, connection_id)
    except AwsUnavailable:
        return _unavailable(deps, provider, connection_id)
    if connector is None:
        _same_work(deps, provider, request)
        return _refused(deps, 404, "unknown connection", provider, connection_id)
    try:
        answer = connector.handshake(request)
        if answer is None:
            connector.verify(request)
    except InvalidWebhook as error:
        try:
            fresh = deps.connections.reread(provider, connection_id)
        except AwsUnavailable:
            return _unavailable(deps, provider, connection_id)
        if fresh is None or not _verified_by(fresh, request):
            return _refused(deps, 401, str(error), provider, connection_id)
        connector, answer = fresh, fresh.handshake(request)
    if answer is not None:
        deps.log.step("receive", outcome="handshake", connection=connection_id)
        return answer
    if too_deep(request.body):
        return _refused(deps, 400, "nested too deeply", provider, connection_id)
    try:
        delivery = queue_delivery(connector, provider, connection_id, request, deps)
    except AwsUnavailable:
        return _unavailable(deps, provider, connection_id)
    took = deps.now() - request.now
    deps.log.measure("receive", _ACKED, outcome="queued", connection=connection_id, delivery=delivery, took=took)
    return connector.accepted(request)


def queue_delivery(connector: Connector, provider: str, connection_id: str, request: WebhookRequest, deps: Deps) -> str:
    """Queue a verified delivery in its conversation's group; returns its id. Raises `AwsUnavailable`."""
    delivery = deps.new_id("d")
    try:
        group = f"{connection_id} {connector.group(request)}"
    except Exception:  # whatever makes it unreadable is told by the inbox, which keeps it raw
        group = f"{connection_id} {delivery}"
    message = {
        "v": 1,
        "kind": "webhook",
        "connection": connection_id,
        "provider": provider,
        "delivery": delivery,
        "at": request.now,
        "headers": {name: request.headers[name] for name in connector.keep_headers if name in request.headers},
    }
    if connector.keep_query and request.query:
        message["query"] = request.query[:_LONGEST_QUERY]
    body = request.body
    if len(body) > _LARGEST_QUEUED:
        at = f"deliveries/{delivery}"
        deps.bucket.put(at, body)
        message["bucket"] = at
    else:
        message["raw"] = base64.b64encode(body).decode("ascii")
    deps.inbox.send(group, message)
    return delivery


def too_deep(body: bytes) -> bool:
    """Whether brackets outside of strings nest deeper than `DEEPEST`. Linear, and almost free for ordinary bodies."""
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    depth = 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', body, re.DOTALL):
        first = token.group()[:1]
        if first in (b"[", b"{"):
            depth += 1
            if depth > DEEPEST:
                return True
        elif first in (b"]", b"}"):
            depth -= 1
    return False


def _verified_by(connector: Connector, request: WebhookRequest) -> bool:
    try:
        connector.verify(request)
    except InvalidWebhook:
        return False
    return True


def _same_work(deps: Deps, provider: str, request: WebhookRequest) -> None:
    """Verify against a secret nobody has, so that an unknown connection takes as long as a known one."""
    stranger = deps.connections.stranger(provider)
    if stranger is not None:
        _verified_by(stranger, request)


def _refused(deps: Deps, status: int, reason: str, provider: str, connection_id: str) -> WebhookResponse:
    count, most = 0, 0
    if status in (401, 404):
        from chalicelib.services import limits

        often = limits.of(deps).webhooks
        count, most = often.count(connection_id if status == 401 else "", deps.now()), often.most
        if count > most:
            status, reason = 429, "too many refused deliveries"
    if count <= most + 1:
        deps.log.count("receive", "refused", outcome=str(status), **_named(provider, connection_id))
    return WebhookResponse(status, reason)


def _unavailable(deps: Deps, provider: str, connection_id: str) -> WebhookResponse:
    deps.log.count("receive", "unavailable", outcome="503", **_named(provider, connection_id))
    return WebhookResponse(503, "try again")


def _named(provider: str, connection_id: str) -> dict[str, str]:
    """Whom the address names, as far as it can be one of ours: a stranger may write anything there."""
    from chalicelib.services.connections import well_formed
    from connectors import registry

    known = provider if provider in registry.names() else ""
    return {"connection": connection_id if well_formed(connection_id) else "", "provider": known}
