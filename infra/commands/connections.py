"""`deskweave connections`: the configured accounts, whether they are right, and whether they work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Group, on_store
from infra.durations import Duration

if TYPE_CHECKING:
    from rich.console import Console

    from chalicelib.bootstrap import Deps
    from chalicelib.services.rotation import Rotated
    from chalicelib.services.views import Connection


@click.group(cls=Group)
def connections() -> None:
    """Look at connections, check, change, pause, resume and remove them."""


@connections.subcommand("list")
@on_store
def list_all(deps: Deps, answer: Answer) -> None:
    """List the connections.

    \b
    Example:
      deskweave connections list
    """
    from chalicelib.services import read_admin
    from infra import show

    found = read_admin.connections(deps)
    answer.give(found, lambda out: show.connections(out, found))


@connections.subcommand("show")
@click.argument("connection", metavar="ID")
@on_store
def show_one(deps: Deps, answer: Answer, connection: str) -> None:
    """Show a connection and its settings. Of a secret, only whether it is set.

    \b
    Example:
      deskweave connections show 0123456789abcdefgh
    """
    from infra import show

    found = _known(connection, deps)
    answer.give(found, lambda out: show.connection(out, found))


@connections.subcommand("check")
@click.argument("connection", metavar="ID")
@on_store
def check(deps: Deps, answer: Answer, connection: str) -> None:
    """Look at the account at the provider: what is not right, and how to mend it. Fails if anything is not right.

    \b
    Example:
      deskweave connections check 0123456789abcdefgh
    """
    from chalicelib.services import go_live
    from infra import show

    _known(connection, deps)
    findings = go_live.check(connection, deps)
    answer.give(findings, lambda out: show.findings(out, findings))
    if not all(finding.ok for finding in findings):
        click.get_current_context().exit(1)


@connections.subcommand("pause")
@click.argument("connection", metavar="ID")
@click.option("--reason", default="paused by hand", show_default=True, help="Shown wherever work waits for it.")
@on_store
def pause(deps: Deps, answer: Answer, connection: str, reason: str) -> None:
    """Hold all work towards a provider. What comes in is still taken, and kept.

    \b
    Example:
      deskweave connections pause 0123456789abcdefgh --reason "moving to another workspace"
    """
    _known(connection, deps)
    deps.connections.pause(connection, reason)
    data = {"id": connection, "paused": True, "reason": reason}
    answer.give(data, lambda out: click.echo(f"{connection}: paused. `deskweave connections resume` lets it go on."))


@connections.subcommand("resume")
@click.argument("connection", metavar="ID")
@click.option("--without-check", is_flag=True, help="Resume whatever the check would find.")
@on_store
def resume(deps: Deps, answer: Answer, connection: str, without_check: bool) -> None:
    """Let work go on, once the account's check finds nothing wrong. Else it stays paused, and the command fails.

    \b
    Example:
      deskweave connections resume 0123456789abcdefgh
    """
    from chalicelib.services import go_live
    from infra import show

    _known(connection, deps)
    findings = go_live.resume(connection, deps, without_check=without_check)
    paused = not all(finding.ok for finding in findings)
    data = {"id": connection, "paused": paused, "findings": findings}
    answer.give(data, lambda out: show.resumed(out, connection, findings, paused=paused))
    if paused:
        click.get_current_context().exit(1)


@connections.subcommand("change")
@click.argument("connection", metavar="ID")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="A setting; KEY=@FILE reads it from a file.")
@click.option("--json-in", "source", metavar="FILE", help="Read the settings as a JSON object; - is standard input.")
@on_store
def change(deps: Deps, answer: Answer, connection: str, pairs: tuple[str, ...], source: str | None) -> None:
    """Replace some settings, a rotated secret for instance, once the provider has taken them.

    \b
    Example:
      deskweave connections change 0123456789abcdefgh --set bot_token=@token.txt
    """
    from chalicelib.services import admin_connections, go_live
    from chalicelib.services.connections import BadSettings
    from connectors import registry
    from infra import given as gather
    from infra import show

    kind = registry.connector(_known(connection, deps).provider)
    given = (gather.from_json(source) if source else {}) | gather.from_options(kind, pairs)
    if not given:
        raise click.UsageError("name what to change: --set KEY=VALUE, or --json-in FILE")
    try:
        done = admin_connections.done(go_live.change(connection, given, deps))
    except BadSettings as error:
        raise click.ClickException(str(error)) from error
    answer.give(done, lambda out: show.changed(out, connection, done))
    if not done.id:
        click.get_current_context().exit(1)


@connections.subcommand("rotate")
@click.argument("connection", metavar="ID")
@click.argument("field", metavar="FIELD")
@click.option("--new", metavar="VALUE", help="The new secret; @FILE reads it from a file, - from standard input.")
@click.option(
    "--grace",
    type=Duration("90d"),
    default="24h",
    show_default=True,
    help="How long the old one is accepted: 30m, 24h, 7d; 0m to refuse it at once.",
)
@click.option("--end", is_flag=True, help="End the grace now: from now on only the present secret is accepted.")
@on_store
def rotate(deps: Deps, answer: Answer, connection: str, field: str, new: str | None, grace: int, end: bool) -> None:
    """Put a new secret in the place of one. The old one is accepted until the grace is over, then refused by itself.

    \b
    Examples:
      deskweave connections rotate 0123456789abcdefgh signing_secret --new @new.txt
      deskweave connections rotate 0123456789abcdefgh webhook_secret --grace 7d
      deskweave connections rotate 0123456789abcdefgh signing_secret --end
    """
    from chalicelib.services import rotation
    from chalicelib.services.connections import BadSettings
    from infra import given as gather

    _known(connection, deps)
    if end and new is not None:
        raise click.UsageError("--end takes no --new: it ends the grace of a rotation that was made before")
    try:
        if end:
            rotated = rotation.end(connection, field, deps)
        else:
            rotated = rotation.rotate(connection, field, gather.new_secret(field, new), grace, deps)
    except BadSettings as error:
        raise click.ClickException(str(error)) from error
    answer.give(rotated, lambda out: _rotated(out, rotated))
    if not rotated.done:
        click.get_current_context().exit(1)


@connections.subcommand("register")
@click.argument("connection", metavar="ID")
@on_store
def register(deps: Deps, answer: Answer, connection: str) -> None:
    """Have the provider send its webhooks here, where it has an API for that. Safe to repeat.

    \b
    Example:
      deskweave connections register 0123456789abcdefgh
    """
    from chalicelib.services import go_live
    from infra import show

    known = _known(connection, deps)
    found = go_live.register_webhooks(connection, deps)
    if not found:
        raise click.ClickException(f"{known.provider} has no API for that: its GUIDE.md says where to click")
    answer.give(found, lambda out: show.findings(out, found))
    if not all(finding.ok for finding in found):
        click.get_current_context().exit(1)


@connections.subcommand("test")
@click.argument("connection", metavar="ID")
@click.argument("to", metavar="TO")
@on_store
def test(deps: Deps, answer: Answer, connection: str, to: str) -> None:
    """Send a test message over a channel: TO is a channel, a number or an address of yours.

    \b
    Example:
      deskweave connections test 0123456789abcdefgh C0123456789
    """
    from chalicelib.services import admin_try

    _known(connection, deps)
    try:
        sent = admin_try.send(connection, to, deps)
    except admin_try.NotSendable as error:
        raise click.ClickException(str(error)) from error
    answer.give(sent, lambda out: out.print(f"{sent.outcome}: {sent.key or sent.reason}", markup=False))
    if sent.outcome != "sent":
        click.get_current_context().exit(1)


@connections.subcommand("remove")
@click.argument("connection", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_store
def remove(deps: Deps, answer: Answer, connection: str, yes: bool) -> None:
    """Forget an account: its settings and secrets. What it brought stays, and its webhooks are refused from now on.

    \b
    Example:
      deskweave connections remove 0123456789abcdefgh --yes
    """
    from chalicelib.services import admin_connections, read, read_admin

    try:
        known = read_admin.connection(connection, deps)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    told = f"Forget the settings and secrets of {known.provider} {connection}? Work that waits for it stays undone"
    if not yes and not click.confirm(told, err=True):
        raise click.ClickException("nothing was removed")
    admin_connections.remove(connection, deps)
    answer.give({"id": connection, "removed": True}, lambda out: click.echo(f"{connection}: removed"))


def _rotated(out: Console, one: Rotated) -> None:
    from infra import show

    show.findings(out, one.findings)
    if not one.done:
        return click.echo(f"{one.id}: nothing was changed")
    ends = f"the one before is accepted until {show.clock(one.accepted_until)} UTC" if one.accepted_until else ""
    click.echo(f"{one.id}: the present {one.field} counts; {ends or 'no other is accepted'}")
    if one.used_until:
        until = show.clock(one.used_until)
        click.echo(f"Functions may sign in with the one before until {until} UTC: revoke it at the provider then.")


def _known(connection: str, deps: Deps) -> Connection:
    from chalicelib.services import read, read_admin

    try:
        known = read_admin.connection(connection, deps)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    if deps.connections.open(connection) is None:
        raise click.ClickException(f"the settings of {connection} are gone; connect the account again")
    return known
