"""`deskweave links`: the key that signs the links to files which tickets show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Group, on_store
from infra.durations import Duration

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@click.group(cls=Group)
def links() -> None:
    """Change the key that signs the links to files which tickets show."""


assert isinstance(links, Group)


@links.subcommand("rotate")
@click.option(
    "--grace",
    type=Duration("3650d"),
    default=None,
    help="How long links signed so far still open: 30d. Without it, as long as their messages are kept.",
)
@click.option("--end", is_flag=True, help="No new key: end what was signed with keys before the present one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def rotate(deps: Deps, answer: Answer, grace: int | None, end: bool, yes: bool) -> None:
    """Sign links with a new key. What was signed before still opens until its end. Functions know within five minutes.

    \b
    Examples:
      deskweave links rotate
      deskweave links rotate --grace 90d
      deskweave links rotate --end --yes
    """
    from chalicelib.aws.errors import NotFound
    from chalicelib.services import links as service
    from infra import show

    if end and grace is not None:
        raise click.UsageError("--end takes no --grace: it ends the keys before the present one now")
    final = end or (grace is not None and grace < service.SOON)
    told = "Links in tickets that were signed with an earlier key will open no more. Go on?"
    if final and not yes and not click.confirm(told, err=True):
        raise click.ClickException("nothing was changed")
    try:
        if end:
            ended = service.end_before(deps)
            return answer.give({"ended": ended}, lambda out: click.echo(f"keys that ended: {ended}"))
        ends = service.rotate(grace, deps)
    except NotFound as error:
        raise click.ClickException("this stage has no key yet: `deskweave up` makes it") from error
    except service.TooManyKeys as error:
        raise click.ClickException(str(error)) from error
    until = f"until {show.clock(ends[0])} UTC" if ends[0] else "as long as their messages are kept"
    data = {"rotated": True, "before": [{"until": one} for one in ends]}
    answer.give(data, lambda out: click.echo(f"Links are signed with a new key. Those so far open {until}."))
