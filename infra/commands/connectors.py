"""`deskweave connectors`: which providers can be connected, what each can do, and how much code that takes."""

from __future__ import annotations

import click

from infra.commands._shared import Answer, Command, json_option


@click.command(cls=Command)
@json_option
def connectors(file: str | None) -> None:
    """List the connectors.

    lines are the non-blank lines of a connector's Python files, those of the shared vendor code that it imports counted
    in; cases the recorded cases that its tests replay.

    \b
    Examples:
      deskweave connectors
      deskweave connectors --json connectors.json
    """
    from infra import inventory, show

    found = inventory.connectors()
    Answer(file).give(found, lambda out: show.connectors(out, found))
