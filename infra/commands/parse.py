"""`deskweave parse`: run a connector's parser over saved payloads. The logic is infra/parse.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from infra.commands._shared import Command, json_option, write

_MANY = 20


@click.command(cls=Command)
@click.argument("provider")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@json_option
def parse(provider: str, files: tuple[str, ...], file: str | None) -> None:
    """Say what a connector reads in saved payloads: one JSON line a file, with `file`, `outcome`, `reason`, `event`.

    A FILE is a raw body, a whole Lambda event, a form's fields as JSON, or a mail (.eml). No store is needed.
    The outcome is message, update, ignored, refused or unparsed.

    \b
    Examples:
      deskweave parse slack message.json edit.json
      deskweave parse zendesk saved/*.json --json parsed.jsonl
    """
    from connectors import registry

    if provider not in registry.names():
        known = ", ".join(registry.names())
        raise click.UsageError(f"no connector is called {provider!r}; there are: {known}")
    if file is None or file == "-":
        for line in _lines(provider, files):
            click.echo(line)
        return
    _spare_payloads(Path(file))
    write(Path(file), "".join(line + "\n" for line in _lines(provider, files)))


def _lines(provider: str, files: Sequence[str]) -> Iterator[str]:
    from infra.parse import parse_file

    for path in _with_progress(files):
        try:
            yield json.dumps(parse_file(provider, Path(path)))
        except OSError as error:
            raise click.UsageError(f"{path} cannot be read: {error.strerror}") from error


def _with_progress(files: Sequence[str]) -> Iterator[str]:
    """The files, with a bar on standard error where they are many and a person looks on."""
    if len(files) < _MANY or not sys.stderr.isatty():
        yield from files
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(files, "parsing", console=Console(stderr=True), transient=True)


def _spare_payloads(path: Path) -> None:
    """Refuse to write over a payload: `--json A B` reads as "write to A", where its user meant to parse both."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            first = stream.readline(1_000_000)
    except OSError:
        return
    if first and not _own(first):
        raise click.UsageError(
            f"{path} exists and is no answer of this command, so it is left alone; write --json last"
        )


def _own(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and set(found) == {"file", "outcome", "reason", "event"}
