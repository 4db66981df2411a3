"""`python -m tests.e2e`: the demo's day over a deployed stage, beside the same day played locally.

Exits with 1 where they differ beyond what timing may change; with 2 where ministack or a package cannot be had.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.deploy import tools
from tests.e2e import run
from tests.e2e.figures import MAY_DIFFER, SAME, ZERO
from tests.e2e.run import Plan, Result


@click.command()
@click.option("--seeds", default="1,2,3", show_default=True, help="Each is played on both sides.")
@click.option("--customers", default=6, show_default=True, type=click.IntRange(min=1), help="How many write.")
@click.option("--hurry", default=240, show_default=True, type=click.IntRange(min=1), help="Times faster than life.")
@click.option("--patience", default=60, show_default=True, help="Seconds for which a trouble may make Deskweave wait.")
@click.option("--deploy/--no-deploy", default=True, show_default=True, help="Deploy other code in mid-day.")
@click.option("--json", "json_to", metavar="FILE", help="Write both sides' figures to FILE as well.")
def main(seeds: str, customers: int, hurry: int, patience: int, deploy: bool, json_to: str | None) -> None:
    """Play the demo's day over a stage that CloudFormation deployed to ministack, and compare it with the local one."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 110
    plan = Plan(customers, hurry, patience * 1000, deploy)
    tell = _teller(console)
    try:
        with run.package(tell) as made:
            results = [run.played(int(seed), plan, made, tell) for seed in seeds.split(",")]
    except tools.NotInstalled as reason:
        console.print(f"Not run: {reason}")
        sys.exit(2)
    for result in results:
        console.print(_side_by_side(result))
        for line in result.differences:
            console.print(f"  DIFFERS {line}", soft_wrap=True)
    if json_to:
        told = json.dumps([result.as_json() for result in results], indent=2)
        Path(json_to).write_text(told + "\n", encoding="utf-8")
    console.print(_verdict(results))
    sys.exit(1 if any(result.differences for result in results) else 0)


def _teller(console: Console) -> run.Tell:
    return lambda line: console.print(line, soft_wrap=True)


def _side_by_side(result: Result) -> Table:
    table = Table(title=f"Seed {result.seed}", title_justify="left")
    table.add_column("")
    table.add_column("locally", justify="right")
    table.add_column("deployed", justify="right")
    table.add_column("")
    here, there = result.local, result.deployed
    for name in ("stored_messages", *SAME, *ZERO):
        _rows(table, name, here[name], there[name], must=True)
    table.add_section()
    for name in (*MAY_DIFFER, "seconds"):
        _rows(table, name, here[name], there[name], must=False)
    return table


def _rows(table: Table, name: str, here: Any, there: Any, *, must: bool) -> None:
    if not isinstance(here, dict):
        return _row(table, name, here, there, must=must)
    for key in sorted({**here, **there}):
        _row(table, f"{name}: {key}", here.get(key, 0), there.get(key, 0), must=must)


def _row(table: Table, name: str, here: float, there: float, *, must: bool) -> None:
    word = ("same" if here == there else "DIFFERS") if must else "may differ with timing"
    table.add_row(name.replace("_", " "), str(here), str(there), "" if name == "seconds" else word)


def _verdict(results: Sequence[Result]) -> str:
    wrong = [str(result.seed) for result in results if result.differences]
    if wrong:
        return f"The deployed day differs from the local one for seed {', '.join(wrong)}."
    return "The deployed days agree with the local ones, and all books balance."


if __name__ == "__main__":
    main()
