"""What a run of a function uses of AWS, and what that costs at the list prices of infra/prices.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from infra import prices
from infra.prices import MILLION

# Lambda gives one whole virtual processor at this memory, and a share in proportion below it.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
WHOLE_PROCESSOR_MB = 1769
MEMORY_MB = prices.MEMORY_GB * 1024

# Dollars per unit of each field of `Usage`.
PRICES: Mapping[str, float] = {
    "rest": prices.API_REQUEST,
    "lambda_requests": prices.LAMBDA_REQUEST,
    "lambda_ms": prices.LAMBDA_GB_SECOND * prices.MEMORY_GB / 1000,
    "sqs": prices.FIFO_REQUEST,
    "sqs_standard": prices.STANDARD_REQUEST,
    "sns": prices.SNS_PUBLISH,
    "write_units": prices.WRITE_UNIT,
    "read_units": prices.READ_UNIT,
    "log_bytes": prices.LOG_GB / 2**30,
    "kms": prices.KMS_REQUEST,
    "s3_writes": prices.S3_PUT,
    "s3_reads": prices.S3_GET,
    "s3_gb_months": prices.S3_GB_MONTH,
}

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


@dataclass(frozen=True)
class Usage:
    """REST requests, Lambda requests and billed ms at 512 MB, requests of up to 64 KB to FIFO and to standard queues,
    messages published to a topic, DynamoDB request units, bytes written to CloudWatch Logs, KMS decryptions (one a
    settings read), S3 requests, and what is kept in S3."""

    rest: float = 0.0
    lambda_requests: float = 0.0
    lambda_ms: float = 0.0
    sqs: float = 0.0
    sqs_standard: float = 0.0
    sns: float = 0.0
    write_units: float = 0.0
    read_units: float = 0.0
    log_bytes: float = 0.0
    kms: float = 0.0
    s3_writes: float = 0.0
    s3_reads: float = 0.0
    s3_gb_months: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    @property
    def usd(self) -> float:
        return float(sum(getattr(self, name) * price for name, price in PRICES.items()))


def times(used: Usage, number: float) -> Usage:
    return Usage(*(getattr(used, field.name) * number for field in fields(Usage)))


def total(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())


def lambda_ms(cpu_ms: float, wait_ms: float) -> float:
    """The billed time of a run at 512 MB: its processor time stretched by its share of a processor, and its waiting."""
    return cpu_ms * WHOLE_PROCESSOR_MB / MEMORY_MB + wait_ms


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


__all__ = ["MILLION", "PRICES", "PROVIDER_MS", "Usage", "lambda_ms", "of_call", "times", "total", "wait_ms"]
