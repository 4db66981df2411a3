"""The vendors' own SDKs, pointed at the sandbox; and a receiver for its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from slack_sdk import WebClient
from zenpy import Zenpy

from infra.sandbox import Sandbox

START_MS = 1_700_000_000_000


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: int = START_MS) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def forward(self, *, ms: int = 0, seconds: int = 0) -> None:
        self.now += ms + seconds * 1000


class LoopbackSession(requests.Session):
    """A session that sends what is meant for the account's own host to the sandbox. It keeps every exchange."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.trust_env = False
        self.sandbox = sandbox
        self.exchanges: list[requests.Response] = []

    def send(self, request: requests.PreparedRequest, **arguments: Any) -> requests.Response:
        public = f"https://{self.sandbox.zendesk.subdomain}.zendesk.com/"
        asked = request.url or ""
        request.url = asked.replace(public, f"{self.sandbox.zendesk.url}/", 1)
        response = super().send(request, **arguments)
        response.request.url = asked
        self.exchanges.append(response)
        return response


def zenpy_client(sandbox: Sandbox, email: str = "", token: str = "") -> tuple[Any, LoopbackSession]:
    """zenpy as the integration, or as the agent whose e-mail and token are given."""
    session = LoopbackSession(sandbox)
    zendesk = sandbox.zendesk
    client = Zenpy(
        subdomain=zendesk.subdomain,
        email=email or zendesk.integration_email,
        token=token or zendesk.integration_token,
        session=session,
        disable_cache=True,
    )
    return client, session


def slack_client(sandbox: Sandbox) -> WebClient:
    return WebClient(sandbox.slack.bot_token, base_url=sandbox.slack.api_url, retry_handlers=[], timeout=10)


@dataclass
class Receiver:
    """What came in, and how to answer: statuses are used up one by one, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A webhook receiver on a free port."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/webhook"
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
