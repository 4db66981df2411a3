"""Answers botocore's calls in place of the network, and what every script here is given. The same for both apps."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

CALLS: list[str] = []


class Context:
    """Lambda's context, as far as anybody reads it here."""

    function_name = "deskweave"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:deskweave"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 29_000


class _Raw:
    """A response's body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, *_arguments: object, **_options: object) -> Iterator[bytes]:
        yield self.body


def given() -> dict[str, Any]:
    """What the benchmark hands over: see `bench.cold.Given`."""
    with open(sys.argv[3], encoding="utf-8") as file:  # noqa: PTH123  pathlib is not loaded for its own sake
        found: dict[str, Any] = json.load(file)
    return found


def tell(path: str, **more: Any) -> None:
    """Write down which calls were made and which modules are loaded."""
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({"calls": CALLS, "modules": sorted(sys.modules), **more}, file)


def answer_with(parameter: str) -> None:
    """Let boto3's default session talk to nobody; `parameter` is the value of every SSM parameter."""
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    def before_send(request: Any, event_name: str, **_options: Any) -> Any:
        operation = event_name.rsplit(".", 1)[-1]
        CALLS.append(operation)
        result = result_of(operation, json.loads(request.body or b"{}"), parameter)
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.1"})
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(result).encode()))

    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register_first("before-send", before_send)


def result_of(operation: str, asked: dict[str, Any], parameter: str) -> dict[str, Any]:
    """What AWS would answer."""
    return _RESULTS[operation](asked, parameter)


def _parameter(asked: dict[str, Any], parameter: str) -> dict[str, Any]:
    return {"Parameter": {"Name": asked["Name"], "Type": "SecureString", "Value": parameter, "Version": 1}}


def _sent(asked: dict[str, Any], parameter: str) -> dict[str, Any]:
    digest = hashlib.md5(asked["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return {"MD5OfMessageBody": digest, "MessageId": "0" * 36, "SequenceNumber": "18849496460467696128"}


def _queue_url(asked: dict[str, Any], parameter: str) -> dict[str, Any]:
    return {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/" + asked["QueueName"]}


_RESULTS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "GetParameter": _parameter,
    "SendMessage": _sent,
    "GetQueueUrl": _queue_url,
}
