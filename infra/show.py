"""How conversations, lanes and failures look in a terminal, with rich: https://rich.readthedocs.io/

What people wrote is never taken as markup, and never reaches the terminal as a control sequence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chalicelib.core.model import Finding
from chalicelib.services.admin_connections import Done
from chalicelib.services.admin_try import Tested
from chalicelib.services.views import (
    Address,
    Carried,
    Change,
    Connection,
    Conversation,
    Customer,
    Failure,
    Kept,
    Lane,
    Line,
    Summary,
)
from infra.inventory import Listed

_PIPED_WIDTH = 200
# Controls of the terminal, and marks that turn the direction of the line around.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_STATUS = {"new": "cyan", "open": "yellow", "pending": "blue", "on_hold": "blue", "solved": "green", "closed": "dim"}
_STATE = {
    "done": "green",
    "failed": "bold red",
    "unknown": "bold red",
    "held": "bold red",
    "waiting": "yellow",
    "paused": "yellow",
    "due": "cyan",
    "calling": "cyan",
    "skipped": "dim",
}
_WHAT = {"send": "reply", "send_file": "file", "comment": "comment", "note": "note", "state": "state"}
_WHAT |= {"relay": "comment", "fetch": "copy of"}
_DONE = {"send": "delivered", "send_file": "delivered"}
_AMENDED = {"edit": "edited", "deletion": "deleted"}


def console() -> Console:
    """The console on standard output; wide where that is no terminal, so that a pipe gets whole lines."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, highlight=False)


def safe(text: object) -> str:
    """A text without anything that would steer the terminal."""
    return _UNSAFE.sub("�", str(text))


def clock(ms: int) -> str:
    """A time (ms) in UTC, "" for none."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if ms else ""


def table(out: Console, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A table; cells are texts or rich's own `Text`. Where there is no row, `empty` says so."""
    drawn = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(" ".join(safe(cell).split())) for cell in row))
    if drawn.row_count:
        out.print(drawn)
    else:
        out.print(Text(empty))


def _print(out: Console, text: Text) -> None:
    """A line as it is: the terminal wraps it, a pipe gets it whole."""
    out.print(text, soft_wrap=True)


def conversations(out: Console, summaries: Sequence[Summary]) -> None:
    columns = ("id", "customer", "channel", "subject", "status", "team", "priority", "tickets", "last message UTC", "")
    table(out, columns, map(_summary_row, summaries), empty="No conversations.")


def _summary_row(one: Summary) -> list[object]:
    tickets = ", ".join(f"{ticket.provider}:{ticket.record}" for ticket in one.tickets) or "-"
    status = Text(one.status, _STATUS.get(one.status, ""))
    last = clock(one.last_message_at)[:16]
    named = [one.id, one.customer_name, one.channel or "removed", one.subject]
    return [*named, status, one.team, one.priority, tickets, last, _marks(one)]


def _marks(one: Summary) -> Text:
    marks = Text()
    if one.held:
        marks.append(f"{one.held} held ", "bold red")
    if one.waiting:
        marks.append(f"{one.waiting} waiting", "yellow")
    return marks


def conversation(out: Console, shown: Conversation) -> None:
    """A conversation as a person reads it: its head, then messages and changes of state in order of time."""
    _head(out, shown)
    if shown.earlier:
        _print(out, Text("  … earlier messages are left out; --limit shows more", "dim"))
    timeline: list[tuple[int, Line | Change]] = [(line.sent_at, line) for line in shown.messages]
    since = shown.messages[0].sent_at if shown.earlier and shown.messages else 0
    timeline += [(change.at, change) for change in shown.changes if change.at >= since]
    for _, one in sorted(timeline, key=lambda pair: pair[0]):
        if isinstance(one, Line):
            _message(out, one)
        else:
            _changed(out, one)
    if shown.besides:
        _print(out, Text("besides messages", "dim"))
    for entry in shown.besides:
        _delivery(out, entry, indent=2)


def _head(out: Console, shown: Conversation) -> None:
    one = shown.summary
    _print(out, Text.assemble((one.id, "bold"), "  ", (safe(one.subject), "bold")))
    parts = [
        f"{one.customer_name} ({one.customer})",
        f"on {one.channel or 'a removed connection'}",
        f"team {one.team}",
        one.priority,
    ]
    _print(out, Text(safe("  ".join(parts))))
    status = Text.assemble("status ", (one.status, _STATUS.get(one.status, "")), " here")
    for ticket in one.tickets:
        agreed = ticket.status or "not agreed yet"
        status.append(safe(f", {agreed} in {ticket.provider or ticket.connection} ticket {ticket.record}"))
    if not one.tickets:
        status.append(", no ticket yet")
    status.append(f"  opened {clock(one.opened_at)} UTC", "dim")
    if shown.follows:
        status.append(f"  goes on from {shown.follows}", "dim")
    _print(out, status)


