"""What `up`, `finish`, `status` and `down` have in common: the stage, its region, and progress on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

import click

from infra.commands._shared import Answer, json_option
from infra.reach import Target, use_stage

if TYPE_CHECKING:
    from infra.stack.cloud import Cloud, Progress

Function = TypeVar("Function", bound=Callable[..., Any])

region_option = click.option("--region", metavar="NAME", help="The AWS region; else the stage's, or the environment's.")
yes_option = click.option("--yes", is_flag=True, help="Do it without asking.")


def on_stage(function: Function) -> Function:
    """Decorate a function: it gets `stage`, `cloud` and `answer`, and its command --stage, --region and --json."""

    def with_stage(stage: str | None, region: str | None, file: str | None, **given: Any) -> Any:
        from infra.stack import names

        target = click.get_current_context().find_object(Target)
        stage = stage or (target.stage if target else None)
        if not stage:
            raise click.UsageError("Missing option '--stage'. A stage is one Deskweave in your account, such as prod.")
        try:
            names.check_stage(stage)
        except names.BadStage as error:
            raise click.ClickException(str(error)) from error
        return function(stage=stage, cloud=reach(stage, region), answer=Answer(file), **given)

    update_wrapper(with_stage, function)
    stage_option = click.option("--stage", metavar="NAME", help="The stage: one Deskweave in your account. Required.")
    return stage_option(region_option(json_option(with_stage)))  # type: ignore[return-value]


def reach(stage: str, region: str | None) -> Cloud:
    """AWS as the command sees it; the rest of this process, too, then looks at the stage."""
    from infra.stack import cloud

    if region:
        os.environ["AWS_DEFAULT_REGION"] = region
    use_stage(stage)
    reached = cloud.connect(region)
    os.environ.update(AWS_DEFAULT_REGION=reached.region, AWS_REGION=reached.region)
    return reached


@contextmanager
def shown_progress(title: str) -> Iterator[Progress]:
    """A bar on a terminal, a line for every tenth step elsewhere; on standard error, which is not for the answer."""
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total, last: bar.update(
            task, completed=done, total=total, description=f"{title} {last}".strip()
        )


def _lines(title: str) -> Progress:
    told = -1

    def tell(done: int, total: int, last: str) -> None:
        nonlocal told
        if done == total or done // 10 != told // 10:
            told, before = done, told
            if done != before:
                click.echo(f"{title}: {done} of {total}", err=True)

    return tell
