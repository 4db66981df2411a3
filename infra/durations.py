"""Lengths of time as people write them: 30m, 24h, 7d."""

from __future__ import annotations

import re
from typing import Any

import click

_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FORM = re.compile(r"([0-9]{1,5})([mhd])")


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer click only
    """A length of time, in ms. most  the longest that is taken, as it is written."""

    name = "time"

    def __init__(self, most: str) -> None:
        self.most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        length = milliseconds(str(value))
        if length is None:
            self.fail(f"{value!r} is no length of time; write 30m, 24h or 7d", param, ctx)
        if length > (milliseconds(self.most) or 0):
            self.fail(f"{value} is too long; {self.most} is the most", param, ctx)
        return length


def milliseconds(written: str) -> int | None:
    """A length of time in ms; None for what is none."""
    found = _FORM.fullmatch(written.strip().lower())
    return int(found[1]) * _MS[found[2]] if found else None
