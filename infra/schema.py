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

# What a function has where a stage's settings name no other.
SHARED_MEMORY_MB = 512
# The longest that one call of AWS takes: to connect, and to wait for an answer (chalicelib/aws/clients.py).
AWS_CALL_SECONDS = 9

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
    return {name: int(given["lambda_timeout"]) for name, given in _deployed().items()}


def function_memory() -> dict[str, int]:
    """Each function's memory in MB, as `.chalice/config.json` deploys it; before 0.3 it named none for each."""
    functions = _deployed()
    return {name: int(given.get("lambda_memory_size", SHARED_MEMORY_MB)) for name, given in functions.items()}


def _deployed() -> dict[str, dict[str, Any]]:
    """What `.chalice/config.json` has of each function, by our short names.

    Time-outs and memory were derived by `python -m bench.sizing` from measured processor seconds (docs/benchmarks.md):

    api      29 s are all that API Gateway waits. A whole processor: it starts in a third of the time, for the little
             that its short runs cost more
    inbox    60 s: as long to begin readings of a provider as one may take (services/hints.py, LONGEST_READ), and that
             one; a cold start and ten of the largest mails take half of it. Memory as effects': more than where cost
             times latency is least, so that webhook to effect takes three seconds where all three start cold
    effects  150 s: as long to begin calls as one call may take (services/effects.py, LONGEST_CALL), and that call
    mail, clock   the memory at which cost times latency is least; they wait for AWS alone
    """
    config = json.loads(_CONFIG.read_text(encoding="utf-8"))
    functions = config["stages"]["dev"]["lambda_functions"]
    return {"api" if name == "api_handler" else name: given for name, given in functions.items()}


def _queue_name(stage: str, function: str, name: str) -> str:
    return f"deskweave-{stage}-{name}" + ("" if function in STANDARD else ".fifo")


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
