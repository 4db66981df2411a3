"""Memory and time-outs of the functions, derived from the processor time that their runs take. `python -m bench.sizing`

Measured are processor seconds and memory on this machine; everything else is derived, and called so: Lambda itself is
not asked. infra/schema.py has what is deployed, and why; tests/bench/test_sizing.py holds it to the same rules.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import usage
from bench.cold import ENVIRONMENT, HERE, ROOT
from infra import schema

# Sizes that are offered; from the last one on a function has one whole processor.
STEPS_MB = (256, 384, 512, 768, 1024, 1280, usage.WHOLE_PROCESSOR_MB)
# A function's memory is held against half as much again as its largest run took here.
ROOM = 1.5
# DESIGN "Budgets": webhook to effect, three cold starts included.
COLD_EFFECT_S = 3.0
# The most that SES takes in, and a batch of ten of anything.
LARGEST_MAIL = 40_000_000
BATCH = 10
WAY = ("api", "inbox", "effects")
_TIMES = 9
_OTHER_SDKS = ("zenpy", "slack_sdk", "connectors.zendesk.", "connectors.slack.web", "_cython", "encodings")


@dataclass(frozen=True)
class Measured:
    """One function's work.

    cold_s     processor seconds of a start: interpreter, imports, clients, what its first run loads
    warm_ms    processor ms of a later run: the median, and the most of one in twenty
    wait_ms    what a run waits for AWS and providers, on average: derived from its calls (bench/usage.py)
    way_ms     the same on a customer's way to the effect, where only the last function calls a provider
    largest_s  processor seconds of reading the largest mail; 0 where the function reads none
    memory_mb  the most memory that its process took, largest mail included
    """

    cold_s: float
    warm_ms: float
    slow_ms: float
    wait_ms: float
    way_ms: float
    largest_s: float
    memory_mb: float


def measure() -> dict[str, Measured]:
    """Run all functions, then start each one anew several times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        played = _told([sys.executable, "-m", "bench.scripts.loads", str(folder / "told.json")], folder)
        runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for run in played["runs"]:
            runs[run["function"]].append(run)
        return {
            function: _measured(mine, _loaded(function, played), folder)
            for function, mine in sorted(runs.items(), key=lambda pair: list(schema.function_memory()).index(pair[0]))
        }


def seconds_at(cpu_s: float, memory_mb: int) -> float:
    """Processor seconds as Lambda's clock shows them at a memory size: below a whole processor they are stretched."""
    return cpu_s * max(1.0, usage.WHOLE_PROCESSOR_MB / memory_mb)


def billed_times_latency(one: Measured, memory_mb: int) -> float:
    """What a warm run costs (GB-seconds), times how long it takes (s): the least is the best bargain."""
    seconds = seconds_at(one.warm_ms / 1000, memory_mb) + one.wait_ms / 1000
    return memory_mb / 1024 * seconds * seconds


def cold_effect_s(measured: Mapping[str, Measured], memory: Mapping[str, int]) -> float:
    """From webhook to effect where all three functions start cold: processor time, waits, two hops of the queue."""
    return sum(seconds_at(measured[f].cold_s, memory[f]) + measured[f].way_ms / 1000 for f in WAY) + 2 * 0.05


def best_memory(one: Measured) -> int:
    """The size at which cost times latency is least, among those that hold the largest run."""
    enough = [step for step in STEPS_MB if step >= ROOM * one.memory_mb]
    return min(enough, key=lambda step: billed_times_latency(one, step))


def slowest_s(one: Measured, memory_mb: int) -> float:
    """A run at its worst but for providers: cold, a full batch, each as slow as one in twenty or the largest mail, and
    one call of AWS that takes until its time-out, which ends the run."""
    cpu = one.cold_s + BATCH * max(one.slow_ms / 1000, one.largest_s)
    return seconds_at(cpu, memory_mb) + BATCH * one.wait_ms / 1000 + schema.AWS_CALL_SECONDS


