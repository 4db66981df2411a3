"""A local AWS with a small app, so that the runner's tests do not depend on Deskweave's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from chalice.app import Chalice, Rate

from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/deskweave-local-{}.fifo"
TABLE = "deskweave-local"


class SmallApp:
    """An app of the same shape as Deskweave's. `handled` is what its functions saw; `on` makes them do something."""

    def __init__(self) -> None:
        self.handled: list[tuple[str, list[str]]] = []
        self.events: list[dict[str, Any]] = []
        self.contexts: list[Any] = []
        self.on: dict[str, Callable[[], object]] = {}
        self.module = self._module()

    def saw(self, function: str, event: Any) -> None:
        raw = event.to_dict()
        self.events.append(raw)
        self.contexts.append(event.context)
        self.handled.append((function, [record["body"] for record in raw.get("Records", ())]))
        self.on.get(function, lambda: None)()

    def _module(self) -> SimpleNamespace:
        app = Chalice(app_name="small")
        types = ["application/json", "text/plain"]

        @app.route("/webhooks/{provider}/{connection}", methods=["GET", "POST"], content_types=types)
        def webhook(provider: str, connection: str) -> dict[str, str]:
            self.on.get("api", lambda: None)()
            return {"provider": provider, "connection": connection, "body": bytes(app.current_request.raw_body).hex()}  # type: ignore[union-attr,arg-type]

        @app.on_sqs_message("deskweave-local-inbox.fifo", batch_size=10)
        def inbox(event: Any) -> None:
            self.saw("inbox", event)

        @app.on_sqs_message("deskweave-local-effects.fifo", batch_size=10)
        def effects(event: Any) -> None:
            self.saw("effects", event)

        @app.schedule(Rate(1, unit=Rate.MINUTES))
        def clock(event: Any) -> None:
            self.saw("clock", event)

        return SimpleNamespace(app=app, inbox=inbox, effects=effects, clock=clock)


@pytest.fixture(scope="session")
def _small() -> SmallApp:
    return SmallApp()


@pytest.fixture
def small(_small: SmallApp) -> SmallApp:
    for seen in (_small.handled, _small.events, _small.contexts, _small.on):
        seen.clear()
    return _small


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def local(small: SmallApp, clock: VirtualClock, seed: int) -> Iterator[LocalRuntime]:
    with LocalRuntime(seed, clock, app=small.module) as runtime:
        yield runtime


@cache
def client(service: str) -> Any:
    """A client made once; it talks to whichever local runtime is active."""
    return boto3.client(service)


def send(body: str, group: str = "g", queue: str = "inbox", **more: Any) -> Any:
    """Send through a real boto3 client; the deduplication id follows from the body."""
    given = {"MessageGroupId": group, "MessageDeduplicationId": sha256(body.encode()).hexdigest(), **more}
    return client("sqs").send_message(QueueUrl=QUEUE.format(queue), MessageBody=body, **given)


def item(pk: str, sk: str = "-", **attributes: dict[str, Any]) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}, **attributes}
