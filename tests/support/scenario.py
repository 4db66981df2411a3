"""A working Deskweave between the sandbox's Slack and Zendesk, on a clock that only the test moves.

Everybody's words carry a mark of their own (`m1`, `r2`, `n3`), so that what arrived where, and how often, can be
counted on the other side (tests/support/books.py).
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from chalicelib import bootstrap
from chalicelib.bootstrap import Deps
from infra.local import sqs
from infra.local.clock import VirtualClock
from infra.local.runtime import MINUTE_MS, LocalRuntime
from infra.sandbox import Sandbox
from infra.sandbox.deliveries import Answer

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Said:
    """Something that a person did, which has to arrive exactly once.

    kind  message, file, edit, deletion (a customer's), reply, reply_file (an agent's), note (an agent's, private)
    """

    kind: str
    mark: str


class ZendeskDesk:
    """What stands in Zendesk, in the words that every desk's books use."""

    name = "ticket"

    def __init__(self, scenario: Scenario) -> None:
        self._zendesk = scenario.zendesk
        self.connection = scenario.zendesk_id

    def comments(self) -> list[tuple[bool, str]]:
        """Whether each comment is public, and its text."""
        return [(comment["public"], comment["plain_body"]) for comment in self._all()]

    def comment_ids(self) -> list[str]:
        return [str(comment["id"]) for comment in self._all()]

    def statuses(self) -> dict[str, str]:
        """Each ticket's status in our words."""
        names = {"hold": "on_hold"}
        return {str(n): names.get(t["status"], str(t["status"])) for n, t in self._zendesk.tickets.items()}

    def same(self, ours: str, theirs: str) -> bool:
        """Whether the desk has no other word for our status than this one."""
        return ours == theirs

    def mails(self) -> int:
        """What the desk mailed to customers by itself."""
        return len(self._zendesk.mails) + len(self._zendesk.verification_mails)

    def comments_of(self, record: str) -> list[tuple[bool, str]]:
        """Those of one ticket, () where it is not this desk's."""
        mine = self._zendesk.comments(int(record)) if record in self.statuses() else []
        return [(comment["public"], comment["plain_body"]) for comment in mine]

    def _all(self) -> list[dict[str, Any]]:
        return [comment for ticket in self._zendesk.tickets for comment in self._zendesk.comments(ticket)]


class NotQuiet(AssertionError):
    """The system did not come to rest."""


class Scenario:
    """The real app, its AWS, and both providers.

    seed         decides every choice
    duplicates   probability with which a queue delivers a message once more; `batch` the most messages of one run
    """

    def __init__(self, seed: int = 1, *, duplicates: float = 0.0, batch: int = 1) -> None:
        self.clock = VirtualClock()
        self.sandbox = Sandbox(self.clock, seed)
        self.runtime = LocalRuntime(seed, self.clock, duplicates=duplicates, batch=batch)
        self.slack, self.zendesk = self.sandbox.slack, self.sandbox.zendesk
        self.lines: list[dict[str, Any]] = []
        self.said: list[Said] = []
        self.slack_id = self.zendesk_id = ""
        self.customer = self.channel = ""
        self.agent = 0
        self._random = random.Random(f"scenario/{seed}")
        self._open = ExitStack()
        self._marks = 0

    def __enter__(self) -> Scenario:
        with ExitStack() as opening:
            opening.enter_context(self.sandbox)
            opening.enter_context(self.runtime)
            self._open = opening.pop_all()
        # As deployed: the queues' addresses are known without asking for them. The runtime puts the environment back.
        os.environ["DESKWEAVE_QUEUE_PREFIX"] = f"https://sqs.{sqs.REGION}.amazonaws.com/{sqs.ACCOUNT}/"
        self.restart()
        self._connect()
        self.runtime.attach(self.sandbox)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def deps(self) -> Deps:
        return bootstrap.deps()

    def restart(self) -> None:
        """A new process takes over: caches and clients are gone, the clock and the chance go on."""
        bootstrap.reset(now=self.clock, random=self._random.randbytes, sink=self.lines.append)

    def slack_settings(self) -> dict[str, str]:
        slack = self.slack
        return {
            "bot_token": slack.bot_token,
            "signing_secret": slack.signing_secret,
            "api_url": slack.api_url,
            "bot_user_id": slack.bot_user_id,
            "app_id": slack.app_id,
            "team_id": slack.team_id,
        }

    def zendesk_settings(self) -> dict[str, str]:
        zendesk = self.zendesk
        return {
            "subdomain": zendesk.subdomain,
            "email": zendesk.integration_email,
            "api_token": zendesk.integration_token,
            "webhook_secret": zendesk.webhook_secret,
            "api_url": zendesk.url,
        }

    def _connect(self) -> None:
        with self.runtime.wire.acting("setup"):
            self.slack_id = self.deps.connections.add("slack", self.slack_settings())
            self.zendesk_id = self.deps.connections.add("zendesk", self.zendesk_settings())
        self.restart()
        self.slack.webhook_url = f"https://deskweave.example/webhooks/slack/{self.slack_id}"
        self.zendesk.webhook_url = f"https://deskweave.example/webhooks/zendesk/{self.zendesk_id}"
        self.sandbox.courier.post = self._post
        self.zendesk.spare()
        self.customer = self.slack.add_user("Ada Lovelace", "ada@example.com")
        self.channel = self.slack.add_channel("help")
        self.agent = self.zendesk.add_agent("Bob Byron", "bob@desk.example")[0]

    def _post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        """A webhook through chalice's own gateway, without a socket."""
        parts = urlsplit(url)
        answer = self.runtime.request("POST", f"{parts.path}?{parts.query}".rstrip("?"), headers, body)
        return Answer(answer.status, answer.headers)

    # --- what people do -----------------------------------------------------------------------------------------

    def mark(self, letter: str) -> str:
        self._marks += 1
        return f"{letter}{self._marks}x"

    def write(self, thread: str | None = None, *, file: bool = False, **more: Any) -> str:
        """The customer writes; returns the message's ts."""
        mark = self.mark("m")
        self.said.append(Said("message", mark))
        files = []
        if file:
            name = f"{self.mark('f')}.txt"
            self.said.append(Said("file", name))
            files = [(name, "text/plain", b"content of " + name.encode())]
        return self.slack.post(
            more.pop("user", self.customer), more.pop("channel", self.channel), f"words {mark}", thread, files, **more
        )

    def edit(self, ts: str) -> str:
        mark = self.mark("e")
        self.said.append(Said("edit", mark))
        self.slack.edit(self.channel, ts, f"changed words {mark}")
        return mark

    def answer(self, ticket: int = 1, *, file: bool = False, status: str | None = None) -> int:
        """An agent answers the customer; returns the comment's id."""
        mark = self.mark("r")
        self.said.append(Said("reply", mark))
        uploads = []
        if file:
            name = f"{self.mark('g')}.txt"
            self.said.append(Said("reply_file", name))
            uploads = [(name, "text/plain", b"content of " + name.encode())]
        return self.zendesk.agent_comment(self.agent, ticket, f"answer {mark}", status=status, uploads=uploads)

    def note(self, ticket: int = 1) -> int:
        """An agent writes a private note."""
        mark = self.mark("n")
        self.said.append(Said("note", mark))
        return self.zendesk.agent_comment(self.agent, ticket, f"between us {mark}", public=False)

    def solve(self, ticket: int = 1, status: str = "solved") -> None:
        self.zendesk.change_ticket(self.agent, ticket, status=status)

    def command(self, **change: str) -> None:
        """A change of the oldest conversation's state from our own side, as the command line queues it."""
        conversation = self.conversations()[0]["id"]
        body = {"v": 1, "kind": "state", "conversation": conversation, "change": change, "by": "admin"}
        with self.runtime.wire.acting("setup"):
            self.deps.inbox.send(f"state {conversation}", body)

    # --- time ---------------------------------------------------------------------------------------------------

    def run(self, seconds: float = 5) -> None:
        """Let some seconds pass, with no tick of the clock before a minute is over."""
        self.runtime.run_for(int(seconds * 1000))

    def settle(self, hours: float = 2) -> None:
        """Let redelivery and the clock run until nothing is left to do. Raises `NotQuiet` after so many hours.

        The clock ticks every fifth minute only, which is harder for what waits for it, and quicker.
        """
        end, calm = self.clock() + int(hours * HOUR_MS), 0
        while calm < 2:
            if self.clock() > end:
                raise NotQuiet(f"still at work after {hours} hours: {self.busy()}")
            self.runtime.run_for(5 * MINUTE_MS, tick_every=5 * MINUTE_MS)
            calm = 0 if self.busy() else calm + 1

    def busy(self) -> list[str]:
        """What is still to be done: messages in queues, deliveries to come, lanes that are due."""
        left = [f"{name}: {queue.counts()}" for name, queue in self.runtime.queues.items() if any(vars_of(queue))]
        if self.sandbox.next_due() is not None:
            left.append("deliveries")
        with self.runtime.wire.acting("setup"):
            left += [key["pk"] for key in self.deps.table.index("due", {"due_pk": "due"})]
        return left

    # --- what is there ------------------------------------------------------------------------------------------

    def items(self) -> list[dict[str, Any]]:
        """Every item of the table, in plain values, in the order of their keys."""
        import boto3

        from chalicelib.aws.table import _unpack

        with self.runtime.wire.acting("setup"):
            pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName="deskweave-local")
            found = [_unpack(raw) for page in pages for raw in page["Items"]]
        return sorted(found, key=lambda item: (item["pk"], item["sk"]))

    def conversations(self) -> list[dict[str, Any]]:
        """The conversations, oldest first."""
        return sorted((i for i in self.items() if i["pk"].startswith("C#") and i["sk"] == "-"), key=lambda i: i["id"])

    def records(self, kind: str = "") -> list[dict[str, Any]]:
        """The messages, notes, edits and deletions that are kept, of one kind if it is named; in the people's order."""
        found = [i for i in self.items() if i["pk"].startswith("M#") and i["sk"] == "-" and not i.get("ours")]
        return sorted((i for i in found if kind in ("", i["kind"])), key=lambda i: (i["sort"], i["pk"]))

    def desks(self) -> list[ZendeskDesk]:
        """The CRMs, as agents see them."""
        return [ZendeskDesk(self)]

    def delivered(self) -> list[str]:
        """The words that customers were shown, one text a message."""
        return [message["text"] for message in self._bot_messages()]

    def delivered_files(self) -> list[str]:
        """The names of the files that customers were given."""
        return [file["name"] for message in self._bot_messages() for file in message.get("files", ())]

    def _bot_messages(self) -> list[dict[str, Any]]:
        slack = self.slack
        return [m for channel in slack.channels for m in slack.messages(channel) if m.get("bot_id") == slack.bot_id]

    def failures(self) -> list[dict[str, Any]]:
        from chalicelib.services import failures

        with self.runtime.wire.acting("setup"):
            return failures.listed(self.deps)


def vars_of(queue: Any) -> tuple[int, int, int]:
    """How many messages a queue has: visible, in flight, delayed."""
    counts = queue.counts()
    return counts.visible, counts.in_flight, counts.delayed
