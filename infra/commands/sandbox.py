"""`deskweave sandbox`: play customer and agent in the stand-ins of the `deskweave serve` that runs here."""

from __future__ import annotations

import base64
import mimetypes
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.commands._shared import Answer, Group, json_option

if TYPE_CHECKING:
    from rich.console import Console

Json = dict[str, Any]
_LARGEST_FILE = 40_000_000
_PROVIDERS = click.Choice(["slack", "zendesk"])
_START = "Start it with `deskweave serve` in this directory."


def _number(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A ticket's number, also written as `deskweave show` takes it."""
    if value is None:
        return None
    number = value.removeprefix("zendesk:").removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 16 and int(number)):
        raise click.BadParameter(f"{value!r} is no ticket; write its number, for instance 1 or zendesk:1")
    return int(number)


@click.group(cls=Group)
@click.pass_context
def sandbox(context: click.Context) -> None:
    """Play customer and agent in the stand-in Slack and Zendesk that `deskweave serve` runs.

    \b
    Examples:
      deskweave sandbox write "My invoice is wrong"
      deskweave sandbox tickets 1
      deskweave sandbox answer 1 "Sorry! A new one is on its way." --status pending
      deskweave sandbox slack
    """
    if getattr(context.obj, "stage", None):
        raise click.UsageError("a stage on AWS has no sandbox: leave --stage out")


@sandbox.subcommand("write")
@click.argument("text", metavar="[TEXT]", default="")
@click.option("--as", "person", metavar="NAME", default="Ada Lovelace", show_default=True, help="Who writes.")
@click.option("--channel", metavar="NAME", default="", help="Where, made on first use. Default: help.")
@click.option("--thread", metavar="TS", default="", help="Write in the thread of the message with this ts.")
@click.option("--direct", is_flag=True, help="Write to the bot directly instead of in a channel.")
@click.option("--file", "paths", metavar="PATH", multiple=True, help="A file to go with it; may be given again.")
@json_option
def write(
    text: str, person: str, channel: str, thread: str, direct: bool, paths: tuple[str, ...], file: str | None
) -> None:
    """Write in Slack as a customer.

    \b
    Examples:
      deskweave sandbox write "My invoice is wrong"
      deskweave sandbox write "Thanks" --thread 1763720701.123000
      deskweave sandbox write "May I ask something?" --as "Alan Turing" --direct
      deskweave sandbox write "Here it is" --channel billing --file scan.pdf
    """
    if direct and channel:
        raise click.UsageError("either --direct or --channel")
    files = [_read(Path(path)) for path in paths]
    wrote = _door("write", text=text, person=person, channel=channel, thread=thread, direct=direct, files=files)
    Answer(file).give(wrote, lambda out: _wrote(out, wrote))


@sandbox.subcommand("answer")
@click.argument("ticket", callback=_number)
@click.argument("text")
@click.option("--as", "person", metavar="NAME", default="Bob", show_default=True, help="Which agent.")
@click.option("--private", is_flag=True, help="A note that only colleagues may read.")
@click.option("--status", type=click.Choice(["solved", "pending", "open"]), help="Set the ticket's status with it.")
@json_option
def answer(ticket: int, text: str, person: str, private: bool, status: str | None, file: str | None) -> None:
    """Comment on a ticket in Zendesk as an agent.

    \b
    Examples:
      deskweave sandbox answer 1 "Sorry! A new one is on its way." --status pending
      deskweave sandbox answer 1 "second time this month" --private
      deskweave sandbox answer 1 "Done." --as "Carol Shaw" --status solved
    """
    said = _door("answer", ticket=ticket, text=text, person=person, private=private, status=status or "")
    Answer(file).give(said, lambda out: _answered(out, said))


@sandbox.subcommand("slack")
@click.option("--channel", metavar="NAME", default="", help="Only this channel.")
@json_option
def slack(channel: str, file: str | None) -> None:
    """Show what stands in Slack, threads indented. The first column is the ts that `write --thread` takes.

    \b
    Examples:
      deskweave sandbox slack
      deskweave sandbox slack --channel help --json
    """
    shown = _door("slack", channel=channel)
    Answer(file).give(shown["channels"], lambda out: _slack(out, shown["channels"]))


@sandbox.subcommand("tickets")
@click.argument("ticket", metavar="[TICKET]", callback=_number, required=False)
@json_option
def tickets(ticket: int | None, file: str | None) -> None:
    """List the tickets in Zendesk, or show one with its comments.

    \b
    Examples:
      deskweave sandbox tickets
      deskweave sandbox tickets 1
      deskweave sandbox tickets 1 --json
    """
    shown = _door("tickets", ticket=ticket or 0)
    if ticket is None:
        Answer(file).give(shown["tickets"], lambda out: _tickets(out, shown["tickets"]))
    else:
        Answer(file).give(shown, lambda out: _ticket(out, shown))


@sandbox.subcommand("fault")
@click.argument("provider", type=_PROVIDERS)
@click.argument("kind")
@click.option("--match", default="*", show_default=True, help="The call or the webhook's topic that it strikes.")
@click.option("--times", type=click.IntRange(1, 100_000), help="How often it strikes. Default: 1.")
@click.option(
    "--seconds",
    type=click.IntRange(0, 1_000_000),
    help="How long: an outage or a delay (60 where left out), Retry-After of 429 and 503.",
)
@json_option
def fault(provider: str, kind: str, match: str, times: int | None, seconds: int | None, file: str | None) -> None:
    """Make something go wrong at a provider from now on.

    KIND, of a call: 429, 500, 503, expired_token, timeout_before, timeout_after. Of a webhook: drop, duplicate, delay,
    reorder, lost_answer. Of Zendesk as a whole: outage.

    \b
    Examples:
      deskweave sandbox fault zendesk timeout_after --match "POST /api/v2/tickets"
      deskweave sandbox fault slack 429 --match chat.postMessage --times 2 --seconds 20
      deskweave sandbox fault slack duplicate
      deskweave sandbox fault zendesk outage --seconds 90
    """
    seconds = -1 if seconds is None else seconds
    armed = _door("fault", provider=provider, kind=kind, match=match, times=times or 0, seconds=seconds)
    Answer(file).give(armed, lambda out: _faults(out, armed))


