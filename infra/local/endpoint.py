"""The local AWS for other processes: the same wire, over loopback HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from infra.local import presigned, sqs
from infra.local.gateway import Unreadable, read_body, server_thread
from infra.local.wire import SERVICES, Wire

LARGEST_BODY = 100 * 1024 * 1024
_SCOPE = re.compile(r"Credential=[^/]*/\d+/[^/]+/([^/]+)/aws4_request")


class AwsEndpoint:
    """Set `AWS_ENDPOINT_URL` to its URL, with any credentials."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        wire = self._wire

        class Handler(_Handler):
            def answer(self) -> None:
                self.send(wire)

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        with server_thread(server) as url:
            yield url


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def send(self, wire: Wire) -> None:
        """Put a request to the wire as if it had gone to AWS."""
        found = _SCOPE.search(self.headers.get("authorization", ""))
        service = found.group(1) if found else ""
        if self.command == "GET" and presigned.is_presigned(self.path):
            service = "s3"
            if refused := presigned.refusal(f"http://{self.headers.get('host', '')}{self.path}"):
                self._write(403, {"content-type": "application/xml"}, refused.encode())
                return
        try:
            body = read_body(self, LARGEST_BODY)
        except Unreadable as refusal:
            self.close_connection = True
            self._write(refusal.status, {"connection": "close"}, str(refusal).encode())
            return
        if service not in SERVICES:
            self._write(501, {}, f"the local run has no {service or 'unsigned requests'}".encode())
            return
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            if name.lower() not in ("host", "transfer-encoding"):
                headers[name] = value
        url = f"https://{service}.{sqs.REGION}.amazonaws.com{self.path}"
        operation = self.headers.get("x-amz-target", self.command).rsplit(".", 1)[-1]
        with wire.acting("remote"):
            status, answered, content = wire.handle(
                service, operation, AWSPreparedRequest(self.command, url, headers, body, False)
            )
        self._write(status, dict(answered), content)

    def answer(self) -> None:
        raise NotImplementedError

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = lambda self: self.answer()

    def _write(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding"):
                self.send_header(name, str(value))
        length = next((value for name, value in headers.items() if name.lower() == "content-length"), len(content))
        self.send_header("content-length", str(length if self.command == "HEAD" else len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Not logged: these are the user's own commands."""