def _message(out: Console, line: Line) -> None:
    where = f"on {line.provider or line.connection}" if line.role == "customer" else f"in {line.provider}"
    head = Text.assemble("\n", (clock(line.sent_at), "dim"), "  ", (safe(line.author), "bold"))
    head.append(safe(f" ({line.role}) {where}"), "dim")
    if line.kind == "note":
        head.append("  private note", "magenta")
    elif line.kind in _AMENDED:
        head.append(f"  {_AMENDED[line.kind]} an earlier message", "magenta")
    _print(out, head)
    _text(out, line.text, indent=4)
    for name in line.files:
        _print(out, Text(safe(f"    [file: {name}]")))
    if line.conflicts:
        _print(out, Text(f"    ! came {line.conflicts} more times with another text under the same id", "bold red"))
    for entry in line.deliveries:
        _delivery(out, entry, indent=4)
    for amendment in line.amendments:
        _print(out, Text(f"    {clock(amendment.sent_at)}  {_AMENDED.get(amendment.kind, amendment.kind)}", "magenta"))
        _text(out, amendment.text, indent=8)
        for entry in amendment.deliveries:
            _delivery(out, entry, indent=8)


def _text(out: Console, text: str, *, indent: int) -> None:
    for line in safe(text).splitlines():
        _print(out, Text(" " * indent + line))


def _delivery(out: Console, entry: Carried, *, indent: int) -> None:
    state = _DONE.get(entry.what, "done") if entry.state == "done" else entry.state
    told = Text.assemble(" " * indent, "→ ", safe(entry.provider or entry.connection), " ", _WHAT.get(entry.what, "?"))
    if entry.detail:
        told.append(safe(f" {entry.detail.splitlines()[0][:80]}"))
    told.append(": ")
    told.append(safe(entry.progress) or state, _STATE.get(entry.state, ""))
    told.append(f" {clock(entry.at)}" if entry.state == "done" else f" since {clock(entry.at)}", "dim")
    if entry.reason:
        told.append(safe(f": {entry.reason}"))
    if entry.next_try and entry.state in ("waiting", "due"):
        told.append(f"; next try {clock(entry.next_try)}", "dim")
    _print(out, told)


def _changed(out: Console, change: Change) -> None:
    said = ", ".join(f"{name} {was or '-'} → {now}" for name, (was, now) in change.fields.items())
    told = Text.assemble("\n", (clock(change.at), "dim"), "  ", (safe(f"{said} (by {change.by})"), "blue"))
    for overruled in change.overruled:
        told.append(safe(f"; overruled: {overruled}"), "magenta")
    _print(out, told)


def lanes(out: Console, shown: Sequence[Lane]) -> None:
    columns = ("conversation", "target", "entry", "waiting", "since UTC", "state", "why", "next try UTC")
    table(out, columns, map(_lane_row, shown), empty="No lane has unfinished work.")


def _lane_row(lane: Lane) -> list[object]:
    where = f"{lane.provider or 'removed'} {lane.connection}"
    number: object = f"hint: ticket {lane.record}" if lane.record else lane.number
    state = Text(lane.state, _STATE.get(lane.state, ""))
    named = [lane.conversation or "-", where, number, lane.entries, clock(lane.since)]
    return [*named, state, lane.why, clock(lane.next_try)]


def failures(out: Console, shown: Sequence[Failure]) -> None:
    rows = [
        [one.id, clock(one.at), one.kind, f"{one.provider} {one.connection}".strip() or "-", one.conversation or "-",
         one.reason]
        for one in shown
    ]  # fmt: skip
    columns = ("id", "since UTC", "kind", "connection", "conversation", "reason")
    table(out, columns, rows, empty="No open failures.")
    if rows:
        _print(out, Text("`deskweave failures show ID` tells more; `retry ID` tries again, `skip ID` goes on without."))


def failure(out: Console, kept: Kept) -> None:
    """A failure with its raw delivery."""
    one = kept.failure
    status = f"resolved {clock(one.resolved_at)} UTC: {one.how}" if one.how else "open"
    rows = {
        "failure": one.id,
        "kind": one.kind,
        "status": status,
        "since": f"{clock(one.at)} UTC",
        "connection": f"{one.provider} {one.connection}".strip(),
        "conversation": one.conversation,
        "lane": f"{one.lane}, entries {one.first} to {one.last}, {one.state}" if one.lane else "",
        "delivery": one.delivery,
        "reason": one.reason,
        "to mend": one.mend,
    }
    _pairs(out, rows)
    for text in kept.texts:
        _print(out, Text("not carried out:", "dim"))
        _text(out, text, indent=4)
    if kept.raw is not None:
        _print(out, Text("raw delivery:", "dim"))
        _text(out, kept.raw.decode("utf-8", "replace"), indent=4)


