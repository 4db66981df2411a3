"""The `deskweave` command. Its subcommands are the modules of infra/commands.

    deskweave serve                          run Deskweave on this machine
    deskweave --stage prod conversations     look at a deployed stage

A new subcommand is a new module: whatever `click.Command` it defines at its top level is taken up.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import click

from chalicelib import VERSION
from infra import commands
from infra.reach import Target


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="deskweave %(version)s")
@click.option("--stage", metavar="NAME", help="The deployed stage to work with, rather than the local run.")
@click.pass_context
def main(context: click.Context, stage: str | None) -> None:
    """Support in step across every channel and the CRM you already own."""
    context.obj = Target(stage)


def _subcommands() -> Iterator[click.Command]:
    for module in sorted(pkgutil.iter_modules(commands.__path__), key=lambda module: module.name):
        for value in vars(importlib.import_module(f"infra.commands.{module.name}")).values():
            if isinstance(value, click.Command):
                yield value


for _command in _subcommands():
    main.add_command(_command)


if __name__ == "__main__":
    main()
