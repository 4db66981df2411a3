"""Deskweave's AWS entry points, all of them: the webhook, the two queue workers and the clock."""

from __future__ import annotations

import os
from typing import Any

from chalice.app import Chalice, Rate, Response

from chalicelib import bootstrap
from chalicelib.services.receive import receive
from connectors.base import WebhookRequest

STAGE = os.environ.get("DESKWEAVE_STAGE", "local")
BODIES = ["application/json", "application/x-www-form-urlencoded", "text/plain", "text/xml", "application/xml"]

app = Chalice(app_name="deskweave")


@app.route("/webhooks/{provider}/{connection}", methods=["GET", "POST"], content_types=BODIES)
def webhook(provider: str, connection: str) -> Response:
    request = app.current_request
    assert request is not None
    deps = bootstrap.deps()
    try:
        body = request.raw_body
        body = body if isinstance(body, bytes) else body.encode()
    except ValueError:
        return Response("the body is not base64", status_code=400, headers={"Content-Type": "text/plain"})
    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = receive(provider, connection, WebhookRequest(request.method, headers, body, deps.now()), deps)
    answer_headers: dict[str, str | list[str]] = {"Content-Type": answer.content_type}
    if answer.status == 503:
        # Zendesk tries a 503 again only where it is told when, and within a minute.
        answer_headers["Retry-After"] = "5"
    return Response(answer.body, status_code=answer.status, headers=answer_headers)


@app.on_sqs_message(queue=f"deskweave-{STAGE}-inbox.fifo", batch_size=10)
def inbox(event: Any) -> None:
    from chalicelib.services import inbox as service

    service.handle(event.to_dict()["Records"], bootstrap.deps())


@app.on_sqs_message(queue=f"deskweave-{STAGE}-effects.fifo", batch_size=10)
def effects(event: Any) -> None:
    from chalicelib.services import effects as service

    deps = bootstrap.deps()
    service.handle(event.to_dict()["Records"], deps.now() + event.context.get_remaining_time_in_millis(), deps)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def clock(event: Any) -> None:
    from chalicelib.services import clock as service

    service.handle(bootstrap.deps())
