"""The sandbox's callouts, received by the connector: doubled, out of order, forged, repeated for a day."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from chalicelib.core.model import Hint
from connectors.base import InvalidWebhook, WebhookRequest
from infra.sandbox import Fault
from infra.sandbox.deliveries import Answer
from infra.sandbox.salesforce_hooks import FLOW, OUTBOUND
from tests.connectors.salesforce.support import Org

DAY = 86_400_000


class Received:
    """What a receiver made of each delivery; it answers `status` to what it takes."""

    def __init__(self, org: Org, kind: str) -> None:
        self.org = org
        self.status = 200
        self.hints: list[Hint] = []
        self.refused = 0
        org.salesforce.webhook_kind = kind
        org.salesforce.webhook_url = "http://127.0.0.1:1/webhooks/salesforce/c1"
        org.sandbox.courier.post = self.post
        self.connector = org.connect(organization=org.salesforce.organization)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        lower = {name.lower(): value for name, value in headers.items()}
        request = WebhookRequest("POST", lower, body, self.org.now, url=url, query=urlsplit(url).query)
        try:
            self.connector.verify(request)
        except InvalidWebhook:
            self.refused += 1
            return Answer(401)
        self.hints += [event for event in self.connector.parse(request) if isinstance(event, Hint)]
        return Answer(self.status)

    def deliver(self) -> list[str]:
        before = len(self.hints)
        self.org.sandbox.deliver_due()
        return [hint.record for hint in self.hints[before:]]


@pytest.mark.parametrize("kind", [FLOW, OUTBOUND])
def test_each_change_of_a_case_is_a_hint(org: Org, kind: str) -> None:
    received = Received(org, kind)
    record = org.ticket().record
    assert received.deliver() == [record]  # the Case and its first message are one transaction
    org.salesforce.agent_comment(org.agent, record, "Soon", status="Working")
    assert received.deliver() == [record]
    org.salesforce.change_case(org.agent, record, status="Working")
    assert received.deliver() == []


@pytest.mark.parametrize("forgery", ["secret", "truncated", "non-ascii"])
@pytest.mark.parametrize("kind", [FLOW, OUTBOUND])
def test_a_forged_callout_is_refused(org: Org, kind: str, forgery: str) -> None:
    received = Received(org, kind)
    org.sandbox.forge("salesforce", forgery)
    assert received.deliver() == []
    assert received.refused == 1


def test_an_outbound_message_carries_up_to_a_hundred_cases(org: Org) -> None:
    received = Received(org, OUTBOUND)
    with org.salesforce.transaction():
        made = [org.salesforce.write("Case", {"Subject": "x"}, org.agent)["Id"] for _ in range(150)]
    assert [delivery.events for delivery in org.sandbox.deliveries] == [100, 50]
    assert received.deliver() == made


def test_an_outbound_message_that_is_not_taken_comes_again_for_a_day_with_the_latest_state(org: Org) -> None:
    received = Received(org, OUTBOUND)
    received.status = 503
    org.ticket()
    began, times = org.now, 0
    while (due := org.sandbox.next_due()) is not None:
        org.now = max(org.now, due)
        times += org.sandbox.deliver_due()
    assert org.now - began <= DAY
    assert times > 15
    assert org.sandbox.deliveries[0].state == "failed"


def test_a_flows_callout_is_never_repeated(org: Org) -> None:
    received = Received(org, FLOW)
    received.status = 503
    org.ticket()
    received.deliver()
    assert org.sandbox.next_due() is None


@pytest.mark.parametrize("fault", ["drop", "duplicate", "delay", "reorder"])
def test_whatever_befalls_a_callout_the_poll_tells_the_same(org: Org, fault: str) -> None:
    received = Received(org, OUTBOUND)
    record = org.ticket().record
    received.deliver()
    org.sandbox.faults.add(Fault("salesforce", fault, match="case"))
    org.salesforce.change_case(org.agent, record, status="Working")
    told = set(received.deliver())
    assert told <= {record}
    assert [one.record for one in org.connector.changes("", org.now).hints] == [record]


def test_an_outbound_message_tells_the_state_at_its_delivery(org: Org) -> None:
    Received(org, OUTBOUND)
    record = org.ticket().record
    org.salesforce.change_case(org.agent, record, status="Working")
    org.sandbox.deliver_due()
    assert all(b"<sf:Status>Working</sf:Status>" in one.body for one in org.sandbox.deliveries)
