"""The report: a table of figures and budgets, the accounts behind the costs, and bench.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import advice
from bench.budgets import Figure
from bench.channels import Channel
from bench.cost import MIX, Priced, mixed


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table("figure", "measured", "budget", "", "of what", title="Budgets")
    for one in figures:
        budget = "" if one.most is None else f"<= {one.most:g}"
        colour = {True: "green", False: "bold red", None: ""}[one.holds]
        table.add_row(one.name, number(one.value), budget, one.verdict, one.note, style=colour)
    console.print(table)


def show_cost(quiet: Mapping[str, Priced], batched: Mapping[str, Priced], console: Console) -> None:
    """Both accounts, item by item, in dollars per million messages."""
    columns = {**quiet, "quiet, mixed": mixed(dict(quiet)), "ten a batch, mixed": mixed(dict(batched))}
    for side, title in (("inbound", "up to the stored message"), ("target", "one target: entry, wake-up, worker")):
        table = Table("item", *columns, title=f"US dollars per million messages, {title}")
        items = dict.fromkeys(item for priced in columns.values() for item in getattr(priced, side))
        mixture = getattr(columns["quiet, mixed"], side)
        for item in sorted(items, key=lambda item: -mixture.get(item, 0.0)):
            table.add_row(item, *(f"{getattr(priced, side).get(item, 0.0):.3f}" for priced in columns.values()))
        table.add_section()
        table.add_row("sum", *(f"{sum(getattr(priced, side).values()):.2f}" for priced in columns.values()))
        console.print(table)
    shares = ", ".join(f"{kind} {count / sum(MIX.values()):.0%}" for kind, count in MIX.items())
    console.print(f"The mixture: {shares}.")
    for name, priced in columns.items():
        times = ", ".join(
            f"{function} {priced.cpu_ms[function]:.1f} ms CPU -> {billed:.0f} ms"
            for function, billed in sorted(priced.lambda_ms.items())
        )
        console.print(f"Lambda times per run, derived ({priced.batch:.0f} a batch), {name}: {times}")


def show_channels(channels: Mapping[str, Channel], console: Console) -> None:
    """The other channels' way in, item by item, in dollars per million messages, and what comes besides."""
    for name, channel in channels.items():
        columns = {**channel.inbound, "mixed": channel.mixed}
        table = Table("item", *columns, title=f"US dollars per million, {name} of {channel.size:,} bytes, one a second")
        for item in channel.mixed.inbound:
            table.add_row(item, *(f"{priced.inbound.get(item, 0.0):.3f}" for priced in columns.values()))
        table.add_section()
        table.add_row("AWS", *(f"{priced.usd_inbound:.2f}" for priced in columns.values()))
        for fee, usd in channel.fees.items():
            table.add_row(f"the provider's fee: {fee}", *(f"{usd:.2f}" for _ in columns))
        console.print(table)
        way = "from the CRM's webhook to the last word of its delivery, fees apart"
        console.print(f"{name}: an agent's answer, {way}: ${channel.answer:.2f} per million")


def show_advice(name: str, account: Mapping[str, float], console: Console) -> None:
    console.print(f"\n{name} does not hold. What it would take:")
    for one in advice.advice(account):
        console.print(f"  -${one.saves:.2f}  {one.text}")


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}"


def write(path: Path, figures: Sequence[Figure], details: Mapping[str, Any]) -> None:
    """bench.json: the figures by name, then what is behind them."""
    body = {
        **{one.name: one.value for one in figures},
        "budgets": {one.name: one.most for one in figures if one.most is not None},
        "holds": {one.name: one.holds for one in figures if one.most is not None},
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "details": details,
    }
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
