"""What Deskweave asks of AWS, apart from what the demo itself asks; and what the inbox's queue took in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from infra import prices
from infra.demo.people import MAIL
from infra.local.meter import AwsCall, Meter

if TYPE_CHECKING:
    from infra.demo.day import Day
    from infra.local.runtime import LocalRuntime

_INBOX = "-inbox.fifo"


class Watching(Meter):
    """Counts, and keeps what SQS took into the inbox's queue from the `mail` function: SQS's word, not ours.

    mails  the bodies of those messages
    """

    def __init__(self) -> None:
        super().__init__(keep=False)
        self.mails: list[dict[str, Any]] = []

    def add(self, call: AwsCall) -> None:
        super().add(call)
        sent = call.service == "sqs" and call.operation in ("SendMessage", "SendMessageBatch") and call.status == 200
        if sent and call.function == "mail" and str(call.params.get("QueueUrl", "")).endswith(_INBOX):
            entries = call.params.get("Entries") or [call.params]
            self.mails += [json.loads(entry["MessageBody"]) for entry in entries]


@contextmanager
def unmetered(runtime: LocalRuntime) -> Iterator[None]:
    """What the demo itself asks of AWS is no cost of Deskweave's."""
    meter = runtime.meter
    before = meter.read_units, meter.write_units
    with runtime.wire.acting("setup"):
        yield
    meter.read_units, meter.write_units = before


def used(day: Day) -> prices.Usage:
    """What Deskweave used of AWS since everybody came in: the app's own calls, and Lambda's polling of the queues."""
    counts = day.runtime.meter.counts
    calls = {
        service: sum(n for (by, its, _), n in counts.items() if its == service and by in ("function", "poller"))
        for service in ("sqs", "s3")
    }
    puts = sum(n for (by, _, operation), n in counts.items() if by == "function" and operation == "PutObject")
    requests = sum(len(one.attempts) for one in day.sandbox.deliveries if one.provider != MAIL) + len(day.stray)
    return prices.Usage(
        runs={**day.runs, "api": requests},
        api_requests=requests,
        queue_requests=calls["sqs"],
        write_units=day.runtime.meter.write_units,
        read_units=day.runtime.meter.read_units,
        puts=puts,
        gets=calls["s3"] - puts,
        log_bytes=sum(len(json.dumps(line, separators=(",", ":"))) + 1 for line in day.lines),
    )
