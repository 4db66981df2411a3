"""The stores that Deskweave needs, in one place: the table, the queues and the bucket of a stage.

The local run creates them from here, and the CloudFormation template is made from here.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TTL_ATTRIBUTE = "expires_at"
# A handler raises only when AWS itself fails, so a message is dead only after days of that.
MAX_RECEIVES = 1000
RETENTION_SECONDS = 14 * 24 * 3600
# AWS: six times the function's time-out, so that throttled retries fit in.
VISIBILITY_FACTOR = 6

# index -> its partition key and its sort key, each with its type; every index projects the keys only.
INDEXES = {
    "due": (("due_pk", "S"), ("due_at", "N")),
    "conversation": (("conversation", "S"), ("sort", "S")),
    "listed": (("listed", "S"), ("listed_at", "N")),
}
QUEUED_FUNCTIONS = ("inbox", "effects", "mail")
# Neither SES nor a standard topic can feed a FIFO queue.
# https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html
STANDARD = frozenset({"mail"})

_CONFIG = Path(__file__).resolve().parent.parent / ".chalice" / "config.json"


@dataclass(frozen=True)
class QueueSpec:
    """A queue and the dead-letter queue beside it, both FIFO or both standard. Times in seconds."""

    function: str
    name: str
    dead_name: str
    visibility_seconds: int
    retention_seconds: int = RETENTION_SECONDS
    max_receives: int = MAX_RECEIVES
    fifo: bool = True


def table_name(stage: str) -> str:
    return f"deskweave-{stage}"


def bucket_name(stage: str) -> str:
    return f"deskweave-{stage}-files"


def topic_name(stage: str) -> str:
    """The SNS topic to which SES tells of received mails and of what became of sent ones."""
    return f"deskweave-{stage}-mail"


def table_definition(name: str) -> dict[str, Any]:
    """The arguments of DynamoDB's CreateTable."""
    attributes = {"pk": "S", "sk": "S"}
    for keys in INDEXES.values():
        attributes.update(keys)
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in attributes.items()],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": _keys(partition[0], sort[0]),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, (partition, sort) in INDEXES.items()
        ],
    }


def time_to_live(name: str) -> dict[str, Any]:
    """The arguments of DynamoDB's UpdateTimeToLive."""
    return {"TableName": name, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}}


def queues(stage: str) -> dict[str, QueueSpec]:
    """The queues of a stage, by the function that each one feeds."""
    seconds = function_seconds()
    return {
        function: QueueSpec(
            function=function,
            name=_queue_name(stage, function, function),
            dead_name=_queue_name(stage, function, f"{function}-dead"),
            visibility_seconds=VISIBILITY_FACTOR * seconds[function],
            fifo=function not in STANDARD,
        )
        for function in QUEUED_FUNCTIONS
    }


def function_seconds() -> dict[str, int]:
    """Each function's time-out as `.chalice/config.json` deploys it; `api` is chalice's `api_handler`."""
    config = json.loads(_CONFIG.read_text(encoding="utf-8"))
    functions = config["stages"]["dev"]["lambda_functions"]
    return {"api" if name == "api_handler" else name: int(given["lambda_timeout"]) for name, given in functions.items()}


def _queue_name(stage: str, function: str, name: str) -> str:
    return f"deskweave-{stage}-{name}" + ("" if function in STANDARD else ".fifo")


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
