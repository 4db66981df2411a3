"""Stands between one function and SQS, and notes what SQS took into the inbox's queue: its word, not ours.

The function is led here by the AWS SDKs' own setting AWS_ENDPOINT_URL_SQS, set in the template of the test's stage.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

from __future__ import annotations

import http.client
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_SENDS = ("AmazonSQS.SendMessage", "AmazonSQS.SendMessageBatch")
_INBOX = "-inbox.fifo"
_SECONDS = 30


class Listening:
    """url is where the function is led; taken are the bodies of the messages, in order."""

    def __init__(self, aws: str) -> None:
        self.taken: list[dict[str, Any]] = []
        self._aws = urllib.parse.urlsplit(aws).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self) -> None:
        self._server.serve_forever(0.05)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask SQS; returns its status, headers and body."""
        connection = http.client.HTTPConnection(self._aws, timeout=_SECONDS)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status == 200 and headers.get("X-Amz-Target") in _SENDS:
            asked, told = json.loads(body), json.loads(content)
            refused = {one["Id"] for one in told.get("Failed", ())}
            if asked["QueueUrl"].endswith(_INBOX):
                sent = [one for one in asked.get("Entries") or [asked] if one.get("Id") not in refused]
                self.taken += [json.loads(one["MessageBody"]) for one in sent]
        return answer.status, answer.getheaders(), content

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listening = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, content = listening.pass_on(self.path, dict(self.headers.items()), body)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """What goes by holds customers' words."""

        return Handler


@contextmanager
def listening(aws: str) -> Iterator[Listening]:
    """Listen in front of the AWS at this address."""
    opened = Listening(aws)
    thread = threading.Thread(target=opened.serve, daemon=True)
    thread.start()
    try:
        yield opened
    finally:
        opened.stop()
        thread.join()
