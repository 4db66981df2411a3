"""API Gateway of the local run: chalice's own local gateway and server, no kinder than API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Any, cast

from chalice import local
from chalice.config import Config

from infra.local.wire import ProcessDied

LARGEST_BODY = 10 * 1024 * 1024
# What API Gateway answers where the function died or ran out of time.
_DIED = {"statusCode": 502, "headers": {}, "multiValueHeaders": {}, "body": '{"message": "Internal server error"}'}
_TOO_LARGE = {"statusCode": 413, "headers": {}, "multiValueHeaders": {}, "body": '{"message": "Request Too Long"}'}

Run = Callable[[Callable[[], Any]], Any]


@dataclass(frozen=True)
class Response:
    """An HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Gateway:
    """The app's REST API. `run` is given each request's work, and so knows its calls as the API function's."""

    def __init__(self, app: Any, run: Run, seconds: int) -> None:
        _make_thread_safe(app)
        self._app = app
        self._run = run
        self._config = Config(user_provided_params={"lambda_timeout": seconds, "lambda_memory_size": 512})

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Response:
        try:
            answer = self.handle(local.LocalGateway(self._app, self._config), method, path, headers, body)
        except local.LocalGatewayException as refusal:
            answer = {"statusCode": refusal.CODE, "headers": refusal.headers, "body": refusal.body}
        content = answer["body"] or b""
        found = {**answer["headers"], **{k: ", ".join(v) for k, v in answer.get("multiValueHeaders", {}).items()}}
        raw = content.encode() if isinstance(content, str) else content
        lower = {name.lower(): value for name, value in found.items()}
        return Response(answer["statusCode"], {"content-type": "application/json", **lower}, raw)

    def handle(
        self, gateway: local.LocalGateway, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> dict[str, Any]:
        """Answer one request in the form of chalice's gateway."""
        if body is not None and len(body) > LARGEST_BODY:
            return dict(_TOO_LARGE)
        gateway.event_converter = cast(Any, _Converter(gateway.event_converter))
        try:
            answer: dict[str, Any] = self._run(lambda: gateway.handle_request(method, path, headers, body))
        except ProcessDied:
            return dict(_DIED)
        return answer

    @contextmanager
    def serving(self, port: int) -> Iterator[str]:
        """Serve on 127.0.0.1; gives the URL. Raises OSError where the port is taken."""
        handler = functools.partial(_Handler, self)
        server = local.LocalDevServer(self._app, self._config, "127.0.0.1", port, handler_cls=handler)
        with server_thread(server.server) as url:
            yield url


@contextmanager
def server_thread(server: Any) -> Iterator[str]:
    """Run an HTTP server in a thread; gives its URL."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Unreadable(Exception):
    """A request whose body cannot be read; `status` is the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read_body(handler: BaseHTTPRequestHandler, largest: int = LARGEST_BODY) -> bytes:
    """A request's body, by length or in chunks (chalice's own server reads chunked bodies as empty)."""
    if handler.headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(handler.rfile, largest)
    return handler.rfile.read(_size(handler.headers.get("content-length") or "0", 10, largest))


def _read_chunks(file: BufferedIOBase, largest: int) -> bytes:
    body = bytearray()
    while size := _size(file.readline(80).split(b";")[0].decode("latin-1").strip(), 16, largest - len(body)):
        body += file.read(size)
        file.readline(80)
    while file.readline(65_536).strip():
        pass
    return bytes(body)


def _size(written: str, base: int, largest: int) -> int:
    if not re.fullmatch("[0-9a-fA-F]{1,16}" if base == 16 else "[0-9]{1,16}", written):
        raise Unreadable(400, "Bad Request")
    size = int(written, base)
    if size > largest:
        raise Unreadable(413, "Request Too Long")
    return size


class _Converter:
    """Chalice's event converter, but a body that is no text arrives damaged, as from API Gateway."""

    def __init__(self, converter: Any) -> None:
        self._converter = converter

    def create_lambda_event(self, **request: Any) -> dict[str, Any]:
        event: dict[str, Any] = self._converter.create_lambda_event(**request)
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode("utf-8", "replace")
        return event


class _Handler(local.ChaliceRequestHandler):
    timeout = 30

    def __init__(self, gateway: Gateway, *args: Any, **kwargs: Any) -> None:
        self._gateway = gateway
        super().__init__(*args, **kwargs)

    def setup(self) -> None:
        super().setup()
        self.local_gateway = cast(Any, _Answering(self._gateway, self.local_gateway))

    def _parse_payload(self) -> tuple[dict[str, str], bytes | None]:
        return dict(self.headers), read_body(self) or None

    def _answer(self) -> None:
        try:
            self._generic_handle()
        except Unreadable as refusal:
            self.close_connection = True
            self._send_http_response(refusal.status, {"Connection": "close"}, json.dumps({"message": str(refusal)}))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are logged by the app itself."""


class _Answering:
    """Stands where chalice's handler expects its gateway."""

    def __init__(self, gateway: Gateway, chalice: local.LocalGateway) -> None:
        self._gateway = gateway
        self._chalice = chalice

    def handle_request(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> dict[str, Any]:
        return self._gateway.handle(self._chalice, method, path, headers, body)


def _make_thread_safe(app: Any) -> None:
    """Give the app a current_request per thread, as chalice's own local server does."""
    if not isinstance(app, local.LocalChalice):
        app.__class__ = type("LocalApp", (local.LocalChalice, type(app)), {})
