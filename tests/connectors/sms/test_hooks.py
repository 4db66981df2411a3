"""The stand-in's webhooks at our door: signed, with faults, retried as the address asks, and forged."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from chalicelib.core.model import DeliveryState, MessageReceived
from connectors.base import InvalidWebhook
from connectors.shared.twilio.form import RETRIES
from infra.sandbox import Fault
from tests.connectors.sms.support import CUSTOMER, Account

ORDER = list(DeliveryState)


def texts(account: Account) -> list[str]:
    return [event.text for event in account.events if isinstance(event, MessageReceived)]


def test_a_person_texts_and_we_hear_it(account: Account) -> None:
    sid = account.twilio.text(CUSTOMER, "Hello & goodbye + more ✓")
    account.sandbox.deliver_due()
    (event,) = account.events
    assert isinstance(event, MessageReceived)
    assert (event.key, event.text, event.sender.phone) == (sid, "Hello & goodbye + more ✓", CUSTOMER)
    form = parse_qs(account.sandbox.deliveries[0].body.decode(), keep_blank_values=True)
    assert [form[name] for name in ("FromCity", "ToZip")] == [[""], [""]]


@pytest.mark.parametrize("seed", range(8))
def test_callbacks_in_any_order_all_arrive_and_carry_the_reference(account: Account, seed: int) -> None:
    account.twilio.shuffled = True
    account.sandbox.world.random.seed(seed)
    for kind in ("duplicate", "reorder", "delay"):
        account.sandbox.faults.add(Fault("twilio", kind, "status:*", chance=0.5))
    key = account.send("Hello")
    account.updates()
    account.now += 60_000
    updates = account.updates()
    assert {one.key for one in updates} == {key} and {one.reference for one in updates} == {"v1.k1"}
    assert max(updates, key=lambda one: ORDER.index(one.state)).state is DeliveryState.DELIVERED


def test_a_callback_that_is_dropped_is_made_good_by_the_others(account: Account) -> None:
    account.sandbox.faults.add(Fault("twilio", "drop", "status:queued"))
    key = account.send("Hello")
    assert [one.state.value for one in account.updates()] == ["accepted", "sent", "delivered"]
    assert key


@pytest.mark.parametrize(("answers", "heard"), [([503], 1), ([503, 500], 1), ([503, 500, 503], 0), ([401, 401], 1)])
def test_an_address_that_asks_for_it_is_tried_three_times(account: Account, answers: list[int], heard: int) -> None:
    account.twilio.webhook_url += RETRIES
    account.answers = list(answers)
    account.twilio.text(CUSTOMER, "Hello")
    account.sandbox.deliver_due()
    assert len(texts(account)) == heard
    (delivery,) = account.sandbox.deliveries
    assert [status for _, status in delivery.attempts] == answers + [200] * heard


@pytest.mark.parametrize(("status", "tries"), [(503, 1), (500, 1), (404, 1)])
def test_an_address_that_asks_for_nothing_is_tried_once(account: Account, status: int, tries: int) -> None:
    account.twilio.retries = False
    account.answers = [status] * 5
    account.twilio.text(CUSTOMER, "Hello")
    account.sandbox.deliver_due()
    assert len(account.sandbox.deliveries[0].attempts) == tries


def test_callbacks_ask_for_retries_too(account: Account) -> None:
    account.twilio.retries = False
    account.send("Hello")
    account.answers = [503, 503]
    assert "delivered" in {one.state.value for one in account.updates()}
    assert len(account.events) == len(account.twilio.statuses)


def test_an_answer_that_twilio_does_not_hear_is_repeated_with_the_same_key(account: Account) -> None:
    account.sandbox.faults.add(Fault("twilio", "lost_answer", "message"))
    account.twilio.text(CUSTOMER, "Hello")
    account.sandbox.deliver_due()
    keys = [event.key for event in account.events if isinstance(event, MessageReceived)]
    assert len(keys) == 2 and len(set(keys)) == 1


@pytest.mark.parametrize("forgery", ["secret", "truncated", "stale", "non-ascii"])
def test_a_forged_delivery_is_refused(account: Account, forgery: str) -> None:
    account.sandbox.forge("twilio", forgery)
    with pytest.raises(InvalidWebhook):
        account.sandbox.deliver_due()
    assert account.events == []


def test_a_replayed_callback_goes_where_the_first_went(account: Account) -> None:
    account.send("Hello")
    before = len(account.updates())
    account.sandbox.redeliver(account.sandbox.deliveries[0].id)
    updates = account.updates()
    assert len(updates) == before + 1 and updates[-1].reference == "v1.k1"


def test_opting_out_is_told_where_the_account_does(account: Account) -> None:
    account.twilio.text(CUSTOMER, "STOP")
    account.twilio.advanced_opt_out = True
    account.twilio.text(CUSTOMER, "start")
    account.sandbox.deliver_due()
    assert texts(account) == ["STOP", "start\n[opted in again]"]
