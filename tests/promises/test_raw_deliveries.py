"""P1: the raw delivery stays with the message that it brought, and can be read again."""

from __future__ import annotations

import json

from chalicelib.services import keys, records
from tests.support.scenario import Scenario


def test_a_message_keeps_the_delivery_that_brought_it() -> None:
    with Scenario() as scenario:
        ts = scenario.write()
        scenario.settle()
        kept = scenario.deps.table.get(keys.message(scenario.slack_id, f"{scenario.channel}:{ts}"))
        assert kept is not None
        raw = records.raw_delivery(kept, scenario.deps)
        assert raw is not None
        event = json.loads(raw)["event"]
        assert (event["ts"], event["text"]) == (ts, kept["text"])
