"""What a month costs at list prices: from infra/counted.json, which `python -m bench.counted` counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from infra import prices, schema
from infra.prices import ALWAYS_FREE
from infra.stack import template
from infra.usage import Usage, billed, times, total

FILE = Path(__file__).resolve().parent / "counted.json"
CHANNELS = ("slack", "sms", "ses")
CRMS = ("zendesk", "salesforce")
KINDS = ("joins", "opens, known customer", "opens, new customer")
DAYS_A_MONTH = 365.25 / 12
# A queue that feeds Lambda is asked by five long polls of 20 s each; all of them come back empty at worst.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
EMPTY_RECEIVES_A_SECOND = 5 / 20
# Each process reads a connection's settings again after five minutes (services/connections.py).
_SETTINGS_READS_A_MONTH = DAYS_A_MONTH * 86_400 / 300
KEPT_DAYS = template.RAW_DAYS
QUEUES = len(schema.QUEUED_FUNCTIONS)
_KEPT_MONTHS = KEPT_DAYS / DAYS_A_MONTH

# What the providers themselves charge for a message and for an answer; it is no part of what AWS charges for the rest.
FEES: Mapping[str, tuple[float, float, str]] = {
    "slack": (0.0, 0.0, "Slack charges nothing for a message; your plan with Slack is not included"),
    "sms": (0.0, 0.0, "Twilio's fee for each text is not included: it depends on the country"),
    "ses": (prices.SES_RECEIVED + prices.SES_CHUNK, prices.SES_SENT, "SES's own fees, without a plan"),
}


@dataclass(frozen=True)
class Act:
    """What one of an act uses, Lambda's time apart; each function's runs, with the sum of their processor time and of
    their waiting (ms); and the bytes that stay in the table."""

    used: Usage
    runs: Mapping[str, Mapping[str, float]]
    table_bytes: float = 0.0


@dataclass(frozen=True)
class Asked:
    """What a month is like.

    mix      shares of messages that join, that open a known customer's matter, and a new customer's
    answers  an agent's answers for each message
    """

    messages: float
    channel: str = "slack"
    crms: tuple[str, ...] = CRMS[:1]
    mix: tuple[float, ...] = (75, 12, 13)
    answers: float = 0.6
    architecture: str = "x86_64"


@dataclass(frozen=True)
class Estimate:
    """Dollars a month by part: of the messages and of the answers to them, and what comes besides, whatever is written.

    fees   what the provider charges
    free   the most that AWS's always-free amounts take off, were they not used elsewhere in the account
    """

    asked: Asked
    messages: dict[str, float] = field(default_factory=dict)
    answers: dict[str, float] = field(default_factory=dict)
    standing: dict[str, float] = field(default_factory=dict)
    fees: float = 0.0
    free: float = 0.0

    @property
    def usd(self) -> float:
        return sum(sum(part.values()) for part in (self.messages, self.answers, self.standing))


def act(what: str, *of: str) -> str:
    """The name of an act in counted.json."""
    return ": ".join((what, ", ".join(of)))


@cache
def acts(file: Path = FILE) -> dict[str, Act]:
    """Every counted act by its name."""
    counted: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: Act(Usage(**given["used"]), given["runs"], given.get("table_bytes", 0.0))
        for name, given in counted.items()
    }


def estimate(asked: Asked) -> Estimate:
    """Reckon a month. Nothing is taken to come in batches: more at a time costs a little less for each."""
    crms, replied = asked.crms, asked.messages * asked.answers
    messages: list[tuple[Act, float]] = []
    for kind, share in zip(KINDS, asked.mix, strict=True):
        many = asked.messages * share / sum(asked.mix)
        messages.append((_message(asked.channel, kind), many))
        messages += [(acts()[act("target", crm, kind)], many) for crm in crms]
    messages += [(acts()[act("echo", crm)], asked.messages) for crm in crms]
    # An agent answers in one CRM; the others are told, and tell us of it, as of a customer's message.
    answers = [(acts()[act("answer", crms[0], asked.channel)], replied)]
    answers += [(acts()[act(what, crm, *kind)], replied) for crm in crms[1:] for what, kind in _TOLD]
    standing = [(acts()[act("clock", *crms)], DAYS_A_MONTH * 1440)]
    own, used = _standing(crms)
    arch = asked.architecture
    received, sent, _ = FEES[asked.channel]
    everything = [*messages, *answers, *standing]
    return Estimate(
        asked,
        _parts(messages, arch),
        _parts(answers, arch),
        _added(_parts([*standing, (used, 1.0)], arch), own),
        asked.messages * received + replied * sent,
        _free([*everything, (used, 1.0)], crms, arch),
    )


_TOLD = (("target", (KINDS[0],)), ("echo", ()))


def _message(channel: str, kind: str) -> Act:
    """A text joins whatever is open of its sender: a known customer opens only after two weeks."""
    return acts().get(act("message", channel, kind)) or acts()[act("message", channel, KINDS[0])]


def _standing(crms: tuple[str, ...]) -> tuple[dict[str, float], Act]:
    """What a month costs without any message: by the month, and by what is used."""
    idle = DAYS_A_MONTH * 86_400 * EMPTY_RECEIVES_A_SECOND
    fifo = QUEUES - len(schema.STANDARD)
    # api and inbox or mail read the channel's settings, effects and inbox each CRM's.
    reads = (2 + 2 * len(crms)) * _SETTINGS_READS_A_MONTH
    counts = standing_counts(len(crms))
    own = {
        "Alarms": counts["alarms"] * prices.ALARM_MONTH,
        "Metrics": counts["metrics"] * prices.METRIC_MONTH,
        "Dashboard": counts["dashboards"] * prices.DASHBOARD_MONTH,
    }
    return own, Act(Usage(sqs=fifo * idle, sqs_standard=len(schema.STANDARD) * idle, kms=reads), {})


def standing_counts(crms: int) -> dict[str, int]:
    """Alarms, dashboards, and metrics that are told all the time: each set of dimensions costs as one of its own."""
    from chalicelib.log import METRICS

    made = Counter(one["Type"] for one in template.template("cost", "cost")["Resources"].values())
    steady = [dimensions for _, dimensions in METRICS.values() if dimensions[0] == ["stage"]]
    metrics = sum(1 + (crms if ["stage", "connection"] in dimensions else 0) for dimensions in steady)
    return {
        "alarms": made["AWS::CloudWatch::Alarm"],
        "metrics": metrics,
        "dashboards": made["AWS::CloudWatch::Dashboard"],
    }


def lambda_time(one: Act) -> Usage:
    """The billed time of an act's runs at the memory that is deployed."""
    memory = schema.function_memory()
    return total(billed(run["cpu_ms"], run["wait_ms"], memory[function]) for function, run in one.runs.items())


