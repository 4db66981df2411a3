"""Times as an admin types them."""

from __future__ import annotations

import click
import pytest

from infra.moments import moment

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("0s", NOW),
        ("30m", NOW - 30 * 60_000),
        ("2h", NOW - 2 * 3_600_000),
        (" 3d ", NOW - 3 * 86_400_000),
        ("1w", NOW - 7 * 86_400_000),
        ("999999w", 0),
        ("2026-11-22", 1_795_305_600_000),
        ("2026-11-22T08:30", 1_795_336_200_000),
        ("2026-11-22T08:30:00+01:00", 1_795_332_600_000),
        ("2026-11-22T08:30:00Z", 1_795_336_200_000),
        ("0001-01-01", 0),
    ],
)
def test_a_time_is_so_long_ago_or_a_time_of_its_own(typed: str, at: int) -> None:
    assert told(typed) == at


@pytest.mark.parametrize("typed", ["", "h", "-1h", "1 h", "1y", "٣d", "1e3s", "1234567s", "2026-13-01", "now"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        told(typed)


def told(typed: str) -> int:
    return moment(click.Context(click.Command("x")), click.Option(["--since"]), typed).at(NOW)
