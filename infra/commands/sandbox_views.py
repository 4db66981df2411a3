"""How `deskweave sandbox` tells what was done, and shows what stands in the stand-ins."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

Json = dict[str, Any]
_SEE = "In a second, see the ticket: deskweave sandbox tickets"


def wrote(out: Console, wrote: Json) -> None:
    _line(out, f"{wrote['as']} wrote in {wrote['name']} (channel {wrote['channel']}), ts {wrote['ts']}")
    _line(out, "In a second, see the ticket: deskweave sandbox tickets")
    direct = f' --as "{wrote["as"]}" --direct' if wrote["name"][0] != "#" else ""
    root = wrote["thread"] or wrote["ts"]
    _line(out, f'Write again:                 deskweave sandbox write "..." --thread {root}{direct}')


def texted(out: Console, wrote: Json) -> None:
    _line(out, f"{wrote['as']} texted from {wrote['from']} to {wrote['to']}")
    _line(out, _SEE)


def mailed(out: Console, wrote: Json, spam: bool) -> None:
    _line(out, f"{wrote['as']} <{wrote['from']}> mailed {wrote['to']}: {wrote['subject']}")
    _line(out, "In a second, see it: deskweave conversations --status held" if spam else _SEE)


def answered(out: Console, said: Json) -> None:
    what = "answered" if said["public"] else "wrote a private note"
    named = f"Case {said['case']}" if "case" in said else f"ticket {said['ticket']}"
    _line(out, f"{said['as']} {what} in {named}, which is {said['status']}")
    shown = f"cases {said['case']}" if "case" in said else f"tickets {said['ticket']}"
    look = "slack, phones or mailboxes" if said["public"] else shown
    _line(out, f"In a second, see it: deskweave sandbox {look}")


def slack(out: Console, channels: list[Json]) -> None:
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


def tickets(out: Console, found: list[Json]) -> None:
    from infra import show

    columns = ("ticket", "subject", "requester", "status", "priority", "group", "comments", "updated")
    rows = [[*(one[name] for name in (*columns[:-1], "updated_at"))] for one in found]
    none = 'No tickets. A message takes a second to become one: deskweave sandbox write "My invoice is wrong"'
    show.table(out, columns, rows, empty=none)


def ticket(out: Console, one: Json) -> None:
    _line(out, f"Ticket {one['ticket']}: {one['subject']}", "bold")
    parts = [f"of {one['requester']}", one["status"], one["priority"] or "no priority", one["group"] or "no group"]
    _line(out, "  ".join(parts))
    _comments(out, one["comments"])
    _line(out, f"What Deskweave made of it: deskweave show zendesk:{one['ticket']}", "dim")


def cases(out: Console, found: list[Json]) -> None:
    from infra import show

    columns = ("case", "subject", "contact", "status", "priority", "owner", "comments", "updated")
    rows = [[*(one[name] for name in (*columns[:-1], "updated_at"))] for one in found]
    none = 'No Cases. A message takes a second to become one: deskweave sandbox mail "My invoice is wrong"'
    show.table(out, columns, rows, empty=none)


def case(out: Console, one: Json) -> None:
    _line(out, f"Case {one['case']}: {one['subject']}", "bold")
    _line(out, "  ".join([f"of {one['contact']}", one["status"], one["priority"], one["owner"]]))
    _comments(out, one["comments"])
    _line(out, f"What Deskweave made of it: deskweave show salesforce:{one['id']}", "dim")


def phones(out: Console, messages: list[Json]) -> None:
    if not messages:
        _line(out, "No phone has got anything yet.")
    for one in messages:
        head = f"{_clock(one['at'])}  {one['to']} {one['name']}".rstrip() + ": "
        _said(out, head, one["text"], one["media"], "")


def mailboxes(out: Console, mails: list[Json]) -> None:
    if not mails:
        _line(out, "No mailbox has got anything yet.")
    for one in mails:
        copies = f", copy to {', '.join(one['cc'])}" if one["cc"] else ""
        _line(out, f"{_clock(one['at'])}  to {', '.join(one['to'])}{copies}: {one['subject']}", "bold")
        _said(out, "    ", one["text"], one["files"], "")


def _comments(out: Console, comments: list[Json]) -> None:
    for each in comments:
        side = "public " if each["public"] else "private"
        head = f"  {each['at'][11:19]}  {side}  {each['author']} ({each['role']}): "
        _said(out, head, each["text"], each["files"], "" if each["public"] else "magenta")


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S")


def faults(out: Console, armed: Json) -> None:
    from infra import show

    columns = ("provider", "kind", "match", "times", "struck", "seconds")
    rows = [["" if one[name] is None else one[name] for name in columns] for one in armed["faults"]]
    if rows or not armed["outages"]:
        show.table(out, columns, rows, empty="No faults: all goes well.")
    for provider, seconds in armed["outages"].items():
        name = {"zendesk": "Zendesk", "salesforce": "Salesforce", "ses": "Amazon SES"}[provider]
        _line(out, f"{name} is out for {seconds} more seconds; `deskweave sandbox faults --clear` ends it.")


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
