"""Times as an admin types them: `10m`, `2h`, `3d` ago, or an ISO 8601 time, which is UTC where it names no zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import click

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_AGO = re.compile(r"([0-9]{1,6})([smhdw])")


@dataclass(frozen=True)
class Moment:
    """A point in time: so many ms before now, or at a time of its own (ms since the epoch)."""

    ago: int = 0
    time: int | None = None

    def at(self, now: int) -> int:
        return max(0, now - self.ago) if self.time is None else self.time


def moment(context: click.Context, parameter: click.Parameter, value: str) -> Moment:
    """An option's value as a `Moment`: the option's callback. Raises `click.BadParameter`."""
    text = value.strip()
    if ago := _AGO.fullmatch(text):
        return Moment(ago=int(ago[1]) * _UNITS[ago[2]])
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time: 30m, 2h, 3d, 2026-11-22 or 2026-11-22T08:30") from None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return Moment(time=max(0, int(told.timestamp() * 1000)))
