"""The settings that an admin gives to `deskweave connect`: options, the environment, JSON, and answers to questions."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from connectors.base import Connector, Field

# What an OAuth consent needs of an app, by the names that RFC 6749 gives them.
CLIENT = ("client_id", "client_secret")


def from_options(kind: type[Connector], pairs: Sequence[str]) -> dict[str, str]:
    """`--set key=value` and `--set key=@FILE`. Raises `click.UsageError` for what has no such form."""
    fields = {field.key: field for field in kind.fields}
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--set takes KEY=VALUE; the keys of {kind.name} are {', '.join(fields)}")
        found[key] = _read(Path(value[1:])) if value.startswith("@") else value
        if key in fields and fields[key].secret and value and not value.startswith("@"):
            told = f"{key} is a secret: on the command line your shell's history and other users may see it; "
            click.echo(f"warning: {told}use --set {key}=@FILE, or {variable(kind, key)}", err=True)
    return found


def from_environment(kind: type[Connector]) -> dict[str, str]:
    """The settings that variables such as DESKWEAVE_SLACK_BOT_TOKEN hold."""
    named = {field.key: os.environ.get(variable(kind, field.key), "") for field in kind.fields}
    return {key: value for key, value in named.items() if value}


def variable(kind: type[Connector], key: str) -> str:
    return f"DESKWEAVE_{kind.name}_{key}".upper()


def from_json(path: str) -> dict[str, str]:
    """A JSON object of texts, "-" for standard input. Raises `click.ClickException`; nothing of it is repeated."""
    try:
        with click.open_file(path, encoding="utf-8") as stream:
            text = stream.read()
        found: Any = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise click.ClickException("the settings are not JSON") from None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise click.ClickException('the settings must be a JSON object of texts, such as {"subdomain": "acme"}')
    return found


def missing(kind: type[Connector], given: Mapping[str, str]) -> list[Field]:
    """The required fields that have neither value nor default."""
    return [field for field in kind.fields if field.required and not field.default and not given.get(field.key)]


def at_a_terminal() -> bool:
    return sys.stdin.isatty()


def asked(kind: type[Connector], given: Mapping[str, str]) -> dict[str, str]:
    """The settings with what was missing, asked for one by one. Secret ones are not shown as they are typed."""
    found = dict(given)
    for field in missing(kind, found):
        found[field.key] = _ask(field)
    for field in kind.fields:
        if field.key in kind.consented and not found.get(field.key) and not all(found.get(key) for key in CLIENT):
            found[field.key] = _ask(field, optional="leave it empty for the provider's consent page")
    if not consent_wanted(kind, found):
        return found
    for field in kind.fields:
        if field.key in CLIENT and not found.get(field.key):
            found[field.key] = _ask(field)
    return found


def consent_wanted(kind: type[Connector], given: Mapping[str, str]) -> bool:
    """Whether a field that only the provider's consent gives is not there yet."""
    return any(not given.get(key) for key in kind.consented)


def _ask(field: Field, optional: str = "") -> str:
    example = f" Example: {field.example}" if field.example else ""
    click.echo(f"\n{field.label}: {field.help}{example}", err=True)

    def right(value: str) -> str:
        value = value.strip()
        if value and field.pattern and not re.fullmatch(field.pattern, value):
            raise click.UsageError(f"it does not have the form {field.pattern}")
        return value

    if not optional:
        return str(click.prompt(field.key, hide_input=field.secret, value_proc=right, err=True))
    shown = f"{field.key} ({optional})"
    return str(click.prompt(shown, "", show_default=False, hide_input=field.secret, value_proc=right, err=True))


def new_secret(name: str, given: str | None) -> str:
    """A secret as it was given: VALUE, @FILE, - for standard input, or None to ask for it at the terminal."""
    if given is None:
        if not at_a_terminal():
            raise click.UsageError(f"give the new {name}: --new @FILE, or --new - to read it from standard input")
        return str(click.prompt(f"new {name}", hide_input=True, err=True))
    if given == "-":
        return str(sys.stdin.read().strip())
    if given.startswith("@"):
        return _read(Path(given[1:]))
    told = "on the command line your shell's history and other users may see it; use --new @FILE, or --new -"
    click.echo(f"warning: {name} is a secret: {told}", err=True)
    return given


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise click.ClickException(f"{path} is no text") from None
