"""The AWS of the local run, at botocore's wire: our queues for SQS, moto for the rest, one lock around every call.

Nothing of ours is patched: a handler on botocore's own `before-send` event answers in place of the network.
https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from infra.local import capacity, sqs
from infra.local.dynamo import Answer, Dynamo
from infra.local.meter import AwsCall, Meter
from infra.local.queue import FifoQueue

_HIDING = {"FilterExpression", "ProjectionExpression", "Select"}
SERVICES = ("sqs", "dynamodb", "s3", "ssm")
# service, operation, "before" or "after": may raise, or switch to another worker.
OnCall = Callable[[str, str, str], None]


class ProcessDied(BaseException):
    """The process ended here: no handler of ours runs any more, whatever was not sent is lost."""


class _Running(threading.local):
    """What runs in this thread."""

    by = "function"
    function = ""
    deadline: int | None = None


class Wire:
    """Answers every AWS call of this process while it is the active one."""

    def __init__(self, clock: Callable[[], int], queues: Mapping[str, FifoQueue], meter: Meter) -> None:
        from moto.core.botocore_stubber import BotocoreStubber

        self.queues = queues
        self.meter = meter
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.on_call: OnCall | None = None
        self.dynamo: Dynamo | None = None
        self._clock = clock
        self._moto = BotocoreStubber()
        self._running = _Running()

    @contextmanager
    def acting(self, by: str = "function", function: str = "", deadline: int | None = None) -> Iterator[None]:
        """Attribute this thread's calls. Past the deadline (ms) the next call finds the process dead, as in Lambda."""
        running = self._running
        before = running.by, running.function, running.deadline
        running.by, running.function, running.deadline = by, function, deadline
        try:
            yield
        finally:
            running.by, running.function, running.deadline = before

    @property
    def function(self) -> str:
        """The handler that runs in this thread, "" outside of handlers."""
        return self._running.function if self._running.by == "function" else ""

    def provider_call(self, host: str, operation: str, phase: str) -> None:
        """A handler's HTTP request to a provider: the hook is told, a function past its time-out is dead."""
        running = self._running
        if not running.function:
            return
        if running.deadline is not None and self._clock() >= running.deadline:
            raise ProcessDied(f"{running.function} ran into its time-out")
        if self.on_call:
            self.on_call("http", operation, phase)

    def handle(self, service: str, operation: str, request: AWSPreparedRequest) -> Answer:
        """Answer one call: the hook, the lock, the store, the meter, the hook."""
        if service not in SERVICES:
            raise RuntimeError(f"the local run has no {service}")
        by, function, deadline = self._running.by, self._running.function, self._running.deadline
        hook = self.on_call if by == "function" else None
        if deadline is not None and self._clock() >= deadline:
            raise ProcessDied(f"{function} ran into its time-out")
        if hook:
            hook(service, operation, "before")
        body = _body(request)
        params = _params(service, body)
        with self.lock:
            answer, units = self._answer(service, operation, params, request)
            self.note(service, operation, params, len(body), answer, units, by=by, function=function)
            self.changed.notify_all()
        if hook:
            hook(service, operation, "after")
        return answer

    def note(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        request_bytes: int,
        answer: Answer,
        units: capacity.Units | None = None,
        *,
        by: str,
        function: str,
    ) -> None:
        """Count a call."""
        status, _, body = answer
        self.meter.add(
            AwsCall(
                at=self._clock(),
                service=service,
                operation=operation,
                by=by,
                function=function,
                params=params,
                request_bytes=request_bytes,
                response_bytes=len(body),
                status=status,
                error=_error_code(status, body),
                units=units or capacity.Units(),
            )
        )

    def _answer(
        self, service: str, operation: str, params: Mapping[str, Any], request: AWSPreparedRequest
    ) -> tuple[Answer, capacity.Units | None]:
        if service == "sqs":
            return sqs.answer(self.queues, operation, params), None

        def send() -> Answer:
            return self._ask_moto(operation, request)

        if service != "dynamodb" or self.dynamo is None:
            return send(), None
        answer, touched = self.dynamo.call(operation, params, send)
        if touched:
            transaction = operation == "TransactWriteItems"
            return answer, capacity.written(touched, self.dynamo.indexes(), transaction=transaction)
        return answer, self._read(operation, params, answer, request)

    def _read(
        self, operation: str, params: Mapping[str, Any], answer: Answer, request: AWSPreparedRequest
    ) -> capacity.Units | None:
        """What a read consumed. A filter or projection hides what was read, so moto is asked again without it."""
        if answer[0] != 200 or operation not in ("GetItem", "BatchGetItem", "Query", "Scan"):
            return None
        if _HIDING & params.keys() and self.dynamo is not None:
            plain = _unhidden(params)
            again = AWSPreparedRequest(request.method, request.url, request.headers, json.dumps(plain).encode(), False)
            answer, _ = self.dynamo.call(operation, plain, lambda: self._ask_moto(operation, again))
        result, consistent = json.loads(answer[2]), bool(params.get("ConsistentRead"))
        if operation == "GetItem":
            return capacity.read_items([result.get("Item")], consistent=consistent)
        if operation == "BatchGetItem":
            ((table, wanted),) = params["RequestItems"].items()
            found = result["Responses"].get(table, [])
            missing = [None] * (len(wanted["Keys"]) - len(found))
            return capacity.read_items([*found, *missing], consistent=bool(wanted.get("ConsistentRead")))
        return capacity.read_together(result["Items"], consistent=consistent)

    def _ask_moto(self, operation: str, request: AWSPreparedRequest) -> Answer:
        answered = self._moto.process_request(request)
        if answered is None:
            raise RuntimeError(f"moto does not know {request.url}")
        status, headers, body = answered
        return status, headers, body.encode() if isinstance(body, str) else bytes(body)


