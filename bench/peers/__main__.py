"""`python -m bench.peers`: our way in beside others. Ends with 1 where ours lost or doubled a message."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
from rich.console import Console

from bench.peers import peers, report, run
from bench.peers.figures import Measured
from tests.deploy import tools


@click.command(epilog="Example: python -m bench.peers --only deskweave --only floor --seconds 5")
@click.option("--only", multiple=True, type=click.Choice(peers.NAMES), help="Measure these alone; may be repeated.")
@click.option(
    "--seconds", default=2.0, show_default=True, type=click.FloatRange(min=0.2), help="How long a point takes."
)
@click.option("--connections", default="1,8,32", show_default=True, help="Numbers of connections.")
@click.option(
    "--kills", default=20, show_default=True, type=click.IntRange(min=0), help="At least so many; 0 for none."
)
@click.option("--messages", default=1000, show_default=True, type=click.IntRange(min=1), help="At least so many acked.")
@click.option("--seed", default=7, show_default=True, help="Decides the messages and when the workers die.")
@click.option("--json", "json_to", type=click.Path(path_type=Path), default="bench-peers.json", metavar="FILE")
@click.option("--markdown", is_flag=True, help="Also print the tables for docs/benchmarks.md.")
def main(
    only: tuple[str, ...],
    seconds: float,
    connections: str,
    kills: int,
    messages: int,
    seed: int,
    json_to: Path,
    markdown: bool,
) -> None:
    """Load Deskweave's way in, a minimal aiohttp receiver, slack-bolt and n8n on this machine, then kill their workers.

    The others are installed into .deskweave/tools at the first run (n8n takes minutes). Exits with 1 where Deskweave
    lost or doubled a message.
    """
    if not sys.platform.startswith("linux"):
        raise click.ClickException("processor time is read from /proc, which only Linux has; run it there")
    if not re.fullmatch(r"[1-9][0-9]{0,3}(,[1-9][0-9]{0,3})*", connections):
        raise click.BadParameter("give numbers with commas between them, for instance --connections 1,8,32")
    levels = [int(level) for level in connections.split(",")]
    # The default would end us without ending the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console, began = Console(width=None if sys.stdout.isatty() else 190, highlight=False), time.monotonic()
    plan = run.Plan(seconds, levels, kills, messages, seed)
    where = report.machine()
    chosen = [variant for variant in peers.VARIANTS if not only or variant.name in only]
    console.print(f"{len(chosen)} variants, {seconds:g} s a point, {kills} kills, seed {seed}")

    def tell(line: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {line}", style="dim")

    measured = run.measure(chosen, plan, tell)
    stub_us = _stub_us() if not only or peers.OURS in only else None
    report.show(measured, stub_us, console)
    if markdown:
        click.echo(report.markdown(measured, stub_us, where, plan))
    report.write(json_to, measured, stub_us, where, plan, peers.software())
    console.print(f"written: {json_to}")
    sys.exit(1 if any(_failed(one) for one in measured if one.title in peers.OUR_TITLES) else 0)


def _failed(one: Measured) -> bool:
    return one.books is not None and bool(one.books.lost or one.books.doubled)


def _stub_us() -> float:
    command = [sys.executable, "-m", "bench.peers.servers.stub"]
    given = tools.clean_environment(AWS_ACCESS_KEY_ID="bench", AWS_SECRET_ACCESS_KEY="bench")
    done = subprocess.run(command, cwd=tools.ROOT, env=given, capture_output=True, text=True, check=True, timeout=60)
    return float(done.stdout)


if __name__ == "__main__":
    main()
