"""`deskweave connections`: the configured accounts, whether they are right, and whether they work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Group, on_store

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.views import Connection


@click.group(cls=Group)
def connections() -> None:
    """Look at connections, check them, pause and resume them."""


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
    from chalicelib.core.model import Finding
    from connectors.base import ConnectorError
    from infra import show

    known = _known(connection, deps)
    connector = deps.connections.open(connection)
    assert connector is not None
    try:
        findings = connector.check()
    except ConnectorError as error:
        findings = [Finding(f"{known.provider} account", False, str(error), "mend that, then check again")]
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
    from chalicelib.services import lanes
    from chalicelib.services.go_live import go_live
    from infra import show

    _known(connection, deps)
    findings = [] if without_check else go_live(connection, deps)
    if without_check:
        deps.connections.resume(connection)
    paused = not all(finding.ok for finding in findings)
    if not paused and (listed := lanes.resolved(f"connection-{connection}", "resumed", deps)):
        deps.table.transact(listed)
    data = {"id": connection, "paused": paused, "findings": findings}
    answer.give(data, lambda out: show.resumed(out, connection, findings, paused=paused))
    if paused:
        click.get_current_context().exit(1)


def _known(connection: str, deps: Deps) -> Connection:
    from chalicelib.services import read, read_admin

    try:
        known = read_admin.connection(connection, deps)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    if deps.connections.open(connection) is None:
        raise click.ClickException(f"the settings of {connection} are gone; connect the account again")
    return known
