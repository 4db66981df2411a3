"""The structured log, wherever it is: CloudWatch Logs for a deployed stage, a file for the local run.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import heapq
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.local import logfile
from infra.stack import names, words
from infra.stack.cloud import Cloud

# Lines reach CloudWatch Logs seconds after they were written, and not in order between functions.
_LATE_MS = 30_000
_POLL_SECONDS = 3.0
_LOCAL_SECONDS = 0.3
_PLAIN = re.compile(r"[A-Za-z0-9 _.,:#@/+-]{1,200}")


class NoLogs(Exception):
    """There is nothing to read; the message says what to do."""


@dataclass(frozen=True)
class Line:
    """One step: when (ms), by which function ("" where that is not known), and what it says."""

    at: int
    function: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """Which lines: those of one function, connection, conversation or outcome; "" for all. `since` in ms."""

    since: int = 0
    function: str = ""
    connection: str = ""
    conversation: str = ""
    outcome: str = ""

    def __post_init__(self) -> None:
        for name in ("connection", "conversation", "outcome"):
            value = getattr(self, name)
            if value and not _PLAIN.fullmatch(value):
                raise ValueError(f"{value!r} is no {name}")

    def takes(self, line: Line) -> bool:
        data = line.data
        if line.at < self.since or "step" not in data or self.function not in ("", line.function):
            return False
        lane = str(data.get("lane", ""))
        if self.connection and self.connection not in (data.get("connection"), lane.rpartition("#")[2]):
            return False
        if self.outcome and str(data.get("outcome")) != self.outcome:
            return False
        return not self.conversation or self.conversation in (data.get("conversation"), _conversation(data))

    def pattern(self) -> str:
        """The same as CloudWatch Logs filters JSON lines, so that only what is wanted is sent."""
        parts = ['($.step = "*")']
        if self.connection:
            parts.append(f'(($.connection = "{self.connection}") || ($.lane = "*#{self.connection}"))')
        if self.outcome:
            parts.append(f'($.outcome = "{self.outcome}")')
        if self.conversation:
            parts.append(f'(($.conversation = "{self.conversation}") || ($.lane = "L#{self.conversation}*"))')
        return "{ " + " && ".join(parts) + " }"


def local(
    folder: Path, wanted: Wanted, *, follow: bool, alive: Callable[[], bool], wait: Callable[[float], Any]
) -> Iterator[Line]:
    """The lines of the local run in `folder`, as they are written where it is followed, until it has ended.

    Raises `NoLogs`.
    """
    path = folder / logfile.PLACE
    if not path.exists():
        told = "Start it with `deskweave serve`, or name a deployed stage: `deskweave tail --stage NAME`."
        raise NoLogs(f"Deskweave has not run in this directory. {told}")
    yield from _taken(_lines(logfile.before(path)), wanted)
    with _Growing(path) as file:
        yield from _taken(file.new(), wanted)
        while follow:
            ended = not alive()
            yield from _taken(file.new(), wanted)
            if ended:
                return
            wait(_LOCAL_SECONDS)


def cloud(stage: str, reached: Cloud, wanted: Wanted, *, follow: bool) -> Iterator[Line]:
    """The lines of a deployed stage, oldest first. Raises `NoLogs`, `words.Refused`."""
    functions = [wanted.function] if wanted.function else list(names.FUNCTIONS)
    client = reached.client("logs")
    start, seen = wanted.since, dict[str, int]()
    while True:
        newest, there = start, 0
        pages = [_Group(client, names.log_group(stage, name), name, start, wanted.pattern()) for name in functions]
        with words.plain(reached.region):
            for at, id, line in heapq.merge(*pages, key=lambda told: told[:2]):
                if id not in seen:
                    seen[id] = at
                    newest = max(newest, at)
                    if wanted.takes(line):
                        yield line
            there = sum(page.there for page in pages)
        if not there:
            raise NoLogs(
                f"The stage {stage} has no logs in region {reached.region} of this account. Is it the right stage and "
                f"region? `deskweave up --stage {stage}` and `chalice deploy --stage {stage}` make it."
            )
        if not follow:
            return
        start = max(start, newest - _LATE_MS)
        seen = {id: at for id, at in seen.items() if at >= start}
        reached.wait(_POLL_SECONDS)


class _Group:
    """The events of one log group from a time on, oldest first: (ms, id, line). One that is not there has none."""

    def __init__(self, client: Any, group: str, function: str, start: int, pattern: str) -> None:
        self.there = True
        self._client = client
        self._request = {"logGroupName": group, "startTime": start, "filterPattern": pattern}
        self._function = function

    def __iter__(self) -> Iterator[tuple[int, str, Line]]:
        request = dict(self._request)
        while True:
            try:
                answer = self._client.filter_log_events(**request)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                self.there = False
                return
            for event in answer["events"]:
                at = int(event["timestamp"])
                yield at, f"{self._function}/{event['eventId']}", Line(at, self._function, _data(event["message"]))
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]


class _Growing:
    """A file to which lines are added, and which is begun anew now and then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open(encoding="utf-8")
        self._rest = ""

    def __enter__(self) -> _Growing:
        return self

    def __exit__(self, *told: object) -> None:
        self._file.close()

    def new(self) -> Iterator[Line]:
        """The whole lines that were added since."""
        yield from self._read()
        if self._path.exists() and self._path.stat().st_ino != self._inode():
            yield from self._read()
            self._file.close()
            self._file, self._rest = self._path.open(encoding="utf-8"), ""
            yield from self._read()

    def _read(self) -> Iterator[Line]:
        *whole, self._rest = (self._rest + self._file.read()).split("\n")
        yield from map(_line, whole)

    def _inode(self) -> int:
        import os

        return os.fstat(self._file.fileno()).st_ino


def _lines(path: Path) -> Iterator[Line]:
    if path.exists():
        yield from map(_line, path.read_text(encoding="utf-8").splitlines())


def _line(text: str) -> Line:
    data = dict(_data(text))
    function = str(data.pop("function", ""))
    return Line(int(data.get("at") or data.get("_aws", {}).get("Timestamp", 0)), function, data)


def _data(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _taken(lines: Iterable[Line], wanted: Wanted) -> Iterator[Line]:
    return (line for line in lines if wanted.takes(line))


def _conversation(data: Mapping[str, Any]) -> str:
    """The conversation whose lane a line is about; "" for none."""
    lane = str(data.get("lane", ""))
    return lane.removeprefix("L#").partition("#")[0].partition(":")[0] if lane.startswith("L#") else ""


def pause() -> Callable[[float], Any]:
    """Passes time (seconds) between two looks."""
    return threading.Event().wait


def shown(line: Line) -> tuple[str, str, Sequence[tuple[str, str]], str]:
    """A line in words: step, outcome, what else it says (name, value), and how long it took."""
    counted = {
        str(metric.get("Name"))
        for metrics in line.data.get("_aws", {}).get("CloudWatchMetrics", ())
        for metric in metrics.get("Metrics", ())
    }
    left = {"_aws", "at", "step", "outcome", "stage", "ms", "function"}
    left |= {name for name in counted if line.data.get(name) == 1}
    more = [(name, str(value)) for name, value in line.data.items() if name not in left]
    ms = line.data.get("ms")
    return str(line.data["step"]), str(line.data.get("outcome", "")), more, "" if ms is None else f"{ms} ms"
