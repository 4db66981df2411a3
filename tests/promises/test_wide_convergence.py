"""P7: after any mixture over three channels and two desks, with faults everywhere, all sides agree."""

from __future__ import annotations

import contextlib
import random

import pytest

from chalicelib.services import failures
from infra.sandbox import Fault
from tests.support import books
from tests.support.faults import Chaos
from tests.support.patience import EVERY
from tests.support.wide import ADA, PHONE, Wide
from tests.support.wide_paths import somebody_decides

MIXTURES = 12 if EVERY else 4
STEPS = 24
CALL_FAULTS = ("429", "500", "503", "timeout_before", "timeout_after", "expired_token")
HOOK_FAULTS = ("duplicate", "delay", "reorder")
PROVIDERS = ("slack", "twilio", "ses", "zendesk", "salesforce")


class Mixture:
    """Steps of people and faults, drawn by a seed."""

    def __init__(self, scenario: Wide, seed: int) -> None:
        self.scenario = scenario
        self.random = random.Random(f"wide mixture/{seed}")
        self.told: list[str] = []
        self.user = scenario.slack.add_user("Ada Lovelace", ADA, phone=PHONE)

    def step(self) -> None:
        steps = [self.mail, self.reply, self.text, self.direct, self.answer, self.answer, self.answer_case]
        steps += [self.answer_case, self.note, self.state, self.case_state, self.fault, self.fault, self.again]
        step = self.random.choice([*steps, self.resume])
        self.told.append(step.__name__)
        step()
        self.scenario.run(self.random.choice((0, 0, 1, 5, 60, 400)))

    def mail(self) -> None:
        files = [("scan.png", "image/png", b"a scan")] if self.random.random() < 0.3 else []
        self.scenario.mail(attachments=files)

    def reply(self) -> None:
        if self.scenario.ses.sent:
            self.scenario.reply_by_mail(self.random.choice(self.scenario.ses.sent))

    def text(self) -> None:
        self.scenario.text(picture=self.random.random() < 0.2)

    def direct(self) -> None:
        slack = self.scenario.slack
        self.scenario.write(user=self.user, channel=slack.open_direct(self.user), file=self.random.random() < 0.2)

    def _ticket(self) -> int:
        return self.random.choice([0, *self.scenario.zendesk.tickets])

    def _case(self) -> int:
        return self.random.choice(range(len(self.scenario.sandbox.salesforce.cases) + 1))

    def answer(self) -> None:
        if ticket := self._ticket():
            status = self.random.choice((None, None, "pending", "solved"))
            self.scenario.answer(ticket, file=self.random.random() < 0.2, status=status)

    def answer_case(self) -> None:
        if case := self._case():
            self.scenario.answer_case(case, status=self.random.choice((None, None, "Working", "Closed")))

    def note(self) -> None:
        if ticket := self._ticket():
            self.scenario.note(ticket)
        if case := self._case():
            self.scenario.note_case(case)

    def state(self) -> None:
        if ticket := self._ticket():
            self.scenario.solve(ticket, self.random.choice(("open", "pending", "hold", "solved")))

    def case_state(self) -> None:
        if case := self._case():
            self.scenario.change_case(case, status=self.random.choice(("Working", "On Hold", "Closed")))

    def fault(self) -> None:
        provider = self.random.choice(PROVIDERS)
        # Only a CRM can be asked what it told nobody.
        told = (*HOOK_FAULTS, "drop") if provider in ("zendesk", "salesforce") else HOOK_FAULTS
        kind = self.random.choice(CALL_FAULTS + told)
        wait = self.random.choice((None, 3, 45)) if kind in ("429", "503") else None
        times = self.random.choice((1, 1, 3))
        self.scenario.sandbox.faults.add(Fault(provider, kind, times=times, retry_after=wait, delay_ms=30_000))

    def again(self) -> None:
        """A provider sends an old delivery once more."""
        if kept := [one for one in self.scenario.sandbox.deliveries if one.kind == "original"]:
            chosen = self.random.choice(kept)
            self.scenario.sandbox.redeliver(chosen.id, fresh_event_id=chosen.provider == "slack")

    def resume(self) -> None:
        """An admin looks at the list of failures, and mends the credentials."""
        for failure in self.scenario.failures():
            if failure["kind"] == "connection":
                # LookupError: the credentials are still refused.
                with contextlib.suppress(LookupError), self.scenario.runtime.wire.acting("setup"):
                    failures.retry(failure["sk"], self.scenario.deps)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MIXTURES))
def test_any_mixture_over_all_channels_and_desks_comes_to_one_state(number: int, seed: int) -> None:
    chance = seed * 1000 + number
    with Wide(chance, duplicates=0.2, batch=1 + number % 10) as scenario:
        scenario.sandbox.salesforce.spare()
        mixture = Mixture(scenario, chance)
        chaos = Chaos(scenario, chance, 0.004)
        with scenario.runtime.provider_calls():
            for _ in range(STEPS):
                mixture.step()
            chaos.share = 0.0
            scenario.sandbox.faults.clear()
            for _ in range(3):
                mixture.resume()
                scenario.settle(hours=6)
                somebody_decides(scenario)
        assert chaos.struck
        books.check(scenario, f"DESKWEAVE_SEED={seed}, mixture {number}: {mixture.told}")