@sandbox.subcommand("faults")
@click.option("--clear", is_flag=True, help="Take all back first, an outage too.")
@json_option
def faults(clear: bool, file: str | None) -> None:
    """List the faults, and how often each has struck.

    \b
    Examples:
      deskweave sandbox faults
      deskweave sandbox faults --clear
    """
    armed = _door("faults", clear=clear)
    Answer(file).give(armed, lambda out: _faults(out, armed))


def _door(action: str, **arguments: Any) -> Json:
    """Do an action in the running sandbox. Raises `click.ClickException` where none runs, or it refuses."""
    from infra.local.discover import sandbox_door
    from infra.sandbox.control import NotThere, call
    from infra.sandbox.control_views import Refused

    address = sandbox_door()
    if address is None:
        raise click.ClickException(f"No sandbox runs here. {_START}")
    if not address:
        raise click.ClickException(f"What runs here has no sandbox that can be played in. {_START}")
    try:
        return call(address, action, **arguments)
    except NotThere as error:
        raise click.ClickException(f"No sandbox runs here any more ({error}). {_START}") from error
    except Refused as error:
        raise click.ClickException(str(error)) from error


def _read(path: Path) -> Json:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST_FILE:
        raise click.ClickException(f"{path} is too large for the sandbox: at most {_LARGEST_FILE // 1_000_000} MB")
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"name": path.name, "media_type": media_type, "content": base64.b64encode(content).decode()}


def _wrote(out: Console, wrote: Json) -> None:
    _line(out, f"{wrote['as']} wrote in {wrote['name']} (channel {wrote['channel']}), ts {wrote['ts']}")
    _line(out, "In a second, see the ticket: deskweave sandbox tickets")
    direct = f' --as "{wrote["as"]}" --direct' if wrote["name"][0] != "#" else ""
    root = wrote["thread"] or wrote["ts"]
    _line(out, f'Write again:                 deskweave sandbox write "..." --thread {root}{direct}')


def _answered(out: Console, said: Json) -> None:
    what = "answered" if said["public"] else "wrote a private note"
    _line(out, f"{said['as']} {what} in ticket {said['ticket']}, which is {said['status']}")
    look = "deskweave sandbox slack" if said["public"] else f"deskweave sandbox tickets {said['ticket']}"
    _line(out, f"In a second, see it: {look}")


def _slack(out: Console, channels: list[Json]) -> None:
    if not channels:
        _line(out, 'Nothing stands in Slack yet: deskweave sandbox write "My invoice is wrong"')
    for channel in channels:
        _line(out, f"{channel['name']}  (channel {channel['id']})", "bold")
        for message in channel["messages"]:
            _message(out, message, indent=2)
            for reply in message["replies"]:
                _message(out, reply, indent=6)


def _message(out: Console, message: Json, *, indent: int) -> None:
    marks = [mark for mark in ("edited", "deleted") if message[mark]]
    who = f"{message['name']}{' (bot)' if message['bot'] else ''}{', ' if marks else ''}{', '.join(marks)}"
    stamp = datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%H:%M:%S")
    head = f"{' ' * indent}{message['ts']}  {stamp}  "
    _said(out, f"{head}{who}: ", message["text"], message["files"], "cyan" if message["bot"] else "")


def _tickets(out: Console, found: list[Json]) -> None:
    from infra import show

    columns = ("ticket", "subject", "requester", "status", "priority", "group", "comments", "updated")
    rows = [[*(one[name] for name in (*columns[:-1], "updated_at"))] for one in found]
    none = 'No tickets. A message takes a second to become one: deskweave sandbox write "My invoice is wrong"'
    show.table(out, columns, rows, empty=none)


def _ticket(out: Console, one: Json) -> None:
    _line(out, f"Ticket {one['ticket']}: {one['subject']}", "bold")
    parts = [f"of {one['requester']}", one["status"], one["priority"] or "no priority", one["group"] or "no group"]
    _line(out, "  ".join(parts))
    for each in one["comments"]:
        side = "public " if each["public"] else "private"
        head = f"  {each['at'][11:19]}  {side}  {each['author']} ({each['role']}): "
        _said(out, head, each["text"], each["files"], "" if each["public"] else "magenta")
    _line(out, f"What Deskweave made of it: deskweave show zendesk:{one['ticket']}", "dim")


def _faults(out: Console, armed: Json) -> None:
    from infra import show

    columns = ("provider", "kind", "match", "times", "struck", "seconds")
    rows = [["" if one[name] is None else one[name] for name in columns] for one in armed["faults"]]
    left = armed["outage_seconds_left"]
    if rows or not left:
        show.table(out, columns, rows, empty="No faults: all goes well.")
    if left:
        _line(out, f"Zendesk is out for {left} more seconds; `deskweave sandbox faults --clear` ends it.")


def _said(out: Console, head: str, text: str, files: list[str], style: str) -> None:
    """What somebody said after its head, the further lines below the first, files last."""
    from infra.show import safe

    lines = [*safe(text).splitlines(), *(f"[file: {safe(name)}]" for name in files)] or [""]
    for number, line in enumerate(lines):
        _line(out, (head if number == 0 else " " * len(head)) + line, style)


def _line(out: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    from infra.show import safe

    out.print(Text(safe(text), style), soft_wrap=True)
