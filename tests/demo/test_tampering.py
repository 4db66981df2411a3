"""A day that was really played; whatever is then taken away, added or bent shows in its books."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.demo import books, count, words
from infra.demo.count import Seen
from infra.demo.day import Day, opened
from infra.sandbox import Effect
from infra.sandbox.slack_api import bot_message

SEED, CUSTOMERS = 5, 2
Undo = Callable[[], object]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    with opened(SEED, CUSTOMERS, lambda line: None) as playing:
        playing.play()
        yield playing


def said(day: Day, kind: str) -> str:
    return next(one.mark for one in day.cast.said if one.mark.startswith(kind))


def item(table: list[Any], mark: str) -> dict[str, Any]:
    return next(one for one in table if one["pk"].startswith("M#") and mark in str(one.get("text", "")))


def ticket_of(day: Day, mark: str) -> int:
    return day.cast.ticket_with(mark)


# --- each changes the day or the table that it is given, and tells how to undo it --------------------------------


def forget_an_outcome(day: Day, table: list[Any]) -> Undo:
    day.lines = [line for line in day.lines if line.get("event") != told(day)]
    return lambda: None


def told(day: Day) -> str:
    return next(str(line["event"]) for line in day.lines if line.get("outcome") == "repeated" and "events" in line)


def forget_a_refusal(day: Day, table: list[Any]) -> Undo:
    day.lines.remove(next(line for line in day.lines if "refused" in line))
    return lambda: None


def receive_one_more(day: Day, table: list[Any]) -> Undo:
    attempts = day.sandbox.deliveries[0].attempts
    attempts.append((0, 200))
    return attempts.pop


def drop_a_record(day: Day, table: list[Any]) -> Undo:
    table.remove(item(table, said(day, words.CUSTOMER)))
    return lambda: None


def store_twice(day: Day, table: list[Any]) -> Undo:
    mark = said(day, words.CUSTOMER)
    table.append({**item(table, mark), "pk": "M#another#key"})
    return lambda: None


def comment_twice(day: Day, table: list[Any]) -> Undo:
    comments = day.sandbox.zendesk.comment_log(ticket_of(day, said(day, words.CUSTOMER)))
    comments.append(dict(comments[0]))
    return comments.pop


def lose_a_comment(day: Day, table: list[Any]) -> Undo:
    comments = day.sandbox.zendesk.comment_log(ticket_of(day, said(day, words.CUSTOMER)))
    lost = comments.pop(0)
    return lambda: comments.insert(0, lost)


def comment_on_anothers_ticket(day: Day, table: list[Any]) -> Undo:
    mark = said(day, words.CUSTOMER)
    right = ticket_of(day, mark)
    home = day.sandbox.zendesk.tickets[right]["external_id"]
    wrong = next(n for n, one in day.sandbox.zendesk.tickets.items() if one["external_id"] != home)
    comments = day.sandbox.zendesk.comment_log(wrong)
    comments.append(dict(day.sandbox.zendesk.comments(right)[0]))
    return comments.pop


def post(day: Day, channel: str, text: str, thread: str = "") -> Undo:
    """The bot writes, behind everybody's back: nothing is told to anybody."""
    kept = day.sandbox.slack._messages[channel]
    kept["tampered"] = {
        **bot_message(day.sandbox.slack, text),
        "ts": "9.9",
        **({"thread_ts": thread} if thread else {}),
    }
    return lambda: kept.pop("tampered")


def tell_a_note(day: Day, table: list[Any]) -> Undo:
    return post(day, day.cast.customers[0].channel, f"between us: {said(day, words.NOTE)}")


def answer_twice(day: Day, table: list[Any]) -> Undo:
    answer = next(one for one in day.cast.said if one.mark.startswith(words.REPLY))
    return post(day, answer.place, answer.mark, answer.thread)


def answer_somebody_else(day: Day, table: list[Any]) -> Undo:
    answer = next(one for one in day.cast.said if one.mark.startswith(words.REPLY))
    return post(day, next(c for c in day.sandbox.slack.channels if c != answer.place), answer.mark)