# --- the one botocore session whose wire this is ---------------------------------------------------------------------

_active: Wire | None = None
_session: Any = None


def activate(wire: Wire) -> None:
    """Let this wire answer for boto3's default session. One at a time."""
    global _active, _session
    if _active is not None:
        raise RuntimeError("another local runtime is active in this process")
    if _session is None:
        boto3.setup_default_session()
        _session = boto3.DEFAULT_SESSION
        _session.events.register_first("before-send", _before_send)
    boto3.DEFAULT_SESSION = _session
    _active = wire


def deactivate(wire: Wire) -> None:
    """Give boto3's default session back. Clients made before find nothing any more, and never the network."""
    global _active
    if _active is wire:
        _active = None
        boto3.DEFAULT_SESSION = None


def _before_send(request: AWSPreparedRequest, event_name: str, **kwargs: Any) -> AWSResponse:
    if _active is None:
        raise RuntimeError("this client belongs to a local runtime that has ended")
    _, service, operation = event_name.split(".")
    # moto knows AWS's own addresses alone; S3's client may have the local endpoint's, for the sake of presigned ones.
    parts = urlsplit(request.url)
    if parts.hostname == "127.0.0.1":
        request.url = urlunsplit(parts._replace(scheme="https", netloc=f"{service}.{sqs.REGION}.amazonaws.com"))
    status, headers, body = _active.handle(service, operation, request)
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(dict(headers)), _Raw(body))


class _Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, amount: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


def _body(request: AWSPreparedRequest) -> bytes:
    body: Any = request.body
    if hasattr(body, "read"):
        body = body.read()
        request.body = body
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _params(service: str, body: bytes) -> Mapping[str, Any]:
    return json.loads(body or b"{}") if service != "s3" else {}


def _unhidden(params: Mapping[str, Any]) -> dict[str, Any]:
    """A read without its filter and projection, and without the names and values that only those used."""
    plain = {name: value for name, value in params.items() if name not in _HIDING}
    used = set(re.findall(r"[#:]\w+", plain.get("KeyConditionExpression", "")))
    for given in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        kept = {name: value for name, value in plain.pop(given, {}).items() if name in used}
        if kept:
            plain[given] = kept
    return plain


def _error_code(status: int, body: bytes) -> str:
    if status < 400:
        return ""
    try:
        return str(json.loads(body).get("__type", status)).rsplit("#", 1)[-1]
    except ValueError:
        return str(status)
