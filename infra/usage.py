"""What a run of a function uses of AWS, and what that costs at the list prices of infra/prices.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from infra import prices

# Lambda gives one whole virtual processor at this memory, and a share in proportion below it.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
WHOLE_PROCESSOR_MB = 1769

# Dollars per unit of the fields of `Usage`; what is not here is told for information.
PRICES: Mapping[str, float] = {
    "rest": prices.API_REQUEST,
    "lambda_requests": prices.LAMBDA_REQUEST,
    "lambda_gb_ms": prices.LAMBDA_GB_SECOND / 1000,
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


@dataclass(frozen=True)
class Usage:
    """REST requests, Lambda requests, billed ms and these times the GB of memory, requests of up to 64 KB to FIFO and
    to standard queues, messages published to a topic, DynamoDB request units, bytes written to CloudWatch Logs, KMS
    decryptions (one a settings read), S3 requests, and what is kept in S3."""

    rest: float = 0.0
    lambda_requests: float = 0.0
    lambda_ms: float = 0.0
    lambda_gb_ms: float = 0.0
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
        """On x86_64."""
        return float(sum(getattr(self, name) * price for name, price in PRICES.items()))


def times(used: Usage, number: float) -> Usage:
    return Usage(*(getattr(used, field.name) * number for field in fields(Usage)))


def total(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())


def billed(cpu_ms: float, wait_ms: float, memory_mb: int) -> Usage:
    """The time of a run: its processor time stretched by its share of a processor, and its waiting."""
    ms = cpu_ms * max(1.0, WHOLE_PROCESSOR_MB / memory_mb) + wait_ms
    return Usage(lambda_ms=ms, lambda_gb_ms=ms * memory_mb / 1024)
