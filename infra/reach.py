"""Which Deskweave a command works with: a deployed stage, an AWS endpoint that is set, or the local run."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from infra.local.discover import use_local

Command = TypeVar("Command", bound=Callable[..., Any])


class Target:
    """What `--stage` named, None where it was not given."""

    def __init__(self, stage: str | None) -> None:
        self.stage = stage

    def reach(self) -> None:
        """Point this process's AWS clients at the store. Raises `click.ClickException` where there is none."""
        if self.stage:
            use_stage(self.stage)
        elif not os.environ.get("AWS_ENDPOINT_URL") and not use_local():
            raise click.ClickException(
                "Deskweave is not running here. Start it with `deskweave serve` in this directory, "
                "or name a deployed stage with `deskweave --stage NAME`."
            )


def use_stage(stage: str, folder: Path | None = None) -> None:
    """Look at a deployed stage, where `deskweave up` has noted that it is; a region that is set stays."""
    from infra.stack import config

    kept = config.environment(stage, folder or config.FOLDER)
    os.environ.update(kept, DESKWEAVE_STAGE=stage)
    if kept:
        os.environ.setdefault("AWS_DEFAULT_REGION", kept["DESKWEAVE_REGION"])


def needs_store(command: Command) -> Command:
    """Decorate a click callback that reads or writes the store: it is reached before the callback runs."""

    def reached(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        (context.find_object(Target) or Target(None)).reach()
        return command(*args, **kwargs)

    return update_wrapper(reached, command)  # type: ignore[return-value]
