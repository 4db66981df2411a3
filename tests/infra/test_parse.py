"""`deskweave parse`: what a saved payload says, however it was saved."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.registry import UnknownConnector
from infra.parse import parse_file

EVENT = {"type": "message", "channel": "C1", "user": "U1", "text": "h\u00e9llo", "ts": "1700000000.000200"}
BODY = json.dumps({"type": "event_callback", "event": EVENT})


def saved(folder: Path, content: object, name: str = "a.json") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return file


def rest(**changes: Any) -> dict[str, Any]:
    """API Gateway's REST event, version 1."""
    whole = {
        "httpMethod": "POST",
        "path": "/webhooks/slack/c1",
        "headers": {"Content-Type": "application/json"},
        "body": BODY,
    }
    return {**whole, "isBase64Encoded": False, "requestContext": {"httpMethod": "POST"}, **changes}


def http(method: str = "POST", **changes: Any) -> dict[str, Any]:
    """API Gateway's HTTP event, version 2, which a Function URL sends too."""
    context = {"http": {"method": method, "path": "/webhooks/slack/c1"}}
    return {
        "version": "2.0",
        "rawPath": "/webhooks/slack/c1",
        "headers": {},
        "body": BODY,
        "requestContext": context,
        **changes,
    }


ENCODED = base64.b64encode(BODY.encode()).decode()

SAVED: dict[str, tuple[object, str, str]] = {
    "a raw body": (BODY.encode(), "message", ""),
    "a REST event": (rest(), "message", ""),
    "an HTTP event": (http(), "message", ""),
    "base64": (rest(body=ENCODED, isBase64Encoded=True), "message", ""),
    "headers of a wrong type": (rest(headers="<headers>"), "message", ""),
    "header values of a wrong type": (rest(headers={"a": 1, "content-type": None}), "message", ""),
    "no headers": (rest(headers=None), "message", ""),
    "a stage before the path": (rest(path="/api/webhooks/slack/c1"), "message", ""),
    "GET": (rest(httpMethod="GET", requestContext={}), "refused", "the request came by 'GET'; webhooks come by POST"),
    "GET by HTTP": (http("GET", body=""), "refused", "the request came by 'GET'; webhooks come by POST"),
    "another provider's path": (
        rest(path="/webhooks/zendesk/c1"),
        "refused",
        "the request went to the webhook of 'zendesk'",
    ),
    "no base64": (rest(body="%", isBase64Encoded=True), "refused", "the body is flagged as base64 and is none"),
    "no body": (rest(body=None), "unparsed", ""),
    "a body of a wrong type": (rest(body={"a": 1}), "unparsed", ""),
    "a form's fields": ({"command": "/help", "text": ""}, "ignored", "somebody used a slash command"),
    "a form's fields in lists": ({"command": ["/help"], "x": ["1", "2"]}, "ignored", "somebody used a slash command"),
    "nothing": (b"", "unparsed", ""),
    "bytes": (b"\xff\xfe\x00", "unparsed", ""),
    "an array": ([1], "unparsed", ""),
    "deep": (b"[" * 100_000, "unparsed", ""),
    "an SQS event": ({"Records": [{"body": BODY}]}, "unparsed", ""),
}


@pytest.mark.parametrize("content, outcome, reason", SAVED.values(), ids=SAVED.keys())
def test_a_saved_payload_is_read_however_it_was_saved(
    tmp_path: Path, content: object, outcome: str, reason: str
) -> None:
    told = parse_file("slack", saved(tmp_path, content))
    assert list(told) == ["file", "outcome", "reason", "event"]
    assert told["outcome"] == outcome
    assert told["reason"] == reason or not reason
    assert (told["event"] is not None) == (outcome == "message")
    json.dumps(told)


def test_an_event_is_told_with_its_type_and_its_fields(tmp_path: Path) -> None:
    event = parse_file("slack", saved(tmp_path, rest()))["event"]
    assert event["type"] == "MessageReceived"
    assert (event["text"], event["sender"]["key"], event["sender"]["role"]) == ("h\u00e9llo", "U1", "customer")


def test_a_deletion_is_an_update(tmp_path: Path) -> None:
    gone = {**EVENT, "subtype": "message_deleted", "deleted_ts": EVENT["ts"], "previous_message": EVENT}
    told = parse_file("slack", saved(tmp_path, {"type": "event_callback", "event": gone}))
    assert (told["outcome"], told["event"]["type"]) == ("update", "MessageDeleted")


def test_a_mail_is_no_delivery_of_slacks(tmp_path: Path) -> None:
    assert parse_file("slack", saved(tmp_path, b"From: a@example.com\n\nx", "a.eml"))["outcome"] == "unparsed"


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        parse_file("slack", tmp_path / "none.json")


def test_an_unknown_provider_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(UnknownConnector):
        parse_file("nobody", saved(tmp_path, b"{}"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["body", "headers", "requestContext", "httpMethod", "path", "rawPath", "isBase64Encoded", "type", "event"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=80) | st.dictionaries(KEYS, JSON).map(lambda one: {**rest(), **one}))
def test_no_content_of_a_file_raises(tmp_path: Path, content: object) -> None:
    told = parse_file("slack", saved(tmp_path, content))
    assert told["outcome"] in ("message", "update", "ignored", "refused", "unparsed")
    assert "a bug in the connector" not in told["reason"]
