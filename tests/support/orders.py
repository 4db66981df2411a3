"""Deliveries that are kept back and then let through in an order of one's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from infra.sandbox.deliveries import Answer, Delivery
from tests.support.scenario import Scenario

Order = tuple[int, ...]
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC")


def kept_back(scenario: Scenario, act: Callable[[], object]) -> list[Delivery]:
    """The deliveries of what is done, none of which has reached us."""
    courier = scenario.sandbox.courier
    before, post, posts = len(courier.deliveries), courier.post, dict(courier.posts)
    courier.post = lambda url, headers, body, timeout: Answer(200)
    courier.posts = dict.fromkeys(posts, courier.post)
    act()
    courier.deliver_due()
    courier.post, courier.posts = post, posts
    return courier.deliveries[before:]


def let_through(scenario: Scenario, deliveries: list[Delivery], order: Order) -> None:
    """Deliver them in this order, each after the one before has been dealt with."""
    for number in order:
        scenario.sandbox.redeliver(deliveries[number].id)
        scenario.run()


def timeless(text: str) -> str:
    """A text without the times that it tells."""
    return _TIME.sub("TIME", text)


def differences(finals: Mapping[str, list[Order]]) -> str:
    """What the final states are, and which orders come to each."""
    return "\n".join(f"{len(orders)} orders, e.g. {orders[:4]}: {final}" for final, orders in finals.items())
