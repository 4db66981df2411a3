"""The books can fail: every figure that is tampered with is noticed, and named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra import prices
from infra.demo import books
from infra.demo.books import Events, Facts, Passage

TOLD = {
    "d1/0": "stored",
    "d2/0": "repeated",
    "d3/0": "ignored",
    "d4/0": "unparsed",
    "d5/0": "stored",
    "d6/0": "repeated",
}
EVENTS = Events(
    received=8,
    queued=frozenset({"d1", "d2", "d3", "d4", "d5", "d6"}),
    told=TOLD,
    polled={"d7/0": "stored"},
    kept=frozenset({"d1", "d6", "d7"}),
    state_only=1,
    set_aside=frozenset({"d4"}),
    refused=2,
    changing=True,
)
# A provider whose deliveries bring no change of a state alone: whatever is stored is in the table.
PLAIN = Events(2, queued=frozenset({"p1", "p2"}), told={"p1/0": "stored", "p2/0": "ignored"}, kept=frozenset({"p1"}))
PASSAGES = (
    Passage("C-1", "message in zendesk", 1, 1),
    Passage("R-1", "answer relayed in salesforce", None, 1),
    Passage("P-1", "note relayed in zendesk", None, 1),
    Passage("E-1", "edit", 1, 1),
    Passage("R-1", "answer", 1, 1),
    Passage("P-1", "private note", 1, None),
    Passage("label.png", "file", None, 1),
)
FACTS = Facts(
    {"crm": EVENTS, "chat": PLAIN},
    PASSAGES,
    {"zendesk": frozenset({"c1"}), "salesforce": frozenset({"c1"})},
    frozenset({"c1"}),
    {"zendesk": 2, "salesforce": 1},
    {"slack": 1, "ses": 2},
    dollars={"Logs": 0.0001},
)


def test_books_over_sound_facts_balance() -> None:
    closed = books.close(FACTS)
    assert closed.wrong == ()
    assert closed.balanced
    outcomes = closed.stored, closed.repeated, closed.ignored, closed.unparsed, closed.refused
    assert outcomes == (4, 1, 2, 1, 2)
    assert sum(outcomes) == closed.received
    assert {name: figures["received"] for name, figures in closed.channels.items()} == {"crm": 8, "chat": 2}
    assert (closed.polls, closed.tickets, closed.replies_delivered) == (1, {"zendesk": 2, "salesforce": 1}, 3)
    assert closed.relayed == {"salesforce": 1, "zendesk": 1}
    assert closed.usd_per_million_counted == 10.0


def test_books_over_nothing_balance() -> None:
    closed = books.close(Facts())
    assert closed.balanced
    assert closed.usd_per_million_counted == 0.0


@pytest.mark.parametrize(
    ("received", "turned_away", "balanced"),
    [(8, 0, True), (7, 1, True), (8, 3, True), (7, 0, False), (6, 1, False), (9, 3, False)],
)
def test_what_was_turned_away_may_have_been_let_in_and_nothing_else(
    received: int, turned_away: int, balanced: bool
) -> None:
    closed = books.close(replace(FACTS, events={"crm": replace(EVENTS, received=received, turned_away=turned_away)}))
    assert closed.balanced is balanced


def without(event: str) -> dict[str, str]:
    return {name: outcome for name, outcome in TOLD.items() if name != event}


@pytest.mark.parametrize(
    ("tampered", "named"),
    [
        ({"received": 9}, "received = "),
        ({"received": 7}, "received = "),
        ({"refused": 1}, "received = "),
        ({"told": without("d3/0")}, "received = "),
        ({"told": without("d3/0")}, "never heard of again: d3"),
        ({"told": TOLD | {"d9/0": "stored"}, "kept": EVENTS.kept | {"d9"}}, "received = "),
        ({"told": without("d1/0")}, "d1"),
        ({"told": TOLD | {"d1/0": "lost somewhere"}, "kept": EVENTS.kept - {"d1"}}, "received = "),
        ({"kept": EVENTS.kept - {"d1"}}, "told as a new state"),
        ({"kept": EVENTS.kept | {"d99"}}, "never told: d99"),
        ({"state_only": 0}, "told as a new state"),
        ({"changing": False}, "told as stored, but not in the table: d5/0"),
        ({"set_aside": frozenset()}, "not in the failure list: d4"),
        ({"set_aside": frozenset({"d4", "d50"})}, "received = "),
    ],
)
def test_events_that_do_not_add_up_are_named(tampered: dict[str, Any], named: str) -> None:
    closed = books.close(replace(FACTS, events={"crm": replace(EVENTS, **tampered), "chat": PLAIN}))
    assert not closed.balanced
    assert any(named in sentence for sentence in closed.wrong), closed.wrong


def test_what_one_provider_has_too_many_makes_up_for_nothing_of_another() -> None:
    events = {"crm": replace(EVENTS, received=9), "chat": replace(PLAIN, received=1)}
    closed = books.close(replace(FACTS, events=events))
    assert closed.stored + closed.repeated + closed.ignored + closed.unparsed + closed.refused == closed.received
    assert len([sentence for sentence in closed.wrong if sentence.startswith("received = ")]) == 2


@pytest.mark.parametrize("there", [frozenset(), frozenset({"c1", "c2"}), frozenset({"c2"})])
@pytest.mark.parametrize("desk", ["zendesk", "salesforce"])
def test_a_conversation_without_a_ticket_or_a_ticket_without_one_is_named(desk: str, there: frozenset[str]) -> None:
    closed = books.close(replace(FACTS, tickets={**FACTS.tickets, desk: there}))
    (sentence,) = closed.wrong
    assert sentence.startswith(f"tickets in {desk} = ")


@pytest.mark.parametrize(
    ("passage", "figure"),
    [
        (Passage("C-2", "message", 0, 1), "lost"),
        (Passage("C-2", "message", 1, 0), "lost"),
        (Passage("C-2", "message", 2, 1), "doubled"),
        (Passage("C-2", "message", 1, 2), "doubled"),
        (Passage("E-2", "edit", 1, 0), "lost"),
        (Passage("R-2", "answer", 1, 0), "lost"),
        (Passage("R-2", "answer", 1, 2), "doubled"),
        (Passage("R-2", "answer", 1, 1, astray=1), "private_leaks"),
        (Passage("P-2", "private note", 1, None, astray=1), "private_leaks"),
        (Passage("P-2", "private note", 0, None), "lost"),
        (Passage("P-2", "private note", 2, None), "doubled"),
        (Passage("a.png", "file", None, 0), "lost"),
        (Passage("a.png", "file", None, 2), "doubled"),
    ],
)
def test_what_did_not_come_once_is_named(passage: Passage, figure: str) -> None:
    closed = books.close(replace(FACTS, passages=(*PASSAGES, passage)))
    assert getattr(closed, figure) == 1
    assert [sentence for sentence in closed.wrong if sentence.startswith(figure) and passage.mark in sentence]


@pytest.mark.parametrize(
    ("fact", "figure"),
    [("second_tickets", "doubled"), ("mails", "doubled"), ("echoes", "echoes"), ("unknown", "unknown")],
)
def test_what_should_not_be_is_counted_and_named(fact: str, figure: str) -> None:
    tampered: dict[str, Any] = {fact: ("ticket 7",)}
    closed = books.close(replace(FACTS, **tampered))
    assert getattr(closed, figure) == 1
    assert [sentence for sentence in closed.wrong if "ticket 7" in sentence]


@pytest.mark.parametrize("fact", ["unfinished", "apart", "unpublished", "people", "progress"])
def test_work_left_over_or_two_truths_do_not_balance(fact: str) -> None:
    tampered: dict[str, Any] = {fact: ("ticket 7",)}
    closed = books.close(replace(FACTS, **tampered))
    assert [sentence for sentence in closed.wrong if "ticket 7" in sentence]


@pytest.mark.parametrize("kept", [True, False])
def test_the_table_knows_better_than_a_worker_that_died_before_it_told(kept: bool) -> None:
    events = replace(EVENTS, kept=frozenset({"d1", "d7"} | ({"d2", "d6"} if kept else set())))
    closed = books.close(replace(FACTS, events={"crm": events}))
    assert closed.balanced
    assert (closed.stored, closed.repeated) == ((4, 0) if kept else (2, 2))


def test_every_price_counts() -> None:
    used = prices.Usage({"api": 10, "inbox": 10, "effects": 10, "clock": 1}, 10, 100, 1000.0, 1000.0, 10, 10, 10_000)
    assert all(amount > 0 for amount in prices.cost(used).values())
    million = prices.Usage(api_requests=1_000_000, queue_requests=1_000_000, write_units=1e6, read_units=1e6)
    cost = prices.cost(million)
    figures = [cost[item] for item in ("API Gateway requests", "SQS requests", "DynamoDB writes", "DynamoDB reads")]
    assert figures == pytest.approx([3.5, 0.5, 0.625, 0.125])
