"""Deskweave in one process: the real handlers over a local AWS, driven step by step or left running.

    with LocalRuntime(seed=7, clock=VirtualClock()) as runtime:
        runtime.request("POST", "/webhooks/slack/c1", headers, body)
        runtime.pump_until_quiet()

Everything is in memory and gone when the runtime ends.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import random
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, Protocol

import boto3

from chalicelib.aws import clients
from chalicelib.services import links, settings
from infra import schema
from infra.local import lambdas, sqs, stage_queues, wire
from infra.local.background import Background
from infra.local.clock import VirtualClock, wall_clock
from infra.local.dynamo import Dynamo
from infra.local.endpoint import AwsEndpoint
from infra.local.gateway import Gateway, Response
from infra.local.lambdas import Ran
from infra.local.meter import Meter
from infra.local.queue import FifoQueue
from infra.local.queue_rules import QueueError
from infra.local.scheduler import provider_calls
from infra.local.wire import ProcessDied, Wire

logger = logging.getLogger("deskweave.local")

MEMORY_MB = 512
MINUTE_MS = 60_000
# What the stage is called by the world until it is served under an address of its own.
PUBLIC_URL = "https://deskweave.example"
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": sqs.REGION,
    "AWS_REGION": sqs.REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_UNSET = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "DESKWEAVE_QUEUE_PREFIX",
)


class NotQuiet(Exception):
    """The system did not fall silent within the limit: something feeds itself."""


class Outside(Protocol):
    """The world outside, on the same clock (the sandbox): `deliver_due` sends the webhooks that are due."""

    def deliver_due(self) -> Any: ...
    def next_due(self) -> int | None: ...


class LocalRuntime:
    """The app and its AWS.

    seed        decides every choice that AWS would make; the same seed gives the same run
    clock       gives the time in ms; a `VirtualClock` stands still until it is moved
    duplicates  probability with which a message that was handled is delivered once more
    batch       the most messages that one run is given (1 to 10)
    app         the app's module, or anything with the same names; Deskweave's own where it is not given
    seconds     each function's time-out, where it is to differ from `.chalice/config.json`
    keep_calls  whether the meter keeps every AWS call or only counts
    sink        where the log's lines go; to standard output where it is not given
    """

    def __init__(
        self,
        seed: int = 1,
        clock: Callable[[], int] | None = None,
        *,
        duplicates: float = 0.0,
        batch: int = 1,
        app: Any = None,
        stage: str = "local",
        seconds: Mapping[str, int] | None = None,
        keep_calls: bool = True,
        sink: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.seed = seed
        self.clock = clock or wall_clock
        self.batch = batch
        self.stage = stage
        self.app = app
        self.seconds = {**schema.function_seconds(), **(seconds or {})}
        self.meter = Meter(keep=keep_calls)
        self.failures: list[Ran] = []
        self._sink = sink
        self.queues = stage_queues.made(stage, self.clock, seed, duplicates)
        self.wire = Wire(self.clock, {queue.name: queue for queue in self.queues.values()}, self.meter)
        self._random = random.Random(f"runtime/{seed}")
        self._own_app = app is None
        self._outside: list[Outside] = []
        self._open = ExitStack()
        self._gateway: Gateway | None = None
        self._sources: dict[str, FifoQueue] = {}

    def __enter__(self) -> LocalRuntime:
        with self._open:
            self._open.callback(_restore, dict(os.environ))
            for name in _UNSET:
                os.environ.pop(name, None)
            os.environ.update(_ENVIRONMENT, DESKWEAVE_STAGE=self.stage)
            self._make_stores()
            self._load_app()
            self.meter.reset()
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    # --- step by step -------------------------------------------------------------------------------------------------

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Response:
        """Send an HTTP request through chalice's own gateway, without a socket."""
        assert self._gateway is not None
        return self._gateway.request(method, path, dict(headers or {}), body)

    def pump(self) -> Ran | None:
        """Run one function on one seeded choice of what waits in the queues; None where nothing can run now."""
        with self.wire.lock:
            while ready := [name for name, queue in self._sources.items() if queue.ready()]:
                function = self._random.choice(ready)
                queue = self._sources[function]
                messages = queue.receive(self.batch)
                self._polled(function, "ReceiveMessage")
                if messages:
                    break
            else:
                return None
        event = lambdas.sqs_event(queue.name, messages)
        error = self._invoke(function, event)
        with self.wire.lock:
            deleted = error is None and self._delete(function, queue, [message.receipt for message in messages])
            self.wire.changed.notify_all()
        return self._ended(Ran(function, tuple(messages), error, deleted))

    def pump_until_quiet(self, limit: int = 10_000) -> int:
        """Pump until nothing can run now; returns how many runs that took. Raises `NotQuiet` past the limit."""
        for runs in range(limit):
            if self.pump() is None:
                return runs
        raise NotQuiet(f"still busy after {limit} runs (seed {self.seed})")

    def tick(self) -> Ran:
        """Run the clock function as its schedule would."""
        event = lambdas.schedule_event(f"deskweave-{self.stage}-clock-event", self._uuid(), self.clock())
        return self._ended(Ran("clock", (), self._invoke("clock", event), False))

    def next_due(self) -> int | None:
        """When the next hidden message becomes visible, in ms; None where none is hidden."""
        with self.wire.lock:
            dues = [due for queue in self._sources.values() if (due := queue.next_due()) is not None]
        return min(dues, default=None)

    def attach(self, outside: Outside) -> None:
        """Let the world outside take part in `run_for` and in the background.

        Its SES, where it has one, writes into the stage's bucket and tells the stage's topic.
        """
        self._outside.append(outside)
        ses = getattr(outside, "ses", None)
        if ses is not None:
            ses.attach(schema.bucket_name(self.stage), schema.topic_name(self.stage), self._store, self.publish)

    def publish(self, body: str) -> None:
        """Put what SNS delivers to its subscriber into the `mail` queue."""
        with self.wire.lock:
            self.queues["mail"].send(body, None, None)
            self.wire.changed.notify_all()

    def run_for(self, ms: int, *, tick_every: int = MINUTE_MS, limit: int = 10_000) -> int:
        """Let virtual time pass: everything that falls due happens at its time, the clock ticks; returns the runs."""
        clock = self.clock
        if not isinstance(clock, VirtualClock):
            raise TypeError("only a VirtualClock can be run")
        end, next_tick = clock() + ms, clock() + tick_every
        runs = self._settle(limit)
        while clock() < end:
            dues = [self.next_due(), *(outside.next_due() for outside in self._outside)]
            clock.advance_to(min(end, next_tick, *(due for due in dues if due is not None and due > clock())))
            if clock() >= next_tick:
                next_tick += tick_every
                self.tick()
            runs += self._settle(limit)
        return runs

    def expire_items(self) -> int:
        """Delete the items whose time to live is over, as DynamoDB does within days; returns how many."""
        dynamo = self.wire.dynamo
        assert dynamo is not None
        with self.wire.lock, self.wire.acting("setup"):
            keys = dynamo.expired(schema.TTL_ATTRIBUTE, self.clock() // 1000)
            for pk, sk in keys:
                boto3.client("dynamodb").delete_item(TableName=dynamo.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
        return len(keys)

    @property
    def on_call(self) -> wire.OnCall | None:
        """Called before and after each AWS call of our own code: service, operation, "before" or "after"."""
        return self.wire.on_call

    @on_call.setter
    def on_call(self, hook: wire.OnCall | None) -> None:
        self.wire.on_call = hook

    def provider_calls(self) -> AbstractContextManager[None]:
        """Also call the hook at each HTTP request that a handler sends: service "http", operation "POST /path"."""
        return provider_calls(self.wire.provider_call)

    # --- left running -------------------------------------------------------------------------------------------------

    def serve_http(self, port: int = 0) -> str:
        """Serve the REST API by chalice's own local server on 127.0.0.1 until the runtime ends; returns its URL."""
        assert self._gateway is not None
        return self._open.enter_context(self._gateway.serving(port))

    def serve_aws(self, port: int = 0) -> str:
        """Offer this AWS to other processes over loopback HTTP until the runtime ends; returns its URL.

        From then on the addresses of files lead there.
        """
        url = self._open.enter_context(AwsEndpoint(self.wire).serving(port))
        os.environ["AWS_ENDPOINT_URL_S3"] = url
        clients.forget()
        return url

    def run_background(self, pumps: int = 2) -> Background:
        """Pump, tick and deliver in threads, in real time, until the runtime ends."""
        background = Background(self, pumps)
        self._open.callback(background.stop)
        background.start()
        return background

    @property
    def outside(self) -> tuple[Outside, ...]:
        return tuple(self._outside)

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _make_stores(self) -> None:
        from moto.backends import get_backend

        for service in ("dynamodb", "s3", "ssm"):
            get_backend(service).reset()
            get_backend(service).clear()
        self._open.callback(wire.deactivate, self.wire)
        wire.activate(self.wire)
        name = schema.table_name(self.stage)
        with self.wire.acting("setup"):
            dynamodb = boto3.client("dynamodb")
            dynamodb.create_table(**schema.table_definition(name))
            dynamodb.update_time_to_live(**schema.time_to_live(name))
            boto3.client("s3").create_bucket(Bucket=schema.bucket_name(self.stage))
        self.wire.dynamo = Dynamo(name, self.clock, sqs.ACCOUNT, sqs.REGION)

    def _load_app(self) -> None:
        if self._own_app:
            bootstrap = importlib.import_module("chalicelib.bootstrap")
            chance = random.Random(f"app/{self.seed}").randbytes
            deps = bootstrap.reset(now=self.clock, random=chance, sink=self._sink)
            with self.wire.acting("setup"):
                links.new_key(deps)
                settings.set_public_url(PUBLIC_URL, deps)
            self.app = importlib.import_module("app")
        self._gateway = Gateway(self.app.app, self._api_call, self.seconds["api"])
        for source in self.app.app.event_sources:
            if hasattr(source, "batch_size") and source.queue:
                self._listen(source)

    def _listen(self, source: Any) -> None:
        """Take up a queue's event source mapping; refuse what AWS would refuse at deployment."""
        if source.batch_size > 10 or source.maximum_batching_window_in_seconds:
            raise ValueError(f"{source.name}: a FIFO queue allows at most 10 messages per batch and no batching window")
        named = {queue.name: queue for queue in self.queues.values()}
        if source.queue not in named:
            raise ValueError(f"{source.name} listens to {source.queue}, which infra/schema.py does not have")
        self._sources[source.name] = named[source.queue]

    def _invoke(self, function: str, event: Mapping[str, Any]) -> BaseException | None:
        """Run a handler as Lambda does; returns what it raised."""
        deadline = self.clock() + self.seconds[function] * 1000
        name = f"deskweave-{self.stage}-{function}"
        context = lambdas.Context(name, self._uuid(), self.clock, deadline, MEMORY_MB)
        with self.wire.acting("function", function, deadline):
            try:
                json.dumps(getattr(self.app, function)(json.loads(json.dumps(event)), context))
                if self.clock() >= deadline:
                    raise ProcessDied(f"{function} ran into its time-out")
            except ProcessDied as death:
                return death
            except Exception as error:
                logger.exception("%s failed; its messages come again after the visibility time-out", function)
                return error
        return None

    def _api_call(self, call: Callable[[], Any]) -> Any:
        """Run the API function for one request."""
        with self.wire.acting("function", "api", self.clock() + self.seconds["api"] * 1000):
            return call()

    def _delete(self, function: str, queue: FifoQueue, receipts: list[str]) -> bool:
        """Take handled messages off the queue, as Lambda does once the function has returned."""
        deleted = True
        for receipt in receipts:
            try:
                queue.delete(receipt)
            except QueueError:
                deleted = False
        self._polled(function, "DeleteMessageBatch")
        return deleted

    def _polled(self, function: str, operation: str) -> None:
        self.wire.note("sqs", operation, {}, 0, (200, {}, b""), by="poller", function=function)

    def _ended(self, ran: Ran) -> Ran:
        if ran.error is not None:
            self.failures.append(ran)
        return ran

    def _settle(self, limit: int) -> int:
        runs = 0
        for _ in range(limit):
            delivered = [outside.deliver_due() for outside in self._outside]
            runs += (pumped := self.pump_until_quiet(limit))
            if not pumped and not any(delivered):
                return runs
        raise NotQuiet(f"the outside and the app feed each other without end (seed {self.seed})")

    def _store(self, key: str, content: bytes) -> None:
        """Put an object into the stage's bucket, as SES does with a received mail."""
        with self.wire.acting("setup"):
            boto3.client("s3").put_object(Bucket=schema.bucket_name(self.stage), Key=key, Body=content)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
