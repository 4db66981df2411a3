"""P2, P3, P7: five events of a mail thread, of SMS, or of two desks come to one final state in each of 120 orders."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from infra.sandbox.deliveries import Delivery
from tests.support.orders import Order, differences, kept_back, let_through, timeless
from tests.support.patience import share
from tests.support.wide import Wide

CHUNKS = 4


@dataclass(frozen=True)
class Five:
    """How somebody begins a matter, and the five deliveries of what comes next; `desks` counts the CRMs.

    twice  the numbers of two deliveries that are one and the same: which of them comes first makes no difference
    """

    begin: Callable[[Wide, str], None]
    act: Callable[[Wide, str], list[Delivery]]
    desks: int = 1
    twice: tuple[int, int] | None = None

    def orders(self) -> list[Order]:
        """All 120 orders, or the 60 of them that differ."""
        found = list(itertools.permutations(range(5)))
        twice = self.twice
        return [one for one in found if one.index(twice[0]) < one.index(twice[1])] if twice else found


def _address(name: str) -> str:
    return f"Customer <customer-{name}@example.com>"


def _phone(name: str) -> str:
    return f"+4420794{name}"


def _begin_by_mail(scenario: Wide, name: str) -> None:
    scenario.ses.mail(_address(name), "A thread", "the first mail")
    scenario.run()


def _thread(scenario: Wide, name: str) -> list[Delivery]:
    """An answer of ours is sent and bounces; the customer answers it, told twice, and answers themselves."""
    scenario.ses.fates[f"customer-{name}@example.com"] = "bounce"
    told = _held_answer(scenario)
    sent = scenario.ses.sent[-1]
    ids: list[str] = []

    def write() -> None:
        ids.append(scenario.ses.reply(sent, "the second mail", quote=False))
        scenario.clock.advance(1000)
        thread = f"{sent.message_id} {ids[0]}"
        scenario.ses.mail(_address(name), "Re: A thread", "the third mail", in_reply_to=ids[0], references=thread)

    mails = kept_back(scenario, write)
    return [*told, *mails, mails[0]]


def _held_answer(scenario: Wide) -> list[Delivery]:
    """An agent answers; the deliveries that tell what becomes of the answer, none of which has reached us."""
    ticket = max(scenario.zendesk.tickets)
    hint = kept_back(scenario, lambda: scenario.zendesk.agent_comment(scenario.agent, ticket, "the answer"))
    scenario.sandbox.redeliver(hint[0].id)
    scenario.sandbox.deliver_due()
    told = kept_back(scenario, scenario.runtime.pump_until_quiet)
    return [delivery for delivery in told if delivery.provider in ("ses", "twilio")]


def _begin_by_sms(scenario: Wide, name: str) -> None:
    scenario.twilio.text(_phone(name), "the first text")
    scenario.run()


def _texts(scenario: Wide, name: str) -> list[Delivery]:
    """An answer of ours is queued, sent, and does not arrive; the customer texts, told twice."""
    scenario.twilio.statuses, scenario.twilio.failing[_phone(name)] = ("queued", "sent", "delivered"), 30003
    told = _held_answer(scenario)
    texts = kept_back(scenario, lambda: scenario.twilio.text(_phone(name), "the second text"))
    return [*told, *texts, *texts]


def _desks(scenario: Wide, name: str) -> list[Delivery]:
    """Agents answer in both desks and change the state there, while the customer mails."""
    ticket, case = max(scenario.zendesk.tickets), scenario.case(0)
    salesforce = scenario.sandbox.salesforce

    def act() -> None:
        scenario.zendesk.agent_comment(scenario.agent, ticket, "said in Zendesk")
        scenario.clock.advance(2000)
        salesforce.agent_comment(scenario.case_agent, case, "said in Salesforce")
        scenario.clock.advance(2000)
        scenario.zendesk.change_ticket(scenario.agent, ticket, status="pending")
        scenario.clock.advance(2000)
        salesforce.change_case(scenario.case_agent, case, status="Closed")
        scenario.clock.advance(2000)
        scenario.ses.mail(_address(name), "Re: A thread", "the second mail", to=_token(scenario))

    return kept_back(scenario, act)


def _token(scenario: Wide) -> str:
    """Our address with the newest conversation's token."""
    return scenario.ses.address.replace("@", f"+{scenario.conversations()[-1]['id']}@")


FIVES = {
    "a mail thread": Five(_begin_by_mail, _thread, twice=(2, 4)),
    "SMS and its states": Five(_begin_by_sms, _texts, twice=(3, 4)),
    "two desks and a mail": Five(_begin_by_mail, _desks, desks=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("five", FIVES)
def test_five_events_of_any_channel_in_any_order_come_to_one_state(five: str, chunk: int, seed: int) -> None:
    played = FIVES[five]
    orders = share(played.orders(), seed, 5)
    finals: dict[str, list[Order]] = defaultdict(list)
    with Wide(1, salesforce=played.desks == 2) as scenario:
        scenario.sandbox.salesforce.spare()
        opened: list[str] = []
        # The first order is in each chunk, so that all chunks are held to the same state.
        for order in (chosen := [orders[0], *orders[1 + chunk :: CHUNKS]]):
            name = "".join(map(str, order))
            played.begin(scenario, name)
            opened.append(scenario.conversations()[-1]["id"])
            deliveries = played.act(scenario, name)
            assert len(deliveries) == 5, [delivery.topic for delivery in deliveries]
            let_through(scenario, deliveries, order)
        scenario.settle()
        for order, seen in zip(chosen, _visible(scenario, opened), strict=True):
            finals[seen].append(order)
        assert not scenario.failures()
        assert len(scenario.conversations()) == len(opened)
    assert len(finals) == 1, differences(finals)


def _visible(scenario: Wide, opened: list[str]) -> list[str]:
    """What people can see of each conversation, without ids, times, and what distinguishes the customers."""
    items = scenario.items()
    return [_seen(scenario, items, conversation_id) for conversation_id in opened]


def _seen(scenario: Wide, items: list[dict[str, Any]], conversation_id: str) -> str:
    conversation = next(i for i in items if i["pk"] == f"C#{conversation_id}" and i["sk"] == "-")
    links = [i for i in items if i["pk"].startswith("K#") and i["conversation"] == conversation_id]
    records = {i["pk"].rpartition("#")[2] for i in links}
    ours = [i for i in items if str(i.get("lane", "")).startswith(f"L#{conversation_id}#")]
    to = conversation["reply_to"]["to"]["to"]
    kept = sorted((i for i in scenario.records() if i["conversation"] == conversation_id), key=lambda i: str(i["sort"]))
    comments = [
        [desk.name, public, timeless(text)]
        for desk in scenario.desks()
        for record in records
        for public, text in desk.comments_of(record)
    ]
    what = {
        "records": [[i["kind"], i["text"]] for i in kept],
        "status": [conversation["status"], *sorted(_statuses(scenario, records))],
        "comments": sorted(comments),
        "sent": sorted([one.text for one in scenario.ses.sent if to in one.to]),
        "texted": [one.text for one in scenario.twilio.sent if one.to == to],
        "progress": sorted(sorted(i["progress"].values()) for i in ours if i.get("progress")),
    }
    return json.dumps(what).replace(to, "CUSTOMER")


def _statuses(scenario: Wide, records: set[str]) -> list[str]:
    return [
        f"{desk.name} {status}"
        for desk in scenario.desks()
        for record, status in desk.statuses().items()
        if record in records
    ]
