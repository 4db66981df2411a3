"""What each act of Deskweave uses of AWS, counted in the real handlers, for `deskweave cost`.

python -m bench.counted          count it, and write infra/counted.json
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

from bench import account
from bench.account import INBOUND, TARGET
from bench.channels import Mailer, Texter, before_us
from bench.cost import JOINS, MIX, OPENS_NEW, Writer, come_in
from bench.desks import desk
from bench.observe import Run
from bench.stage import Stage, stage
from bench.usage import Usage, times, total
from infra import costs
from infra.costs import CHANNELS, CRMS, act

MESSAGES = 4
_BOTH = (INBOUND, TARGET)
_SUMS = ("runs", "cpu_ms", "wait_ms")


def count(messages: int = MESSAGES, channels: Iterable[str] = CHANNELS, crms: Iterable[str] = CRMS) -> dict[str, Any]:
    """Every act -> what one of it uses; see `infra.costs.Act` for the form."""
    found: dict[str, Any] = {}
    for channel in channels:
        found |= _ways_in(channel, messages)
    for crm in crms:
        found |= _targets(crm, messages)
        for channel in channels:
            found[act("answer", crm, channel)] = _answer(crm, channel, messages)
        found[act("clock", crm)] = _clock((crm,))
    if len(tuple(crms)) > 1:
        found[act("clock", *CRMS)] = _clock(CRMS)
    return found


def write() -> None:
    """Count, and put it where `deskweave cost` finds it."""
    costs.FILE.write_text(json.dumps(count(), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> int:
    write()
    print(f"written: infra/{costs.FILE.name}")
    return 0


def _ways_in(channel: str, messages: int) -> dict[str, Any]:
    """A message of each kind up to the stored message; the CRM's webhooks are lost meanwhile."""
    found = {}
    with _at(channel, "zendesk") as at, at.without_hints():
        for kind in MIX if channel != "sms" else (JOINS, OPENS_NEW):
            write = _writer(at, channel, kind, messages)
            kept = at.observer.kept_bytes()
            runs = _runs(at, write, messages)
            besides = before_us(write.size) if isinstance(write, Mailer) else {}
            # The pollers' empty receives go on whether messages come or not: they are a part of every month.
            besides = {item: used for item, used in besides.items() if "empty" not in item}
            found[act("message", channel, kind)] = _told(runs, messages, (INBOUND,), total(besides.values()))
            found[act("message", channel, kind)]["table_bytes"] = _rounded((at.observer.kept_bytes() - kept) / messages)
    return found


def _targets(crm: str, messages: int) -> dict[str, Any]:
    """A message of each kind from its entry to the CRM, and the CRM's webhook that tells of our own comment."""
    found = {}
    with _at("slack", crm) as at:
        with at.without_hints():
            for kind in MIX:
                write = _writer(at, "slack", kind, messages)
                found[act("target", crm, kind)] = _told(_runs(at, write, messages), messages, (TARGET,))
        write = _writer(at, "slack", JOINS, 1)
        come_in(at)
        runs: list[Run] = []
        for _ in range(messages):
            write()
            at.pump()
            runs += _noted(at, lambda: come_in(at))
        found[act("echo", crm)] = _told(runs, messages, _BOTH)
    return found


def _answer(crm: str, channel: str, messages: int) -> dict[str, Any]:
    """An agent's answer: from the CRM's webhook to the last word of its delivery."""
    with _at(channel, crm) as at:
        _writer(at, channel, JOINS, 1)
        come_in(at)
        theirs = desk(crm, at)
        agent, ticket = theirs.add_agent(), max(theirs.tickets())
        runs: list[Run] = []
        kept = at.observer.kept_bytes()

        def delivered() -> None:
            for _ in range(3):
                come_in(at)
                at.clock.advance(1000)

        for _ in range(messages):
            theirs.answer(agent, ticket, "We have put it right, please try again.")
            runs += _noted(at, delivered)
        table_bytes = _rounded((at.observer.kept_bytes() - kept) / messages)
        return {**_told(runs, messages, _BOTH), "table_bytes": table_bytes}


def _clock(crms: tuple[str, ...], runs: int = 4) -> dict[str, Any]:
    """A run of the clock where nothing is due, with the poll of each CRM."""
    with stage(desks=crms) as at:
        at.tick()
        come_in(at)

        def tick() -> None:
            at.clock.advance(60_000)
            at.tick()
            at.pump()

        noted = [run for _ in range(runs) for run in _noted(at, tick)]
        return _told(noted, runs, _BOTH)


def _at(channel: str, crm: str) -> Any:
    return stage(slacks=1 if channel == "slack" else 0, desks=(crm,))


def _writer(at: Stage, channel: str, kind: str, customers: int) -> Any:
    if channel == "slack":
        return Writer(at, next(iter(at.slack)), kind, customers)
    if channel not in {state["provider"] for state in at.deps.connections.states()}:
        {"ses": at.add_ses, "sms": at.add_sms}[channel]()
    return {"ses": Mailer, "sms": Texter}[channel](at, kind, customers)


def _runs(at: Stage, write: Callable[[], object], messages: int) -> list[Run]:
    def one() -> None:
        write()
        at.pump()

    runs = []
    for _ in range(messages):
        runs += _noted(at, one)
        at.clock.advance(1000)
    return runs


def _noted(at: Stage, act: Callable[[], object]) -> list[Run]:
    at.runs.clear()
    act()
    return list(at.runs)


def _told(runs: list[Run], messages: int, sides: tuple[str, ...], besides: Usage | None = None) -> dict[str, Any]:
    """What one of so many uses, and each function's runs with the processor time and the waiting of all of them."""
    used = besides or Usage()
    functions: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    cpu = account.typical_cpu_ms(runs)
    for run in runs:
        if account.home(run) in sides:
            functions[run.function][0] += 1
            functions[run.function][1] += cpu[run.function]
        # Without processor time the lines of Lambda's time hold the waiting alone.
        for line in account.lines(run, 0.0):
            if line.side in sides:
                functions[run.function][2] += line.usage.lambda_ms
                used += times(line.usage, 1 / messages)
    return {
        "used": {
            field.name: _rounded(getattr(used, field.name))
            for field in fields(Usage)
            if not field.name.startswith("lambda_") and getattr(used, field.name)
        },
        "runs": {
            function: dict(zip(_SUMS, (_rounded(value / messages) for value in sums), strict=True))
            for function, sums in sorted(functions.items())
        },
    }


def _rounded(value: float) -> float:
    """Four digits: more would only change with every run."""
    return float(f"{value:.4g}")


if __name__ == "__main__":
    sys.exit(main())
