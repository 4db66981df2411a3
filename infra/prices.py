"""AWS list prices (us-east-1, in US dollars, without free tiers) and what a number of requests costs by them.

https://aws.amazon.com/api-gateway/pricing/ · https://aws.amazon.com/lambda/pricing/ · https://aws.amazon.com/sqs/pricing/
https://aws.amazon.com/dynamodb/pricing/on-demand/ · https://aws.amazon.com/cloudwatch/pricing/
https://aws.amazon.com/kms/pricing/ · https://aws.amazon.com/s3/pricing/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.meter import Meter

MILLION = 1_000_000
MEMORY_MB = 512
# Lambda gives one whole virtual processor at this memory, and a share in proportion below it.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
WHOLE_PROCESSOR_MB = 1769

# Dollars per unit of each field of `Usage`.
PRICES: Mapping[str, float] = {
    "rest": 3.50 / MILLION,
    "lambda_requests": 0.20 / MILLION,
    "lambda_ms": 0.0000166667 * MEMORY_MB / 1024 / 1000,
    "sqs": 0.50 / MILLION,
    "write_units": 0.625 / MILLION,
    "read_units": 0.125 / MILLION,
    "log_bytes": 0.50 / 2**30,
    "kms": 0.03 / 10_000,
    "s3_writes": 5.00 / MILLION,
    "s3_reads": 0.40 / MILLION,
}

# What one AWS call waits for its answer, in ms: assumed, from AWS's own "single-digit milliseconds" and common traces.
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
# Processor time of a function's own run and of one AWS call in it, at a whole processor: `make bench` measures both.
RUN_CPU_MS = 1.0
CALL_CPU_MS = 0.8

_S3_READS = frozenset({"GetObject", "HeadObject"})


@dataclass(frozen=True)
class Usage:
    """What was used: REST requests, Lambda requests and billed ms at 512 MB, FIFO requests of up to 64 KB, DynamoDB
    request units, bytes written to CloudWatch Logs, KMS decryptions (one a settings read), S3 requests."""

    rest: float = 0.0
    lambda_requests: float = 0.0
    lambda_ms: float = 0.0
    sqs: float = 0.0
    write_units: float = 0.0
    read_units: float = 0.0
    log_bytes: float = 0.0
    kms: float = 0.0
    s3_writes: float = 0.0
    s3_reads: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def times(self, factor: float) -> Usage:
        return Usage(*(getattr(self, field.name) * factor for field in fields(self)))

    def dollars(self) -> dict[str, float]:
        """What each kind of use costs."""
        return {name: getattr(self, name) * price for name, price in PRICES.items()}

    @property
    def usd(self) -> float:
        return sum(self.dollars().values())


def total(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())


def lambda_ms(cpu_ms: float, wait_ms: float) -> float:
    """The billed time of a run at 512 MB: its processor time stretched by its share of a processor, and its waiting."""
    return cpu_ms * WHOLE_PROCESSOR_MB / MEMORY_MB + wait_ms


def wait_ms(service: str, operation: str) -> float:
    return WAIT_MS.get((service, operation), OTHER_WAIT_MS)


def of_call(service: str, operation: str, write_units: float = 0.0, read_units: float = 0.0) -> Usage:
    """One AWS call, without the Lambda time that it takes."""
    match service:
        case "sqs":
            return Usage(sqs=1)
        case "ssm":
            return Usage(kms=1)
        case "s3" if operation in _S3_READS:
            return Usage(s3_reads=1)
        case "s3":
            return Usage(s3_writes=1)
    return Usage(write_units=write_units, read_units=read_units)


def of_meter(
    meter: Meter, *, rest_requests: int, clock_runs: int = 0, provider_calls: int = 0, log_bytes: int = 0
) -> Usage:
    """What everything that a meter of the local run counted would use on AWS; Lambda times are derived.

    rest_requests   webhook deliveries and other requests to the API
    provider_calls  HTTP calls that the workers made to providers
    """
    used = Usage(write_units=meter.write_units, read_units=meter.read_units, log_bytes=log_bytes, rest=rest_requests)
    wait = provider_calls * PROVIDER_MS
    calls = queue_runs = 0
    for (by, service, operation), count in meter.counts.items():
        if by == "poller":
            used += Usage(sqs=count)
            queue_runs += count if operation == "DeleteMessageBatch" else 0
        elif by == "function":
            used += of_call(service, operation).times(count)
            wait += wait_ms(service, operation) * count
            calls += count
    runs = rest_requests + queue_runs + clock_runs
    return used + Usage(lambda_requests=runs, lambda_ms=lambda_ms(runs * RUN_CPU_MS + calls * CALL_CPU_MS, wait))
