"""Watches the local run: every AWS call with the items it touched, and what each run of a function used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import thread_time
from typing import Any

from infra.local import capacity
from infra.local.capacity import Image, Touched
from infra.local.dynamo import Answer, Dynamo, Send
from infra.local.meter import AwsCall
from infra.local.runtime import LocalRuntime
from infra.sandbox import Sandbox


@dataclass(frozen=True)
class Unit:
    """A part of a DynamoDB call: the item's partition and sort key, the index it concerns ("" for the table itself),
    and the request units consumed."""

    pk: str
    sk: str
    index: str
    units: capacity.Units


@dataclass(frozen=True)
class Call:
    """An AWS call and, where it is DynamoDB's, what each item of it consumed."""

    call: AwsCall
    parts: tuple[Unit, ...] = ()


@dataclass(frozen=True)
class Run:
    """One run of a function.

    messages       how many queue messages it was given (one for the API)
    cpu_ms         processor time of the handler, the stand-ins for AWS left out
    log_lines, log_bytes   what our code wrote to standard output
    provider_calls HTTP calls to providers
    """

    function: str
    messages: int
    cpu_ms: float
    log_lines: int
    log_bytes: int
    provider_calls: int
    calls: tuple[Call, ...]


@dataclass
class Watched:
    """A table that notes what its calls touched; everything else is the table's own."""

    table: Dynamo
    seen: list[tuple[list[Touched], Answer]] = field(default_factory=list)

    def call(self, operation: str, params: Mapping[str, Any], send: Send) -> tuple[Answer, list[Touched]]:
        answer, touched = self.table.call(operation, params, send)
        self.seen.append((touched, answer))
        return answer, touched

    def __getattr__(self, name: str) -> Any:
        return getattr(self.table, name)


class Observer:
    """Notes every run of a function in a local runtime."""

    def __init__(self, runtime: LocalRuntime, sandbox: Sandbox) -> None:
        self.runtime = runtime
        self.sandbox = sandbox
        self.runs: list[Run] = []
        self.log_lines = self.log_bytes = 0
        assert runtime.wire.dynamo is not None
        self._watched = Watched(runtime.wire.dynamo)
        runtime.wire.dynamo = self._watched  # type: ignore[assignment]
        runtime.on_call = self._on_call
        self._began = self._aside = 0.0

    def log(self, line: dict[str, Any]) -> None:
        """Count a log line as it would be written (chalicelib/log.py)."""
        self.log_lines += 1
        self.log_bytes += len(json.dumps(line, separators=(",", ":"))) + 1

    def kept_bytes(self) -> int:
        """What the table grew by, as DynamoDB reckons storage: 100 bytes for each item besides its own.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
        """
        changed = [item for touched, _ in self._watched.seen for item in touched]
        items = sum((item.after is not None) - (item.before is not None) for item in changed)
        return sum(capacity.size(item.after) - capacity.size(item.before) for item in changed) + 100 * items

    @contextmanager
    def running(self) -> Iterator[dict[str, Any]]:
        """Note what happens inside as one run; the body fills in `function` and `messages`."""
        calls, seen = len(self.runtime.meter.calls), len(self._watched.seen)
        lines, size, provider = self.log_lines, self.log_bytes, self.sandbox.requests.total()
        told: dict[str, Any] = {}
        self._aside, began = 0.0, thread_time()
        yield told
        cpu = thread_time() - began - self._aside
        if not told:
            return
        made = self.runtime.meter.calls[calls:]
        self.runs.append(
            Run(
                told["function"],
                told["messages"],
                cpu * 1000,
                self.log_lines - lines,
                self.log_bytes - size,
                self.sandbox.requests.total() - provider,
                tuple(self._with_parts(made, self._watched.seen[seen:])),
            )
        )

    def _on_call(self, service: str, operation: str, phase: str) -> None:
        if phase == "before":
            self._began = thread_time()
        else:
            self._aside += thread_time() - self._began

    def _with_parts(self, made: list[AwsCall], seen: list[tuple[list[Touched], Answer]]) -> Iterator[Call]:
        waiting = iter(seen)
        for call in made:
            if call.service != "dynamodb":
                yield Call(call)
                continue
            touched, answer = next(waiting)
            yield Call(call, tuple(parts(call, touched, answer, self._watched.indexes())))


def parts(call: AwsCall, touched: list[Touched], answer: Answer, indexes: list[capacity.Index]) -> Iterator[Unit]:
    """Divide a DynamoDB call's units among its items and indexes; the parts add up to the call's units."""
    if touched:
        twice = call.operation == "TransactWriteItems"
        for item in touched:
            base = capacity.written([item], [], transaction=twice)
            yield Unit(*item.key, "", base)
            for index in indexes:
                added = capacity.written([item], [index], transaction=twice).write - base.write
                if added:
                    yield Unit(*item.key, index.name, capacity.Units(write=added))
    elif call.operation == "BatchGetItem" and not call.error:
        yield from _batch(call, answer)
    elif call.operation == "Query":
        values, index = call.params["ExpressionAttributeValues"], call.params.get("IndexName", "")
        partition = values.get(":pk") or values.get(":p")
        yield Unit(partition["S"], values.get(":start", {}).get("S", ""), index, call.units)
    elif "Key" in call.params:
        yield Unit(call.params["Key"]["pk"]["S"], call.params["Key"]["sk"]["S"], "", call.units)


def _batch(call: AwsCall, answer: Answer) -> Iterator[Unit]:
    ((table, wanted),) = call.params["RequestItems"].items()
    consistent = bool(wanted.get("ConsistentRead"))
    found: dict[tuple[str, str], Image] = {
        (item["pk"]["S"], item["sk"]["S"]): item for item in json.loads(answer[2])["Responses"].get(table, ())
    }
    for key in wanted["Keys"]:
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        yield Unit(pk, sk, "", capacity.read_items([found.get((pk, sk))], consistent=consistent))
