"""Words between Salesforce and us: total in both directions, and nothing guessed."""

from __future__ import annotations

import pytest

from chalicelib.core.model import Priority, Status
from connectors.base import Rejected
from connectors.salesforce import PRIORITIES, STATUSES, words
from connectors.salesforce.words import LONGEST_NOTE, LONGEST_TEXT, Words, lines

TABLES = [
    STATUSES,
    "New=new\nClosed=solved",
    "New=new\nOpen=open\nWaiting=pending\nHeld=on_hold\nSolved=solved\nClosed=closed",
    "Neu=new\nIn Arbeit=open\nWartet = pending\n Erledigt=closed ",
]


def its(statuses: str = STATUSES, priorities: str = PRIORITIES) -> Words:
    return Words({"statuses": statuses, "priorities": priorities})


@pytest.mark.parametrize("table", TABLES)
def test_ours_to_theirs_to_ours_changes_once_at_most(table: str) -> None:
    its_words = its(table)
    for status in Status:
        once = its_words.status(its_words.their_status(status))
        assert its_words.status(its_words.their_status(once)) is once
    for priority in Priority:
        again = its_words.priority(its_words.their_priority(priority))
        assert its_words.priority(its_words.their_priority(again)) is again


@pytest.mark.parametrize("table", TABLES)
def test_theirs_to_ours_to_theirs_is_the_same_or_one_that_means_the_same_and_is_left(table: str) -> None:
    its_words = its(table)
    for theirs, ours in its_words.statuses.items():
        assert its_words.their_status(ours) == theirs or its_words.has_several(ours)


DEFAULTS = [
    (Status.NEW, "New"),
    (Status.OPEN, "Working"),
    (Status.PENDING, "On Hold"),
    (Status.ON_HOLD, "On Hold"),
    (Status.SOLVED, "Closed"),
    (Status.CLOSED, "Closed"),
]


@pytest.mark.parametrize(("ours", "theirs"), DEFAULTS)
def test_each_of_our_statuses_has_one_of_theirs(ours: Status, theirs: str) -> None:
    assert its().their_status(ours) == theirs


@pytest.mark.parametrize("theirs", ["Waiting", "new", "NEW", "", None, 7, [], {}])
def test_a_status_that_nobody_mapped_is_refused(theirs: object) -> None:
    with pytest.raises(Rejected, match="map it in the settings"):
        its().status(theirs)


def test_a_word_of_ours_that_does_not_exist_is_named() -> None:
    with pytest.raises(Rejected, match="“fresh”, which is none of new, open"):
        its("New=fresh")


def test_a_table_without_any_word_near_is_refused() -> None:
    with pytest.raises(Rejected, match="no status of Salesforce"):
        its("Closed=solved").their_status(Status.NEW)


def test_a_name_of_theirs_may_hold_an_equals_sign() -> None:
    assert lines("a=b=open\n\nnothing\nNew = new ") == [("a=b", "open"), ("New", "new")]


@pytest.mark.parametrize("text", ["x" * 40_000, "é" * 40_000, "😀" * 40_000, "a😀" * 20_000])
def test_what_is_cut_fits_and_says_so(text: str) -> None:
    kept = words.cut(text, LONGEST_TEXT)
    assert len(kept.encode("utf-16-le")) // 2 <= LONGEST_TEXT
    assert kept.endswith(words.CUT)
    assert text.startswith(kept.removesuffix(words.CUT))
    noted = words.note_body(text, words.marker("v1.k1"))
    assert len(noted.encode()) <= LONGEST_NOTE
    assert noted.endswith("\n\n[deskweave v1.k1]")


def test_what_just_fits_is_not_cut() -> None:
    assert words.cut("x" * LONGEST_TEXT, LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert words.mail_body("x" * LONGEST_TEXT) == {"TextBody": "x" * LONGEST_TEXT}
