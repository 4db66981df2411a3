"""A day in a hurry: couriers that keep to their own provider, and troubles that take no longer than there is time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import pytest

from infra.demo import people
from infra.demo.script import HOUR, MINUTE
from infra.demo.trouble import Trouble
from infra.local.clock import VirtualClock
from infra.sandbox import Fault, Sandbox
from infra.sandbox.deliveries import Answer

HURRY = 240


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(VirtualClock(), 1) as made:
        made.slack.webhook_url = made.zendesk.webhook_url = "http://127.0.0.1:9/hook"
        yield made


def made(sandbox: Sandbox, hurry: int, patience: int) -> list[Fault]:
    """The faults of a whole day. Steps that need Deskweave are left out."""
    cast = people.gather(sandbox, 1, 1)
    trouble = Trouble(cast, random.Random(1), sandbox.world.now, [], hurry, patience)
    for step in (trouble._unreliable_webhooks(), trouble._outage(), trouble._burst(), trouble._unheard_answers()):
        for _ in step:
            pass
    return sandbox.faults.armed


def test_a_courier_delivers_for_its_own_providers_alone_and_in_their_order(sandbox: Sandbox) -> None:
    sent: list[bytes] = []

    def post(url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        sent.append(body)
        return Answer(200)

    sandbox.courier.post = post
    for provider, body in (("zendesk", b"z1"), ("slack", b"s1"), ("zendesk", b"z2"), ("slack", b"s2")):
        sandbox.send_raw(provider, body)
    assert sandbox.courier.deliver_due({"slack"}) == 2
    assert sent == [b"s1", b"s2"]
    assert sandbox.courier.deliver_due({"twilio"}) == 0
    assert sandbox.deliver_due() == 2
    assert sent == [b"s1", b"s2", b"z1", b"z2"]


@pytest.mark.parametrize(("hurry", "wait"), [(1, 60_000), (60, 1_000)])
def test_vendors_in_a_hurry_try_again_sooner(sandbox: Sandbox, hurry: int, wait: int) -> None:
    sandbox.courier.post = lambda *given: Answer(500)
    sandbox.courier.hurry = hurry
    sandbox.send_raw("slack", b"{}")
    assert sandbox.deliver_due() == 2, "Slack tries again at once, and then after a minute"
    assert sandbox.next_due() == sandbox.world.now() + wait


@pytest.mark.parametrize("patience", [0, MINUTE])
def test_what_deskweave_would_wait_out_for_longer_is_left_out(sandbox: Sandbox, patience: int) -> None:
    faults = made(sandbox, HURRY, patience)
    kinds = {(one.provider, one.kind) for one in faults}
    assert {("ses", "timeout_before"), ("salesforce", "429")}.isdisjoint(kinds)
    assert (("slack", "timeout_before") in kinds) == (patience >= MINUTE)
    assert (("zendesk", "500") in kinds) == (patience >= MINUTE)
    assert {("zendesk", "429"), ("slack", "timeout_after"), ("zendesk", "drop")} <= kinds
    longest = max(sandbox.zendesk.outage_until, sandbox.salesforce.outage_until, sandbox.ses.outage_until)
    assert (longest > sandbox.world.now()) == (patience >= MINUTE)
    assert longest <= sandbox.world.now() + 25 * MINUTE // HURRY
    assert max(one.delay_ms for one in faults if one.kind == "delay") <= 400_000 // HURRY


def test_at_lifes_own_pace_nothing_is_left_out(sandbox: Sandbox) -> None:
    kinds = {(one.provider, one.kind) for one in made(sandbox, 1, HOUR)}
    assert {("ses", "timeout_before"), ("salesforce", "429"), ("zendesk", "500"), ("twilio", "503")} <= kinds
