"""`deskweave status` without a conversation: how the local run or a deployed stage stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from infra.commands._shared import Answer
from infra.reach import Target

if TYPE_CHECKING:
    from rich.console import Console

    from chalicelib.bootstrap import Deps
    from infra.stack.overview import Overview


def give(deps: Deps, answer: Answer) -> None:
    """Show it, or write it as JSON; the command fails where something is wrong."""
    from infra.commands._stage import reach
    from infra.stack import overview

    target = click.get_current_context().find_object(Target)
    stage = target.stage if target and target.stage != "local" else None
    found = overview.deployed_stage(stage, reach(stage, None), deps) if stage else overview.local(deps)
    answer.give(_data(found), lambda out: _shown(out, found))
    if not found.well:
        click.get_current_context().exit(1)


def _shown(out: Console, found: Overview) -> None:
    from infra import show

    where = f" in {found.region}" if found.region else ""
    out.print(f"Stage {found.stage}{where}, {found.url or 'no public address yet'}", markup=False, soft_wrap=True)
    show.findings(out, found.findings)
    if found.queues:
        rows = [[one.queue, one.waiting, one.in_flight, one.dead] for one in found.queues]
        show.table(out, ("queue", "waiting", "at work", "given up"), rows, empty="")
    for name, why in found.alarms.items():
        out.print(Text.assemble(("alarm ", "bold red"), show.safe(f"{name}: {why}")), soft_wrap=True)
    show.connections(out, found.connections)
    told = "No failures." if not found.failures else f"{found.failures} failures wait for a person: deskweave failures"
    out.print(told, markup=False)


def _data(found: Overview) -> dict[str, Any]:
    return {
        "stage": found.stage,
        "region": found.region,
        "url": found.url,
        "stack": found.stack,
        "well": found.well,
        "findings": found.findings,
        "queues": found.queues,
        "alarms": found.alarms,
        "connections": found.connections,
        "failures": found.failures,
    }
