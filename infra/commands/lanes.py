"""`deskweave lanes`: where work waits, for what, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Command, on_store

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@click.command(cls=Command)
@click.option("--connection", metavar="ID", default="", help="Only the lanes to this connection.")
@click.option("--held", "only", flag_value="held", help="Only those that a person has to retry or skip.")
@click.option("--due", "only", flag_value="due", help="Only those that go on by themselves.")
@click.option("--paused", "only", flag_value="paused", help="Only those whose connection is paused.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many at most.")
@on_store
def lanes(deps: Deps, answer: Answer, connection: str, only: str | None, limit: int) -> None:
    """List the lanes that have unfinished work, those first that have waited longest.

    A lane is what one conversation has to bring to one connection, in order.

    \b
    Examples:
      deskweave lanes
      deskweave lanes --held
      deskweave lanes --connection 0123456789abcdefgh --json
    """
    from chalicelib.services import read
    from infra import show

    kinds = {"held": ("held",), "paused": ("paused",), "due": ("due", "calling", "waiting")}
    found = read.lanes(deps, connection=connection, limit=limit)
    if only:
        found = [lane for lane in found if lane.state in kinds[only]]
    answer.give(found, lambda out: show.lanes(out, found))
