"""One sandbox per test, on a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.sandbox import Sandbox
from tests.sandbox.clients import Clock, Receiver, receiver


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock, seed=1) as running:
        yield running


@pytest.fixture
def webhook(sandbox: Sandbox) -> Iterator[Receiver]:
    """A receiver of both providers' webhooks."""
    with receiver() as kept:
        sandbox.slack.webhook_url = sandbox.zendesk.webhook_url = kept.url
        yield kept
