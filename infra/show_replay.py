"""How a replay's plan and what came of it look in a terminal and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from chalicelib.services.reparsed import DOUBTFUL, Difference
from chalicelib.services.replay import Applied, Looked
from chalicelib.services.reread import Ticket
from infra.prices import READ_UNIT
from infra.show import clock, safe

_LONGEST = 200
_MARKS = {"changed": ("~ ", "yellow"), "new": ("+ ", "green"), DOUBTFUL: ("? ", "magenta")}
_SAID = {"sort": "sent", "reply_to": "answers go to"}
_DID = {
    "changed": "records put right",
    "stored": "missed messages stored",
    "repeated": "that were stored meanwhile",
    "handled": "failures handled",
    "queued": "tickets queued to be read",
    "busy": "with a call under way: run it again",
    "overtaken": "that somebody changed meanwhile: run it again",
    "failed": "that failed",
}


@dataclass(frozen=True)
class Plan:
    """What a replay finds.

    tickets  those that were read again; asked whether that was wanted
    more     how many deliveries lie beyond the limit, and `next_at` when the first of them was kept (ms)
    units    the read units that the search took
    """

    looked: Sequence[Looked]
    tickets: Sequence[Ticket]
    more: int
    next_at: int
    units: float
    asked: bool

    def data(self) -> dict[str, Any]:
        """The plan for `--json`."""
        return {
            "deliveries": len(self.looked),
            "more": self.more,
            "next_at": self.next_at,
            "read_units": self.units,
            "differences": [_difference(one, each) for each in self.looked for one in each.differences],
            "failures": [
                {"id": one.kept.failure, "connection": one.kept.connection, "events": one.events}
                for one in self.looked
                if one.readable
            ],
            "tickets": [
                {
                    "connection": one.connection,
                    "record": one.record,
                    "conversation": one.conversation,
                    "missing": [{"key": comment.key, "text": comment.text} for comment in one.missing],
                    "left": one.left,
                }
                for one in self.tickets
            ],
            "left": [
                {
                    "connection": one.kept.connection,
                    "delivery": one.kept.delivery,
                    "failure": one.kept.failure,
                    "why": one.left,
                    "gone": one.gone,
                }
                for one in self.looked
                if one.left
            ],
        }

    def show(self, out: Console) -> None:
        """The differences, then what is left alone and why, then the counts."""
        for one in self.looked:
            for each in one.differences:
                _shown(out, each, one)
            if one.readable:
                told = f"! {one.kept.failure} of {one.kept.connection} can be read now: {one.events} events"
                _line(out, told, "green")
        for ticket in self.tickets:
            if ticket.missing or ticket.left:
                told = ticket.left or f"{len(ticket.missing)} comments that we lack"
                _line(
                    out, f"ticket {ticket.record} of {ticket.connection}: {told}", "green" if ticket.missing else "dim"
                )
        for why, number in Counter(one.left for one in self.looked if one.left).most_common():
            _line(out, f"{number} left: {why}", "dim")
        _line(out, self._summary())

    def _summary(self) -> str:
        kinds = Counter(each.kind for one in self.looked for each in one.differences)
        hints = {(one.kept.connection, hint.record) for one in self.looked for hint in one.hints}
        parts = [
            f"{len(self.looked)} deliveries looked at",
            f"{kinds['changed']} records to put right",
            f"{kinds['new']} missed messages",
            f"{sum(one.readable for one in self.looked)} failures that can be read now",
        ]
        if kinds[DOUBTFUL]:
            parts.append(f"{kinds[DOUBTFUL]} that may be stored under another key already, left alone")
        if self.asked:
            parts.append(
                f"{sum(len(one.missing) for one in self.tickets)} comments missing in {len(self.tickets)} tickets"
            )
        elif hints:
            parts.append(f"{len(hints)} tickets that only --tickets reads again")
        if self.more:
            on = datetime.fromtimestamp(self.next_at / 1000, UTC).isoformat(timespec="milliseconds")
            parts.append(f"{self.more} more beyond --limit: go on with --since {on}")
        price = f"${self.units * READ_UNIT:.4f}" if self.units * READ_UNIT >= 0.0001 else "less than $0.0001"
        return f"{'; '.join(parts)}. The search took {self.units:.1f} read units ({price})."


def applied(out: Console, plan: Plan, done: Sequence[Applied], *, shown: bool) -> None:
    """What came of it; the plan before it unless it was `shown` already."""
    if not shown:
        plan.show(out)
    for one in done:
        if one.why:
            _line(out, f"{one.outcome}: {one.message or one.delivery or one.connection}: {one.why}")
    counts = Counter(one.outcome for one in done)
    _line(out, "; ".join(f"{number} {_DID.get(outcome, outcome)}" for outcome, number in counts.items()) + ".")


def _difference(one: Difference, looked: Looked) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "connection": looked.kept.connection,
        "delivery": looked.kept.delivery,
        "at": looked.kept.at,
        "message": one.message.split("#", 2)[-1],
        "conversation": one.conversation,
        "fields": {_SAID.get(name, name): {"was": was, "now": now} for name, (was, now) in one.fields.items()},
    }


def _shown(out: Console, one: Difference, looked: Looked) -> None:
    mark, style = _MARKS[one.kind]
    where = f" in {one.conversation}" if one.conversation else ""
    key = one.message.split("#", 2)[-1]
    _line(out, f"{mark}{key}{where}, {looked.kept.connection}, kept {clock(looked.kept.at)} UTC", style)
    for name, (was, now) in one.fields.items():
        _line(out, f"    {_SAID.get(name, name)}: {_short(was) or '-'} → {_short(now) or '-'}")


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST] + "…"


def _line(out: Console, text: str, style: str = "") -> None:
    out.print(Text(safe(text), style), soft_wrap=True)
