"""The tables, for a terminal and for docs/benchmarks.md, and bench-peers.json."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.peers.figures import Books, Measured, Point
from bench.peers.run import Plan

_BOOKS = ("kills", "acked", "sent again", "stored", "acked but lost", "stored twice")


def machine() -> dict[str, Any]:
    """Where it ran, without names: processors, kernel, Python, and how busy it was before."""
    return {
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def show(measured: Sequence[Measured], stub_us: float | None, console: Console) -> None:
    for title, (heads, rows) in _tables(measured).items():
        table = Table(*heads, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(_share(stub_us))
    for one in measured:
        if one.not_run:
            console.print(f"{one.title}: not run: {one.not_run}", style="bold")


def markdown(measured: Sequence[Measured], stub_us: float | None, where: dict[str, Any], plan: Plan) -> str:
    """The tables as docs/benchmarks.md has them."""
    day = datetime.now(UTC).strftime("%d %B %Y").lstrip("0")
    lines = [
        f"{day}, {where['processors']} shared cores, Python {where['python']}, load {where['load']} before it began; "
        f"{plan.seconds:g} s a point, seed {plan.seed}:"
    ]
    for heads, rows in _tables(measured).values():
        lines += ["", _line(heads), _line(["---"] * len(heads)), *(_line(row) for row in rows)]
    lines += ["", _share(stub_us)]
    lines += [f"{one.title}: *not run*, {one.not_run}." for one in measured if one.not_run]
    return "\n".join(lines)


def write(
    path: Path,
    measured: Sequence[Measured],
    stub_us: float | None,
    where: dict[str, Any],
    plan: Plan,
    of: dict[str, Any],
) -> None:
    """bench-peers.json: where and how, versions and licences, then each peer by its title."""
    body = {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": where,
        "plan": asdict(plan),
        "software": of,
        "stub_us": stub_us,
        "peers": {one.title: {key: value for key, value in asdict(one).items() if key != "title"} for one in measured},
    }
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def _tables(measured: Sequence[Measured]) -> dict[str, tuple[list[str], list[list[str]]]]:
    levels = sorted({point.connections for one in measured for point in one.points})
    heads = ["", "before its 2xx", *(f"{level} conn." for level in levels), "CPU us", "store's CPU us", "MB"]
    speeds = [
        [one.title, one.does, *(_speed(one, level) for level in levels), *_costs(one)] for one in measured if one.points
    ]
    books = [[one.title, *_counted(one.books)] for one in measured if one.books]
    found = {"Messages a second (p50 / p99 ms)": (heads, speeds), "Killed under load": (["", *_BOOKS], books)}
    return {title: table for title, table in found.items() if table[1]}


def _speed(one: Measured, level: int) -> str:
    point = next((point for point in one.points if point.connections == level), None)
    if point is None:
        return "-"
    refused = f", {point.refused} refused" if point.refused else ""
    return f"{point.per_second:.0f} ({_ms(point.p50_ms)} / {_ms(point.p99_ms)}){refused}"


def _costs(one: Measured) -> list[str]:
    """Of the point with the middle number of connections; the memory of all of them."""
    point: Point = one.points[len(one.points) // 2]
    beside = "-" if point.beside_us is None else f"{point.beside_us:.0f}"
    return [f"{point.cpu_us:.0f}", beside, f"{max(at.memory_mb for at in one.points):.0f}"]


def _counted(books: Books) -> list[str]:
    counts = (books.kills, books.acked, books.again, books.stored, len(books.lost), len(books.doubled))
    return [str(count) for count in counts]


def _share(stub_us: float | None) -> str:
    told = "not measured" if stub_us is None else f"{stub_us:.0f} us of a message's processor time"
    return f"The stubbed AWS, measured alone: {told}."


def _ms(ms: float) -> str:
    return f"{ms:.2g}" if ms < 10 else f"{ms:.0f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