def show(measured: Mapping[str, Measured], console: Console) -> None:
    table = Table(title="Measured: processor time and memory. Derived: all else")
    for title in (
        "function",
        "cold s",
        "warm ms",
        "1 in 20",
        "wait ms",
        "way ms",
        "largest s",
        "MB",
        "best MB",
        "deployed",
    ):
        table.add_column(title, justify="left" if title == "function" else "right")
    for title in ("cold start s", "slowest s", "time-out s"):
        table.add_column(title, justify="right")
    seconds, deployed = schema.function_seconds(), schema.function_memory()
    for function, one in measured.items():
        memory = deployed[function]
        table.add_row(
            function,
            f"{one.cold_s:.2f}",
            f"{one.warm_ms:.1f}",
            f"{one.slow_ms:.1f}",
            f"{one.wait_ms:.0f}",
            f"{one.way_ms:.0f}",
            f"{one.largest_s:.2f}" if one.largest_s else "-",
            f"{one.memory_mb:.0f}",
            str(best_memory(one)),
            str(memory),
            f"{seconds_at(one.cold_s, memory):.2f}",
            f"{slowest_s(one, memory):.1f}",
            str(seconds[function]),
        )
    console.print(table)
    found = cold_effect_s(measured, deployed)
    console.print(f"webhook to effect, all three functions cold, derived: {found:.2f} s (at most {COLD_EFFECT_S:g})")
    console.print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}: others' work makes each second longer")


def main() -> int:
    show(measure(), Console(width=None if sys.stdout.isatty() else 140))
    return 0


def _loaded(function: str, played: Mapping[str, Any]) -> list[str]:
    """What a function's runs load, in their order. Who came first in the one process of the play loaded for all."""
    before = WAY[: WAY.index(function) + 1] if function in WAY else (function,)
    loaded = [name for one in before for name in played["loads"].get(one, ())]
    # A lane is that of one provider: no worker starts with the SDKs of all. Salesforce's loads most.
    mine = [name for name in loaded if not name.startswith(_OTHER_SDKS)]
    return [*played["opened"], *(name for name in dict.fromkeys(mine) if name not in played["opened"])]


def _measured(runs: list[dict[str, Any]], modules: list[str], folder: Path) -> Measured:
    services = sorted({service for run in runs for service, _ in run["calls"]})
    starts = [_started(modules, services, 0, folder) for _ in range(_TIMES)]
    cpu = sorted(run["cpu_ms"] for run in runs[1:])
    waits = [
        sum(usage.wait_ms(service, operation) for service, operation in run["calls"])
        + run["provider_calls"] * usage.PROVIDER_MS
        for run in runs
    ]
    calling = runs[0]["function"] == "effects"
    way = [wait for wait, run in zip(waits, runs, strict=True) if calling or not run["provider_calls"]]
    cold = min(one["cpu_s"] for one in starts)
    memory, largest = max(one["memory_mb"] for one in starts), 0.0
    if runs[0]["function"] in ("inbox", "effects"):
        with_mail = _started(modules, services, LARGEST_MAIL, folder)
        memory, largest = with_mail["memory_mb"], with_mail["cpu_s"] - cold
    slow = cpu[int(0.95 * len(cpu))]
    return Measured(cold, median(cpu), slow, sum(waits) / len(waits), sum(way) / len(way), largest, memory)


def _started(modules: list[str], services: list[str], mail_bytes: int, folder: Path) -> dict[str, Any]:
    settings = {"region": "us-east-1", "from_address": "support@desk.example"}
    given = {"modules": modules, "services": services, "mail_bytes": mail_bytes, "settings": settings}
    path = folder / "given.json"
    path.write_text(json.dumps({**given, "tell": str(folder / "told.json")}), encoding="utf-8")
    script = Path(__file__).resolve().parent / "scripts" / "start.py"
    return _told([sys.executable, "-S", str(script), HERE.site, HERE.root, str(path)], folder)


def _told(command: list[str], folder: Path) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    return told


if __name__ == "__main__":
    sys.exit(main())
