"""P2, P3: one person on several channels at once, and providers that tell of a call while it is being made."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chalicelib.services import people
from tests.promises.test_races import delivered, one_each, race, worker
from tests.support import books
from tests.support.faults import Meanwhile
from tests.support.wide import ADA, PHONE, Wide

SEEDS = range(6)


def customers(scenario: Wide) -> list[dict[str, Any]]:
    """The customers that stand; those who were merged lead to one of them."""
    return [i for i in scenario.items() if i["pk"].startswith("P#") and "merged_into" not in i]


def claims(scenario: Wide) -> set[str]:
    """Whom the addresses lead to, in the end."""
    with scenario.runtime.wire.acting("setup"):
        named = {str(i["customer"]) for i in scenario.items() if i["pk"].startswith(("I#", "V#"))}
        return {str(people.profile(one, scenario.deps)["id"]) for one in named}


def known_twice(scenario: Wide) -> None:
    """Who mailed and texted is one person, but nobody has said so yet."""
    scenario.sandbox.salesforce.spare()
    scenario.mail()
    scenario.run(61)
    scenario.text()
    scenario.run(61)
    assert len(customers(scenario)) == 2


def mails_are_in(scenario: Wide) -> None:
    """What people did is with us; mails have passed the function of their own and wait in the inbox."""
    delivered(scenario)
    for _ in range(20):
        queue = scenario.runtime.queues["mail"]
        if not (messages := queue.receive(10)):
            return
        from infra.local import lambdas

        assert scenario.runtime._invoke("mail", lambdas.sqs_event(queue.name, messages)) is None
        for message in messages:
            queue.delete(message.receipt)


@pytest.mark.parametrize("number", SEEDS)
def test_first_mails_of_a_new_person_at_once_are_one_customer(number: int) -> None:
    with Wide(number, salesforce=False) as scenario:
        for _ in range(3):
            scenario.mail()
        mails_are_in(scenario)
        race(scenario, number, *one_each(scenario, "inbox"))
        assert len(customers(scenario)) == 1
        assert len(scenario.conversations()) == 3


@pytest.mark.parametrize("number", SEEDS)
def test_first_texts_of_a_new_person_at_once_are_one_conversation(number: int) -> None:
    with Wide(number, salesforce=False) as scenario:
        scenario.text()
        scenario.text()
        scenario.text(picture=True)
        delivered(scenario)
        race(scenario, number, *one_each(scenario, "inbox"), *one_each(scenario, "inbox"))
        assert len(customers(scenario)) == 1
        assert len(scenario.conversations()) == 1


@pytest.mark.parametrize("number", range(12))
def test_two_customers_become_one_while_both_go_on_writing(number: int) -> None:
    """Slack's directory says who they are, in the worker; a mail and a text of theirs are in the inbox meanwhile."""
    with Wide(number, salesforce=False) as scenario:
        known_twice(scenario)
        user = scenario.slack.add_user("Ada Lovelace", ADA, phone=PHONE)
        scenario.write(user=user, channel=scenario.slack.open_direct(user))
        delivered(scenario)
        assert scenario.runtime.pump()
        learns = worker(scenario, "effects")
        scenario.mail()
        scenario.text()
        mails_are_in(scenario)
        race(scenario, number, learns, *one_each(scenario, "inbox"), learns)
        assert len(customers(scenario)) == len(claims(scenario)) == 1
        before = len(scenario.conversations())
        scenario.text()
        scenario.settle()
        assert len(scenario.conversations()) == before
        books.check(scenario)


@pytest.mark.parametrize("number", range(12))
def test_three_customers_are_merged_from_two_sides_at_once(number: int) -> None:
    with Wide(number, salesforce=False) as scenario:
        known_twice(scenario)
        scenario.mail("Somebody <somebody@example.com>")
        scenario.run(61)
        first, second, third = (one["id"] for one in sorted(customers(scenario), key=lambda one: one["since"]))
        scenario.text()
        delivered(scenario)
        deps = scenario.deps

        def merge(*who: str) -> str:
            with scenario.runtime.wire.acting():
                return people.merge(set(who), deps)

        race(scenario, number, lambda: merge(first, third), lambda: merge(second, third), worker(scenario, "inbox"))
        assert [one["id"] for one in customers(scenario)] == [first]
        assert claims(scenario) == {first}
        addresses = {i["pk"]: i["customer"] for i in scenario.items() if i["pk"].startswith(("I#", "V#"))}
        assert set(addresses.values()) == {first}


def test_who_is_merged_while_their_message_is_stored_goes_on_where_they_were_merged_into() -> None:
    """A direct message on another channel finds what they opened last, under the customer who stays."""
    with Wide(3, salesforce=False) as scenario:
        known_twice(scenario)
        older, newer = (one["id"] for one in sorted(customers(scenario), key=lambda one: one["since"]))
        scenario.zendesk.close_ticket(2)
        scenario.settle()
        deps = scenario.deps
        meanwhile = Meanwhile(scenario, "TransactWriteItems", lambda: people.merge({older, newer}, deps))
        scenario.text()
        scenario.run(20)
        assert meanwhile.done
        scenario.runtime.on_call = None
        opened = scenario.conversations()[-1]
        (customer,) = customers(scenario)
        assert (customer["id"], customer["current"]) == (older, opened["id"])
        books.check(scenario)


TOLD_EARLY = {"mail": "POST /ses/", "SMS": "POST /twilio/"}


@pytest.mark.parametrize("channel", TOLD_EARLY)
def test_a_provider_that_tells_of_a_call_while_it_is_being_made_does_not_double_it(channel: str) -> None:
    """The event or callback settles the call; the worker, which has its answer only then, changes nothing."""
    with Wide(1, salesforce=False) as scenario:
        scenario.sandbox.salesforce.spare()
        scenario.mail() if channel == "mail" else scenario.text()
        scenario.run(61)

        def tell() -> None:
            scenario.sandbox.deliver_due()
            scenario.runtime.pump_until_quiet()

        meanwhile = Meanwhile(scenario, TOLD_EARLY[channel], tell, phase="after")
        with scenario.runtime.provider_calls():
            scenario.answer(file=channel == "mail")
            scenario.run(20)
        scenario.runtime.on_call = None
        assert meanwhile.done
        scenario.settle()
        sent = [i for i in scenario.items() if i.get("kind") in ("send", "send_file") and re.match("E#", i["sk"])]
        assert {i["state"] for i in sent} == {"done"}
        books.check(scenario)
