"""`deskweave conversations`, `show`, `status` and `release`: what was said, and how each matter stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chalicelib.core.model import Status
from infra.commands._shared import Answer, Command, on_store

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# What our side may make of a conversation: it is new only once, and only a CRM closes a ticket for good.
_SETTABLE = (Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.SOLVED)


@click.command(cls=Command)
@click.option(
    "--status",
    type=click.Choice([*(status.value for status in Status), "held", "all"]),
    default="all",
    show_default=True,
    help="Only those of this status; held: spam and the like, of which no ticket is made.",
)
@click.option("--limit", type=click.IntRange(1, 1000), default=25, show_default=True, help="How many at most.")
@on_store
def conversations(deps: Deps, answer: Answer, status: str, limit: int) -> None:
    """List conversations, the newest first.

    \b
    Examples:
      deskweave conversations
      deskweave conversations --status open --limit 100
      deskweave conversations --stage prod --json open.json
    """
    from chalicelib.services import read
    from infra import show as screen

    found = read.conversations(deps, status="" if status == "all" else status, limit=limit)
    answer.give(found, lambda out: screen.conversations(out, found))


@click.command(cls=Command)
@click.argument("conversation", metavar="ID")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Newest messages to show.")
@on_store
def show(deps: Deps, answer: Answer, conversation: str, limit: int) -> None:
    """Show a conversation: who wrote what, where and when, and whether it was delivered.

    ID is a conversation's id, or a ticket as PROVIDER:NUMBER.

    \b
    Examples:
      deskweave show c1abcdef2ghjkmnp34
      deskweave show zendesk:123
    """
    from chalicelib.services import read
    from infra import show as screen

    try:
        found = read.conversation(read.find(conversation, deps), deps, limit=limit)
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    answer.give(found, lambda out: screen.conversation(out, found))


@click.command(cls=Command)
@click.argument("conversation", metavar="ID", required=False)
@click.argument("wanted", metavar="STATUS", required=False, type=click.Choice([status.value for status in _SETTABLE]))
@on_store
def status(deps: Deps, answer: Answer, conversation: str | None, wanted: str | None) -> None:
    """Show how Deskweave stands; or change a conversation's status, here and in every CRM.

    With --stage it looks at the stack, functions, queues and alarms, too, and fails where something is wrong.
    STATUS is open, pending, on_hold or solved. ID is as for `deskweave show`.

    \b
    Examples:
      deskweave status --stage prod
      deskweave status c1abcdef2ghjkmnp34 solved
      deskweave status zendesk:123 open
    """
    from chalicelib.services import read
    from infra.commands import _overview

    if conversation is None:
        return _overview.give(deps, answer)
    if wanted is None:
        raise click.UsageError("Missing argument 'STATUS': open, pending, on_hold or solved.")
    try:
        found = read.conversation(read.find(conversation, deps), deps, limit=1).summary
    except read.Unknown as error:
        raise click.ClickException(str(error)) from error
    if found.status == Status.CLOSED:
        raise click.ClickException("it is closed for good; the customer's next message opens a new conversation")
    asked = found.status != wanted
    if asked:
        change = {"status": wanted}
        body = {"v": 1, "kind": "state", "conversation": found.id, "change": change, "by": "admin"}
        deps.inbox.send(f"state {found.id}", body)
    told = f"asked: {found.status} -> {wanted}" if asked else f"it is {wanted} already"
    data = {"conversation": found.id, "was": found.status, "status": wanted, "asked": asked}
    answer.give(data, lambda out: out.print(f"{found.id}: {told}", markup=False))
    return None


@click.command(cls=Command)
@click.argument("conversation", metavar="ID")
@on_store
def release(deps: Deps, answer: Answer, conversation: str) -> None:
    """Make a ticket of a conversation that was held: spam that was none, an automatic message that matters.

    `deskweave conversations --status held` lists them. Files of a mail with a virus stay uncopied.

    \b
    Example:
      deskweave release c1abcdef2ghjkmnp34
    """
    from chalicelib.services import held, read

    try:
        messages = held.release(read.find(conversation, deps), deps)
    except LookupError as error:
        raise click.ClickException(str(error)) from error
    told = f"{conversation}: released, with {messages} message{'s' if messages != 1 else ''}"
    answer.give({"conversation": conversation, "messages": messages}, lambda out: out.print(told, markup=False))
