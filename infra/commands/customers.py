"""`deskweave customers`: who writes, under which addresses, and the tags that routing rules may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.commands._shared import Answer, Group, on_store

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


@click.group(cls=Group)
def customers() -> None:
    """Look at a customer, and tag them."""


@customers.subcommand("show")
@click.argument("customer", metavar="ID")
@on_store
def show_one(deps: Deps, answer: Answer, customer: str) -> None:
    """Show a customer's profile. `deskweave show` names a conversation's customer.

    \b
    Example:
      deskweave customers show p1abcdef2ghjkmnp34
    """
    from chalicelib.services import read, read_admin
    from infra import show

    try:
        found = read_admin.customer(customer, deps)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    answer.give(found, lambda out: show.customer(out, found))


@customers.subcommand("tag")
@click.argument("customer", metavar="ID")
@click.argument("name", metavar="TAG")
@click.option("--remove", is_flag=True, help="Take the tag away.")
@on_store
def tag(deps: Deps, answer: Answer, customer: str, name: str, remove: bool) -> None:
    """Give a customer a tag. Rules look at it when the customer's next conversation is opened.

    \b
    Examples:
      deskweave customers tag p1abcdef2ghjkmnp34 vip
      deskweave customers tag p1abcdef2ghjkmnp34 vip --remove
    """
    from chalicelib.services import customers as service
    from chalicelib.services import read

    if not name.strip():
        raise click.UsageError("a tag is a word or two, for instance: vip")
    try:
        tags = service.tag(customer, name.strip(), deps, remove=remove)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    told = f"{customer}: {', '.join(tags) or 'no tags'}"
    answer.give({"id": customer, "tags": tags}, lambda out: out.print(told, markup=False))
