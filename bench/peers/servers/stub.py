"""What the stubbed AWS takes of a message, measured alone: python -m bench.peers.servers.stub prints microseconds."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import boto3
from botocore.awsrequest import AWSRequest

from bench import payload
from bench.scripts import wire

_TIMES = 3000


def main() -> None:
    wire.answer_with("")
    assert boto3.DEFAULT_SESSION is not None
    events: Any = boto3.DEFAULT_SESSION.events
    # A queued delivery of ours: the raw body in base64, and what goes with it.
    body = json.dumps({"raw": base64.b64encode(b"x" * payload.SIZE).decode(), "envelope": "x" * 300})
    asked = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q.fifo", "MessageBody": body}
    request: Any = AWSRequest("POST", "https://sqs.us-east-1.amazonaws.com/", data=json.dumps(asked)).prepare()
    began = time.process_time()
    for _ in range(_TIMES):
        events.emit_until_response("before-send.sqs.SendMessage", request=request)
    print(f"{(time.process_time() - began) / _TIMES * 1e6:.1f}")


if __name__ == "__main__":
    main()
