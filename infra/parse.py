"""Run a connector's parser over a saved payload: the logic of `deskweave parse PROVIDER FILE...`.

A file may be a raw body, a whole Lambda proxy event (API Gateway REST or HTTP, Function URL), a form's fields as a JSON
object of strings, or a mail (`.eml`). No secret is known here, so no signature is checked; what would be refused
whatever the secret is "refused".
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chalicelib.core.model import Event, Ignored, MessageReceived, TicketCommented
from connectors.base import Connector, Unparsable, WebhookRequest
from connectors.registry import connector

Json = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
_MESSAGES = (MessageReceived, TicketCommented)


class Refused(Exception):
    """The delivery would be refused whatever the secret; the message says why."""


def parse_file(provider: str, path: Path) -> Json:
    """What a connector reads in a file: `file`, `outcome`, `reason` and `event`.

    outcome  "message", "update" (edits, deletes, states, hints, lifecycle), "ignored", "refused" or "unparsed"
    event    the event as JSON-able values with its `type`, a list where there are several, None where there is none

    Raises `UnknownConnector`, and `OSError` where the file cannot be read; never because of what the file holds.
    """
    parser = connector(provider)({}, "")
    content = path.read_bytes()
    answer: Json = {"file": str(path), "outcome": "", "reason": "", "event": None}
    try:
        events = _read(parser, _request(provider, path, content), content)
    except Refused as refused:
        return {**answer, "outcome": "refused", "reason": str(refused)}
    except Unparsable as unparsable:
        return {**answer, "outcome": "unparsed", "reason": str(unparsable)}
    except Exception as bug:  # one bad file must not end the run over the others, and its line says what happened
        return {**answer, "outcome": "unparsed", "reason": f"a bug in the connector: {type(bug).__name__}: {bug}"}
    return {**answer, **_told(events)}


def _read(parser: Connector, request: WebhookRequest, content: bytes) -> list[Event]:
    try:
        return parser.parse(request)
    except Unparsable:
        fields = _fields(content)
        if not fields:
            raise
        return parser.parse(WebhookRequest("POST", {"content-type": FORM}, urlencode(fields, doseq=True).encode(), 0))


def _told(events: list[Event]) -> Json:
    told = [one for one in events if not isinstance(one, Ignored)]
    reasons = [one.reason for one in events if isinstance(one, Ignored)]
    if not told:
        return {"outcome": "ignored", "reason": "; ".join(reasons) or "nothing is in it"}
    shown = [{"type": type(one).__name__, **_plain(dataclasses.asdict(one))} for one in told]
    return {
        "outcome": "message" if any(isinstance(one, _MESSAGES) for one in told) else "update",
        "reason": "; ".join([getattr(told[0], "reason", ""), *reasons]).strip("; "),
        "event": shown[0] if len(shown) == 1 else shown,
    }


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case dict():
            return {str(key): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def _request(provider: str, path: Path, content: bytes) -> WebhookRequest:
    if path.suffix == ".eml":
        return WebhookRequest("POST", {"content-type": "message/rfc822"}, content, 0)
    event = _object(content)
    if not _is_lambda(event):
        kind = "application/json" if event else ""
        return WebhookRequest("POST", {"content-type": kind} if kind else {}, content, 0)
    return _lambda_request(provider, event)


def _is_lambda(event: Json) -> bool:
    """A Lambda proxy event, REST v1 or HTTP v2: its request's context, and a body or a method beside it."""
    return isinstance(event.get("requestContext"), dict) and ("body" in event or "isBase64Encoded" in event)


def _lambda_request(provider: str, event: Json) -> WebhookRequest:
    method, path = _method(event), _first_text(event.get("path"), event.get("rawPath"))
    if method != "POST":
        raise Refused(f"the request came by {method[:20]!r}; webhooks come by POST")
    called = re.search(r"/webhooks/([^/]+)", path)
    if called and called.group(1) != provider:
        raise Refused(f"the request went to the webhook of {called.group(1)[:60]!r}")
    query = event.get("rawQueryString")
    return WebhookRequest(method, _headers(event), _body(event), 0, query=query if isinstance(query, str) else "")


def _method(event: Json) -> str:
    context = event["requestContext"]
    newer = context.get("http")
    newer = newer if isinstance(newer, dict) else {}
    return _first_text(event.get("httpMethod"), newer.get("method"), context.get("httpMethod")) or "POST"


def _body(event: Json) -> bytes:
    body = event.get("body")
    text = body if isinstance(body, str) else ""
    if event.get("isBase64Encoded") is not True:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("the body is flagged as base64 and is none") from None


def _headers(event: Json) -> dict[str, str]:
    headers = event.get("headers")
    pairs = headers.items() if isinstance(headers, dict) else ()
    return {name.lower(): value for name, value in pairs if isinstance(value, str)}


def _fields(content: bytes) -> dict[str, Any]:
    """A form's fields, kept as a JSON object of strings or lists of strings; empty where the file is none."""
    fields = _object(content)
    whole = all(
        isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        for value in fields.values()
    )
    return fields if whole else {}


def _object(content: bytes) -> Json:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _first_text(*values: object) -> str:
    return next((value for value in values if isinstance(value, str) and value), "")
