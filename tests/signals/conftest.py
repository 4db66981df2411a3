"""A working day with everything in it that may be logged: all channels, both CRMs, faults, strangers, the REST API."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.services import admin_keys, failures
from infra.local.runtime import MINUTE_MS
from infra.sandbox import Fault
from tests.support.faults import Down
from tests.support.paths import root
from tests.support.wide import ADA, PHONE, Wide

STRANGE = "stranger@example.net"


@dataclass
class Day:
    """What a day left: its lines, what was written on standard output and by loggers, and what must be in neither."""

    lines: list[dict[str, Any]]
    output: str = ""
    secrets: set[str] = field(default_factory=set)


class _Everything(logging.Handler):
    """Keeps what every logger of ours, and every SDK at Lambda's level, says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


def play(scenario: Wide) -> None:
    """People at work on every channel and both desks."""
    scenario.sandbox.salesforce.spare()
    scenario.write(file=True)
    scenario.mail(attachments=[("scan of Ada.png", "image/png", b"a scan")])
    scenario.text(picture=True)
    scenario.run(90)
    scenario.ses.fates["ada.byron@example.com"] = "bounce"
    scenario.mail("Ada Byron <ada.byron@example.com>")
    scenario.run(90)
    scenario.answer(4)
    scenario.edit(root(scenario))
    scenario.answer(1, file=True)
    scenario.answer(2)
    scenario.answer_case(3)
    scenario.note(1)
    scenario.note_case(2)
    scenario.run(90)
    user = scenario.slack.add_user("Ada Lovelace", ADA, phone=PHONE)
    scenario.write(user=user, channel=scenario.slack.open_direct(user))
    scenario.solve()
    scenario.change_case(status="Closed")
    scenario.command(status="pending")
    scenario.run(90)


def trouble(scenario: Wide) -> None:
    """Providers and AWS fail, strangers knock, and nobody can read what comes."""
    faults = scenario.sandbox.faults
    for provider in ("slack", "zendesk", "twilio", "salesforce"):
        for how in ("secret", "truncated", "stale"):
            scenario.sandbox.forge(provider, how)
    for path in (f"/webhooks/{STRANGE}/{STRANGE}", f"/webhooks/slack/{STRANGE}", f"/files/{STRANGE}"):
        scenario.runtime.request("POST" if "webhooks" in path else "GET", path, {}, b"" if "files" in path else b"{}")
    scenario.runtime.request("POST", f"/webhooks/slack/{STRANGE}", {}, b"x" * 4_600_000)
    scenario.sandbox.send_raw("slack", b'{"type": "event_callback", "event": "between the lines of Ada"}')
    scenario.sandbox.send_raw("zendesk", b'{"ticket_id": "between the lines of Ada"}')
    for kind in ("429", "500", "timeout_after"):
        for provider in ("slack", "zendesk", "twilio", "salesforce"):
            faults.add(Fault(provider, kind, retry_after=1))
        scenario.write(root(scenario))
        scenario.answer(1)
        scenario.text()
        scenario.run(120)
    down = Down(scenario, "sqs", "SendMessage", times=1)
    scenario.write(root(scenario))
    scenario.run(30)
    assert down.struck
    Down(scenario, "dynamodb", "TransactWriteItems", times=1)
    scenario.write(root(scenario))
    scenario.run(30)
    scenario.runtime.on_call = None
    faults.add(Fault("slack", "500", "users.info"))
    scenario.write(user=scenario.slack.add_user("Ada Byron", "ada@example.org"))
    faults.add(Fault("ses", "500", "*"))
    faults.add(Fault("zendesk", "drop", "ticket", times=2))
    scenario.answer(2)
    channel = scenario.slack.channels.pop(scenario.channel)
    scenario.answer(1)
    scenario.deps.inbox.send("g", {"v": 1, "kind": "between the lines", "delivery": "d1"})
    scenario.run(120)
    scenario.slack.channels[scenario.channel] = channel
    faults.add(Fault("slack", "expired_token"))
    scenario.answer(1)
    scenario.runtime.run_for(30 * MINUTE_MS, tick_every=5 * MINUTE_MS)
    for failure in scenario.failures():
        act = failures.skip if failure.get("state") == "unknown" else failures.retry
        act(failure["sk"], scenario.deps)
    scenario.runtime.run_for(30 * MINUTE_MS, tick_every=5 * MINUTE_MS)


def over_rest(scenario: Wide) -> set[str]:
    """An admin looks and changes; returns their secrets."""
    admin, _ = admin_keys.new(admin_keys.AdminRole.ADMIN, "Grace", scenario.deps)
    viewer, _ = admin_keys.new(admin_keys.AdminRole.VIEWER, "Ada", scenario.deps)
    asked = [
        ("GET", "/api/customers", viewer, None),
        ("GET", f"/api/customers/{STRANGE}", viewer, None),
        ("GET", "/api/conversations?cursor=between", viewer, None),
        ("GET", f"/api/{STRANGE}", viewer, None),
        ("POST", f"/admin/connections/{scenario.slack_id}/pause", viewer, {}),
        ("POST", f"/admin/connections/{scenario.slack_id}/pause", admin, {"reason": "between the lines of Ada"}),
        ("POST", f"/admin/connections/{scenario.slack_id}/resume", admin, {}),
        ("GET", "/admin/connections", "dwk_nobody", None),
    ]
    for method, path, key, body in asked:
        headers = {"Authorization": f"Bearer {key}"} | (
            {"Content-Type": "application/json"} if body is not None else {}
        )
        scenario.runtime.request(method, path, headers, b"" if body is None else json.dumps(body).encode())
    return {admin, viewer}


def links(scenario: Wide) -> list[str]:
    """The addresses of files that stand in tickets."""
    told = [text for _, text in scenario.desks()[0].comments()]
    return [word.partition("deskweave.example")[2] for text in told for word in text.split() if "/files/" in word]


def secrets(scenario: Wide) -> set[str]:
    slack, zendesk, twilio = scenario.slack, scenario.zendesk, scenario.twilio
    ses, salesforce = scenario.ses, scenario.sandbox.salesforce
    return {
        *(slack.bot_token, slack.signing_secret, zendesk.integration_token, zendesk.webhook_secret),
        *(twilio.auth_token, ses.secret_access_key, salesforce.consumer_secret, salesforce.webhook_secret),
    }


@pytest.fixture(scope="session")
def day() -> Day:
    """The day, played once."""
    said = _Everything()
    logging.getLogger().addHandler(said)
    try:
        with Wide() as scenario:
            play(scenario)
            for link in links(scenario):
                scenario.runtime.request("GET", link)
            trouble(scenario)
            keys = over_rest(scenario)
            scenario.settle()
            return Day(scenario.lines, "\n".join(said.said), keys | secrets(scenario) | set(links(scenario)))
    finally:
        logging.getLogger().removeHandler(said)
