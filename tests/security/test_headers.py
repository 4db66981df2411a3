"""Every answer carries the security headers: of every route, whatever is wrong, chalice's own errors too."""

from __future__ import annotations

import json
from typing import Any

import pytest

import app
from infra.local.runtime import LocalRuntime

WANTED = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
}
ROUTES = sorted((path, method) for path, methods in app.app.routes.items() for method in methods)


def missing(headers: Any) -> dict[str, str]:
    found = {str(name).lower(): value for name, value in headers.items()}
    return {name: found.get(name, "") for name, value in WANTED.items() if found.get(name) != value}


def filled(path: str) -> str:
    return "/".join("x1" if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_every_route_answers_with_the_headers(runtime: LocalRuntime, path: str, method: str) -> None:
    answer = runtime.request(method, filled(path), {"Content-Type": "application/json"}, b"{}")
    assert answer.status in (401, 404), answer.body
    assert missing(answer.headers) == {}


def event(path: str, method: str, **given: Any) -> dict[str, Any]:
    """What API Gateway would send."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "pathParameters": {name: "x1" for name in names},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": method, "resourcePath": path, "path": filled(path), "identity": {}},
        "body": "{}",
        "isBase64Encoded": False,
        **given,
    }


WEBHOOK, FILE = "/webhooks/{provider}/{connection}", "/files/{token}"
# What chalice itself refuses, and what our route does: what is asked, and the status.
OWN_ERRORS: dict[str, tuple[dict[str, Any], int]] = {
    "a method that the path has not": (event(WEBHOOK, "DELETE"), 405),
    "a method that files have not": (event(FILE, "POST"), 405),
    "a media type that the door has not": (
        event(
            WEBHOOK, "POST", multiValueHeaders={"content-type": ["image/png"]}, headers={"content-type": "image/png"}
        ),
        415,
    ),
    "no resource path at all": ({"requestContext": {}}, 500),
    "a body that is not base64": (event(WEBHOOK, "POST", body="not base64!", isBase64Encoded=True), 400),
    "a link that is not ours": (event(FILE, "GET", body=None), 404),
    "an unknown connection": (event(WEBHOOK, "POST"), 404),
    "no key": (event("/api/conversations", "GET", body=None), 401),
}


@pytest.mark.parametrize("what", OWN_ERRORS)
def test_an_error_answers_with_the_headers(runtime: LocalRuntime, what: str) -> None:
    asked, status = OWN_ERRORS[what]
    answer = runtime.app.app(json.loads(json.dumps(asked)), None)
    assert answer["statusCode"] == status
    assert missing(answer["headers"]) == {}


def test_a_bug_is_500_with_the_headers_and_its_words_reach_neither_answer_nor_log(
    runtime: LocalRuntime, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(service: str, operation: str, phase: str) -> None:
        raise RuntimeError("the customer's very words")

    runtime.on_call = fail
    from chalicelib.services import connections

    known = connections.new_id(lambda n: b"\x07" * n)
    asked = event(WEBHOOK, "POST", pathParameters={"provider": "slack", "connection": known})
    with runtime.wire.acting("function", "api"):
        answer = runtime.app.app(asked, None)
    runtime.on_call = None
    assert answer["statusCode"] == 500
    assert missing(answer["headers"]) == {}
    told = capsys.readouterr()
    assert "very words" not in answer["body"] + told.out + told.err
    (line,) = [json.loads(line) for line in told.out.splitlines() if '"bugs"' in line]
    assert line["error"] == "RuntimeError" and line["place"]


def test_a_header_of_the_route_itself_counts_before_the_common_one() -> None:
    assert app.door.HEADERS | {"Cache-Control": "private"} != app.door.HEADERS
    assert {name.lower(): value for name, value in app.door.HEADERS.items()} == WANTED
