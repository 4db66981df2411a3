"""`deskweave down`: take a stage away again, and keep its data unless told."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Command
from infra.commands._stage import on_stage, shown_progress

if TYPE_CHECKING:
    from rich.console import Console

    from infra.stack.cloud import Cloud
    from infra.stack.removal import Removal


@click.command(cls=Command)
@click.option("--delete-data", is_flag=True, help="Delete the table, the bucket and the secrets, too: for good.")
@click.option("--yes", is_flag=True, help="Do not ask for the stage's name.")
@on_stage
def down(stage: str, cloud: Cloud, answer: Answer, delete_data: bool, yes: bool) -> None:
    """Take a stage's functions, queues and alarms away. The table, the bucket and the secrets stay.

    `deskweave up` brings it back with all that it knew. With --delete-data nothing is left. It asks for the stage's
    name first.

    \b
    Examples:
      deskweave down --stage test
      deskweave down --stage test --delete-data --yes
    """
    from infra.stack import config, removal

    found = removal.find(stage, cloud, delete_data=delete_data)
    if not found.anything:
        data = _data(found, done=False)
        return answer.give(data, lambda out: out.print(f"There is nothing of the stage {stage} to take away."))
    if not yes:
        _ask(found)
    if config.deployed(stage):
        _chalice_delete(stage, cloud.region)
    with shown_progress(f"Stage {stage}") as progress:
        removal.carry_out(found, cloud, progress)
    answer.give(_data(found, done=True), lambda out: _ended(out, found))
    return None


def _ask(found: Removal) -> None:
    click.echo(f"Stage {found.stage} in region {found.region}. This takes away:", err=True)
    for line in found.goes:
        click.echo(f"  {line}", err=True)
    for line in found.stays:
        click.echo(f"It keeps {line}", err=True)
    if click.prompt(f"Type {found.stage} to go on", default="", show_default=False, err=True) != found.stage:
        raise click.ClickException("that is not the stage's name: nothing was changed.")


def _chalice_delete(stage: str, region: str) -> None:
    """What `chalice deploy` recorded, by chalice itself. Where it stops, what is left goes by name."""
    import os

    from infra.stack import config

    command = [sys.executable, "-c", "import sys; from chalice.cli import main; sys.exit(main())"]
    ran = subprocess.run(
        [*command, "--project-dir", str(config.FOLDER.parent), "delete", "--stage", stage],
        env={**os.environ, "AWS_DEFAULT_REGION": region, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    click.echo(ran.stdout, err=True, nl=False)
    if ran.returncode:
        click.echo("chalice delete stopped half way; the rest is deleted by name.", err=True)


def _ended(out: Console, found: Removal) -> None:
    out.print(f"The stage {found.stage} is down.", markup=False)
    for line in found.stays:
        out.print(f"Kept: {line}", markup=False, soft_wrap=True)


def _data(found: Removal, *, done: bool) -> dict[str, Any]:
    return {
        "stage": found.stage,
        "region": found.region,
        "delete_data": found.delete_data,
        "goes": found.goes if found.anything else [],
        "stays": found.stays if found.anything else [],
        "done": done,
    }
