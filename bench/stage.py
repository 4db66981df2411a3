"""A Deskweave at work for the benchmarks: the real handlers over the local AWS, Slack customers, a Zendesk account."""

from __future__ import annotations

import itertools
import random
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench import payload
from bench.observe import Observer, Run
from infra.local.clock import VirtualClock
from infra.local.lambdas import Context
from infra.local.runtime import MEMORY_MB, LocalRuntime
from infra.sandbox import Sandbox
from infra.sandbox.deliveries import Answer

SEED = 7


class Stage:
    """One running Deskweave.

    runtime, sandbox, clock, deps   what it is made of
    observer    its runs so far, each with its calls
    slack       connection ids of Slack, each with its workspace; crms: those of Zendesk
    """

    def __init__(self, runtime: LocalRuntime, sandbox: Sandbox, clock: VirtualClock, deps: Any) -> None:
        self.runtime, self.sandbox, self.clock, self.deps = runtime, sandbox, clock, deps
        self.rng = random.Random(SEED)
        self.observer: Observer
        self.slack: dict[str, payload.Workspace] = {}
        self.crms: list[str] = []
        self._serial = itertools.count(1)

    @property
    def runs(self) -> list[Run]:
        return self.observer.runs

    def add_slack(self) -> str:
        """A Slack connection of a workspace of its own; replies go to the sandbox's Slack."""
        seat, theirs = payload.workspace(self.rng), self.sandbox.slack
        settings = {
            "bot_token": theirs.bot_token,
            "signing_secret": seat.signing_secret,
            "api_url": theirs.api_url,
            "bot_user_id": seat.bot,
            "app_id": seat.app,
            "team_id": seat.team,
        }
        connection: str = self.deps.connections.add("slack", settings)
        self.slack[connection] = seat
        return connection

    def add_zendesk(self) -> str:
        """A connection of the sandbox's Zendesk, whose webhooks come to it."""
        theirs = self.sandbox.zendesk
        settings = {
            "subdomain": theirs.subdomain,
            "email": theirs.integration_email,
            "api_token": theirs.integration_token,
            "webhook_secret": theirs.webhook_secret,
            "api_url": theirs.url,
        }
        connection: str = self.deps.connections.add("zendesk", settings)
        theirs.webhook_url = f"http://127.0.0.1/webhooks/zendesk/{connection}"
        self.crms.append(connection)
        return connection

    def new_user(self) -> str:
        user = payload.slack_id("U", self.rng)
        known = self.sandbox.slack.add_user(f"Customer {next(self._serial)}", f"{user.lower()}@example.com")
        self.sandbox.slack.users[user] = {**self.sandbox.slack.users.pop(known), "id": user}
        return user

    def new_channel(self) -> str:
        channel = payload.slack_id("C", self.rng)
        known = self.sandbox.slack.add_channel(f"support-{next(self._serial)}")
        self.sandbox.slack.channels[channel] = {**self.sandbox.slack.channels[known], "id": channel}
        self.sandbox.slack._messages[channel] = {}
        return channel

    def write(self, connection: str, channel: str, user: str, thread_ts: str = "") -> str:
        """A person writes; the webhook is received. Returns the message's ts."""
        stamp = self.clock() * 1000 + next(self._serial) % 1000
        ts = f"{stamp // 1_000_000:010d}.{stamp % 1_000_000:06d}"
        seat = self.slack[connection]
        body = payload.message(seat, self.rng, channel, user, ts, thread_ts)
        status = self.receive("slack", connection, payload.signed(seat.signing_secret, body, self.clock()), body)
        if status != 200:
            raise RuntimeError(f"the webhook was answered {status}")
        return ts

    def receive(self, provider: str, connection: str, headers: Mapping[str, str], body: bytes) -> int:
        """Hand a request to the API function as API Gateway does; returns the HTTP status."""
        event = payload.rest_event(provider, connection, headers, body)
        deadline = self.clock() + self.runtime.seconds["api"] * 1000
        context = Context("deskweave-local", "00000000-0000-4000-8000-000000000000", self.clock, deadline, MEMORY_MB)
        with self.observer.running() as told, self.runtime.wire.acting("function", "api", deadline):
            answer = self.runtime.app.app(event, context)
            told |= {"function": "api", "messages": 1}
        return int(answer["statusCode"])

    def pump(self) -> int:
        """Run the workers until the queues are quiet; returns the runs."""
        runs = 0
        while self._pump_once():
            runs += 1
        return runs

    def _pump_once(self) -> bool:
        with self.observer.running() as told:
            ran = self.runtime.pump()
            if ran is not None:
                told |= {"function": ran.function, "messages": len(ran.messages)}
        if ran is not None and ran.error is not None:
            raise RuntimeError(f"{ran.function} failed") from ran.error
        return ran is not None

    def tick(self) -> None:
        with self.observer.running() as told:
            self.runtime.tick()
            told |= {"function": "clock", "messages": 1}

    def deliver(self) -> int:
        """Hand over the webhooks that the sandbox's Zendesk has sent by now; returns how many."""
        return self.sandbox.deliver_due()

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        """How the sandbox's webhooks reach the API function."""
        _, _, provider, connection = urllib.parse.urlsplit(url).path.split("/")
        return Answer(self.receive(provider, connection, headers, body))


@contextmanager
def stage(*, batch: int = 1, crm: bool = True, slacks: int = 1) -> Iterator[Stage]:
    """A stage with its connections. Zendesk's own triggers mail nobody, and its limits are out of the way."""
    clock = VirtualClock()
    sandbox = Sandbox(clock, SEED)
    with sandbox, LocalRuntime(SEED, clock, batch=batch) as runtime:
        from chalicelib import bootstrap

        rng = random.Random(SEED)
        box: list[Observer] = []
        deps = bootstrap.reset(now=clock, random=rng.randbytes, sink=lambda line: box[0].log(line))
        made = Stage(runtime, sandbox, clock, deps)
        made.observer = Observer(runtime, sandbox)
        box.append(made.observer)
        theirs = sandbox.zendesk
        theirs.spare()
        theirs.account_limit = theirs.ticket_limit = theirs.export_limit = 1_000_000
        sandbox.courier.post = made.post
        for _ in range(slacks):
            made.add_slack()
        if crm:
            made.add_zendesk()
        yield made
