"""`deskweave demo`: a working day with customers, agents and outages, and the books at its end."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from infra.demo.books import Books
    from infra.demo.day import Day

CUSTOMERS = 20
_DAY_MS = 24 * 3_600_000


@click.command()
@click.option("--seed", default=1, show_default=True, help="Decides everything that happens.")
@click.option("--customers", default=CUSTOMERS, show_default=True, type=click.IntRange(min=1), help="How many write.")
@click.option("--json", "json_to", metavar="FILE", help="Write the books to FILE as well; - is standard output, alone.")
@click.option("--serve", is_flag=True, help="Leave everything running afterwards, until Ctrl-C.")
def demo(seed: int, customers: int, json_to: str | None, serve: bool) -> None:
    """Play a working day against stand-ins for Slack, Twilio, Amazon SES, Zendesk and Salesforce, and count what
    became of it.

    Exits with 1 where the books do not balance.
    """
    # Imported here: the other commands need neither moto nor the app.
    from rich.console import Console

    from chalicelib import bootstrap
    from chalicelib.services import read
    from infra import show as screen
    from infra.demo import books, conversation, count, tell
    from infra.demo.day import MORNING, opened
    from infra.demo.meter import unmetered
    from infra.local.clock import wall_clock

    console = Console(file=sys.stderr if json_to == "-" else sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = 120
    start = wall_clock() // _DAY_MS * _DAY_MS - 3 * _DAY_MS + MORNING % _DAY_MS if serve else MORNING
    console.print(f"A working day with {customers} customers (seed {seed}). Everything runs on this machine.")
    with opened(seed, customers, lambda line: console.print(line, soft_wrap=True), start=start) as day:
        with tell.progress(console) as progress:
            day.play(progress)
        seen = count.look(day)
        facts = count.facts(seen)
        closed = books.close(facts)
        with unmetered(day.runtime):
            for chosen in conversation.chosen(seen):
                console.print()
                screen.conversation(console, read.conversation(chosen, bootstrap.deps()))
        tell.books(console, closed, dict(facts.dollars))
        console.print(f"{day.seconds:.0f} seconds, {day.reaper.deaths} processes died on the way.")
        if json_to:
            _write(json_to, as_json(closed, seed, customers, day.seconds))
        if serve:
            _leave_running(day, console)
    sys.exit(exit_code(closed))


def exit_code(closed: Books) -> int:
    """0 where the books balance, else 1."""
    return 0 if closed.balanced else 1


def as_json(closed: Books, seed: int, customers: int, seconds: float) -> dict[str, Any]:
    """The books as `--json` writes them."""
    from dataclasses import asdict

    figures = asdict(closed)
    wrong = list(figures.pop("wrong"))
    whole = {"seed": seed, "customers": customers, **figures, "balanced": closed.balanced, "does_not_balance": wrong}
    return {**whole, "seconds": round(seconds, 1)}


def _write(to: str, figures: dict[str, Any]) -> None:
    text = json.dumps(figures, indent=2) + "\n"
    if to == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        Path(to).write_text(text, encoding="utf-8")


def _leave_running(day: Day, console: Console) -> None:
    """Go on in real time until Ctrl-C."""
    from infra.commands.serve import stopped_by_ctrl_c
    from infra.local.discover import announced
    from infra.sandbox.control import ControlDoor

    day.go_live()
    aws_url = day.aws_url
    with ControlDoor(day.sandbox) as door, announced(aws_url, day.url, day.runtime.stage, door.address):
        background = day.runtime.run_background()
        console.print(f"\nDeskweave    {day.url}    webhooks at /webhooks/PROVIDER/CONNECTION", soft_wrap=True)
        console.print(f"Sandbox      {day.sandbox.url}    stand-ins for the providers")
        console.print(f"AWS          {aws_url}    for other `deskweave` commands in this directory")
        console.print("Look around  deskweave conversations · deskweave show ID · deskweave failures · deskweave lanes")
        console.print("Go on        deskweave sandbox write | text | mail TEXT · deskweave sandbox answer TICKET TEXT")
        console.print("It is all in memory. Ctrl-C ends it.")
        with stopped_by_ctrl_c():
            threading.Event().wait()
        background.stop()
