"""A day that was really played; whatever is then taken away, added or bent shows in its books."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.demo import books, count
from infra.demo.count import Seen
from infra.demo.day import Day, opened
from tests.demo import tampering
from tests.demo.tampering import Undo

SEED, CUSTOMERS = 5, 3
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    with opened(SEED, CUSTOMERS, lambda line: None) as playing:
        playing.play()
        yield playing


TAMPERED = [
    (tampering.forget_an_outcome, "received ="),
    (tampering.forget_a_refusal, "received ="),
    (tampering.receive_one_more, "received ="),
    (tampering.drop_a_record, "lost"),
    (tampering.store_twice, "doubled"),
    (tampering.comment_twice, "doubled"),
    (tampering.lose_a_comment, "lost"),
    (tampering.comment_on_anothers_ticket, "private_leaks"),
    (tampering.tell_a_note, "private_leaks"),
    (tampering.answer_twice, "doubled"),
    (tampering.answer_somebody_else, "private_leaks"),
    (tampering.repeat_a_customer, "echoes"),
    (tampering.lose_an_answer, "lost"),
    (tampering.doubt_an_effect, "unknown"),
    (tampering.leave_an_effect, "unfinished"),
    (tampering.mail_a_requester, "doubled"),
    (tampering.take_our_comment_for_news, "echoes"),
    (tampering.disagree, "both sides agree"),
    (tampering.open_a_second_ticket, "doubled"),
    (tampering.comment_twice_on_a_case, "doubled"),
    (tampering.publish_a_note_on_a_case, "private_leaks"),
    (tampering.lose_a_relayed_answer, "lost"),
    (tampering.mail_twice, "doubled"),
    (tampering.mail_somebody_else, "private_leaks"),
    (tampering.lose_a_mail, "lost"),
    (tampering.lose_a_text, "lost"),
    (tampering.text_a_note, "private_leaks"),
    (tampering.text_who_wrote_stop, "private_leaks"),
    (tampering.forget_to_tell_of_a_bounce, "lost"),
    (tampering.publish_an_auto_reply, "private_leaks"),
    (tampering.make_a_ticket_of_spam, "tickets in zendesk ="),
    (tampering.make_a_ticket_of_spam, "private_leaks"),
    (tampering.lose_a_file, "lost"),
    (tampering.forget_a_mail_that_was_published, "published by SES"),
    (tampering.make_one_customer_of_two_people, "one person is one customer"),
    (tampering.make_two_customers_of_one_person, "one person is one customer"),
    (tampering.know_less_than_the_provider, "what became of what we sent"),
    (tampering.disagree_with_salesforce, "both sides agree"),
    (tampering.answer_where_they_wrote_hours_ago, "private_leaks"),
]


def test_the_day_balances_before_anybody_tampers(day: Day) -> None:
    assert books.close(count.facts(count.look(day))).wrong == ()


@pytest.mark.parametrize(("tamper", "named"), TAMPERED, ids=lambda value: getattr(value, "__name__", ""))
def test_tampering_shows(day: Day, tamper: Callable[[Day, list[Any]], Undo], named: str) -> None:
    bent, table = copy.copy(day), [dict(one) for one in day.items()]
    bent.lines = list(day.lines)
    undo = tamper(bent, table)
    try:
        closed = books.close(count.facts(Seen(bent, table)))
    finally:
        undo()
    assert [sentence for sentence in closed.wrong if sentence.startswith(named)], closed.wrong
