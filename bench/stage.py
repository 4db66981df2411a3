"""A Deskweave at work for the benchmarks: the real handlers over the local AWS, customers, and the CRMs of choice."""

from __future__ import annotations

import itertools
import random
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
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
    slack       connection ids of Slack, each with its workspace; crms: those of the CRMs
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
        theirs.spare()
        theirs.account_limit = theirs.ticket_limit = theirs.export_limit = 1_000_000
        theirs.webhook_url = self._webhook("zendesk", connection)
        self.crms.append(connection)
        return connection

    def add_salesforce(self) -> str:
        """A connection of the sandbox's Salesforce, whose Flow calls us."""
        theirs = self.sandbox.salesforce
        settings = {
            "domain": theirs.domain,
            "consumer_key": theirs.consumer_key,
            "consumer_secret": theirs.consumer_secret,
            "webhook_secret": theirs.webhook_secret,
            "api_url": theirs.url,
        }
        connection: str = self.deps.connections.add("salesforce", settings)
        theirs.spare()
        theirs.api_limit = 1_000_000
        theirs.webhook_url = self._webhook("salesforce", connection)
        self.crms.append(connection)
        return connection

    def add_sms(self) -> str:
        """A connection of the sandbox's number."""
        theirs = self.sandbox.twilio
        settings = {
            "account_sid": theirs.account_sid,
            "auth_token": theirs.auth_token,
            "from": theirs.number,
            "api_url": theirs.api_url,
        }
        connection: str = self.deps.connections.add("sms", settings)
        theirs.webhook_url = self._webhook("sms", connection)
        return connection

    def add_ses(self) -> str:
        """A connection of the sandbox's support address, with its receipt rule and configuration set."""
        theirs = self.sandbox.ses
        settings = {
            "region": theirs.region,
            "from_address": theirs.address,
            "access_key_id": theirs.access_key_id,
            "secret_access_key": theirs.secret_access_key,
            "api_url": theirs.api_url,
        }
        connection: str = self.deps.connections.add("ses", settings)
        theirs.connect(connection)
        self.runtime.attach(self.sandbox)
        return connection

    def _webhook(self, provider: str, connection: str) -> str:
        return f"https://{payload.HOST}/webhooks/{provider}/{connection}"

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
        message = {**self.sandbox.slack.person_message(user, ""), "ts": ts}
        self.sandbox.slack._messages[channel][ts] = message | ({"thread_ts": thread_ts} if thread_ts else {})
        return ts

    def receive(self, provider: str, connection: str, headers: Mapping[str, str], body: bytes, query: str = "") -> int:
        """Hand a request to the API function as API Gateway does; returns the HTTP status."""
        event = payload.rest_event(provider, connection, headers, body, query)
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
        """Hand over what the sandbox's providers have sent by now; returns how many deliveries."""
        return self.sandbox.deliver_due()

    @contextmanager
    def without_hints(self) -> Iterator[None]:
        """The CRMs' webhooks are lost meanwhile: what they bring about is no part of what is measured."""
        zendesk, salesforce = self.sandbox.zendesk, self.sandbox.salesforce
        hooks = zendesk.webhook_url, salesforce.webhook_url
        zendesk.webhook_url = salesforce.webhook_url = ""
        yield
        zendesk.webhook_url, salesforce.webhook_url = hooks

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        """How the sandbox's webhooks reach the API function."""
        parts = urllib.parse.urlsplit(url)
        _, _, provider, connection = parts.path.split("/")
        return Answer(self.receive(provider, connection, headers, body, parts.query))


@contextmanager
def stage(*, batch: int = 1, desks: Sequence[str] = ("zendesk",), slacks: int = 1) -> Iterator[Stage]:
    """A stage with its connections. The CRMs' own rules mail nobody, and their limits are out of the way."""
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
        deps.connections.set_public_url(f"https://{payload.HOST}")
        sandbox.courier.post = made.post
        for _ in range(slacks):
            made.add_slack()
        for name in desks:
            {"zendesk": made.add_zendesk, "salesforce": made.add_salesforce}[name]()
        yield made
