"""Where a mail belongs: what it answers, the token it carries, and who sent it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from infra.sandbox import ses_mail
from tests.support.books import check
from tests.support.wide import ADA, Wide

MALLORY = "Mallory <mallory@example.net>"


def answered(scenario: Wide) -> None:
    """Ada mails, an agent answers."""
    scenario.mail()
    scenario.run(20)
    scenario.answer()
    scenario.run(20)


# What a mail program keeps of the thread: with any one of these the answer finds its conversation.
KEPT: dict[str, dict[str, str]] = {
    "in_reply_to": {"references": "", "to": "support@desk.test"},
    "references": {"in_reply_to": "", "to": "support@desk.test"},
    "token": {"in_reply_to": "", "references": ""},
}


@pytest.mark.parametrize("kept", KEPT)
def test_an_answer_finds_its_conversation_by_any_one_sign(kept: str) -> None:
    with Wide(1, salesforce=False) as scenario:
        answered(scenario)
        scenario.reply_by_mail(scenario.ses.sent[-1], **KEPT[kept])
        scenario.run(20)
        assert len(scenario.conversations()) == 1
        check(scenario)


@pytest.mark.parametrize("kept", KEPT)
def test_no_sign_lets_a_stranger_into_a_conversation(kept: str) -> None:
    with Wide(1, salesforce=False) as scenario:
        answered(scenario)
        scenario.reply_by_mail(scenario.ses.sent[-1], from_=MALLORY, **KEPT[kept])
        scenario.run(20)
        assert len(scenario.conversations()) == 2
        scenario.answer(2)
        scenario.run(20)
        assert scenario.ses.sent[-1].to == ("mallory@example.net",)
        check(scenario)


def test_somebody_in_copy_takes_part() -> None:
    with Wide(2, salesforce=False) as scenario:
        scenario.mail(cc=["Ben <ben@example.org>"])
        scenario.run(20)
        scenario.answer()
        scenario.run(20)
        assert scenario.ses.sent[-1].cc == ("ben@example.org",)
        scenario.reply_by_mail(scenario.ses.sent[-1], from_="Ben <ben@example.org>")
        scenario.run(20)
        (conversation,) = scenario.conversations()
        assert set(conversation["participants"]) == {ADA, "ben@example.org"}
        check(scenario)


def test_the_order_in_which_a_thread_arrives_does_not_matter() -> None:
    """Three mails of a thread, each answering the one before, in all six orders."""
    for order in itertools.permutations(range(3)):
        with Wide(7, salesforce=False) as scenario:
            ids = [f"<thread-{number}@mail.customer.test>" for number in range(3)]
            for number in order:
                words = scenario.words()
                raw = ses_mail.write(
                    f"Ada <{ADA}>",
                    scenario.ses.address,
                    "A thread",
                    words,
                    message_id=ids[number],
                    at=scenario.clock(),
                    in_reply_to=ids[number - 1] if number else "",
                    references=" ".join(ids[:number]),
                )
                scenario.ses.receive(raw, [scenario.ses.address])
                scenario.run(20)
            assert len(scenario.conversations()) == 1, f"order {order}"
            check(scenario, f"order {order}")


WITHOUT_A_TICKET: dict[str, Callable[[Wide], None]] = {
    "spam": lambda scenario: scenario.mail(spam="FAIL") and None,
    "virus": lambda scenario: scenario.mail(virus="FAIL") and None,
    "auto-reply": lambda scenario: scenario.mail(headers={"Auto-Submitted": "auto-replied"}) and None,
}


@pytest.mark.parametrize("why", WITHOUT_A_TICKET)
def test_what_is_no_persons_matter_is_kept_marked_and_can_be_released(why: str) -> None:
    from chalicelib.services import held, read

    with Wide(8, salesforce=False) as scenario:
        WITHOUT_A_TICKET[why](scenario)
        scenario.run(30)
        assert not scenario.zendesk.tickets
        with scenario.runtime.wire.acting("setup"):
            (shown,) = read.conversations(scenario.deps, status="held")
        assert shown.marked == why
        assert len(scenario.records("message")) == 1
        with scenario.runtime.wire.acting("setup"):
            assert held.release(shown.id, scenario.deps) == 1
            assert not read.conversations(scenario.deps, status="held")
        scenario.run(60)
        assert len(scenario.zendesk.tickets) == 1
        check(scenario)


def test_the_files_of_a_mail_with_a_virus_are_never_copied() -> None:
    from chalicelib.services import held

    with Wide(8, salesforce=False) as scenario:
        scenario.mail(virus="FAIL", attachments=[("bill.pdf", "application/pdf", b"worse than a bill")])
        scenario.run(30)
        (conversation,) = scenario.conversations()
        with scenario.runtime.wire.acting("setup"):
            held.release(conversation["id"], scenario.deps)
        scenario.settle()
        assert len(scenario.zendesk.tickets) == 1
        assert not [item for item in scenario.items() if item["sk"].startswith("file#")]
        assert not [item for item in scenario.items() if item.get("kind") == "fetch"]


def test_an_automatic_answer_is_a_note_and_changes_nothing() -> None:
    with Wide(9, salesforce=False) as scenario:
        answered(scenario)
        scenario.solve()
        scenario.run(30)
        scenario.ses.reply(scenario.ses.sent[-1], "I am away zz9x", headers={"Auto-Submitted": "auto-replied"})
        scenario.run(30)
        (conversation,) = scenario.conversations()
        assert conversation["status"] == "solved"
        told = [c for c in scenario.zendesk.comments(1) if "zz9x" in c["plain_body"]]
        assert [c["public"] for c in told] == [False]


def test_two_machines_that_answer_each_other_stop() -> None:
    """A CRM's rule answers every message, an autoresponder without any mark answers every mail."""
    with Wide(10, salesforce=False) as scenario:
        scenario.mail()
        scenario.run(20)
        for _ in range(40):
            before = len(scenario.ses.sent)
            scenario.answer()
            scenario.run(20)
            if len(scenario.ses.sent) == before:
                break
            scenario.reply_by_mail(scenario.ses.sent[-1])
            scenario.run(20)
        assert len(scenario.ses.sent) == 20
        (failure,) = scenario.failures()
        assert "within an hour" in failure["reason"]
