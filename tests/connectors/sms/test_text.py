"""How texts are counted and cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.shared.twilio.text import LONGEST, parts, segments

FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        ("[" * 80, 1),
        ("[" * 81, 2),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("👍" * 35, 1),
        ("👍" * 36, 2),
        ("`" * 71, 2),
    ],
)
def test_segments_are_counted_as_carriers_do(text: str, count: int) -> None:
    assert segments(text) == count


@pytest.mark.parametrize("text", ["", "short", "a" * LONGEST, "👍" * (LONGEST // 2)])
def test_what_fits_is_not_touched(text: str) -> None:
    assert parts(text) == [text]


def test_a_word_is_not_cut_where_there_is_a_blank() -> None:
    words = "seven77 " * 400
    assert all(set(part.split()[1:]) == {"seven77"} for part in parts(words))


def test_an_emoji_is_not_cut() -> None:
    found = parts(FAMILY * 400)
    assert len(found) > 1
    assert all(set(part.partition(" ")[2].split(FAMILY)) == {""} for part in found)


@given(st.text(st.sampled_from("ab \n👍\u200dé\u0301"), min_size=1, max_size=60), st.integers(1, 120))
def test_no_part_is_too_long_and_no_letter_is_lost(text: str, times: int) -> None:
    words = (text * times).strip()
    found = parts(words)
    assert all(len(part.encode("utf-16-le")) // 2 <= LONGEST for part in found)
    bodies = [part.partition(" ")[2] for part in found] if len(found) > 1 else found
    assert "".join("".join(bodies).split()) == "".join(words.split())
