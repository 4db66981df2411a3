"""`deskweave up`: what a stage needs in an AWS account, made or brought up to date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from chalicelib import VERSION
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
    "perhaps replace": "change, and perhaps REPLACE,",
    "remove": "remove",
    "import": "take over, as it stands,",
}
_MANY = 3
_COUNTED = frozenset({"add", "change", "perhaps replace"})
_FILLED = frozenset({"table", "bucket", "queue", "log group"})


@click.command(cls=Command)
@click.option("--bucket", metavar="NAME", help="Another name of the bucket, where the usual one is taken.")
@click.option(
    "--kms-key",
    metavar="ARN",
    help="Encrypt the stage with this key of yours; `aws` goes back to AWS's own keys. It stays as it is without.",
)
@click.option(
    "--architecture",
    type=click.Choice(["x86_64", "arm64"]),
    help="The processors that the functions run on: arm64's time costs a fifth less. It stays as it is without.",
)
@yes_option
@on_stage
def up(
    stage: str,
    cloud: Cloud,
    answer: Answer,
    bucket: str | None,
    kms_key: str | None,
    architecture: str | None,
    yes: bool,
) -> None:
    """Make the AWS side of a stage, or bring it up to date. Says what will change, and asks before it does anything.

    A run that was interrupted, or that AWS refused half way, is taken up by the next one. With --json it asks nothing:
    without --yes it only tells what it would do, and exits with 1 if that is anything.

    \b
    Examples:
      deskweave up --stage prod --region eu-central-1
      deskweave up --stage prod --yes --json
      deskweave up --stage prod --architecture arm64
      deskweave up --stage prod --kms-key arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab
    """
    from infra.stack import plan

    made = plan.make(stage, cloud, bucket, kms_key, architecture)
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
    if made.key_policy:
        click.echo(f"! The policy of {place.key} could not be read. It has to hold these statements:")
        click.echo(json.dumps(made.key_policy, indent=2))
    if made.empty:
        return
    if made.before != VERSION:
        click.echo(f"Version {made.before} -> {VERSION}" if made.before else f"Version {VERSION}")
    click.echo("This will change:")
    for line in lines(made):
        click.echo(f"  {line}")
    if made.functions:
        click.echo("`chalice deploy` will then change:")
    for line in made.functions:
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
    if made.secrets:
        told.append(f"encrypt secrets in SSM with {made.place.key or 'AWS own key'}: {len(made.secrets)}")
    for one in made.files:
        told.append(f"{one.told} .chalice/{one.path.name}")
        told += [f"  {line}" for line in made.within[one.path.name]]
    return told


def _stack_lines(changes: list[Change]) -> list[str]:
    """Many of one kind are one line; what is replaced or removed is always named."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for one in changes:
        groups.setdefault((one.action, one.kind, one.properties), []).append(one.name)
    told = []
    for (action, kind, changed), named in groups.items():
        properties = f": {', '.join(changed)}" if changed else ""
        if len(named) > _MANY and action in _COUNTED:
            told.append(f"{_DONE[action]} {len(named)} {_plural(kind)}{properties}")
            continue
        lost = " (what is in it is lost)" if action == "replace" and kind in _FILLED else ""
        told += [f"{_DONE[action]} the {kind} {name}{properties}{lost}" for name in named]
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
        "files": [
            {"file": f".chalice/{one.path.name}", "does": one.told, "changes": made.within[one.path.name]}
            for one in made.files
        ],
        "version": VERSION,
        "version_before": made.before,
        "functions": made.functions,
        "key": made.key,
        "kms_key": made.place.key,
        "kms_key_policy": made.key_policy,
        "secrets_encrypted": made.secrets,
        "mappings_removed": made.left,
        "warnings": made.warnings,
        "empty": made.empty,
        "done": done,
    }
