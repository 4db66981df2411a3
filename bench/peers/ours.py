"""Ours over a queue and a table that are processes of their own: ministack answers for AWS."""

from __future__ import annotations

import json
import os
import random
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from bench.peers.client import Make
from bench.peers.messages import Messages, ids_in, request
from bench.peers.places import Place
from bench.peers.process import Server, free_port
from chalicelib.services import connections
from infra import schema
from tests.deploy import ministack, tools

STAGE = "peers"
# A killed worker's messages are shown again so soon; deployed it takes six times the function's time-out.
_VISIBILITY_SECONDS = 3
_DRAIN_SECONDS = 300
_OFFLINE = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": ministack.REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "DESKWEAVE_STAGE": STAGE,
}


class Front(Place):
    """Our front without a store behind it; `mode` is `stubbed`, or `nothing` for what the front itself takes."""

    def __init__(self, folder: Path, messages: Messages, mode: str) -> None:
        # The id is as random as a real one; the seed gives it again.
        self.connection = connections.new_id(random.Random(messages.secret).randbytes)
        super().__init__(folder, messages, [f"/webhooks/slack/{self.connection}"])
        self._mode = mode

    def start(self) -> Server:
        command = [sys.executable, "-m", "bench.peers.servers.front", str(self.port), self._mode]
        server = self.run([*command, json.dumps(self.settings())], name="front", environment=self.environment())
        server.wait_for(self.port)
        return server

    def stored(self) -> Counter[str]:
        return Counter()

    def environment(self) -> dict[str, str]:
        return _OFFLINE | {"DESKWEAVE_ACCOUNT": ministack.ACCOUNT}

    def settings(self) -> dict[str, Any]:
        """The connection as the secret store has it."""
        seat = self.messages.seat
        known = {"signing_secret": seat.signing_secret, "team_id": seat.team, "app_id": seat.app}
        return {"provider": "slack", "settings": {**known, "bot_user_id": seat.bot}, "url": ""}


class Queued(Front):
    """Front, queue worker and ministack, each a process of its own."""

    def __init__(self, folder: Path, messages: Messages) -> None:
        super().__init__(folder, messages, "aws")
        self._aws_port = free_port()
        self.url = f"http://127.0.0.1:{self._aws_port}"
        self.queue = ""
        self.set_aside = 0

    def prepare(self) -> None:
        self.beside = self._ministack()
        self.queue = self._make_stores()

    def environment(self) -> dict[str, str]:
        prefix = {"DESKWEAVE_QUEUE_PREFIX": f"{self.url}/{ministack.ACCOUNT}/"}
        return _OFFLINE | prefix | {"AWS_ENDPOINT_URL": self.url}

    def start_workers(self) -> list[Server]:
        return [self._inbox()]

    def stored(self) -> Counter[str]:
        """The messages in the table, once the queue is worked off. Raises `TimeoutExpired` where it never is."""
        drained = self._inbox("--drain")
        if drained.wait(_DRAIN_SECONDS):
            raise RuntimeError(f"the inbox worker ended: {drained.said()}")
        pages = self._client("dynamodb").get_paginator("scan").paginate(TableName=schema.table_name(STAGE))
        items = [item for page in pages for item in page["Items"]]
        # The text alone: that a key is there once is no proof of anything.
        return ids_in(item["text"]["S"] for item in items if item["pk"]["S"].startswith("M#") and "text" in item)

    def _ministack(self) -> Server:
        given = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._aws_port),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }
        given |= {"STATE_DIR": str(self.folder), "PERSIST_STATE": "0", "TMPDIR": str(self.folder)}
        command = [str(tools.interpreter("ministack")), "-m", "ministack"]
        given |= {"MINISTACK_REGION": ministack.REGION}
        server = self.run(command, name="ministack", folder=self.folder, environment=given)
        server.wait_for(self._aws_port)
        return server

    def _inbox(self, *options: str) -> Server:
        command = [sys.executable, "-m", "bench.peers.servers.inbox", self.queue, *options]
        return self.run(command, name="inbox", environment=self.environment())

    def _client(self, service: str) -> Any:
        return ministack.Ministack(self.url).client(service)

    def _make_stores(self) -> str:
        """The stage's table, its queues and the connection; returns the inbox's URL."""
        sqs, urls = self._client("sqs"), {}
        for function, spec in schema.queues(STAGE).items():
            attributes = {"VisibilityTimeout": str(_VISIBILITY_SECONDS)} | ({"FifoQueue": "true"} if spec.fifo else {})
            urls[function] = sqs.create_queue(QueueName=spec.name, Attributes=attributes)["QueueUrl"]
        table = schema.table_name(STAGE)
        self._client("dynamodb").create_table(**schema.table_definition(table))
        state = {"pk": connections.PARTITION, "sk": self.connection, "provider": "slack", "kind": "channel"}
        self._client("dynamodb").put_item(TableName=table, Item={name: {"S": value} for name, value in state.items()})
        name = f"/deskweave/{STAGE}/connections/{self.connection}"
        self._client("ssm").put_parameter(Name=name, Value=json.dumps(self.settings()), Type="SecureString")
        return str(urls["inbox"])


class QueueAlone(Queued):
    """ministack's queue without us: what it takes to take a message. Nothing is started but ministack itself."""

    def start(self) -> Server:
        assert self.beside is not None
        self.port = self._aws_port
        return self.beside

    def maker(self, path: int | None = None) -> Make:
        scope = f"AWS4-HMAC-SHA256 Credential=bench/20260101/{ministack.REGION}/sqs/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AmazonSQS.SendMessage",
            "Authorization": f"{scope}, SignedHeaders=host, Signature={'0' * 64}",
        }
        words = os.urandom(1100).hex()[:1700]

        def make(number: int) -> bytes:
            unique = uuid.uuid4().hex
            asked = {"QueueUrl": self.queue, "MessageBody": words, "MessageGroupId": f"g{number % 10}"}
            return request("/", headers, json.dumps(asked | {"MessageDeduplicationId": unique}).encode())

        return make
