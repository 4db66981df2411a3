"""The demo's day (infra/demo) over a deployed stage, in real time: life goes by `hurry` times faster than locally.

Only people and troubles are in a hurry. Deskweave's own clock is the machine's, and so are its waits, signatures and
links; its minute clock is run every second or two besides its schedule.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from chalicelib import bootstrap
from chalicelib.aws.errors import AwsUnavailable
from infra import schema
from infra.demo import cameos, people, script, trouble
from infra.demo.admin import Admin
from infra.demo.played import Item
from infra.demo.script import MINUTE, SECOND, Step
from infra.demo.seen import scanned
from infra.local.clock import wall_clock
from infra.local.try_it import Connected, connect_sandbox
from infra.sandbox import Sandbox, salesforce_hooks
from tests.deploy.ministack import ACCOUNT, REGION
from tests.e2e import stage as deployment
from tests.e2e.logs import Logs
from tests.e2e.stage import STAGE, Stage

# How often (s) the clock function runs besides its schedule.
_TICK = 1.5
# The ticks in a row that have to bring nothing before the day is over, and the seconds after which it is no rest.
_QUIET_TICKS = 4
_LONGEST_REST = 600
# What people's pauses of five seconds and more last at least.
_LEAST_MS = 1_500
# How long the stand-ins' searches and exports lag behind, where vendors' do for a minute.
_LAG_MS = 2_000
_PROVIDERS = ("slack", "twilio", "ses", "zendesk", "salesforce")


class Restless(Exception):
    """The day does not come to rest: something still waits, and the message says what."""


@dataclass
class DeployedDay:
    """A day over a deployed stage; to the books it is a `Played`."""

    seed: int
    stage: Stage
    sandbox: Sandbox
    hurry: int
    patience: int
    connected: Connected = field(init=False)
    cast: people.Cast = field(init=False)
    admin: Admin = field(init=False)
    stray: list[int] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    ticks: int = 0
    seconds: float = 0.0
    _logs: Logs = field(init=False)
    _aws: dict[str, Any] = field(init=False)
    _round: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        # A client takes long to make.
        self._aws = {name: self.stage.aws.client(name) for name in ("lambda", "sqs")}

    @property
    def url(self) -> str:
        return self.stage.url

    # --- the day ------------------------------------------------------------------------------------------------------

    def play(self, midway: Callable[[int], None] | None = None) -> None:
        """Play the script to its end and let everything come to rest. Raises `Restless`.

        midway  is called with the number of lanes in flight, once some are when half of the day is over
        """
        began = time.monotonic()
        chance = random.Random(f"trouble/{self.seed}")
        mischief = trouble.Trouble(self.cast, chance, wall_clock, self.stray, self.hurry, self.patience)
        steps = mischief.steps() + script.matters(self.cast, self.seed)
        steps += cameos.steps(self.cast, self.admin, self.seed)
        with self._world_turns():
            self._run(steps, midway)
            self.sandbox.faults.clear()
            self.come_to_rest()
            trouble.a_day_later(self.cast, random.Random(f"later/{self.seed}"))
            self.come_to_rest()
        self.seconds = time.monotonic() - began

    def _run(self, steps: list[tuple[int, Step]], midway: Callable[[int], None] | None) -> None:
        """Let everybody do their next thing when its time has come."""
        pause, began = threading.Event(), wall_clock()
        heap = [(began + at // self.hurry, number, step) for number, (at, step) in enumerate(steps)]
        heapq.heapify(heap)
        halfway = began + script.LENGTH // self.hurry // 2
        while heap:
            when, number, step = heapq.heappop(heap)
            with suppress(AwsUnavailable):
                if midway and when >= halfway and (lanes := self._due_lanes()):
                    midway(len(lanes))
                    midway = None
            pause.wait(max(0, when - wall_clock()) / 1000)
            wait = next(step, None)
            if wait is not None:
                # Deskweave is in no hurry: who waits for it, or for what it has heard by now, leaves it real seconds.
                least = _LEAST_MS if wait >= 5 * SECOND else 0
                heapq.heappush(heap, (wall_clock() + max(wait // self.hurry, least), number, step))

    def come_to_rest(self) -> None:
        """Wait until nothing is due anywhere, the polls bring nothing any more, and the admin has nothing to settle."""
        quiet, pause, until = 0, threading.Event(), time.monotonic() + _LONGEST_REST
        before = self._news()
        while quiet < _QUIET_TICKS:
            pause.wait(_TICK)
            now = self._news()
            waits = self._waits()
            quiet = 0 if waits or now != before or self._look() else quiet + 1
            before = now
            if time.monotonic() > until:
                raise Restless(f"after {_LONGEST_REST} s: {', '.join(waits) or 'news all the time'}")

    # --- what goes on by itself ---------------------------------------------------------------------------------------

    @contextmanager
    def _world_turns(self) -> Iterator[None]:
        """Couriers, one a provider, so that its deliveries keep their order; the clock; the admin's rounds."""
        stopping, broken = threading.Event(), list[BaseException]()
        rounds = [self._courier(name) for name in _PROVIDERS] + [self._tick, self._look]
        pauses = [0.01] * len(_PROVIDERS) + [_TICK, 20 * MINUTE / self.hurry / 1000]

        def turn(act: Callable[[], Any], pause: float) -> None:
            try:
                while not stopping.wait(pause):
                    act()
            except BaseException as error:
                broken.append(error)
                raise

        threads = [
            threading.Thread(target=turn, args=(act, pause), daemon=True)
            for act, pause in zip(rounds, pauses, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        if broken:
            raise broken[0]

    def _courier(self, provider: str) -> Callable[[], int]:
        return lambda: self.sandbox.courier.deliver_due({provider})

    def _tick(self) -> None:
        if wall_clock() < max(self.sandbox.zendesk.outage_until, self.sandbox.salesforce.outage_until):
            # A poll would meet it for certain, and leave the desk alone for a real minute.
            return
        self._aws["lambda"].invoke(FunctionName=self.stage.function("clock"), Payload=_SCHEDULED)
        self.ticks += 1

    def _look(self) -> int:
        """Let the admin look through the failures; returns what that settled, or 1 where AWS did not answer them."""
        with self._round:
            try:
                return self.admin.look()
            except AwsUnavailable:
                return 1

    def _waits(self) -> list[str]:
        """What still waits, as words."""
        try:
            return [*self._due_lanes()[:3], *self.left(), *(["a delivery"] if self.sandbox.next_due() else [])]
        except AwsUnavailable:
            return ["AWS to answer"]

    def _due_lanes(self) -> list[str]:
        return [key["pk"] for key in bootstrap.deps().table.index("due", {"due_pk": "due"})]

    def _news(self) -> tuple[int, int]:
        self.lines += self._logs.fresh()
        return len(self.sandbox.ledger), sum(line.get("outcome") in ("stored", "done") for line in self.lines)

    # --- what the books look at ---------------------------------------------------------------------------------------

    @property
    def late(self) -> int:
        return 20 * MINUTE // self.hurry

    @property
    def mails(self) -> Sequence[Mapping[str, Any]]:
        return self.stage.mails.taken

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()

    def items(self) -> list[Item]:
        return scanned(schema.table_name(STAGE))

    def left(self) -> Iterable[str]:
        for name in deployment.queues():
            url = f"{self.stage.aws.url}/{ACCOUNT}/{name}"
            told = self._aws["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            counts = [int(told[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible")]
            if any(counts):
                yield f"{counts[0]} messages wait in {name}, {counts[1]} are being worked on"

    def runs(self) -> Counter[str]:
        """How often each function ran."""
        return self._logs.runs

    def foreign(self) -> list[str]:
        """Log lines that Deskweave did not write: what Lambda or a crash left."""
        return self._logs.others

    def dollars(self) -> Mapping[str, float]:
        return {}


_SCHEDULED = json.dumps(
    {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "detail": {},
        "version": "0",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": [],
        "id": "1",
    }
).encode()


@contextmanager
def opened(seed: int, customers: int, stage: Stage, hurry: int, patience: int) -> Iterator[DeployedDay]:
    """A stage connected to a sandbox with people in it, before anybody has written. Its AWS is this process's own."""
    with ExitStack() as stack:
        before = dict(os.environ)
        stack.callback(_restore, before)
        os.environ.update(stage.environment)
        sandbox = stack.enter_context(Sandbox(wall_clock, seed))
        sandbox.salesforce.webhook_kind = salesforce_hooks.OUTBOUND if seed % 2 else salesforce_hooks.FLOW
        sandbox.zendesk.search_lag_ms = sandbox.zendesk.export_lag_ms = _LAG_MS
        # The day's calls come in minutes, and the polls come 40 times as often as the clock's schedule has them.
        sandbox.zendesk.ticket_limit, sandbox.zendesk.export_limit = 30 * hurry, 10 * hurry
        sandbox.zendesk.account_limit = 700 * hurry
        sandbox.courier.hurry, sandbox.courier.timeout_seconds = hurry, 30.0
        sandbox.ses.region = REGION
        day = DeployedDay(seed, stage, sandbox, hurry, patience)
        _attach(sandbox, stage)
        deps = bootstrap.reset(sink=lambda line: None)
        day.connected = connect_sandbox(deps, sandbox, stage.url)
        day.cast = people.gather(sandbox, customers, seed)
        day.admin = Admin(day.cast, day.aside, day.connected)
        day._logs = Logs(stage)
        yield day


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    bootstrap.reset()


def _attach(sandbox: Sandbox, stage: Stage) -> None:
    """SES writes into the stage's bucket and tells the stage's topic, which SNS makes an envelope for."""
    s3, sns, bucket = stage.aws.client("s3"), stage.aws.client("sns"), stage.environment["DESKWEAVE_BUCKET"]
    (topic,) = (one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(f"{STAGE}-mail"))

    def put(key: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=content)

    def publish(body: str) -> None:
        sns.publish(TopicArn=topic, Message=_message(body))

    sandbox.ses.attach(bucket, schema.topic_name(STAGE), put, publish)


def _message(body: str) -> str:
    """What is published of what the sandbox writes, which is the envelope already; all of it where it is none."""
    try:
        return str(json.loads(body)["Message"])
    except (ValueError, KeyError):
        return body
