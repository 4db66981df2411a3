"""P1: kept raw deliveries are parsed again: the record follows today's parser, and no effect is repeated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.model import Attachment, MessageReceived
from chalicelib.services import records
from infra.sandbox import Fault
from tests.operating.replaying import (
    NOTHING,
    Older,
    Replayed,
    by_older,
    carried,
    history,
    only,
    reading,
    replayed,
)
from tests.support import books
from tests.support.scenario import Scenario
from tests.support.wide import PHONE, Wide


def test_a_replay_over_what_is_right_finds_nothing(seed: int) -> None:
    with Wide(seed) as scenario:
        ts = scenario.write(file=True)
        scenario.text(picture=True)
        scenario.mail(attachments=[("a.txt", "text/plain", b"content")])
        scenario.run(61)
        scenario.write(ts)
        scenario.edit(ts)
        scenario.answer(file=True)
        scenario.note_case()
        scenario.run(61)
        before = scenario.items()
        told = replayed(scenario)
        assert (told.left, told.did) == (0, {})
        assert told.deliveries >= 6
        assert scenario.items() == before


# What an older parser read in a message of Slack's.
READ: dict[str, dict[str, Any]] = {
    "text": {"text": "wor"},
    "no text at all": {"text": ""},
    "a text beyond what an item holds": {"text": "long " * 30_000},
    "the author's name": {"sender": lambda event: replace(event.sender, name="A\N{REPLACEMENT CHARACTER}a")},
    "the author's key": {"sender": lambda event: replace(event.sender, key="U0SOMEBODY")},
    "the time": {"sent_at": 1_000_000_000_000},
    "the order": {"order": "7"},
    "where answers go": {"reply_to": {"channel": "C0NOWHERE"}},
    "all of it": {"text": "wor", "sent_at": 5, "order": "7", "reply_to": {"channel": "C0NOWHERE"}},
}


@functools.cache
def read_rightly() -> tuple[dict[str, Any], dict[str, str]]:
    """The same message's record, and where answers go, as today's version stores them."""
    with Scenario() as scenario:
        scenario.write()
        scenario.run(61)
        return only(scenario), scenario.conversations()[0]["reply_to"]["to"]


@pytest.mark.parametrize("other", READ.values(), ids=READ)
def test_what_was_read_wrongly_is_put_right_and_told_to_nobody(other: dict[str, Any]) -> None:
    expected, expected_to = read_rightly()
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(**other))
        scenario.run(61)
        was, told = only(scenario), carried(scenario)
        assert replayed(scenario) == Replayed(1, 0, {"changed": 1})
        scenario.run(61)
        kept = only(scenario)
        assert {name: kept[name] for name in ("text", "author", "sent_at", "sort")} == {
            name: expected[name] for name in ("text", "author", "sent_at", "sort")
        }
        assert scenario.conversations()[0]["reply_to"]["to"] == expected_to
        assert carried(scenario) == told
        (line,) = history(scenario)
        assert line["by"] == "replay r1"
        assert line["message"] == was["pk"]
        assert set(line["was"]) == set(line["now"])
        # The raw one is packed with the record's words; it is as readable as before, and says nothing new.
        assert records.raw_delivery(kept, scenario.deps) is not None
        assert replayed(scenario, "r2") == NOTHING
        assert len(history(scenario)) == 1


def test_the_history_says_what_it_was() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        scenario.run(61)
        replayed(scenario)
        (line,) = history(scenario)
        assert (line["was"], line["now"]) == ({"text": "wor"}, {"text": "words m1x"})


def test_what_still_waits_for_the_crm_goes_out_as_it_is_read_today() -> None:
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(text="wor"))
        assert replayed(scenario).did == {"changed": 1}
        scenario.run(61)
        books.check(scenario)


def test_an_edit_is_put_right_and_so_is_what_it_said_the_message_was() -> None:
    with Scenario() as scenario:
        ts = scenario.write()
        scenario.run(61)
        by_older(scenario, lambda: scenario.edit(ts), reading(text="cha"))
        scenario.run(61)
        assert replayed(scenario).did == {"changed": 1}
        (kept,) = scenario.records("edit")
        assert kept["text"] == "changed words e2x"


def test_a_message_known_from_its_edit_alone_is_put_right() -> None:
    with Scenario() as scenario:
        scenario.sandbox.faults.add(Fault("slack", "drop", "message", times=4))
        ts = scenario.write()
        scenario.run(1)
        assert scenario.records() == []

        def older(events: Any) -> Any:
            return [replace(one, original=replace(one.original, text="wor")) for one in events]

        by_older(scenario, lambda: scenario.edit(ts), older)
        scenario.run(61)
        assert replayed(scenario).did == {"changed": 1}
        assert only(scenario)["text"] == "words m1x"
        assert replayed(scenario).did == {}


def test_a_file_that_was_missed_is_copied_and_shown_once() -> None:
    with Scenario() as scenario:
        by_older(scenario, lambda: scenario.write(file=True), reading(attachments=()))
        scenario.run(61)
        assert replayed(scenario).did == {"changed": 1}
        scenario.run(61)
        assert replayed(scenario).did == {}
        books.check(scenario)
        (line,) = history(scenario)
        assert line["now"] == {"files": "f2x.txt"}


def test_files_keep_their_places_and_take_what_is_told_of_them_today() -> None:
    def older(event: MessageReceived) -> tuple[Attachment, ...]:
        return tuple(replace(one, name="unnamed", media_type="x/y") for one in event.attachments)

    with Scenario() as scenario:
        by_older(scenario, lambda: scenario.write(file=True), reading(attachments=older))
        scenario.run(61)
        told = carried(scenario)
        assert replayed(scenario).did == {"changed": 1}
        scenario.run(61)
        assert [file["name"] for file in only(scenario)["files"]] == ["f2x.txt"]
        assert carried(scenario) == told
        assert replayed(scenario).did == {}


@pytest.mark.parametrize(
    ("act", "older"),
    [
        (lambda scenario: scenario.text(), reading(text="wor")),
        (lambda scenario: scenario.text(picture=True), reading(text="wor", attachments=())),
        (lambda scenario: scenario.mail(), reading(text="wor", sent_at=7)),
        (lambda scenario: scenario.mail(), reading(sender=lambda event: replace(event.sender, name="Nobody"))),
    ],
    ids=["sms", "a picture by sms", "mail", "a mail's sender"],
)
def test_every_channel_is_parsed_again_with_what_came_beside_its_body(
    act: Callable[[Wide], object], older: Older
) -> None:
    with Wide() as scenario:
        by_older(scenario, lambda: act(scenario), older)
        scenario.run(61)
        was = only(scenario)
        assert replayed(scenario).did == {"changed": 1}
        scenario.run(61)
        kept = only(scenario)
        assert kept["text"] == "words m1x"
        assert kept["author"]["key"] == was["author"]["key"]
        assert kept["author"]["key"] in (PHONE, "ada@example.com")
        assert replayed(scenario) == NOTHING


def test_a_file_of_a_mail_with_a_virus_is_noted_and_never_copied() -> None:
    with Wide() as scenario:

        def act() -> None:
            scenario.mail(attachments=[("worm.txt", "text/plain", b"content")], virus="FAIL")

        by_older(scenario, act, reading(attachments=()))
        scenario.run(61)
        assert replayed(scenario).did == {"changed": 1}
        scenario.run(61)
        assert [file["name"] for file in only(scenario)["files"]] == ["worm.txt"]
        assert [item for item in scenario.items() if item["sk"].startswith("file#")] == []
        assert not any(desk.comments() for desk in scenario.desks())
        assert replayed(scenario).did == {}


def test_a_time_that_was_read_too_late_holds_no_later_address_back() -> None:
    """Answers go to where the latest message came from, by the times that messages tell."""
    with Scenario() as scenario:
        by_older(scenario, scenario.write, reading(sent_at=9_000_000_000_000))
        scenario.run(61)
        replayed(scenario)
        assert scenario.conversations()[0]["reply_to"]["sent_at"] == only(scenario)["sent_at"]
