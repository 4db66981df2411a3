"""One JSON line per step, and metrics in CloudWatch's embedded format.

A line holds ids, outcomes and milliseconds; never a body, an address or a token.
Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


class Log:
    """Writes steps to standard output, or to `sink` where one is given (tests, the local run's books)."""

    def __init__(
        self, stage: str, now: Callable[[], int], sink: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        self.stage = stage
        self.now = now
        self.sink = sink or _print

    def step(self, step: str, **ids: Any) -> None:
        """Note what was done: `outcome` and whatever ids tell it apart from others."""
        self.sink(
            {"step": step, "at": self.now(), **{key: value for key, value in ids.items() if value not in ("", None)}}
        )

    def count(self, step: str, metric: str, **ids: Any) -> None:
        """Note a step and count it as a metric of the stage, told apart by `outcome`."""
        self.sink(
            {
                "_aws": {
                    "Timestamp": self.now(),
                    "CloudWatchMetrics": [
                        {"Namespace": "Deskweave", "Dimensions": [["stage", "outcome"]], "Metrics": [{"Name": metric}]}
                    ],
                },
                metric: 1,
                "stage": self.stage,
                "step": step,
                **{key: value for key, value in ids.items() if value not in ("", None)},
            }
        )

    def bug(self, step: str, error: BaseException, **ids: Any) -> None:
        """Note an unexpected exception by its type and place; its message may hold a customer's words and stays out."""
        place = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            place.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
            trace = trace.tb_next
        self.count(step, "bugs", outcome="bug", error=type(error).__name__, place=" > ".join(place[-6:]), **ids)


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
