"""What runs of functions cost, item by item, and whose cost it is: the message's own way in, or a target's.

Inbound is everything up to the stored message and conversation. A target's entry, its lane, its wake-up and its worker
are that target's, wherever they are written; so are the reads and writes of the clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from bench import usage
from bench.observe import Call, Run, Unit
from bench.usage import Usage
from infra import schema

INBOUND, TARGET = "inbound", "target"

# Lambda's own lines in the log, measured in bytes at today's form, with a 36-character request id.
PLATFORM_LINES = (
    "START RequestId: 00000000-0000-4000-8000-000000000000 Version: $LATEST\n"
    "END RequestId: 00000000-0000-4000-8000-000000000000\n"
    "REPORT RequestId: 00000000-0000-4000-8000-000000000000\tDuration: 12.34 ms\tBilled Duration: 13 ms\t"
    "Memory Size: 512 MB\tMax Memory Used: 112 MB\t\n"
)
# CloudWatch Logs adds this to every line that it takes.
LINE_OVERHEAD = 26

# First part of the partition key -> what the item is; a lane's parts are told apart by the sort key.
KINDS: Mapping[str, str] = {
    "M": "message",
    "T": "thread claim",
    "I": "identity claim",
    "V": "verified address",
    "P": "customer",
    "C": "conversation",
    "K": "link",
    "L": "lane",
    "SETTINGS": "routing rules",
    "CONNECTIONS": "connections",
    "TRY": "try",
    "CURSOR": "cursor",
    "BUDGET": "reply budget",
    "FAILURES": "failure",
    "due": "due lanes",
}


@dataclass(frozen=True)
class Line:
    """One line of an account."""

    side: str
    item: str
    usage: Usage


def kind(unit: Unit) -> str:
    """What an item is, in a reader's words."""
    name = KINDS.get(unit.pk.split("#")[0], unit.pk.split("#")[0])
    if name == "lane":
        return "lane entry" if unit.sk.startswith("E#") else "lane head"
    if name == "conversation" and unit.sk.startswith("H#"):
        return "history"
    return name


def side(run: Run, call: Call, unit: Unit | None = None) -> str:
    """Whose cost a call, or a part of it, is."""
    if run.function in ("effects", "clock"):
        return TARGET
    if unit is not None:
        return TARGET if unit.pk.startswith("L#") else INBOUND
    queue = str(call.call.params.get("QueueUrl") or call.call.params.get("QueueName") or "")
    return TARGET if "-effects" in queue else INBOUND


def home(run: Run) -> str:
    """Whose cost a run is, but for the calls in it that are the other side's."""
    return TARGET if run.function in ("effects", "clock") else INBOUND


def lines(run: Run, cpu_ms: float) -> Iterator[Line]:
    """The account of one run. `cpu_ms` is the processor time to reckon with (the median of such runs)."""
    whole = home(run)
    if run.function == "api":
        yield Line(INBOUND, "REST request", Usage(rest=1))
    yield Line(whole, f"Lambda request {run.function}", Usage(lambda_requests=1))
    wait = dict.fromkeys((INBOUND, TARGET), 0.0)
    wait[whole] += run.provider_calls * usage.PROVIDER_MS
    for call in run.calls:
        if call.call.by == "function":
            wait[side(run, call)] += usage.wait_ms(call.call.service, call.call.operation)
        yield from _call_lines(run, call)
    memory = schema.function_memory()[run.function]
    for whose, ms in wait.items():
        took = usage.billed(cpu_ms if whose == whole else 0.0, ms, memory)
        if took.lambda_ms:
            yield Line(whose, f"Lambda time {run.function}", took)
    written = len(PLATFORM_LINES) + run.log_bytes + LINE_OVERHEAD * (3 + run.log_lines)
    yield Line(whole, f"logs {run.function}", Usage(log_bytes=written))


def _call_lines(run: Run, call: Call) -> Iterator[Line]:
    made = call.call
    if made.service == "sqs":
        standard = run.function == "mail" and made.by == "poller"
        name = f"SQS {made.operation}" + (", mail" if standard else "")
        yield Line(side(run, call), name, usage.of_call("sqs", made.operation, fifo=not standard))
    elif made.service != "dynamodb":
        yield Line(side(run, call), f"{made.service} {made.operation}", usage.of_call(made.service, made.operation))
    for unit in call.parts:
        what = "write" if unit.units.write else "read"
        name = f"DynamoDB {what} {kind(unit)}" + (f", index {unit.index}" if unit.index else "")
        yield Line(side(run, call, unit), name, Usage(write_units=unit.units.write, read_units=unit.units.read))


def account(runs: Iterable[Run], cpu_ms: Mapping[str, float]) -> dict[str, dict[str, Usage]]:
    """The accounts of many runs added up: side -> item -> usage."""
    sums: dict[str, dict[str, Usage]] = {INBOUND: defaultdict(Usage), TARGET: defaultdict(Usage)}
    for run in runs:
        for line in lines(run, cpu_ms[run.function]):
            sums[line.side][line.item] += line.usage
    return sums


def typical_cpu_ms(runs: Iterable[Run]) -> dict[str, float]:
    """The median processor time of each function's runs."""
    times: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        times[run.function].append(run.cpu_ms)
    return {function: median(found) for function, found in times.items()}


def usd_per_million(items: Mapping[str, Usage], messages: int) -> dict[str, float]:
    """Dollars per million messages, item by item, dearest first."""
    found = {item: used.usd / messages * usage.MILLION for item, used in items.items()}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
