"""One JSON line per step, and metrics in CloudWatch's embedded format.

A line holds ids, outcomes and milliseconds; never a body, an address or a token. A field has one spelling everywhere:

| field        | what it is                                                                        |
|--------------|-----------------------------------------------------------------------------------|
| step         | what was done: the first column below                                             |
| outcome      | what came of it: the second column below                                          |
| at           | ms since the epoch; on a line with a metric it is `_aws.Timestamp`                |
| stage        | on lines with a metric: the stage                                                 |
| connection   | the connection's id                                                               |
| provider     | the connector's name                                                              |
| delivery     | our id of a webhook, mail or finding of a poll, from the ack to what it brought   |
| event        | delivery/number of one event of a delivery                                        |
| source       | "poll" where no webhook brought it                                                |
| conversation | the conversation's id; it also stands in a lane's                                 |
| customer     | a customer's id; `other` that of the one who was merged into them                 |
| other        | see `customer`                                                                    |
| record       | the CRM's id of a ticket                                                          |
| failure      | the id of an entry of the failure list                                            |
| file         | the number of a message's file                                                    |
| lane         | the lane, as `L#conversation#connection`                                          |
| entry        | the number of the first entry that was carried out                                |
| call         | our id of a provider call; `op` which of the connector's calls it is              |
| op           | see `call`                                                                        |
| ms           | from arrival, or from when the entry was written, until this step                 |
| took         | ms of this step alone; nearly all of it the provider's, where one was called      |
| tries        | how often it was tried                                                            |
| messages     | how many queue messages a run had                                                 |
| changed      | how many records a poll found changed                                             |
| woken        | how many lanes the clock woke, of `waiting` open ones; `released` from a pause    |
| waiting      | see `woken`                                                                       |
| released     | see `woken`                                                                       |
| polls        | how many polls were queued                                                        |
| dead         | how many dead letters were moved into the failure list                            |
| who          | who asked over REST: an admin key's id, or an account of the issuer               |
| operation    | what they asked for; `target` of which connection or failure                      |
| target       | see `operation`                                                                   |
| error        | of an unexpected error its type, and its `place`; of AWS's its operation and code |
| place        | see `error`                                                                       |

| step       | outcomes ("errors" are the five of services/signals.py)                             |
|------------|-------------------------------------------------------------------------------------|
| receive    | queued, handshake, 400, 401, 404, 413, 429, 503, bug                                |
| mail       | queued, bug                                                                         |
| inbox      | stored, repeated, ignored, unparsed, waits, ended, again, bug                       |
| poll       | read, overtaken, errors                                                             |
| hint       | errors                                                                              |
| effects    | done, failed, unknown, follow-up, overtaken, asked, idle, paused, again, bug, errors |
| file       | lost, 302, 404, 410, 503                                                            |
| profile    | errors                                                                              |
| tracking   | failed, complained                                                                  |
| customers  | merged                                                                              |
| failure    | delivery, message, record, poll, connection, retried, skipped                       |
| connection | added, changed, paused, resumed, removed                                            |
| clock      | ran, lag                                                                            |
| admin      | 200, 201, 400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503, bug                |
| audit      | done                                                                                |

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

NAMESPACE = "Deskweave"
_STAGE = ["stage"]
_OUTCOME = ["stage", "outcome"]
_CONNECTION = ["stage", "connection"]

# Metric -> its unit ("" for a count) and what it is told apart by. Each set of values costs as a metric of its own.
METRICS: Mapping[str, tuple[str, list[list[str]]]] = {
    "acked": ("", [_STAGE]),
    "stored": ("", [_STAGE]),
    "unsettled": ("", [_STAGE]),
    "repairs": ("", [_STAGE]),
    "done": ("", [_STAGE]),
    "delay": ("Milliseconds", [_STAGE]),
    "oldest_lane": ("Seconds", [_STAGE]),
    "held_lanes": ("", [_STAGE]),
    "poll_lag": ("Seconds", [_STAGE, _CONNECTION]),
    "provider_errors": ("", [_STAGE, ["stage", "connection", "outcome"]]),
    "failures": ("", [_OUTCOME]),
    "paused": ("", [_OUTCOME]),
    "undelivered": ("", [_OUTCOME]),
    "merged": ("", [_OUTCOME]),
    "refused": ("", [_OUTCOME]),
    "unavailable": ("", [_OUTCOME]),
    "bugs": ("", [_OUTCOME]),
}
_directives: dict[tuple[str, ...], list[dict[str, Any]]] = {}


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

    def measure(self, step: str, values: Mapping[str, int], **ids: Any) -> None:
        """Note a step whose line carries metrics: name -> value."""
        self.sink(
            {
                "_aws": {"Timestamp": self.now(), "CloudWatchMetrics": _directives_of(tuple(values))},
                **values,
                "stage": self.stage,
                "step": step,
                **{key: value for key, value in ids.items() if value not in ("", None)},
            }
        )

    def count(self, step: str, metric: str, **ids: Any) -> None:
        """Note a step that counts as one of a metric."""
        self.measure(step, {metric: 1}, **ids)

    def bug(self, step: str, error: BaseException, **ids: Any) -> None:
        """Note an unexpected exception by its type and place; its message may hold a customer's words and stays out."""
        place = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            place.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}")
            trace = trace.tb_next
        self.count(step, "bugs", outcome="bug", error=type(error).__name__, place=" > ".join(place[-6:]), **ids)


def _directives_of(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """What CloudWatch has to take out of a line: one directive for all metrics that are told apart by the same."""
    if names not in _directives:
        made: list[dict[str, Any]] = []
        for name in names:
            unit, dimensions = METRICS[name]
            metric = {"Name": name, "Unit": unit} if unit else {"Name": name}
            same = next((one for one in made if one["Dimensions"] == dimensions), None)
            if same is None:
                made.append({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": [metric]})
            else:
                same["Metrics"].append(metric)
        _directives[names] = made
    return _directives[names]


def _print(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
