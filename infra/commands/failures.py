"""`deskweave failures`: what a person has to see, to try again, or to go on without."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Group, on_store

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_ALL = 10_000


@click.group(cls=Group, invoke_without_command=True)
@click.option("--connection", metavar="ID", default="", help="Only those of this connection.")
@click.option("--limit", type=click.IntRange(1, _ALL), default=100, show_default=True, help="How many at most.")
@on_store
def failures(deps: Deps, answer: Answer, connection: str, limit: int) -> None:
    """List what a person has to see, the oldest first.

    \b
    Examples:
      deskweave failures
      deskweave failures show ID
      deskweave failures retry --all --connection 0123456789abcdefgh
      deskweave failures skip ID
    """
    from chalicelib.services import read_admin
    from infra import show

    found = read_admin.failures(deps, connection=connection, limit=limit)
    answer.give(found, lambda out: show.failures(out, found))


@failures.subcommand("show")
@click.argument("failure", metavar="ID")
@click.option("--raw", metavar="FILE", help="Also write the raw delivery to FILE, for `deskweave parse`.")
@on_store
def show_one(deps: Deps, answer: Answer, failure: str, raw: str | None) -> None:
    """Show a failure with what is kept of it. What customers wrote is shown here, and only here.

    \b
    Examples:
      deskweave failures show ID
      deskweave failures show ID --raw delivery.json
    """
    from chalicelib.services import read, read_admin
    from infra import show

    try:
        found = read_admin.failure(failure, deps)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    if raw is not None:
        if found.raw is None:
            raise click.ClickException(f"no raw delivery is kept with {failure}")
        _save(Path(raw), found.raw)
    data = dataclasses.asdict(found.failure) | {"body": found.body, "raw": found.raw, "texts": found.texts}
    answer.give(data, lambda out: show.failure(out, found))


@failures.subcommand("retry")
@click.argument("ids", metavar="ID...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that are open.")
@click.option("--connection", metavar="ID", default="", help="With --all: only those of this connection.")
@on_store
def retry(deps: Deps, answer: Answer, ids: tuple[str, ...], every: bool, connection: str) -> None:
    """Try again, once the cause is mended.

    A call whose outcome is not known is looked up at the provider before it is repeated.

    \b
    Examples:
      deskweave failures retry ID ID
      deskweave failures retry --all --connection 0123456789abcdefgh
    """
    from chalicelib.services import failures as service

    _act(_wanted(ids, every, connection, deps), service.retry, deps, answer)


@failures.subcommand("skip")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def skip(deps: Deps, answer: Answer, ids: tuple[str, ...], yes: bool) -> None:
    """Go on without what failed: it is not carried out, and stays kept.

    \b
    Examples:
      deskweave failures skip ID
      deskweave failures skip ID ID --yes
    """
    from chalicelib.services import failures as service

    if not yes:
        what = "it" if len(ids) == 1 else f"these {len(ids)}"
        if not click.confirm(f"Go on without {what}? Nothing of it will be carried out", err=True):
            raise click.ClickException("nothing was skipped")
    _act(ids, service.skip, deps, answer)


def _wanted(ids: Sequence[str], every: bool, connection: str, deps: Deps) -> Sequence[str]:
    from chalicelib.services import read_admin

    if every is bool(ids) or (connection and not every):
        raise click.UsageError("name the failures to retry, or give --all (--connection goes with --all)")
    return ids or [one.id for one in read_admin.failures(deps, connection=connection, limit=_ALL)]


def _act(ids: Sequence[str], act: Callable[[str, Deps], str], deps: Deps, answer: Answer) -> None:
    """Do it to each; one that is not there does not keep the others from it, but the command fails."""
    from chalicelib.aws.errors import ConditionFailed
    from chalicelib.services.read import Unknown

    done: list[dict[str, Any]] = []
    for failure in ids:
        try:
            _known(failure, deps)
            done.append({"id": failure, "ok": True, "told": act(failure, deps)})
        except Unknown as error:
            done.append({"id": failure, "ok": False, "told": str(error)})
        except ConditionFailed:
            done.append({"id": failure, "ok": False, "told": "somebody else was quicker; look at the list again"})
    answer.give(done, lambda out: _told(done))
    if not all(one["ok"] for one in done):
        click.get_current_context().exit(1)


def _known(failure: str, deps: Deps) -> None:
    from chalicelib.services import read, read_admin

    if how := read_admin.failure(failure, deps).failure.how:
        raise read.Unknown(f"it is not open any more: {how}")


def _told(done: Sequence[dict[str, Any]]) -> None:
    if not done:
        click.echo("No open failures.")
    for one in done:
        click.echo(f"{one['id']}: {one['told']}", err=not one["ok"])


def _save(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error
