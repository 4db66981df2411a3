"""What Deskweave asks of AWS, apart from what the demo itself asks; and what the inbox's queue took in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from infra.local.meter import AwsCall, Meter

if TYPE_CHECKING:
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
