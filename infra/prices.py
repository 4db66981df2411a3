"""What AWS charges, in US dollars: list prices of us-east-1, without free tiers, as published in June 2025.

https://aws.amazon.com/api-gateway/pricing/ · https://aws.amazon.com/lambda/pricing/
https://aws.amazon.com/sqs/pricing/ · https://aws.amazon.com/dynamodb/pricing/on-demand/
https://aws.amazon.com/cloudwatch/pricing/ · https://aws.amazon.com/s3/pricing/ · https://aws.amazon.com/sns/pricing/
https://aws.amazon.com/ses/pricing/ (without a plan, as of July 2026)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra import schema

MILLION = 1_000_000
# The date of the list.
AS_OF = "June 2025"
API_REQUEST = 3.50 / MILLION
LAMBDA_REQUEST = 0.20 / MILLION
# By the processor's architecture. https://aws.amazon.com/lambda/pricing/
LAMBDA_GB_SECONDS: Mapping[str, float] = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
LAMBDA_GB_SECOND = LAMBDA_GB_SECONDS["x86_64"]
FIFO_REQUEST = 0.50 / MILLION
WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION
# Kept in the table, and once more for its recovery to any point in time.
TABLE_GB_MONTH = 0.25
RECOVERY_GB_MONTH = 0.20
S3_PUT = 0.005 / 1000
S3_GET = 0.0004 / 1000
S3_GB_MONTH = 0.023
# SNS itself asks nothing for a delivery to SQS.
SNS_PUBLISH = 0.50 / MILLION
STANDARD_REQUEST = 0.40 / MILLION
LOG_GB = 0.50
ALARM_MONTH = 0.10
METRIC_MONTH = 0.30
DASHBOARD_MONTH = 3.00
# One decryption for each settings read. https://aws.amazon.com/kms/pricing/
KMS_REQUEST = 0.03 / 10_000
# SES's own fees: a mail received, each 256 KB of it, a mail sent to one recipient, a GB of files sent with it.
SES_RECEIVED = 0.10 / 1000
SES_CHUNK = 0.09 / 1000
SES_CHUNK_BYTES = 256 * 1024
SES_SENT = 0.10 / 1000
SES_FILES_GB = 0.12
# A sender who began with SES after 21 July 2026 is on its Essentials plan instead, unless they leave it.
SES_SENT_ESSENTIALS = 0.16 / 1000

# What AWS charges nothing for in each month, without an end: unit -> how much. https://aws.amazon.com/free/
ALWAYS_FREE: Mapping[str, float] = {
    "Lambda requests": 1_000_000,
    "Lambda GB-seconds": 400_000,
    "SQS requests": 1_000_000,
    "SNS requests": 1_000_000,
    "GB in DynamoDB": 25,
    "GB of logs": 5,
    "alarms": 10,
    "metrics": 10,
    "dashboards": 3,
}

# Assumed, not measured here: how long one run of each function takes on average, in seconds. A worker of `effects`
# and a reading `inbox` wait for a provider most of the time.
LAMBDA_SECONDS: Mapping[str, float] = {"api": 0.010, "inbox": 0.120, "effects": 0.400, "clock": 0.060, "mail": 0.030}
# Each Lambda run writes its START, END and REPORT lines besides ours.
LAMBDA_LOG_BYTES = 330


@dataclass(frozen=True)
class Usage:
    """What was used: runs of each function, requests to the API and the queues, units, S3 calls, bytes logged."""

    runs: Mapping[str, int] = field(default_factory=dict)
    api_requests: int = 0
    queue_requests: int = 0
    write_units: float = 0.0
    read_units: float = 0.0
    puts: int = 0
    gets: int = 0
    log_bytes: int = 0


def cost(used: Usage) -> dict[str, float]:
    """Dollars by item. Raises `KeyError` for a function whose time is not assumed here."""
    runs = sum(used.runs.values())
    gb = {function: memory / 1024 for function, memory in schema.function_memory().items()}
    gb_seconds = sum(count * LAMBDA_SECONDS[function] * gb[function] for function, count in used.runs.items())
    return {
        "API Gateway requests": used.api_requests * API_REQUEST,
        "Lambda requests": runs * LAMBDA_REQUEST,
        "Lambda time": gb_seconds * LAMBDA_GB_SECOND,
        "SQS requests": used.queue_requests * FIFO_REQUEST,
        "DynamoDB writes": used.write_units * WRITE_UNIT,
        "DynamoDB reads": used.read_units * READ_UNIT,
        "S3": used.puts * S3_PUT + used.gets * S3_GET,
        "Logs": (used.log_bytes + runs * LAMBDA_LOG_BYTES) / 1024**3 * LOG_GB,
    }
