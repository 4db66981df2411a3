"""`deskweave routing`: the rules that choose a new conversation's team and priority."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Group, on_store, read_json

if TYPE_CHECKING:
    from rich.console import Console

    from chalicelib.bootstrap import Deps
    from chalicelib.core.model import Rule


@click.group(cls=Group)
def routing() -> None:
    """Show, change and try the routing rules.

    The first rule that matches decides; where none does, the team is Support and the priority normal.
    """


@routing.subcommand("show")
@on_store
def show_rules(deps: Deps, answer: Answer) -> None:
    """Show the rules in their order. With --json, in the form that `set` takes.

    \b
    Examples:
      deskweave routing show
      deskweave routing show --json rules.json
    """
    from chalicelib.core.routing import write_rules
    from chalicelib.services.settings import rules

    current = rules(deps)
    answer.give(write_rules(current), lambda out: _table(out, current))


@routing.subcommand("set")
@click.argument("rules", metavar="FILE")
@on_store
def set_rules(deps: Deps, answer: Answer, rules: str) -> None:
    """Replace the rules by those in FILE, "-" for standard input. Those before are kept: `routing undo`.

    \b
    A rule needs a team; channel, words, tag and priority may be left out:
      [{"team": "Billing", "words": ["invoice", "refund"], "priority": "high"},
       {"team": "Partners", "channel": "slack", "tag": "partner"}]
    \b
    Examples:
      deskweave routing set rules.json
      deskweave routing show --json | deskweave routing set -
    """
    from chalicelib.core.routing import BadRule, write_rules
    from chalicelib.services import routing_rules

    try:
        read = routing_rules.replace(read_json(rules), deps)
    except BadRule as error:
        raise click.ClickException(f"{error}. Nothing was changed.") from error
    _warn_of_unknown_channels(read)
    answer.give(write_rules(read), lambda out: _changed(out, read))


@routing.subcommand("undo")
@on_store
def undo(deps: Deps, answer: Answer) -> None:
    """Go back to the rules before the last change. Twice brings back what was undone.

    \b
    Example:
      deskweave routing undo
    """
    from chalicelib.core.routing import write_rules
    from chalicelib.services import routing_rules

    try:
        read = routing_rules.undo(deps)
    except routing_rules.NothingBefore as error:
        raise click.ClickException(str(error)) from error
    answer.give(write_rules(read), lambda out: _changed(out, read))


@routing.subcommand("test")
@click.option("--channel", required=True, help="The channel that the customer writes on, for instance slack.")
@click.option("--text", required=True, help="What the customer writes.")
@click.option("--tag", "tags", multiple=True, help="A tag that the customer has; may be given again.")
@click.option("--rules", metavar="FILE", help="Try the rules in FILE rather than those that are set.")
@on_store
def test(deps: Deps, answer: Answer, channel: str, text: str, tags: tuple[str, ...], rules: str | None) -> None:
    """Say where a message would go, and which rule says so. Nothing is changed.

    \b
    Examples:
      deskweave routing test --channel slack --text "my invoice is wrong"
      deskweave routing test --channel slack --text hello --tag vip --rules new-rules.json
    """
    from chalicelib.core.routing import BadRule, read_rules, route, write_rules
    from chalicelib.services import settings

    _check_channel(channel)
    try:
        tried = read_rules(read_json(rules)) if rules is not None else settings.rules(deps)
    except BadRule as error:
        raise click.ClickException(str(error)) from error
    routed = route(tried, channel=channel, text=text, tags=tags)
    rule = write_rules(tried[routed.rule - 1 : routed.rule])[0] if routed.rule else None
    why = f"rule {routed.rule}, {json.dumps(rule)}" if rule else "no rule matches"
    data = {"team": routed.team, "priority": routed.priority.value, "rule": routed.rule, "matched": rule}
    answer.give(data, lambda out: out.print(f"{routed.team}, {routed.priority.value}: {why}", markup=False))


def _changed(out: Console, rules: Sequence[Rule]) -> None:
    from chalicelib.services import routing_rules

    _table(out, rules)
    kept = f"{routing_rules.PARTITION}/{routing_rules.PREVIOUS}"
    click.echo(f"In force for new conversations within a minute. The rules before are kept in the table, item {kept}:")
    click.echo("`deskweave routing undo` brings them back.")


def _table(out: Console, rules: Sequence[Rule]) -> None:
    from infra import show

    rows: list[list[Any]] = [
        [number, rule.channel or "any", ", ".join(rule.words) or "any", rule.tag or "any", rule.team, rule.priority]
        for number, rule in enumerate(rules, 1)
    ]
    rows = [[*row[:-1], row[-1].value if row[-1] else "normal"] for row in rows]
    none = "No rules: every conversation goes to Support with priority normal."
    show.table(out, ("", "channel", "words", "tag", "team", "priority"), rows, empty=none)


def _warn_of_unknown_channels(rules: Sequence[Rule]) -> None:
    known = _channels()
    for number, rule in enumerate(rules, 1):
        if rule.channel and rule.channel not in known:
            channels = ", ".join(known)
            told = f"Warning: rule {number} never matches: no channel is called {rule.channel!r}; there are: {channels}"
            click.echo(told, err=True)


def _check_channel(channel: str) -> None:
    known = _channels()
    if channel not in known:
        raise click.UsageError(f"no channel is called {channel!r}; there are: {', '.join(known)}")


def _channels() -> list[str]:
    from connectors import registry

    return [name for name in registry.names() if registry.connector(name).kind == "channel"]
