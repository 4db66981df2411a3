"""`deskweave up`: what a stage needs in an AWS account, made or brought up to date."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Command
from infra.commands._stage import on_stage, shown_progress, yes_option

if TYPE_CHECKING:
    from rich.console import Console

    from infra.stack.cloud import Change, Cloud
    from infra.stack.plan import Plan

_DONE = {
    "add": "make",
    "change": "change",
    "replace": "REPLACE",
    "remove": "remove",
    "import": "take over, as it stands,",
}
_MANY = 3


@click.command(cls=Command)
@click.option("--bucket", metavar="NAME", help="Another name of the bucket, where the usual one is taken.")
@yes_option
@on_stage
def up(stage: str, cloud: Cloud, answer: Answer, bucket: str | None, yes: bool) -> None:
    """Make the AWS side of a stage, or bring it up to date. Says what will change, and asks before it does anything.

    A run that was interrupted, or that AWS refused half way, is taken up by the next one. With --json it asks nothing:
    without --yes it only tells what it would do, and exits with 1 if that is anything.

    \b
    Examples:
      deskweave up --stage prod --region eu-central-1
      deskweave up --stage prod --yes --json
    """
    from infra.stack import plan

    made = plan.make(stage, cloud, bucket)
    as_json = answer.file is not None
    if not as_json:
        tell(made)
    wanted = not made.empty and (yes or (not as_json and _agreed()))
    if wanted:
        with shown_progress(f"Stage {stage}") as progress:
            plan.carry_out(made, cloud, progress)
    else:
        plan.drop(made, cloud)
    answer.give(_data(made, done=wanted), lambda out: _ended(out, made, done=wanted))
    if not made.empty and not wanted:
        click.get_current_context().exit(1)


def _agreed() -> bool:
    """Whether a person says yes; Ctrl-C and the end of the input are a no."""
    try:
        return click.confirm("Go on?")
    except click.Abort:
        click.echo()
        return False


def tell(made: Plan) -> None:
    """What will change, in plain words, on standard output."""
    place = made.place
    click.echo(f"Stage {place.stage} in account {place.account}, region {place.region}")
    for warning in made.warnings:
        click.echo(f"! {warning}")
    if made.empty:
        return
    click.echo("This will change:")
    for line in lines(made):
        click.echo(f"  {line}")


def lines(made: Plan) -> list[str]:
    """Each change as a line."""
    told = []
    if made.half_made:
        told.append(f"remove the remains of a run that did not come to its end. {made.half_made}")
    told += _stack_lines(made.changes or [])
    told += [f"remove the mapping of {one.queue}, left by an unfinished chalice deploy" for one in made.left]
    if made.key:
        told.append("make the key that signs links to files (in SSM, encrypted)")
    told += [f"{one.told} .chalice/{one.path.name}" for one in made.files]
    return told


def _stack_lines(changes: list[Change]) -> list[str]:
    """Many of one kind are one line; what is replaced or removed is always named."""
    counted = Counter((one.action, one.kind) for one in changes)
    told = []
    for (action, kind), many in counted.items():
        named = [one for one in changes if (one.action, one.kind) == (action, kind)]
        if action == "add" and many > _MANY:
            told.append(f"{_DONE[action]} {many} {_plural(kind)}")
            continue
        for one in named:
            properties = f": {', '.join(one.properties)}" if one.properties else ""
            lost = " (what is in it is lost)" if action == "replace" else ""
            told.append(f"{_DONE[action]} the {kind} {one.name}{properties}{lost}")
    return told


def _plural(kind: str) -> str:
    return kind.replace("policy", "policies", 1) if "policy" in kind else f"{kind}s"


def _ended(out: Console, made: Plan, *, done: bool) -> None:
    stage, region = made.place.stage, made.place.region
    if made.empty:
        told = f"Nothing to change: the stage {stage} is as it should be."
    elif not done:
        told = "Nothing was changed."
    else:
        told = f"The stage {stage} is up. Next:\n  AWS_DEFAULT_REGION={region} chalice deploy --stage {stage}\n"
        told += f"  deskweave finish --stage {stage}"
    out.print(told, markup=False, soft_wrap=True)


def _data(made: Plan, *, done: bool) -> dict[str, Any]:
    place = made.place
    return {
        "stage": place.stage,
        "account": place.account,
        "region": place.region,
        "bucket": place.bucket,
        "half_made": made.half_made,
        "changes": [] if made.changes is None else made.changes,
        "files": [{"file": f".chalice/{one.path.name}", "does": one.told} for one in made.files],
        "key": made.key,
        "mappings_removed": made.left,
        "warnings": made.warnings,
        "empty": made.empty,
        "done": done,
    }
