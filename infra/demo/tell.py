"""How the demo looks in a terminal: its progress and its books. Plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from infra.demo.books import OUTCOMES, Books

_EVERY = 10


@contextmanager
def progress(console: Console) -> Iterator[Callable[[int, int, int], None]]:
    """A bar that goes through the day; where nobody watches, a line for every tenth of it."""
    if console.is_terminal:
        columns = (
            TextColumn("{task.fields[now]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("matters and events"),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("day", now="08:30:00", total=1)
            yield lambda done, total, now: bar.update(task, completed=done, total=total, now=clock(now))
        return
    told = 0

    def plainly(done: int, total: int, now: int) -> None:
        nonlocal told
        if done * _EVERY // total > told:
            told = done * _EVERY // total
            console.print(f"{clock(now)}  {done} of {total} matters and events", highlight=False)

    yield plainly


def books(console: Console, closed: Books, dollars: dict[str, float]) -> None:
    """The figures; then what does not balance, if anything."""
    console.print()
    _channels(console, closed)
    console.print()
    accounted = (closed.stored, closed.repeated, closed.ignored, closed.unparsed, closed.refused)
    sums = " + ".join(str(number) for number in accounted)
    equal = "=" if sum(accounted) == closed.received else "≠"
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
    table.add_row("webhook events received", f"{closed.received} {equal} {sums}")
    table.add_row("", "stored + repeated + ignored + unparsed + refused", style="dim")
    cents = ", ".join(f"{item} {share:.0%}" for item, share in _shares(dollars))
    for name, told in (
        ("told to try again (5xx)", closed.turned_away),
        ("changes brought by polls", closed.polls),
        ("tickets", _listed(closed.tickets)),
        ("kept without a ticket", closed.held),
        ("replies delivered", f"{closed.replies_delivered} ({_listed(closed.replies)})"),
        ("comments relayed to the other desk", _listed(closed.relayed)),
        ("files opened by their links", closed.files_opened),
        ("customers known by several ways", closed.customers_merged),
        ("settled by a person", _listed(closed.resolved_by_a_person)),
        ("lost", closed.lost),
        ("doubled", closed.doubled),
        ("echoes", closed.echoes),
        ("private leaks", closed.private_leaks),
        ("unknown", closed.unknown),
        ("AWS list price per million events", f"${closed.usd_per_million_counted:.2f} ({cents})"),
    ):
        table.add_row(name, str(told))
    console.print(table)
    for sentence in closed.wrong:
        console.print(Text(f"DOES NOT BALANCE  {sentence}", style="bold red"))
    if closed.balanced:
        console.print(Text("The books balance.", style="bold green"))


def _channels(console: Console, closed: Books) -> None:
    columns = ("received", *OUTCOMES, "held", "turned_away", "polls")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("events")
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right")
    for provider, figures in closed.channels.items():
        table.add_row(provider, *(str(figures[column]) for column in columns))
    console.print(table)


def _listed(figures: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in figures.items()) or "none"


def clock(ms: int) -> str:
    """The time of day, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S")


def _shares(dollars: dict[str, float]) -> list[tuple[str, float]]:
    whole = sum(dollars.values()) or 1.0
    shares = [(item, amount / whole) for item, amount in dollars.items()]
    return [(item, share) for item, share in sorted(shares, key=lambda pair: -pair[1]) if share >= 0.005]
