"""The pages of the documentation that are made from code: the connectors, and the `deskweave` commands."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator

import click

from connectors import registry
from connectors.base import Connector

_MADE = "<!-- Made from the code by `deskweave docs`; changes by hand are lost. -->\n"

_COMMON = """Every command that looks at conversations, connections or settings takes `--stage NAME` for a deployed
stage; without it, it looks at the `deskweave serve` that runs in this directory. `--json [FILE]` writes the same as
JSON to FILE, or to standard output where FILE is `-` or left out; write it last on the line. Times are in ms."""
_EVERYWHERE = ("--stage", "--json", "--help")

_SETTLED = {
    "key": "repeated under the same key, which the provider knows",
    "lookup": "looked up by the call's id before it is repeated",
    "echo": "told by the provider's own callback",
    "unknown": "shown to a person, who decides; never repeated by itself",
}


def connectors() -> str:
    """docs/connectors.md: what each connector can do, its settings, and how each doubtful call is settled."""
    kinds = [registry.connector(name) for name in registry.names()]
    parts = ["# Connectors", _MADE.strip()]
    rows = [
        [f"[{kind.title}](#{kind.name})", kind.kind, ", ".join(sorted(kind.capabilities)), f"{kind.settle_seconds} s"]
        for kind in kinds
    ]
    parts.append(_table(["connector", "kind", "can do", "settles within"], rows))
    parts.append(
        "*Settles within*: how long after a doubtful call a lookup that finds nothing means nothing, because the "
        "request may still be under way or the provider's search lags behind."
    )
    return "\n\n".join([*parts, *map(_connector, kinds)]) + "\n"


def _connector(kind: type[Connector]) -> str:
    fields = [
        [f"`{field.key}`", field.label, "yes" if field.required else "no", "yes" if field.secret else "no", field.help]
        for field in kind.fields
    ]
    effects = [[f"`{call}`", means, _SETTLED[means]] for call, means in kind.effects.items()]
    return "\n\n".join(
        [
            f'<a id="{kind.name}"></a>\n## {kind.title}',
            inspect.getdoc(kind) or "",
            f"Webhook: `/webhooks/{kind.name}/CONNECTION`",
            _table(["setting", "", "required", "secret", "where to find it"], fields),
            "A call of which it is not known whether the provider did it is",
            _table(["call", "means", "what happens"], effects),
        ]
    )


def openapi() -> str:
    """docs/openapi.json: the REST API, from its operations."""
    import app  # noqa: F401  the operations are there once the app's blueprints are
    from chalicelib.api import openapi as api

    return json.dumps(api.document(), indent=2) + "\n"


def commands(group: click.Group) -> str:
    """docs/commands.md: every command with its options, from the same texts as `--help`."""
    parts = ["# Commands", _MADE.strip()]
    parts.append(_COMMON)
    for path, command in _commands(group, "deskweave"):
        parts.append(_command(path, command))
    return "\n\n".join(parts) + "\n"


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{path} {name}")


def _command(path: str, command: click.Command) -> str:
    arguments = [one.metavar or (one.name or "").upper() for one in command.params if isinstance(one, click.Argument)]
    usage = " ".join([path, *arguments, *(["COMMAND"] if isinstance(command, click.Group) else [])])
    parts = [f"## `{path}`", f"```\n{usage}\n```", _help(command.help or "")]
    own = [one for one in command.params if isinstance(one, click.Option) and one.opts[0] not in _EVERYWHERE]
    options = [[f"`{_spelled(one)}`", _explained(one)] for one in own]
    if options:
        parts.append(_table(["option", ""], options))
    return "\n\n".join(parts)


def _help(text: str) -> str:
    """A help text as Markdown: what click leaves unwrapped is an example."""
    parts = []
    for paragraph in inspect.cleandoc(text).replace("\b\n", "\n\b").split("\n\n"):
        marked = paragraph.strip("\n")
        if marked.startswith("\b"):
            title, _, rest = marked.lstrip("\b").partition("\n")
            parts.append(f"{title.strip()}\n\n```\n{textwrap.dedent(rest).strip()}\n```")
        else:
            parts.append(" ".join(marked.split()))
    return "\n\n".join(part for part in parts if part)


def _spelled(option: click.Option) -> str:
    spelled = ", ".join(option.opts + option.secondary_opts)
    if option.is_flag:
        return spelled
    if isinstance(option.type, click.Choice):
        return f"{spelled} {'/'.join(map(str, option.type.choices))}"
    return f"{spelled} {option.metavar or option.type.name.split()[0].upper()}"


def _explained(option: click.Option) -> str:
    told = option.help or ""
    if option.required:
        told += " Required."
    if option.show_default and option.default is not None:
        told += f" Default: {option.default}."
    return told


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
