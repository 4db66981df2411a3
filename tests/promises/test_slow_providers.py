"""P1, P4: a provider that takes its time holds up nobody but its own records, and no run ends at its time-out."""

from __future__ import annotations

import pytest

from infra import schema
from infra.sandbox import Fault
from tests.support import books
from tests.support.scenario import Scenario

TICKETS = 8
# Zendesk's time to connect and to answer (connectors/zendesk/session.py).
HUNG_MS = 13_000


@pytest.mark.parametrize("answers", [False, True], ids=["never answers", "answers late"])
def test_a_batch_of_hints_of_a_crm_that_hangs_ends_before_its_time_out(answers: bool) -> None:
    """Each reading takes until the connector's time-out: ten of them would take longer than the function has."""
    with Scenario(batch=10) as scenario:
        for number in range(TICKETS):
            scenario.write(channel=scenario.slack.add_channel(f"channel-{number}"))
        scenario.settle()
        for ticket in range(1, TICKETS + 1):
            scenario.answer(ticket)
        scenario.sandbox.deliver_due()
        if not answers:
            scenario.sandbox.faults.add(Fault("zendesk", "timeout_before", "GET *", times=TICKETS))

        def slow(service: str, operation: str, phase: str) -> None:
            if service == "http" and phase == "before" and operation.startswith("GET"):
                scenario.clock.advance(HUNG_MS)

        scenario.runtime.on_call = slow
        with scenario.runtime.provider_calls():
            began = scenario.clock()
            ran = scenario.runtime.pump()
        assert ran is not None and ran.function == "inbox" and len(ran.messages) > 1
        assert HUNG_MS < scenario.clock() - began < schema.function_seconds()["inbox"] * 1000
        assert ran.error is None and ran.deleted
        scenario.runtime.on_call = None
        scenario.sandbox.faults.clear()
        scenario.settle()
        assert scenario.failures() == [] and len(scenario.delivered()) == TICKETS
        books.check(scenario)
