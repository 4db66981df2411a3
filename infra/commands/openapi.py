"""`deskweave openapi`: the REST API's description, made from its code."""

from __future__ import annotations

import click

from infra.commands._shared import Command, json_option, write


@click.command(cls=Command)
@json_option
def openapi(file: str | None) -> None:
    """Write the REST API's description, OpenAPI 3.1.

    \b
    Examples:
      deskweave openapi
      deskweave openapi --json openapi.json
    """
    from pathlib import Path

    from infra import pages

    if file in (None, "-"):
        click.echo(pages.openapi(), nl=False)
    else:
        write(Path(str(file)), pages.openapi())
