"""P6, P8: nobody speaks in Twilio's or Salesforce's name, and nothing of what a stranger says is kept."""

from __future__ import annotations

import pytest

from infra.sandbox.sandbox import FORGERIES
from tests.support.books import check
from tests.support.wide import Wide

DOORS = [("twilio", ""), ("salesforce", "flow"), ("salesforce", "outbound")]


# None of these schemes tells the time: what is stale is as good as new, and is found to be a repetition.
@pytest.mark.parametrize("forgery", [each for each in FORGERIES if each != "stale"])
@pytest.mark.parametrize(("provider", "kind"), DOORS)
def test_a_forged_delivery_is_refused_and_nothing_of_it_is_kept(provider: str, kind: str, forgery: str) -> None:
    with Wide(1) as scenario:
        scenario.sandbox.salesforce.spare()
        scenario.text()
        scenario.settle()
        if kind:
            scenario.sandbox.salesforce.webhook_kind = kind
        before, written = scenario.items(), len(scenario.sandbox.ledger)
        forged = scenario.sandbox.forge(provider, forgery)
        scenario.sandbox.deliver_due()
        assert [status for _, status in forged.attempts] == [401]
        assert not any(list(scenario.runtime.queues[name].messages()) for name in ("inbox", "effects"))
        assert scenario.items() == before
        assert len(scenario.sandbox.ledger) == written
        check(scenario)
