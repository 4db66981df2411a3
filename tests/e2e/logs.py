"""What the functions of a deployed stage write, as CloudWatch Logs keeps it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from infra.stack import names
from tests.e2e.stage import STAGE, Stage

# How far back (ms) it looks again: a run that began before another may be told of after it.
_AGAIN = 10_000


class Logs:
    """Reads on where it has stopped. ministack writes each run of a function into a stream of its own, at once."""

    def __init__(self, stage: Stage) -> None:
        self._client = stage.aws.client("logs")
        self._seen: set[str] = set()
        self._newest = 0
        self.others: list[str] = []
        self.runs = Counter[str]()
        self.fresh()
        self.runs.clear()

    def fresh(self) -> list[dict[str, Any]]:
        """The lines that Deskweave has written since; what is none of its own goes to `others`."""
        found, streams = [], set[str]()
        since = max(0, self._newest - _AGAIN)
        for function in names.FUNCTIONS:
            asked = {"logGroupName": names.log_group(STAGE, function), "startTime": since}
            for page in self._client.get_paginator("filter_log_events").paginate(**asked):
                for event in page["events"]:
                    if event["logStreamName"] not in self._seen:
                        streams.add(event["logStreamName"])
                        self._newest = max(self._newest, int(event["timestamp"]))
                        self.runs[function] += event["message"].startswith("START ")
                        found += self._read(event["message"])
        self._seen |= streams
        return found

    def _read(self, message: str) -> list[dict[str, Any]]:
        if message.startswith("{"):
            return [json.loads(message)]
        if not message.startswith(("START ", "END ", "REPORT ")):
            self.others.append(message)
        return []
