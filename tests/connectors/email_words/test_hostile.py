"""Hostile text costs in proportion to its length: counted in lines of our code that run, never in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from connectors.shared.email.html_text import MOST_DEEP, text_of
from connectors.shared.email.replies import split

PIECES = {
    "empty lines": "\n",
    "attributions": "On 1 Jan 2026 at 10:00, A wrote:\n",
    "attributions that never end": "On 1 Jan 2026 at 10:00, A <\n",
    "answers between quoted lines": "a\nOn 1 Jan 2026 at 10:00, A wrote:\n> q\nb\n",
    "headers": "From: a@b.example\n",
    "headers of several kinds": "From: a@b.example\nTo: c\nDate: d\n",
    "signatures": "a\n-- \nb\n> q\n",
    "empty signatures": "-- \n",
    "rules": "a\n----------\n",
    "fences": "```\n",
    "markers": "-----Original Message-----\n",
    "brackets": "<a@" * 50 + "\n",
    "colons": "a: " * 100 + ":\n",
    "times": "10:00 2026-01-01 " * 20 + "\n",
    "initials": "AB> c\n",
    "devices": "Sent from my iPhone\n",
    "quoted lines with a rest": "> " + "q" * 70 + "\nrest\n",
}
TAGS = {
    "brackets": "<",
    "tags that never end": "<a ",
    "quotes that never end": '<a href="',
    "quotes of both kinds": "<a b=\"'>",
    "comments that never end": "<!--",
    "declarations": "<![",
    "nested elements": "<div>",
    "nested elements that do nothing": "<b><i>",
    "nested quotations": "<blockquote>a",
    "nested lists": "<ul><li>a",
    "nested links": '<a href="https://a.example">b',
    "nested attributions": '<div class="gmail_attr">a',
    "nested markers": '<div id="divRplyFwdMsg">a',
    "ends of nothing": "</div>",
    "ends in the wrong order": "<b><i></b></i>",
    "scripts that never end": "<script>",
    "cells": "<td>a",
    "what is not shown": '<b style="display:none">a',
    "lines of preformatted text": "<pre>\n",
    "references": "&#1;&amp",
    "attributes": "<a " + "b= " * 100 + ">",
}


def steps(work: Callable[[str], object], text: str) -> int:
    """How many lines of our mail code run."""
    count = 0

    def line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, event: str, argument: Any) -> Any:
        return line if "shared/email" in frame.f_code.co_filename.replace("\\", "/") else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        work(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
def test_twice_the_lines_are_at_most_twice_the_work(piece: str) -> None:
    once, twice = steps(split, piece * 200), steps(split, piece * 400)
    assert twice <= 2.1 * once + 500


@pytest.mark.parametrize("piece", TAGS.values(), ids=TAGS.keys())
def test_twice_the_tags_are_at_most_twice_the_work(piece: str) -> None:
    once, twice = steps(text_of, piece * 200), steps(text_of, piece * 400)
    assert twice <= 2.1 * once + 500


def test_quotations_in_quotations_do_not_grow_the_text_without_bound() -> None:
    text = text_of("<blockquote>a" * 5000)
    assert max(map(len, text.split("\n"))) <= 2 * MOST_DEEP + 1
    assert text.count("a") == 5000


def test_a_text_of_a_million_signs_in_one_line_is_shown() -> None:
    assert split("a" * 1_000_000).visible == "a" * 1_000_000
    assert text_of("a" * 1_000_000) == "a" * 1_000_000
