"""The words that stand in tickets, and making texts fit."""

from __future__ import annotations

import pytest

from chalicelib.core import wording
from chalicelib.core.fit import CUT, fit

AT = 1_750_000_000_000

SUBJECTS = [
    ("My invoice is wrong", "My invoice is wrong"),
    ("\n  \n  Hello there \nsecond line", "Hello there"),
    ("", "Message on slack"),
    ("word " * 40, "word word word word word word word word word word word word word word word word…"),
    ("x" * 200, "x" * 80 + "…"),
]


@pytest.mark.parametrize(("text", "expected"), SUBJECTS)
def test_a_subject_is_the_first_line_cut_at_a_word(text: str, expected: str) -> None:
    assert wording.subject(text, "slack") == expected


def test_one_message_stands_alone_and_several_carry_their_times() -> None:
    one = wording.Line("Ada", AT, "Hello", (("a.png", "https://x/files/1"),))
    two = wording.Line("Ada", AT + 60_000, "Again")
    assert wording.comment([one]) == "Hello\n[file: a.png] https://x/files/1"
    assert wording.comment([one, two]) == (
        "[2025-06-15 15:06 UTC] Hello\n[file: a.png] https://x/files/1\n\n[2025-06-15 15:07 UTC] Again"
    )
    assert wording.comment([wording.Line("Ada", AT, "")]) == "(no text)"


FITS = [
    ("short", 100, "short"),
    ("ä" * 200, 100, None),
    ("lone \ud800 surrogate", 100, "lone ? surrogate"),
]


@pytest.mark.parametrize(("text", "most", "expected"), FITS)
def test_a_text_fits_in_bytes_and_says_where_it_was_cut(text: str, most: int, expected: str | None) -> None:
    fitted = fit(text, most)
    assert len(fitted.encode()) <= most
    assert fitted == expected if expected is not None else fitted.endswith(CUT)
