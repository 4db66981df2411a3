"""What it would take where a cost does not hold: the known savings, as far as the account shows that they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.usage import MILLION, PRICES, billed, wait_ms
from infra import schema


@dataclass(frozen=True)
class Advice:
    """A proposal and what it would save, in dollars per million messages."""

    text: str
    saves: float


def advice(account: Mapping[str, float]) -> list[Advice]:
    """Proposals for an account (item -> dollars per million), the most valuable first."""
    found = [*_queue_address(account), *_two_units(account), *_platform_lines(account)]
    return sorted(found, key=lambda one: -one.saves)


def _queue_address(account: Mapping[str, float]) -> list[Advice]:
    asked = account.get("SQS GetQueueUrl", 0.0)
    if not asked:
        return []
    waits = billed(0.8, wait_ms("sqs", "GetQueueUrl"), schema.function_memory()["api"]).usd * MILLION
    return [Advice("ask for a queue's address once per process, or build it from the account's id", asked + waits)]


def _two_units(account: Mapping[str, float]) -> list[Advice]:
    """In a transaction an item up to 1 KB costs two units; a larger one four."""
    unit = PRICES["write_units"] * MILLION
    return [
        Advice(
            f"{item.removeprefix('DynamoDB write ')}: fit it into 1 KB (a preset zlib dictionary for the raw body,"
            " attributes that repeat the key left out)",
            2 * unit,
        )
        for item in ("DynamoDB write message", "DynamoDB write conversation")
        if account.get(item, 0.0) > 3 * unit
    ]


def _platform_lines(account: Mapping[str, float]) -> list[Advice]:
    saved = 0.6 * sum(dollars for item, dollars in account.items() if item.startswith("logs "))
    text = "Lambda's START, END and REPORT lines off (LoggingConfig, system level WARN), metrics in shorter lines"
    return [Advice(text, saved)] if saved else []
