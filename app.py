"""Deskweave's AWS entry points, all of them: webhooks, files, the REST API, three queue workers and the clock."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlencode

from chalice.app import Chalice, Rate, Response

from chalicelib import bootstrap
from chalicelib.api import admin, door, records
from chalicelib.services.receive import receive
from connectors.base import WebhookRequest

STAGE = os.environ.get("DESKWEAVE_STAGE", "local")
if os.environ.get("AWS_CHALICE_CLI_MODE"):
    from chalicelib import deploying

    deploying.on_command_line()
# However much waits, workers leave most of an account's functions (1,000 at once) to webhooks.
AT_ONCE = 50
BODIES = ["application/json", "application/x-www-form-urlencoded", "text/plain", "text/xml", "application/xml"]


class Door(Chalice):
    """Chalice, with our headers on every answer: those that chalice itself makes (405, 415, 500) too."""

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        answer = super().__call__(event, context)
        answer["headers"] = door.HEADERS | answer["headers"]
        return answer


app = Door(app_name="deskweave")
app.log.addFilter(door.without_words)
app.register_blueprint(admin.blueprint)
app.register_blueprint(records.blueprint)


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
    asked_for = request.query_params
    query = urlencode([(name, value) for name in asked_for for value in asked_for.getlist(name)]) if asked_for else ""
    url = f"https://{request.context.get('domainName', '')}{request.context.get('path', '')}"
    asked = WebhookRequest(
        request.method, headers, body, deps.now(), url=f"{url}?{query}" if query else url, query=query
    )
    answer = receive(provider, connection, asked, deps)
    answer_headers: dict[str, str | list[str]] = {"Content-Type": answer.content_type}
    if answer.status in (429, 503):
        # Zendesk tries these again only where it is told when, and within a minute.
        answer_headers["Retry-After"] = "5"
    return Response(answer.body, status_code=answer.status, headers=answer_headers)


@app.route("/files/{token}", methods=["GET"])
def file(token: str) -> Response:
    from chalicelib.services import file_door

    assert app.current_request is not None
    answer, retry = file_door.opened(token, door.address(app.current_request), bootstrap.deps())
    shown: dict[str, str | list[str]] = {"Retry-After": str(retry)} if retry else {}
    if answer.status == 302:
        return Response("", status_code=302, headers=shown | {"Location": answer.body})
    return Response(answer.body, status_code=answer.status, headers=shown | {"Content-Type": answer.content_type})


@app.on_sqs_message(queue=f"deskweave-{STAGE}-inbox.fifo", batch_size=10, maximum_concurrency=AT_ONCE)
def inbox(event: Any) -> None:
    from chalicelib.services import inbox as service

    deps = bootstrap.deps()
    service.handle(event.to_dict()["Records"], deps, deps.now() + event.context.get_remaining_time_in_millis())


@app.on_sqs_message(queue=f"deskweave-{STAGE}-effects.fifo", batch_size=10, maximum_concurrency=AT_ONCE)
def effects(event: Any) -> None:
    from chalicelib.services import effects as service

    deps = bootstrap.deps()
    service.handle(event.to_dict()["Records"], deps.now() + event.context.get_remaining_time_in_millis(), deps)


@app.on_sqs_message(queue=f"deskweave-{STAGE}-mail", batch_size=10, maximum_concurrency=AT_ONCE)
def mail(event: Any) -> None:
    from chalicelib.services import mail as service

    service.handle(event.to_dict()["Records"], bootstrap.deps())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def clock(event: Any) -> None:
    from chalicelib.services import clock as service

    service.handle(bootstrap.deps())
