"""P2, P3, P7: whatever the order in which five events arrive, there is one record of each and one final state."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from infra.sandbox.deliveries import Answer, Delivery
from tests.support.scenario import Scenario

CHUNKS = 4


def _mention_edit_delete(scenario: Scenario, channel: str) -> None:
    """The root and its mention, a reply, an edit of the root, and the reply taken back."""
    slack = scenario.slack
    root = slack.post(scenario.customer, channel, "the printer burns", mention=True)
    reply = slack.post(scenario.customer, channel, "no, it only smokes", root)
    slack.edit(channel, root, "the printer smokes")
    slack.delete(channel, reply)


def _edits_and_tombstone(scenario: Scenario, channel: str) -> None:
    """The root, a reply, two edits of the root, and the root taken back while its reply stays."""
    slack = scenario.slack
    root = slack.post(scenario.customer, channel, "first words")
    slack.post(scenario.customer, channel, "a reply", root)
    slack.edit(channel, root, "second words")
    slack.edit(channel, root, "third words")
    slack.delete(channel, root)


def _both_sides(scenario: Scenario, channel: str) -> None:
    """In a conversation that both sides know: a reply and its mention, an edit, an agent's answer, and solved."""
    slack, zendesk = scenario.slack, scenario.zendesk
    root = slack.messages(channel)[0]["ts"]
    ticket = _ticket(scenario, channel)
    reply = slack.post(scenario.customer, channel, "one more thing", root, mention=True)
    slack.edit(channel, reply, "two more things")
    zendesk.agent_comment(scenario.agent, ticket, "we are on it")
    scenario.clock.advance(2000)
    zendesk.change_ticket(scenario.agent, ticket, status="solved")


FIVES: dict[str, tuple[bool, Callable[[Scenario, str], None]]] = {
    "mention, edit, delete": (False, _mention_edit_delete),
    "edits and tombstone": (False, _edits_and_tombstone),
    "both sides": (True, _both_sides),
}


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("five", FIVES)
def test_five_events_in_any_order_come_to_one_state(five: str, chunk: int) -> None:
    opened, act = FIVES[five]
    orders = list(itertools.permutations(range(5)))
    finals: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    with Scenario() as scenario:
        # The first order is in each chunk, so that all chunks are held to the same state.
        for number, order in enumerate([orders[0], *orders[1 + chunk :: CHUNKS]]):
            finals[_final(scenario, f"c{number}", order, act, opened)].append(order)
        assert not scenario.failures()
    assert len(finals) == 1, _differences(finals)


def _final(
    scenario: Scenario, name: str, order: tuple[int, ...], act: Callable[[Scenario, str], None], opened: bool
) -> str:
    """Play in a channel of its own, deliver in this order, and tell what people can see at the end."""
    channel = scenario.slack.add_channel(name)
    if opened:
        scenario.slack.post(scenario.customer, channel, "the root")
        scenario.run()
    kept = _kept_back(scenario, lambda: act(scenario, channel))
    assert len(kept) == 5, [delivery.topic for delivery in kept]
    for number in order:
        scenario.sandbox.redeliver(kept[number].id)
        scenario.run()
    return json.dumps(_visible(scenario, channel), sort_keys=True, indent=1)


def _kept_back(scenario: Scenario, act: Callable[[], None]) -> list[Delivery]:
    """The deliveries of what is done, none of which has reached us."""
    courier, post = scenario.sandbox.courier, scenario.sandbox.courier.post
    before = len(courier.deliveries)
    courier.post = lambda url, headers, body, timeout: Answer(200)
    act()
    courier.deliver_due()
    courier.post = post
    return courier.deliveries[before:]


def _conversation(scenario: Scenario, channel: str) -> dict[str, Any]:
    (found,) = [c for c in scenario.conversations() if c["reply_to"]["to"]["channel"] == channel]
    return found


def _ticket(scenario: Scenario, channel: str) -> int:
    external = f"deskweave:{_conversation(scenario, channel)['id']}"
    (found,) = [number for number, t in scenario.zendesk.tickets.items() if t["external_id"] == external]
    return found


def _visible(scenario: Scenario, channel: str) -> dict[str, Any]:
    """What people can see of a channel's conversation, without ids and times."""
    conversation = _conversation(scenario, channel)
    ticket = _ticket(scenario, channel)
    records = [r for r in scenario.records() if r["conversation"] == conversation["id"]]
    sent = [m["text"] for m in scenario.slack.messages(channel) if m.get("bot_id")]
    return {
        "records": [[r["kind"], r["text"]] for r in records],
        "status": [conversation["status"], scenario.zendesk.tickets[ticket]["status"]],
        "comments": sorted([c["public"], c["plain_body"]] for c in scenario.zendesk.comments(ticket)),
        "sent": sent,
    }


def _differences(finals: dict[str, list[tuple[int, ...]]]) -> str:
    return "\n".join(f"{len(orders)} orders, e.g. {orders[0]}: {final}" for final, orders in finals.items())
