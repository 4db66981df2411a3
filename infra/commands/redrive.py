"""`deskweave redrive`: send back what the queues gave up on, once its cause is mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from infra.commands._progress import counted
from infra.commands._shared import Answer, Command, on_store

if TYPE_CHECKING:
    from rich.console import Console

    from chalicelib.bootstrap import Deps
    from chalicelib.services.redrive import Letter

_QUEUES = ("inbox", "effects", "mail")


@click.command(cls=Command)
@click.option("--queue", type=click.Choice(_QUEUES), help="Only this queue's; all of them by default.")
@click.option("--dry-run", is_flag=True, help="List them; send nothing.")
@on_store
def redrive(deps: Deps, answer: Answer, queue: str | None, dry_run: bool) -> None:
    """Send back to its queue what was given up on: dead letters, and the failures of the kind `message`.

    The clock makes failures of dead letters each minute; both are covered. A dead letter keeps its group and the order
    in it, and is in its queue before it leaves the other. Twice does no harm. It fails where something is left.

    \b
    Examples:
      deskweave redrive --dry-run
      deskweave redrive
      deskweave redrive --queue mail --stage prod
    """
    from chalicelib.services import redrive as service

    queues = (queue,) if queue else _QUEUES
    letters: list[Letter] = []
    with counted("listing" if dry_run else "sending back") as tell:
        for name in queues:
            for letter in service.listed(name, deps) if dry_run else service.redrive(name, deps):
                letters.append(letter)
                tell(len(letters))
    left = {name: number for name in queues if (number := service.left(name, deps))}
    data = {"dry_run": dry_run, "letters": letters, "left": left}
    answer.give(data, lambda out: _show(out, letters, left, deps.now(), dry_run=dry_run))
    if left and not dry_run:
        click.get_current_context().exit(1)


def _show(out: Console, letters: Sequence[Letter], left: dict[str, int], now: int, *, dry_run: bool) -> None:
    from infra.show import table

    rows = [
        [one.queue, _age(now - one.at), one.kind, one.connection or "-", one.place, one.reason, one.id]
        for one in letters
    ]  # fmt: skip
    columns = ("queue", "age", "kind", "connection", "was a", "reason", "id")
    table(out, columns, rows, empty="Nothing was given up on.")
    if letters and not dry_run:
        out.print(f"{len(letters)} sent back. What fails again is set aside again: deskweave failures")
    for queue, number in left.items():
        if dry_run:
            out.print(f"{queue}: about {number} dead letters")
        else:
            out.print(f"{queue}: about {number} are left: somebody else has just received them. Again in two minutes.")


def _age(ms: int) -> str:
    seconds = max(0, ms // 1000)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
