"""A Deskweave in one process with a Slack and a Zendesk account of the sandbox, and commands run in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib import bootstrap
from chalicelib.bootstrap import Deps
from chalicelib.core.model import Attachment, Hint, MessageDeleted, MessageEdited, MessageReceived, Person
from chalicelib.services import hints, messages
from chalicelib.services.records import Delivery
from infra.cli import main
from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime
from infra.sandbox import Sandbox


@dataclass
class House:
    """The runtime, its sandbox, and the ids of its two connections."""

    runtime: LocalRuntime
    sandbox: Sandbox
    deps: Deps
    slack: str
    zendesk: str
    channel: str
    anna: str

    def run(self, *arguments: str, input: str | None = None) -> Result:
        """Run `deskweave` with these arguments against this house."""
        return CliRunner().invoke(main, ["--stage", "local", *arguments], input=input)

    def json(self, *arguments: str) -> Any:
        """The JSON that a command writes to standard output, which must be all that stands there."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def writes(self, text: str, root: str = "", **given: Any) -> MessageReceived:
        """Anna writes in Slack, in the thread of `root` (a message's ts); the message as the connector reports it."""
        stamp = self.sandbox.slack.post(self.anna, self.channel, text, root or None)
        thread = root or stamp
        return MessageReceived(
            key=f"{self.channel}:{stamp}",
            thread=f"{self.channel}:{thread}",
            sender=Person(self.anna),
            text=text,
            sent_at=self.deps.now(),
            order=stamp,
            reply_to={"channel": self.channel, "thread_ts": thread},
            **given,
        )

    def receives(self, *events: MessageReceived | MessageEdited | MessageDeleted) -> str:
        """Store what Anna did, carry it out, and return the newest conversation's id."""
        for event in events:
            self.store(event)
        self.runtime.pump_until_quiet()
        return str(self.newest()["id"])

    def newest(self) -> Any:
        """The newest conversation as `deskweave conversations --json` tells it."""
        return self.json("conversations")[0]

    def forward(self, ms: int) -> None:
        clock = self.runtime.clock
        assert isinstance(clock, VirtualClock)
        clock.advance_to(clock() + ms)

    def store(self, event: MessageReceived | MessageEdited | MessageDeleted) -> None:
        delivery = Delivery(self.slack, "slack", self.deps.new_id("d"), self.deps.now(), b"{}")
        match event:
            case MessageReceived():
                messages.received(event, delivery, self.deps)
            case MessageEdited():
                messages.edited(event, delivery, self.deps)
            case MessageDeleted():
                messages.deleted(event, delivery, self.deps)

    def agent(self, record: str, text: str, **fields: Any) -> None:
        """An agent comments on the ticket in Zendesk; our side reads it and carries it out."""
        bob, _, _ = self.sandbox.zendesk.add_agent("Bob Agent", f"bob{self.deps.now()}@desk.example")
        self.sandbox.zendesk.agent_comment(bob, int(record), text, **fields)
        assert self.hint(record) == "stored"
        self.runtime.pump_until_quiet()

    def hint(self, record: str) -> str:
        """Zendesk says that the ticket may have changed; returns what came of it."""
        delivery = Delivery(self.zendesk, "zendesk", self.deps.new_id("d"), self.deps.now())
        return hints.follow(Hint(record), delivery, self.deps)


@pytest.fixture
def house(runtime: LocalRuntime, seed: int) -> Iterator[House]:
    with Sandbox(runtime.clock, seed) as sandbox:
        deps = bootstrap.deps()
        slack = deps.connections.add(
            "slack",
            {
                "bot_token": sandbox.slack.bot_token,
                "signing_secret": sandbox.slack.signing_secret,
                "api_url": sandbox.slack.api_url,
            },
        )
        zendesk = deps.connections.add(
            "zendesk",
            {
                "subdomain": sandbox.zendesk.subdomain,
                "email": sandbox.zendesk.integration_email,
                "api_token": sandbox.zendesk.integration_token,
                "webhook_secret": sandbox.zendesk.webhook_secret,
                "api_url": sandbox.zendesk.url,
            },
        )
        channel, anna = sandbox.slack.add_channel("help"), sandbox.slack.add_user("Anna Example")
        yield House(runtime, sandbox, deps, slack, zendesk, channel, anna)


@pytest.fixture
def attachment() -> Attachment:
    return Attachment("F1", "scan.pdf", "application/pdf", 12_345, "https://files.example/scan.pdf")
