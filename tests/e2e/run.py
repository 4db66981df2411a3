"""Plays a seed's day on both sides: locally in a process of its own, and over a stage that is deployed for it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.deploy import ministack, tools
from tests.e2e import day as days
from tests.e2e import figures, stage
from tests.e2e.day import DeployedDay
from tests.e2e.figures import Figures
from tests.e2e.listening import listening
from tests.e2e.stage import Package

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How the days are played.

    hurry     how many times faster than life people and troubles are
    patience  ms for which a trouble may make Deskweave wait
    deploy    whether other code is deployed in the middle of the day
    """

    customers: int
    hurry: int
    patience: int
    deploy: bool


@dataclass
class Result:
    """A seed's two days. `midway` is what went on while the other code was deployed."""

    seed: int
    local: Figures
    deployed: Figures
    differences: list[str]
    midway: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "agreed": not self.differences}


@contextmanager
def package(tell: Tell) -> Iterator[Package]:
    """The project, packaged as chalice does it. Raises `tools.NotInstalled`."""
    tools.interpreter("sam")
    with tempfile.TemporaryDirectory() as folder, ministack.running() as aws:
        began = time.monotonic()
        made = stage.packaged(Path(folder), aws)
        tell(f"packaged in {time.monotonic() - began:.0f} s")
        yield made


def played(seed: int, plan: Plan, made: Package, tell: Tell) -> Result:
    """Play both days, and compare them."""
    command = [sys.executable, "-m", "tests.e2e.figures", str(seed), str(plan.customers)]
    given = tools.clean_environment()
    with subprocess.Popen(
        command, cwd=tools.ROOT, env=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as locally:
        there, midway = _deployed(seed, plan, made, tell)
        told, _ = locally.communicate()
    if locally.returncode:
        raise RuntimeError(f"the local day of seed {seed} came to no end: {' '.join(command)} tells why")
    here = json.loads(told)
    found = list(figures.differences(here, there))
    if plan.deploy and not midway.get("lanes"):
        found.append("no lane was in flight while the other code was deployed")
    return Result(seed, here, there, found, midway)


def _deployed(seed: int, plan: Plan, made: Package, tell: Tell) -> tuple[Figures, dict[str, Any]]:
    """The day over a deployed stage: its figures, and what went on midway."""
    midway: dict[str, Any] = {}
    began = time.monotonic()
    with ministack.running() as aws, listening(aws.url) as mails:
        ready = stage.deployed(made, aws, mails)
        with days.opened(seed, plan.customers, ready, plan.hurry, plan.patience) as day:
            tell(f"seed {seed}: deployed and connected in {time.monotonic() - began:.0f} s")

            def deploy(lanes: int) -> None:
                started = time.monotonic()
                stage.updated(made, ready, f"seed-{seed}")
                midway.update(lanes=lanes, seconds=round(time.monotonic() - started, 1))
                tell(f"seed {seed}: other code deployed in {midway['seconds']} s, {lanes} lanes in flight")

            day.play(deploy if plan.deploy else None)
            tell(f"seed {seed}: a day in {day.seconds:.0f} s, the clock ran {day.ticks} times besides its schedule")
            return {**figures.figures(day), "seconds": round(day.seconds, 1), **_ran(day)}, midway


def _ran(day: DeployedDay) -> dict[str, Any]:
    """How often each function ran, by its log; and what stood there that is no line of ours."""
    return {"runs": dict(day.runs()), "clock_runs_besides": day.ticks, "foreign_log_lines": day.foreign()[:20]}
