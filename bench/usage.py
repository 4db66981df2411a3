"""How long a run waits for AWS and for providers, and what each of its calls uses."""

from __future__ import annotations

from collections.abc import Mapping

from infra.prices import MILLION
from infra.usage import PRICES, WHOLE_PROCESSOR_MB, Usage, billed, times, total

# How long one AWS call waits for its answer, in ms: assumed, from AWS's "single-digit milliseconds" and common traces.
WAIT_MS: Mapping[tuple[str, str], float] = {
    ("sqs", "SendMessage"): 10,
    ("sqs", "SendMessageBatch"): 12,
    ("sqs", "ReceiveMessage"): 10,
    ("sqs", "DeleteMessage"): 10,
    ("dynamodb", "GetItem"): 4,
    ("dynamodb", "BatchGetItem"): 6,
    ("dynamodb", "Query"): 5,
    ("dynamodb", "PutItem"): 6,
    ("dynamodb", "UpdateItem"): 6,
    ("dynamodb", "DeleteItem"): 6,
    ("dynamodb", "TransactWriteItems"): 15,
    ("ssm", "GetParameter"): 15,
    ("s3", "PutObject"): 30,
    ("s3", "GetObject"): 20,
}
OTHER_WAIT_MS = 15.0
# One HTTP call to a provider over the internet: assumed.
PROVIDER_MS = 250.0

_S3_READS = frozenset({"GetObject", "HeadObject"})


def wait_ms(service: str, operation: str) -> float:
    return WAIT_MS.get((service, operation), OTHER_WAIT_MS)


def of_call(service: str, operation: str, *, fifo: bool = True) -> Usage:
    """What one AWS call uses beside DynamoDB's units and the Lambda time; `fifo` tells a queue's kind."""
    match service:
        case "sqs":
            return Usage(sqs=1) if fifo else Usage(sqs_standard=1)
        case "ssm":
            return Usage(kms=1)
        case "s3":
            return Usage(s3_reads=1) if operation in _S3_READS else Usage(s3_writes=1)
    return Usage()


__all__ = [
    "MILLION",
    "PRICES",
    "PROVIDER_MS",
    "WHOLE_PROCESSOR_MB",
    "Usage",
    "billed",
    "of_call",
    "times",
    "total",
    "wait_ms",
]
