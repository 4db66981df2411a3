"""What AWS Lambda hands to a function: events of the real shape, and the context.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.local import sqs
from infra.local.queue import Message


class Context:
    """Lambda's context object, on the injected clock."""

    def __init__(self, function: str, request_id: str, clock: Callable[[], int], deadline: int, memory_mb: int) -> None:
        self.function_name = function
        self.function_version = "$LATEST"
        self.invoked_function_arn = f"arn:aws:lambda:{sqs.REGION}:{sqs.ACCOUNT}:function:{function}"
        self.memory_limit_in_mb = str(memory_mb)
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{function}"
        self.log_stream_name = f"local/[$LATEST]{request_id}"
        self.identity = None
        self.client_context = None
        self._clock = clock
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline - self._clock())


@dataclass(frozen=True)
class Ran:
    """One run of a function.

    error     what it raised, None where it ended well; a `ProcessDied` is no error of the function's
    deleted   whether its messages were taken off the queue
    """

    function: str
    messages: tuple[Message, ...]
    error: BaseException | None
    deleted: bool


def sqs_event(queue: str, messages: Sequence[Message]) -> dict[str, Any]:
    """A batch of a queue's messages as an event source mapping delivers it."""
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": message.receipt,
                "body": message.body,
                "attributes": sqs.attributes(message),
                "messageAttributes": {},
                "md5OfBody": sqs.digest(message.body),
                "eventSource": "aws:sqs",
                "eventSourceARN": sqs.arn(queue),
                "awsRegion": sqs.REGION,
            }
            for message in messages
        ]
    }


def schedule_event(rule: str, id: str, now: int) -> dict[str, Any]:
    """What an EventBridge schedule delivers. `now` in ms; the event's time has seconds only."""
    return {
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": sqs.ACCOUNT,
        "time": datetime.fromtimestamp(now // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": sqs.REGION,
        "resources": [f"arn:aws:events:{sqs.REGION}:{sqs.ACCOUNT}:rule/{rule}"],
        "detail": {},
    }