def customer(out: Console, shown: Customer) -> None:
    rows = {
        "customer": shown.id,
        "name": shown.name or "not known",
        "e-mail": shown.email or "none that is verified",
        "since": f"{clock(shown.since)} UTC",
        "tags": ", ".join(shown.tags) or "none",
        "addresses": _addresses(shown.identities),
        "contacts": _addresses(shown.contacts) or "none yet",
    }
    _pairs(out, rows)


def connections(out: Console, shown: Sequence[Connection]) -> None:
    columns = ("id", "provider", "kind", "state", "why")
    rows = [[one.id, one.provider, one.kind, _connection_state(one), one.reason] for one in shown]
    table(out, columns, rows, empty="No connections.")


def connection(out: Console, shown: Connection) -> None:
    rows: dict[str, object] = {
        "connection": shown.id,
        "provider": f"{shown.provider} ({shown.kind})",
        "state": _connection_state(shown),
        "why": shown.reason,
        "webhook": shown.webhook,
        "added": f"{clock(shown.added_at)} UTC",
    }
    _pairs(out, rows)
    ends = {one.key: f", until {clock(one.until)} UTC" for one in shown.settings if one.until}
    settings = [(one.key, one.label, (one.value or "not set") + ends.get(one.key, "")) for one in shown.settings]
    table(out, ("setting", "", "value"), settings, empty="No settings.")


def findings(out: Console, shown: Sequence[Finding]) -> None:
    for finding in shown:
        mark = Text("ok    ", "green") if finding.ok else Text("wrong ", "bold red")
        _print(out, Text.assemble(mark, safe(finding.name), safe(f": {finding.detail}" if finding.detail else "")))
        if not finding.ok and finding.mend:
            _print(out, Text(safe(f"      to mend: {finding.mend}")))


def connectors(out: Console, shown: Sequence[Listed]) -> None:
    columns = ("name", "kind", "can do", "settled by", "cases", "lines")
    rows = [
        [one.name, one.kind, ", ".join(one.capabilities), ", ".join(sorted(set(one.effect.values()))), one.cases,
         one.lines]
        for one in shown
    ]  # fmt: skip
    table(out, columns, rows, empty="No connectors.")


def connected(out: Console, done: Done, tested: Tested | None) -> None:
    """What came of `deskweave connect`: the findings, where webhooks go, and what to do next."""
    findings(out, done.findings)
    if not done.id:
        _print(out, Text("Nothing was saved.", "bold red"))
        return
    state = (
        "it works" if done.live else f"saved, but paused; once that is mended: deskweave connections resume {done.id}"
    )
    _print(out, Text(f"\n{done.provider} {done.id}: {state}"))
    none = f"/webhooks/{done.provider}/{done.id} below this stage's address, which is not known yet"
    _print(out, Text(f"Webhooks go to {done.webhook or none}"))
    if tested is not None:
        _print(out, Text(safe(f"Test message to {tested.to}: {tested.outcome} {tested.key or tested.reason}")))
    if done.next:
        _print(out, Text("\nNext, from the connector's guide:\n", "dim"))
        _text(out, done.next, indent=2)


def changed(out: Console, connection_id: str, done: Done) -> None:
    findings(out, done.findings)
    _print(out, Text(f"{connection_id}: {'changed' if done.id else 'nothing was changed'}"))


def resumed(out: Console, connection_id: str, shown: Sequence[Finding], *, paused: bool) -> None:
    findings(out, shown)
    told = "stays paused until that is mended" if paused else "works; what waited for it goes on"
    _print(out, Text(f"{connection_id}: {told}"))


def _connection_state(one: Connection) -> Text:
    if one.paused:
        return Text("paused", "bold red")
    if one.waits_until:
        return Text(f"works; its account had to wait until {clock(one.waits_until)} UTC", "green")
    return Text("works", "green")


def _addresses(addresses: Sequence[Address]) -> str:
    return ", ".join(f"{one.provider or 'removed'} {one.key}" for one in addresses)


def _pairs(out: Console, pairs: Mapping[str, object]) -> None:
    """Names and values below each other; what is empty is left out."""
    drawn = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        if value:
            drawn.add_row(Text(name, "dim"), value if isinstance(value, Text) else Text(safe(value)))
    out.print(drawn)
