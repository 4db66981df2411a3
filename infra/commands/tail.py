"""`deskweave tail`: the structured log, one line a step, as it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands._shared import Command, json_option
from infra.commands._stage import region_option
from infra.moments import Moment, moment
from infra.reach import Target

if TYPE_CHECKING:
    from rich.text import Text

    from infra.logs import Line, Wanted

_FUNCTIONS = ("api", "inbox", "effects", "clock", "mail")
_COLOURS = {
    "green": ("stored", "done", "queued", "read", "ran", "handshake", "resumed", "merged", "changed", "handled"),
    "dim": ("repeated", "ignored", "ended", "idle", "asked", "lag"),
    "yellow": ("waits", "paused", "overtaken", "follow-up", "again", "busy", "doubtful", "unreachable", "503"),
    "bold red": ("bug", "failed", "unknown", "unparsed", "complained", "lost", "credentials", "refused"),
    "red": ("400", "401", "404", "413", "429", "500"),
}
_STYLES = {outcome: style for style, outcomes in _COLOURS.items() for outcome in outcomes}


@click.command(cls=Command)
@click.option("--stage", metavar="NAME", help="The deployed stage; without it the local run in this directory.")
@click.option("--function", type=click.Choice(_FUNCTIONS), default=None, help="Only what this function wrote.")
@click.option("--connection", metavar="ID", default="", help="Only lines about this connection.")
@click.option("--conversation", metavar="ID", default="", help="Only lines about this conversation and its lanes.")
@click.option("--outcome", metavar="WORD", default="", help="Only lines with this outcome: stored, failed, bug, ...")
@click.option("--since", metavar="TIME", callback=moment, default="10m", show_default=True, help="Begin there.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Go on with what is written from now on.")
@region_option
@json_option
def tail(
    stage: str | None,
    function: str | None,
    connection: str,
    conversation: str,
    outcome: str,
    since: Moment,
    follow: bool,
    region: str | None,
    file: str | None,
) -> None:
    """Show the log: one line a step, with ids and outcomes, never with anybody's words. Ctrl-C ends it.

    Of a deployed stage it reads CloudWatch Logs, a few seconds behind; of `deskweave serve` the file that it keeps in
    .deskweave. With --json each line is a JSON object.

    \b
    Examples:
      deskweave tail
      deskweave tail --outcome bug --since 1d --no-follow
      deskweave tail --stage prod --function effects --connection 0123456789abcdefgh
    """
    from chalicelib import bootstrap
    from infra.commands.serve import stopped_by_ctrl_c
    from infra.logs import NoLogs, Wanted

    target = click.get_current_context().find_object(Target)
    stage = stage or (target.stage if target else None)
    try:
        wanted = Wanted(since.at(bootstrap.deps().now()), function or "", connection, conversation, outcome)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    with stopped_by_ctrl_c(), _given(file) as give:
        try:
            for line in _lines(stage, region, wanted, follow=follow):
                give(line)
        except NoLogs as error:
            raise click.ClickException(str(error)) from error


def _lines(stage: str | None, region: str | None, wanted: Wanted, *, follow: bool) -> Iterator[Line]:
    from infra import logs

    if not stage or stage == "local":
        return logs.local(Path.cwd(), wanted, follow=follow, alive=_alive, wait=logs.pause())
    from infra.commands._stage import reach
    from infra.stack import names

    try:
        names.check_stage(stage)
    except names.BadStage as error:
        raise click.ClickException(str(error)) from error
    return logs.cloud(stage, reach(stage, region), wanted, follow=follow)


def _alive() -> bool:
    from infra.local import discover

    return discover.running()


@contextmanager
def _given(file: str | None) -> Iterator[Callable[[Line], None]]:
    """What is done with a line: shown to a person, or written as JSON."""
    if file is None:
        from infra.show import console

        out = console()
        yield lambda line: out.print(_told(line), soft_wrap=True)
        return
    if file == "-":
        yield lambda line: click.echo(_json(line))
        return
    try:
        with Path(file).open("w", encoding="utf-8") as stream:
            yield lambda line: print(_json(line), file=stream, flush=True)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error


def _json(line: Line) -> str:
    return json.dumps({"at": line.at, "function": line.function, **line.data}, separators=(",", ":"))


def _told(line: Line) -> Text:
    from rich.text import Text

    from infra import logs
    from infra.show import safe

    step, outcome, more, took = logs.shown(line)
    at = datetime.fromtimestamp(line.at / 1000, UTC).strftime("%m-%d %H:%M:%S.%f")[:-3]
    told = Text.assemble((at, "dim"), f"  {line.function or '-':7}  {safe(step):10} ")
    told.append(f"{safe(outcome):9}", _STYLES.get(outcome, ""))
    for name, value in more:
        told.append(f" {safe(name)} ", "dim")
        told.append(safe(value))
    return told.append(f"  {took}", "dim") if took else told
