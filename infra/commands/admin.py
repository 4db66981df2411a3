"""`deskweave admin`: who may use the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Group, on_store
from infra.durations import Duration

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@click.group(cls=Group)
def admin() -> None:
    """Let people and programs use the REST API: admin keys, and the tokens of an OpenID Connect issuer."""


assert isinstance(admin, Group)
key = admin.subgroup("key", "Make, list, rotate and revoke admin keys.")
issuer = admin.subgroup("issuer", "Take the tokens of an OpenID Connect issuer.")


@key.subcommand("new")
@click.option(
    "--role", type=click.Choice(["admin", "viewer"]), default="viewer", show_default=True, help="What it may."
)
@click.option("--name", default="", help="Whose it is, or what for.")
@on_store
def new(deps: Deps, answer: Answer, role: str, name: str) -> None:
    """Make a key, and show it for the only time: just its digest is kept.

    \b
    Example:
      deskweave admin key new --role admin --name "Ops"
    """
    from chalicelib.services import admin_keys

    made, listed = admin_keys.new(admin_keys.AdminRole(role), name, deps)
    data = {"key": made, "id": listed.id, "role": listed.role, "name": name}
    answer.give(data, lambda out: click.echo(f"{made}\nThis {role} key is not shown again. Its id is {listed.id}."))


@key.subcommand("list")
@on_store
def list_all(deps: Deps, answer: Answer) -> None:
    """List the keys; the keys themselves are not kept.

    \b
    Example:
      deskweave admin key list
    """
    from chalicelib.services import admin_keys
    from infra import show

    found = admin_keys.listed(deps)
    rows = [
        [one.id, one.role.value, one.name, show.clock(one.added_at), show.clock(one.until) if one.until else ""]
        for one in found
    ]
    columns = ("id", "role", "name", "since UTC", "until UTC")
    answer.give(found, lambda out: show.table(out, columns, rows, empty="No admin keys."))


@key.subcommand("rotate")
@click.argument("id", metavar="ID")
@click.option(
    "--grace", type=Duration("90d"), default="24h", show_default=True, help="How long the old one works: 30m, 24h, 7d."
)
@on_store
def rotate(deps: Deps, answer: Answer, id: str, grace: int) -> None:
    """Make a key in the place of another, with its role and name. The old one ends by itself when the grace is over.

    \b
    Example:
      deskweave admin key rotate 0123456789ab --grace 24h
    """
    from chalicelib.services import admin_keys, read
    from infra import show

    try:
        made, listed, until = admin_keys.rotate(id, grace, deps)
    except (read.Unknown, admin_keys.Replaced) as error:
        raise click.ClickException(str(error)) from error
    data = {"key": made, "id": listed.id, "role": listed.role, "name": listed.name, "replaces": id, "until": until}
    ends = f"works until {show.clock(until)} UTC" if grace else "no longer works"
    told = f"{made}\nThis {listed.role} key is not shown again. Its id is {listed.id}. {id} {ends}."
    answer.give(data, lambda out: click.echo(told))


@key.subcommand("revoke")
@click.argument("id", metavar="ID")
@on_store
def revoke(deps: Deps, answer: Answer, id: str) -> None:
    """Take a key away, at once.

    \b
    Example:
      deskweave admin key revoke 0123456789ab
    """
    from chalicelib.services import admin_keys, read

    try:
        admin_keys.revoke(id, deps)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    answer.give({"id": id, "revoked": True}, lambda out: click.echo(f"{id}: revoked"))


@issuer.subcommand("set")
@click.option("--issuer", "address", metavar="URL", required=True, help="The issuer's address, as its tokens spell it.")
@click.option("--audience", required=True, help="What its tokens name as their audience.")
@click.option("--claim", default="roles", show_default=True, help="The claim that tells roles; a.b for b within a.")
@click.option("--admin", "admins", multiple=True, help="A value of the claim that makes an admin.")
@click.option("--viewer", "viewers", multiple=True, help="A value of the claim that makes a viewer.")
@on_store
def set_issuer(
    deps: Deps,
    answer: Answer,
    address: str,
    audience: str,
    claim: str,
    admins: tuple[str, ...],
    viewers: tuple[str, ...],
) -> None:
    """Take the tokens of this issuer, and of no other.

    \b
    Example:
      deskweave admin issuer set --issuer https://login.acme.example --audience deskweave --admin support-admins
    """
    from chalicelib.services import admin_issuer

    given = admin_issuer.Issuer(address, audience, claim, admins, viewers)
    try:
        admin_issuer.put(given, deps)
    except admin_issuer.BadIssuer as error:
        raise click.ClickException(str(error)) from error
    answer.give(given, lambda out: click.echo(f"tokens of {address} for {audience} are taken"))


@issuer.subcommand("show")
@on_store
def show_issuer(deps: Deps, answer: Answer) -> None:
    """Show the issuer whose tokens are taken.

    \b
    Example:
      deskweave admin issuer show
    """
    from chalicelib.services import admin_issuer

    found = admin_issuer.get(deps)
    told = "No issuer is set." if found is None else f"{found.issuer} for {found.audience}, roles from {found.claim}"
    answer.give(found, lambda out: click.echo(told))


@issuer.subcommand("remove")
@on_store
def remove_issuer(deps: Deps, answer: Answer) -> None:
    """Take no issuer's tokens any more.

    \b
    Example:
      deskweave admin issuer remove
    """
    from chalicelib.services import admin_issuer

    admin_issuer.remove(deps)
    answer.give({"issuer": None}, lambda out: click.echo("no issuer's tokens are taken any more"))