def repeat_a_customer(day: Day, table: list[Any]) -> Undo:
    return post(day, day.cast.customers[0].channel, said(day, words.CUSTOMER))


def lose_an_answer(day: Day, table: list[Any]) -> Undo:
    mark = said(day, words.REPLY)
    for kept in day.sandbox.slack._messages.values():
        for ts, message in list(kept.items()):
            if mark in message["text"]:
                del kept[ts]
                return functools.partial(kept.update, {ts: message})
    raise LookupError(mark)


def doubt_an_effect(day: Day, table: list[Any]) -> Undo:
    entry(table)["state"] = "unknown"
    return lambda: None


def leave_an_effect(day: Day, table: list[Any]) -> Undo:
    entry(table)["state"] = "due"
    return lambda: None


def entry(table: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in table if one["sk"].startswith("E#"))
    return found


def mail_a_requester(day: Day, table: list[Any]) -> Undo:
    mails = day.sandbox.zendesk.mails
    mails.append({"ticket": ticket_of(day, said(day, words.CUSTOMER)), "to": "somebody@house.test"})
    return mails.pop


def take_our_comment_for_news(day: Day, table: list[Any]) -> Undo:
    made = next(one for one in day.sandbox.ledger if one.kind == "comment" and one.detail["role"] == "end-user")
    fake = {**item(table, said(day, words.REPLY)), "pk": f"M#{day.zendesk}#{made.detail['comment']}", "text": ""}
    table.append(fake)
    return lambda: None


def disagree(day: Day, table: list[Any]) -> Undo:
    for one in table:
        if one["pk"].startswith("C#") and one["sk"] == "-":
            one["status"] = "on_hold"
    return lambda: None


def open_a_second_ticket(day: Day, table: list[Any]) -> Undo:
    zendesk = day.sandbox.zendesk
    old = zendesk.tickets[ticket_of(day, said(day, words.CUSTOMER))]
    zendesk.tickets[999] = {**old, "id": 999, "via": {"source": {"rel": None}}}
    day.sandbox.ledger.append(Effect(0, "zendesk", "ticket_created", "999", "", {"by": zendesk.integration_id}))
    zendesk.comment_log(999)

    def undo() -> None:
        del zendesk.tickets[999]
        day.sandbox.ledger.pop()

    return undo


TAMPERED = [
    (forget_an_outcome, "received ="),
    (forget_a_refusal, "received ="),
    (receive_one_more, "received ="),
    (drop_a_record, "lost"),
    (store_twice, "doubled"),
    (comment_twice, "doubled"),
    (lose_a_comment, "lost"),
    (comment_on_anothers_ticket, "private_leaks"),
    (tell_a_note, "private_leaks"),
    (answer_twice, "doubled"),
    (answer_somebody_else, "private_leaks"),
    (repeat_a_customer, "echoes"),
    (lose_an_answer, "lost"),
    (doubt_an_effect, "unknown"),
    (leave_an_effect, "unfinished"),
    (mail_a_requester, "doubled"),
    (take_our_comment_for_news, "echoes"),
    (disagree, "both sides agree"),
    (open_a_second_ticket, "doubled"),
]


def test_the_day_balances_before_anybody_tampers(day: Day) -> None:
    assert books.close(count.facts(count.look(day))).wrong == ()


@pytest.mark.parametrize(("tamper", "named"), TAMPERED, ids=lambda value: getattr(value, "__name__", ""))
def test_tampering_shows(day: Day, tamper: Callable[[Day, list[Any]], Undo], named: str) -> None:
    bent, table = copy.copy(day), [dict(one) for one in count.items(day)]
    bent.lines = list(day.lines)
    undo = tamper(bent, table)
    try:
        closed = books.close(count.facts(Seen(bent, table)))
    finally:
        undo()
    assert [sentence for sentence in closed.wrong if sentence.startswith(named)], closed.wrong
