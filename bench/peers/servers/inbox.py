"""Ours: what Lambda's poller does for the inbox function: python -m bench.peers.servers.inbox QUEUE_URL [--drain]

Receives a batch, calls the handler, deletes the batch where it ended well. With --drain it ends once the queue is
empty, nothing under way included.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import app as deskweave
from bench.scripts import wire
from chalicelib.aws import clients

_PAUSE_SECONDS = 0.05
_BATCH = 10


def main(url: str, *, drain: bool) -> None:
    sqs, pause = clients.client("sqs"), threading.Event()
    while True:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_BATCH, AttributeNames=["All"])
        messages = answer.get("Messages", ())
        if messages:
            _handle(url, messages, sqs)
        elif drain and _left(url, sqs) == 0:
            return
        else:
            pause.wait(_PAUSE_SECONDS)


def _handle(url: str, messages: list[dict[str, Any]], sqs: Any) -> None:
    deskweave.inbox({"Records": [_record(one) for one in messages]}, wire.Context())
    done = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
    sqs.delete_message_batch(QueueUrl=url, Entries=done)


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:inbox",
        "awsRegion": "eu-central-1",
    }


def _left(url: str, sqs: Any) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


if __name__ == "__main__":
    main(sys.argv[1], drain="--drain" in sys.argv)
