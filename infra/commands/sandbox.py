"""`deskweave sandbox`: play customer and agent in the stand-ins of the `deskweave serve` that runs here."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path
from typing import Any

import click

from infra.commands import sandbox_views
from infra.commands._shared import Answer, Group, json_option

Json = dict[str, Any]
_LARGEST_FILE = 40_000_000
_PROVIDERS = click.Choice(["slack", "sms", "ses", "zendesk", "salesforce"])
_START = "Start it with `deskweave serve` in this directory."


def _number(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A ticket's number, also written as `deskweave show` takes it."""
    if value is None:
        return None
    number = value.removeprefix("zendesk:").removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 16 and int(number)):
        raise click.BadParameter(f"{value!r} is no ticket; write its number, for instance 1 or zendesk:1")
    return int(number)


def _case(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """A Case's number or id, also written as `deskweave show` takes it; "" for none."""
    named = (value or "").removeprefix("salesforce:").removeprefix("case:")
    if value is not None and not (named.isascii() and named.isalnum() and len(named) <= 18):
        raise click.BadParameter(f"{value!r} is no Case; write its number or its id, for instance case:00100001")
    return named


def _ticket_or_case(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    if value.startswith(("case:", "salesforce:")):
        return _case(context, parameter, value)
    return _number(context, parameter, value) or 0


@click.group(cls=Group)
@click.pass_context
def sandbox(context: click.Context) -> None:
    """Play customers and agents in the stand-ins that `deskweave serve` runs: Slack, SMS, mail, Zendesk, Salesforce.

    \b
    Examples:
      deskweave sandbox write "My invoice is wrong"
      deskweave sandbox text "It is the one of May" --file page.png
      deskweave sandbox mail "Here is the contract" --subject Contract
      deskweave sandbox tickets 1
      deskweave sandbox answer 1 "Sorry! A new one is on its way." --status pending
      deskweave sandbox cases
      deskweave sandbox answer case:00100001 "Solved." --status solved
      deskweave sandbox slack
      deskweave sandbox phones
      deskweave sandbox mailboxes
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
    Answer(file).give(wrote, lambda out: sandbox_views.wrote(out, wrote))


@sandbox.subcommand("text")
@click.argument("text", metavar="[TEXT]", default="")
@click.option("--as", "person", metavar="NAME", default="Ada Lovelace", show_default=True, help="Who texts.")
@click.option("--file", "paths", metavar="PATH", multiple=True, help="A picture to go with it; may be given again.")
@json_option
def text(text: str, person: str, paths: tuple[str, ...], file: str | None) -> None:
    """Text our number as a customer. STOP opts out, START in again.

    \b
    Examples:
      deskweave sandbox text "Where is my parcel?"
      deskweave sandbox text "It looks like this" --file label.png
      deskweave sandbox text STOP --as "Alan Turing"
    """
    wrote = _door("text", text=text, person=person, files=[_read(Path(path)) for path in paths])
    Answer(file).give(wrote, lambda out: sandbox_views.texted(out, wrote))


@sandbox.subcommand("mail")
@click.argument("text", metavar="[TEXT]", default="")
@click.option("--as", "person", metavar="NAME", default="Ada Lovelace", show_default=True, help="Who mails.")
@click.option("--subject", metavar="WORDS", default="", help="Default: the text's first line.")
@click.option("--reply", is_flag=True, help="Answer the last mail that they got, as mail programs do: it is quoted.")
@click.option("--cc", metavar="ADDRESS", multiple=True, help="Somebody in copy; may be given again.")
@click.option("--spam", is_flag=True, help="Amazon SES takes it for spam.")
@click.option("--file", "paths", metavar="PATH", multiple=True, help="A file to go with it; may be given again.")
@json_option
def mail(
    text: str,
    person: str,
    subject: str,
    reply: bool,
    cc: tuple[str, ...],
    spam: bool,
    paths: tuple[str, ...],
    file: str | None,
) -> None:
    """Mail our support address as a customer.

    \b
    Examples:
      deskweave sandbox mail "Could you send the contract again?" --subject Contract
      deskweave sandbox mail "Thanks" --reply
      deskweave sandbox mail "Here it is" --file scan.pdf --cc karl@example.com
      deskweave sandbox mail "You have won" --spam --as "Best Prices"
    """
    if reply and subject:
        raise click.UsageError("either --reply or --subject")
    files = [_read(Path(path)) for path in paths]
    more = {"subject": subject, "reply": reply, "cc": list(cc), "spam": spam, "files": files}
    wrote = _door("mail", text=text, person=person, **more)
    Answer(file).give(wrote, lambda out: sandbox_views.mailed(out, wrote, spam))


@sandbox.subcommand("answer")
@click.argument("ticket", callback=_ticket_or_case)
@click.argument("text")
@click.option("--as", "person", metavar="NAME", default="Bob", show_default=True, help="Which agent.")
@click.option("--private", is_flag=True, help="A note that only colleagues may read.")
@click.option("--status", type=click.Choice(["solved", "pending", "open"]), help="Set the ticket's status with it.")
@json_option
def answer(ticket: int | str, text: str, person: str, private: bool, status: str | None, file: str | None) -> None:
    """Comment on a ticket in Zendesk, or on a Case in Salesforce (case:NUMBER), as an agent.

    \b
    Examples:
      deskweave sandbox answer case:00100001 "On its way." --status pending
      deskweave sandbox answer 1 "Sorry! A new one is on its way." --status pending
      deskweave sandbox answer 1 "second time this month" --private
      deskweave sandbox answer 1 "Done." --as "Carol Shaw" --status solved
    """
    said_by = {"text": text, "person": person, "private": private, "status": status or ""}
    said = (
        _door("case_answer", case=ticket, **said_by)
        if isinstance(ticket, str)
        else _door("answer", ticket=ticket, **said_by)
    )
    Answer(file).give(said, lambda out: sandbox_views.answered(out, said))


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
    Answer(file).give(shown["channels"], lambda out: sandbox_views.slack(out, shown["channels"]))


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
        Answer(file).give(shown["tickets"], lambda out: sandbox_views.tickets(out, shown["tickets"]))
    else:
        Answer(file).give(shown, lambda out: sandbox_views.ticket(out, shown))


@sandbox.subcommand("cases")
@click.argument("case", metavar="[CASE]", callback=_case, required=False)
@json_option
def cases(case: str, file: str | None) -> None:
    """List the Cases in Salesforce, or show one with its comments.

    \b
    Examples:
      deskweave sandbox cases
      deskweave sandbox cases 00100001
    """
    shown = _door("cases", case=case)
    if case:
        Answer(file).give(shown, lambda out: sandbox_views.case(out, shown))
    else:
        Answer(file).give(shown["cases"], lambda out: sandbox_views.cases(out, shown["cases"]))


@sandbox.subcommand("phones")
@click.option("--as", "person", metavar="NAME", default="", help="Only this person's.")
@json_option
def phones(person: str, file: str | None) -> None:
    """Show what phones have got from us.

    \b
    Examples:
      deskweave sandbox phones
      deskweave sandbox phones --as "Alan Turing" --json
    """
    shown = _door("phones", person=person)["messages"]
    Answer(file).give(shown, lambda out: sandbox_views.phones(out, shown))


@sandbox.subcommand("mailboxes")
@click.option("--as", "person", metavar="NAME", default="", help="Only this person's.")
@json_option
def mailboxes(person: str, file: str | None) -> None:
    """Show what mailboxes have got from us.

    \b
    Examples:
      deskweave sandbox mailboxes
      deskweave sandbox mailboxes --as "Alan Turing" --json
    """
    shown = _door("mailboxes", person=person)["mails"]
    Answer(file).give(shown, lambda out: sandbox_views.mailboxes(out, shown))


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
    reorder, lost_answer. Of Zendesk, Salesforce or SES as a whole: outage.

    \b
    Examples:
      deskweave sandbox fault zendesk timeout_after --match "POST /api/v2/tickets"
      deskweave sandbox fault slack 429 --match chat.postMessage --times 2 --seconds 20
      deskweave sandbox fault slack duplicate
      deskweave sandbox fault zendesk outage --seconds 90
    """
    seconds = -1 if seconds is None else seconds
    armed = _door("fault", provider=provider, kind=kind, match=match, times=times or 0, seconds=seconds)
    Answer(file).give(armed, lambda out: sandbox_views.faults(out, armed))


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
    Answer(file).give(armed, lambda out: sandbox_views.faults(out, armed))


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