def _sums(acts: list[tuple[Act, float]]) -> tuple[Usage, Usage, float, float]:
    """The usage of so many acts, their Lambda time, their runs, and the bytes that they leave in the table."""
    used = total(times(one.used, many) for one, many in acts)
    time = total(times(lambda_time(one), many) for one, many in acts)
    runs = sum(run["runs"] * many for one, many in acts for run in one.runs.values())
    return used, time, runs, sum(one.table_bytes * many for one, many in acts)


def _parts(acts: list[tuple[Act, float]], architecture: str) -> dict[str, float]:
    used, time, runs, kept = _sums(acts)
    gb_months = kept / 1e9 * _KEPT_MONTHS
    return {
        "API Gateway": used.rest * prices.API_REQUEST,
        "Lambda requests": runs * prices.LAMBDA_REQUEST,
        "Lambda time": time.lambda_gb_ms / 1000 * prices.LAMBDA_GB_SECONDS[architecture],
        "SQS": used.sqs * prices.FIFO_REQUEST + used.sqs_standard * prices.STANDARD_REQUEST,
        "SNS": used.sns * prices.SNS_PUBLISH,
        "DynamoDB writes": used.write_units * prices.WRITE_UNIT,
        "DynamoDB reads": used.read_units * prices.READ_UNIT,
        "DynamoDB storage": gb_months * (prices.TABLE_GB_MONTH + prices.RECOVERY_GB_MONTH),
        "S3": used.s3_writes * prices.S3_PUT + used.s3_reads * prices.S3_GET + used.s3_gb_months * prices.S3_GB_MONTH,
        "Settings (SSM, KMS)": used.kms * prices.KMS_REQUEST,
        "Logs": used.log_bytes / 2**30 * prices.LOG_GB,
    }


def _added(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {part: one.get(part, 0.0) + other.get(part, 0.0) for part in {**one, **other}}


def _free(acts: list[tuple[Act, float]], crms: tuple[str, ...], architecture: str) -> float:
    """What the always-free amounts are worth where this is all that the account does."""
    used, time, runs, kept = _sums(acts)
    counts = standing_counts(len(crms))
    requests = used.sqs + used.sqs_standard
    sqs = used.sqs * prices.FIFO_REQUEST + used.sqs_standard * prices.STANDARD_REQUEST
    worth = {
        "Lambda requests": (runs, prices.LAMBDA_REQUEST),
        "Lambda GB-seconds": (time.lambda_gb_ms / 1000, prices.LAMBDA_GB_SECONDS[architecture]),
        "SQS requests": (requests, sqs / requests),
        "SNS requests": (used.sns, prices.SNS_PUBLISH),
        "GB in DynamoDB": (kept / 1e9 * _KEPT_MONTHS, prices.TABLE_GB_MONTH),
        "GB of logs": (used.log_bytes / 2**30, prices.LOG_GB),
        "alarms": (counts["alarms"], prices.ALARM_MONTH),
        "metrics": (counts["metrics"], prices.METRIC_MONTH),
        "dashboards": (counts["dashboards"], prices.DASHBOARD_MONTH),
    }
    return sum(min(many, ALWAYS_FREE[unit]) * price for unit, (many, price) in worth.items())
