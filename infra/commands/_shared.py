"""What the subcommands have in common: the store they look at, `--json`, groups, and mistakes told in plain words."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from enum import Enum
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chalicelib.aws.errors import AwsRefused, AwsUnavailable
from infra.reach import Target

if TYPE_CHECKING:
    from rich.console import Console

    from chalicelib.bootstrap import Deps

Function = TypeVar("Function", bound=Callable[..., Any])

_MENDS = {
    "NoCredentialsError": "No AWS credentials are set: `aws configure`, or set AWS_PROFILE.",
    "NoRegionError": "No AWS region is set: set AWS_REGION, or `aws configure`.",
    "ResourceNotFoundException": "This stage has no table in this account and region. Is --stage right, and is it up?",
    "NonExistentQueue": "This stage has no queues in this account and region. Is --stage right, and is it up?",
    "AccessDenied": "These credentials may not read this stage. Ask for the permissions, or use another AWS_PROFILE.",
    "ExpiredToken": "The AWS credentials have expired: sign in again.",
    "UnrecognizedClient": "AWS does not know these credentials: `aws configure`, or set AWS_PROFILE.",
    "ValidationException": "Is --stage right? A stage's name has letters, digits, - and _ only.",
    "EndpointConnectionError": "Nothing answers there. Is the network up, or is AWS_ENDPOINT_URL set by mistake?",
}
_NO_MEND = "Try again in a moment."

json_option = click.option(
    "--json",
    "file",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    help="Write JSON to FILE, or to standard output without FILE. Write it last on the line.",
)


class Answer:
    """Where a command's result goes: to a person, or as JSON to a file or to standard output."""

    def __init__(self, file: str | None) -> None:
        self.file = file

    def give(self, data: Any, shown: Callable[[Console], None]) -> None:
        """Write `data` (dataclasses, lists, dicts) as JSON where that was asked for, else show it."""
        if self.file is None:
            from infra.show import console

            return shown(console())
        text = json.dumps(data, indent=2, default=_plain)
        if self.file == "-":
            return click.echo(text)
        write(Path(self.file), text + "\n")


class Command(click.Command):
    """A command with `--json`, which tells somebody whose ID it took for the FILE."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            if "--json" not in given[:-1]:
                raise
            taken = given[given.index("--json") + 1]
            hint = f"`--json` took {taken!r} as its FILE; write --json last"
            raise click.UsageError(f"{error.format_message()} ({hint})", ctx) from error


class Group(click.Group):
    """A group whose subcommands are known to it alone: infra/cli.py takes up every command that a module names."""

    command_class = Command

    def subcommand(self, name: str, **options: Any) -> Callable[[Function], Function]:
        """Decorate a function that becomes a subcommand; the function itself stays what it was."""

        def known(function: Function) -> Function:
            self.command(name, **options)(function)
            return function

        return known

    def subgroup(self, name: str, help: str) -> Subgroup:
        """Add a group of further subcommands, known to this group alone as well."""
        group = Group(name=name, help=help)
        self.add_command(group)
        return Subgroup(group)


class Subgroup:
    """A group within a group, as a module may name it: no `click.Command` itself."""

    def __init__(self, group: Group) -> None:
        self.subcommand = group.subcommand


def on_store(function: Function) -> Function:
    """Decorate a command's function: it gets `deps` and `answer`, and the command `--stage` and `--json`.

    A group's function runs only where no subcommand does.

    Its own mistakes it raises as `click.ClickException`; AWS that does not answer is told here.
    """

    def with_store(file: str | None, **given: Any) -> Any:
        context = click.get_current_context()
        if context.invoked_subcommand is not None:
            return None
        (context.find_object(Target) or Target(None)).reach()
        try:
            return function(deps=_deps(), answer=Answer(file), **given)
        except (AwsUnavailable, AwsRefused) as error:
            raise click.ClickException(_told(str(error))) from error

    update_wrapper(with_store, function)
    stage = click.option(
        "--stage",
        metavar="NAME",
        expose_value=False,
        callback=_choose_stage,
        help="The deployed stage to work with, rather than the local run.",
    )
    return stage(json_option(with_store))  # type: ignore[return-value]


def write(path: Path, text: str) -> None:
    """Write a file that the user named. Raises `click.ClickException` where that cannot be done."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


def read_json(path: str) -> Any:
    """The content of a JSON file, "-" for standard input. Raises `click.ClickException`."""
    try:
        with click.open_file(path, encoding="utf-8") as stream:
            return json.load(stream)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{path} is not JSON: {error}") from error


def _deps() -> Deps:
    """This process's dependencies, without the log: standard output is for the answer alone."""
    import os

    from chalicelib import bootstrap

    own = bootstrap.deps()
    return bootstrap.Deps(os.environ.get("DESKWEAVE_STAGE", own.stage), own.now, own.random, sink=lambda line: None)


def _choose_stage(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value:
        context.obj = Target(value)


def _told(error: str) -> str:
    mend = next((mend for code, mend in _MENDS.items() if code in error), _NO_MEND)
    return f"AWS did not do it ({error}). {mend}"


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(f"{type(value).__name__} has no JSON form")
