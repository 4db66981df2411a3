"""`deskweave finish` limits what API Gateway lets through: webhooks in a bucket of their own, far above a busy day."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

import app
from infra.cli import main
from infra.stack import throttling
from infra.stack.cloud import Cloud
from infra.stack.throttling import Limits


def stubbed(expected: dict[str, Any] | None, code: str = "") -> tuple[Cloud, Stubber]:
    client = boto3.client("apigateway", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(client)
    if code:
        stub.add_client_error("update_stage", code, "User: arn:u is not authorized to perform: apigateway:PATCH")
    else:
        stub.add_response("update_stage", {}, expected)
    stub.activate()
    return Cloud("eu-central-1", lambda service: client), stub


def test_webhooks_and_everything_else_are_limited_apart() -> None:
    patches = [
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "7"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "14"},
        {
            "op": "replace",
            "path": "/~1webhooks~1{provider}~1{connection}/POST/throttling/rateLimit",
            "value": "50",
        },
        {
            "op": "replace",
            "path": "/~1webhooks~1{provider}~1{connection}/POST/throttling/burstLimit",
            "value": "100",
        },
    ]
    cloud, stub = stubbed({"restApiId": "a1", "stageName": "api", "patchOperations": patches})
    found = throttling.limit("a1", "api", Limits(50, 7), cloud)
    assert found.ok, found
    stub.assert_no_pending_responses()


def test_the_webhooks_bucket_is_that_of_the_apps_own_route() -> None:
    (route,) = [path for path in app.app.routes if path.startswith("/webhooks/")]
    assert "/" + route.replace("/", "~1") + "/POST" == throttling._WEBHOOK
    assert "POST" in app.app.routes[route]


def test_the_defaults_are_a_hundred_times_what_ten_thousand_conversations_a_day_bring() -> None:
    assert throttling.WEBHOOKS > 100 * 10_000 * 30 / 86_400
    shown = CliRunner().invoke(main, ["finish", "--help"]).output
    assert f"default: {throttling.WEBHOOKS};" in shown and f"default: {throttling.OTHERS};" in shown


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException"])
def test_what_aws_refuses_is_told_and_stops_nothing(code: str) -> None:
    cloud, _ = stubbed(None, code)
    found = throttling.limit("a1", "api", Limits(), cloud)
    assert not found.ok and found.mend and found.detail
