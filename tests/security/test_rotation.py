"""Secrets are rotated with a grace: both are accepted until its end, then the old one is refused by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.bootstrap import Deps
from chalicelib.services import rotation
from chalicelib.services.connections import BadSettings
from connectors import registry
from infra.local.runtime import MINUTE_MS
from infra.sandbox import salesforce_hooks, slack_events, twilio_hooks, zendesk_hooks
from tests.support.scenario import HOUR_MS
from tests.support.wide import Wide

# connector -> its field; where the sandbox keeps the secret; a delivery of its own.
DOORS: dict[str, tuple[str, str, Any]] = {
    "slack": ("signing_secret", "signing_secret", slack_events.sample),
    "zendesk": ("webhook_secret", "webhook_secret", zendesk_hooks.sample),
    "salesforce": ("webhook_secret", "webhook_secret", salesforce_hooks.sample),
    "sms": ("auth_token", "auth_token", twilio_hooks.sample),
}
GRACE = 24 * HOUR_MS

each_door = pytest.mark.parametrize("connector", DOORS)


def new_of(old: str) -> str:
    return "fixture-" + old[::-1]


class Door:
    """One provider's door: deliveries signed with this or that secret, and the connection's rotation."""

    def __init__(self, scenario: Wide, connector: str) -> None:
        self.scenario, self.connector = scenario, connector
        self.field, self._at, self._sample = DOORS[connector]
        self.provider = {"sms": "twilio"}.get(connector, connector)
        self.outside = getattr(scenario.sandbox, self.provider)
        self.id = str(getattr(scenario, f"{connector}_id"))
        self.old: str = getattr(self.outside, self._at)
        self.new = new_of(self.old)

    def takes(self, secret: str) -> bool:
        """Whether a delivery signed with this secret is accepted; else it is refused."""
        now = getattr(self.outside, self._at)
        setattr(self.outside, self._at, secret)
        sent = self.scenario.sandbox.send_raw(self.provider, self._sample(self.outside))
        self.scenario.sandbox.deliver_due()
        setattr(self.outside, self._at, now)
        status = sent.attempts[-1][1]
        assert status in (200, 204, 401)
        return status != 401

    def rotate(self, grace: int = GRACE, new: str = "") -> rotation.Rotated:
        setattr(self.outside, self._at, new or self.new)
        with self.scenario.runtime.wire.acting("setup"):
            return rotation.rotate(self.id, self.field, new or self.new, grace, self.scenario.deps)

    def end(self) -> rotation.Rotated:
        with self.scenario.runtime.wire.acting("setup"):
            return rotation.end(self.id, self.field, self.scenario.deps)

    def settings(self) -> Any:
        with self.scenario.runtime.wire.acting("setup"):
            return self.scenario.deps.secrets.read(f"connections/{self.id}")


@pytest.fixture(scope="module")
def world() -> Iterator[Wide]:
    with Wide(3) as running:
        running.sandbox.salesforce.spare()
        yield running


@pytest.fixture
def door(world: Wide, connector: str) -> Door:
    return Door(world, connector)


def test_every_connector_that_checks_webhooks_with_a_secret_is_tried() -> None:
    accepting = {name: rotation.rotatable(registry.connector(name)) for name in registry.names()}
    assert {name: (field,) for name, (field, _, _) in DOORS.items()} == {
        name: tuple(field for field, before in fields.items() if before)
        for name, fields in accepting.items()
        if any(fields.values())
    }


@each_door
def test_both_are_accepted_within_the_grace_and_the_old_one_is_refused_after(door: Door) -> None:
    """By a process that has just cached both: it forgets the old one at the end of the grace, not minutes later."""
    done = door.rotate()
    end = door.scenario.clock() + GRACE
    assert (done.done, done.accepted_until) == (True, end)
    assert door.takes(door.new) and door.takes(door.old)
    for at in (end - 2 * MINUTE_MS, end - 1):
        door.scenario.clock.advance_to(at)
        assert door.takes(door.old), at
    door.scenario.clock.advance_to(end)
    assert not door.takes(door.old)
    assert door.takes(door.new)


@each_door
def test_a_process_that_knows_the_old_one_alone_takes_the_new_one_at_once(door: Door) -> None:
    assert door.takes(door.old)
    door.scenario.clock.advance(2 * MINUTE_MS)
    assert rotated_elsewhere(door).done
    assert door.takes(door.new) and door.takes(door.old)


@each_door
def test_the_grace_can_be_ended_now_or_never_begun(door: Door) -> None:
    door.rotate()
    assert door.takes(door.old)
    assert door.end().done
    assert not door.takes(door.old)
    with pytest.raises(BadSettings, match="there is no grace to end"):
        door.end()
    newest = new_of(door.new)
    assert door.rotate(0, newest).accepted_until == 0
    assert not door.takes(door.new)
    assert door.takes(newest)


@each_door
def test_the_same_rotation_twice_loses_no_secret(door: Door) -> None:
    door.rotate()
    kept = door.settings()
    with pytest.raises(BadSettings, match="is the one in use: nothing was changed"):
        door.rotate()
    assert door.settings() == kept
    assert door.takes(door.old)


@each_door
def test_another_setting_that_is_changed_leaves_the_grace_as_it_is(door: Door) -> None:
    door.rotate()
    grace = door.settings()["grace"]
    with door.scenario.runtime.wire.acting("setup"):
        door.scenario.deps.connections.change(door.id, {"api_url": door.settings()["settings"]["api_url"]})
        door.scenario.deps.connections.set_public_url("https://deskweave.example")
    assert door.settings()["grace"] == grace
    door.scenario.clock.advance(GRACE)
    assert not door.takes(door.old)
    with door.scenario.runtime.wire.acting("setup"):
        door.scenario.deps.connections.change(door.id, {"api_url": door.settings()["settings"]["api_url"]})
    assert "grace" not in door.settings()
    assert door.old not in str(door.settings())


def rotated_elsewhere(door: Door) -> rotation.Rotated:
    """By another process: this one's cache does not learn of it."""
    setattr(door.outside, DOORS[door.connector][1], door.new)
    own = door.scenario.deps
    with door.scenario.runtime.wire.acting("setup"):
        return rotation.rotate(door.id, door.field, door.new, GRACE, Deps(own.stage, own.now, own.random, own.sink))


def test_a_provider_that_refuses_the_new_one_leaves_everything_as_it_was(world: Wide) -> None:
    door = Door(world, "sms")
    kept = door.settings()
    with world.runtime.wire.acting("setup"):
        refused = rotation.rotate(door.id, door.field, "not-promoted-at-twilio-yet", GRACE, world.deps)
    assert not refused.done and any(not finding.ok for finding in refused.findings)
    assert door.settings() == kept
