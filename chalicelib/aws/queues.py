"""The FIFO queues. Every send has a fresh deduplication id: repetition is the table's business, not the queue's.

A deduplication id that came from a message, event or lane would swallow second wakes, edits and replays in silence for
five minutes. Group ids are digests, since SQS takes 128 ASCII characters at most; bodies are ASCII JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from chalicelib.aws import clients
from chalicelib.aws.errors import AwsUnavailable

# Below SQS's limit of 262,144 bytes, so that the envelope always fits.
LARGEST_BODY = 250_000


class Queue:
    """One FIFO queue, by name."""

    def __init__(self, name: str, random: Callable[[int], bytes] = os.urandom) -> None:
        self.name = name
        self.random = random

    @cached_property
    def url(self) -> str:
        """The queue's address: built from region and account where they are known, else asked for once."""
        given = os.environ.get("DESKWEAVE_QUEUE_PREFIX")
        if given:
            return given + self.name
        sqs = clients.client("sqs")
        account = os.environ.get("DESKWEAVE_ACCOUNT", "")
        if not account:
            return str(_guard(lambda: sqs.get_queue_url(QueueName=self.name))["QueueUrl"])
        return f"https://sqs.{sqs.meta.region_name}.amazonaws.com/{account}/{self.name}"

    def send(self, group: str, body: dict[str, Any]) -> None:
        """Queue one message behind the others of its group. Raises `AwsUnavailable`."""
        sqs = clients.client("sqs")
        url = self.url
        _guard(lambda: sqs.send_message(QueueUrl=url, **self._entry(group, body)))

    def send_all(self, messages: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Queue any number of messages, ten a call. Raises `AwsUnavailable` if any of them was not taken."""
        sqs = clients.client("sqs")
        url = self.url
        for start in range(0, len(messages), 10):
            entries = [
                {"Id": str(n), **self._entry(group, body)}
                for n, (group, body) in enumerate(messages[start : start + 10])
            ]
            answer = _guard(lambda entries=entries: sqs.send_message_batch(QueueUrl=url, Entries=entries))  # type: ignore[misc]
            if answer.get("Failed"):
                raise AwsUnavailable("SQS did not take every message: " + str(answer["Failed"][0].get("Code")))

    def receive(self) -> list[dict[str, Any]]:
        """Up to ten messages without waiting: MessageId, Body, ReceiptHandle, Attributes."""
        sqs = clients.client("sqs")
        url = self.url
        answer = _guard(
            lambda: sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, AttributeNames=["All"], VisibilityTimeout=120
            )
        )
        return list(answer.get("Messages", ()))

    def take_in(self, letter: Mapping[str, Any]) -> None:
        """Queue a message that was received from another queue, as it is and in its own group."""
        sqs = clients.client("sqs")
        entry = {"QueueUrl": self.url, "MessageBody": letter["Body"]}
        if group := letter.get("Attributes", {}).get("MessageGroupId"):
            entry |= {"MessageGroupId": group, "MessageDeduplicationId": self.random(16).hex()}
        _guard(lambda: sqs.send_message(**entry))

    def let_go(self, receipt: str) -> None:
        """Give a received message back at once."""
        sqs = clients.client("sqs")
        url = self.url
        _guard(lambda: sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0))

    def count(self) -> int:
        """About how many messages there are, received ones included."""
        sqs = clients.client("sqs")
        names = [f"ApproximateNumberOfMessages{ending}" for ending in ("", "NotVisible", "Delayed")]
        url = self.url
        found = _guard(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)).get("Attributes", {})
        return sum(int(found.get(name, 0)) for name in names)

    def delete(self, receipt: str) -> None:
        sqs = clients.client("sqs")
        url = self.url
        _guard(lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt))

    def _entry(self, group: str, body: dict[str, Any]) -> dict[str, str]:
        return {
            "MessageBody": json.dumps(body, separators=(",", ":")),
            "MessageGroupId": hashlib.sha256(group.encode("utf-8", "surrogatepass")).hexdigest()[:40],
            "MessageDeduplicationId": self.random(16).hex(),
        }


def _guard(call: Callable[[], Any]) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise AwsUnavailable(f"SQS: {clients.failure(error)}") from error
