"""P2, P3, P7: whatever the order in which five events arrive, there is one record of each and one final state."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable

import pytest

from tests.support.orders import differences, kept_back, let_through, timeless
from tests.support.patience import share
from tests.support.scenario import Scenario

# What is played of all orders, in parts that can be played side by side.
CHUNKS = 2
# An edit that overtakes its message brings the message as it was before the edit. A comment cannot be changed any more.
VERSIONS = {"second words": "first words", "third words": "first words"}


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
def test_five_events_in_any_order_come_to_one_state(five: str, chunk: int, seed: int) -> None:
    opened, act = FIVES[five]
    orders = list(itertools.permutations(range(5)))
    # The first order is in each chunk, so that all chunks are held to the same state.
    played = [orders[0], *share(orders[1 + chunk :: CHUNKS], seed, 3)]
    with Scenario() as scenario:
        channels = [_played(scenario, order, act, opened) for order in played]
        scenario.settle()
        finals = defaultdict(list)
        for order, seen in zip(played, _visible(scenario, channels), strict=True):
            finals[seen].append(order)
        assert not scenario.failures()
    assert len(finals) == 1, differences(finals)


def _played(scenario: Scenario, order: tuple[int, ...], act: Callable[[Scenario, str], None], opened: bool) -> str:
    """Play in a channel of its own, and deliver in this order; returns the channel."""
    channel = scenario.slack.add_channel("".join(map(str, order)))
    if opened:
        scenario.slack.post(scenario.customer, channel, "the root")
        scenario.run()
    kept = kept_back(scenario, lambda: act(scenario, channel))
    assert len(kept) == 5, [delivery.topic for delivery in kept]
    let_through(scenario, kept, order)
    return channel


def _ticket(scenario: Scenario, channel: str) -> int:
    """The newest ticket, which is the channel's."""
    return max(scenario.zendesk.tickets)


def _visible(scenario: Scenario, channels: list[str]) -> list[str]:
    """What people can see of each channel's conversation, without ids and times."""
    conversations = {c["reply_to"]["to"]["channel"]: c for c in scenario.conversations()}
    assert len(conversations) == len(scenario.conversations()), "more than one conversation in a channel"
    tickets = {t["external_id"]: t for t in scenario.zendesk.tickets.values()}
    records = scenario.records()
    seen = []
    for channel in channels:
        conversation = conversations[channel]
        ticket = tickets[f"deskweave:{conversation['id']}"]
        said = [
            [c["public"], VERSIONS.get(c["plain_body"], c["plain_body"])]
            for c in scenario.zendesk.comments(ticket["id"])
        ]
        what = {
            "records": [[r["kind"], r["text"]] for r in records if r["conversation"] == conversation["id"]],
            "status": [conversation["status"], ticket["status"]],
            "comments": sorted([public, VERSIONS.get(text, text)] for public, text in said),
            "sent": [m["text"] for m in scenario.slack.messages(channel) if m.get("bot_id")],
        }
        seen.append(timeless(json.dumps(what)))
    return seen


def test_an_edit_that_overtakes_its_message_leaves_the_message_its_own_words() -> None:
    with Scenario() as scenario:
        kept = kept_back(scenario, lambda: _edits_and_tombstone(scenario, scenario.channel))
        let_through(scenario, kept, (3, 0, 1, 2, 4))
        assert [r["text"] for r in scenario.records("message")] == ["first words", "a reply"]
        assert not [item for item in scenario.items() if item["sk"].startswith("conflict#")]
