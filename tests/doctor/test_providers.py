"""What the providers say of the accounts, each in its own words; and the webhooks that the doctor registers on request.

All five accounts are right, over real HTTP; then somebody changes one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chalicelib.services import links
from infra.doctor import examine
from infra.doctor.model import Patient, Result
from infra.local import try_it
from infra.sandbox import Sandbox
from tests.cli.conftest import House
from tests.doctor.test_work import patient, wrong


@dataclass
class Accounts:
    house: House
    ids: dict[str, str]

    def patient(self, **given: object) -> Patient:
        return patient(self.house, offline=False, **given)

    def wrong(self, **given: object) -> dict[str, Result]:
        return wrong(self.patient(**given))


@pytest.fixture
def accounts(house: House) -> Accounts:
    deps, sandbox = house.deps, house.sandbox
    deps.connections.remove(house.zendesk)
    links.new_key(deps)
    ids = {"slack": house.slack}
    for name in ("zendesk", "salesforce", "sms", "ses"):
        ids[name] = getattr(try_it, f"connect_{name}")(deps, sandbox, lambda told: None)
    return Accounts(house, ids)


def _webhook_deleted(sandbox: Sandbox) -> None:
    sandbox.zendesk.webhook_url = ""


def _webhook_elsewhere(sandbox: Sandbox) -> None:
    sandbox.zendesk.webhook_url = sandbox.zendesk.webhook_url.replace("deskweave.example", "old.example")


def _trigger_off(sandbox: Sandbox) -> None:
    sandbox.zendesk.triggers[-1]["active"] = False


def _mails_again(sandbox: Sandbox) -> None:
    sandbox.zendesk.triggers[0]["conditions"]["all"] = []


def _no_administrator(sandbox: Sandbox) -> None:
    sandbox.zendesk.users[sandbox.zendesk.integration_id]["role"] = "agent"


def _field_gone(sandbox: Sandbox) -> None:
    sandbox.salesforce.without_key |= {"Case"}


def _mails_contacts(sandbox: Sandbox) -> None:
    sandbox.salesforce.notify_contact = True


def _scope_gone(sandbox: Sandbox) -> None:
    sandbox.slack.scopes = ",".join(one for one in sandbox.slack.scopes.split(",") if one != "chat:write")


def _number_elsewhere(sandbox: Sandbox) -> None:
    sandbox.twilio.webhook_url = "https://elsewhere.example/sms"


def _rules_inactive(sandbox: Sandbox) -> None:
    sandbox.ses.active_rule_set = ""


def _no_production(sandbox: Sandbox) -> None:
    sandbox.ses.production = False


@dataclass(frozen=True)
class Fault:
    make: Callable[[Sandbox], None]
    provider: str
    finds: str
    told: str
    mended: bool = False


FAULTS = (
    Fault(_webhook_deleted, "zendesk", "Webhook", "no active webhook leads here"),
    Fault(_webhook_elsewhere, "zendesk", "Webhook", "it leads to https://old.example"),
    Fault(_trigger_off, "zendesk", "Webhook", "no active trigger notifies it"),
    Fault(_mails_again, "zendesk", "Trigger “Notify requester and CCs of received request”", "every answer twice"),
    Fault(_no_administrator, "zendesk", "Credentials", "Deskweave, agent"),
    Fault(_field_gone, "salesforce", "Case.Deskweave_Id__c", ""),
    Fault(_mails_contacts, "salesforce", "Support setting notifyContactOnCaseComment", "every answer twice"),
    Fault(_scope_gone, "slack", "scopes", "missing: chat:write"),
    Fault(_number_elsewhere, "sms", "webhook", "messages go to https://elsewhere.example/sms", mended=True),
    Fault(_rules_inactive, "ses", "receiving", "", mended=True),
    Fault(_no_production, "ses", "production access", "SES's own sandbox"),
)


def test_accounts_that_are_right_are_told_in_a_line_each(accounts: Accounts) -> None:
    assert accounts.wrong() == {}
    told = [found for found in examine.examine(accounts.patient()) if found.check == "providers"]
    assert {found.finding.name for found in told} == {f"{name} {one}" for name, one in accounts.ids.items()}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.make.__name__.strip("_"))
def test_a_change_at_a_provider_is_told_in_its_words(accounts: Accounts, fault: Fault) -> None:
    fault.make(accounts.house.sandbox)
    found = accounts.wrong()
    called = f"{fault.provider} {accounts.ids[fault.provider]}: {fault.finds}"
    assert set(found) == {called}
    assert (found[called].check, found[called].outcome) == ("providers", "wrong")
    assert fault.told in found[called].finding.detail and found[called].finding.mend
    mend = found[called].mend
    assert (mend is not None and mend.outside) is fault.mended
    if mend:
        done = [one for _ in range(2) for one in examine.mend(accounts.patient(), [(found[called], mend)])]
        assert [one.error for one in done] == ["", ""]
        assert accounts.wrong() == {}


def test_what_is_at_a_provider_is_not_among_the_mends_unless_asked_for(accounts: Accounts) -> None:
    _number_elsewhere(accounts.house.sandbox)
    results = examine.examine(accounts.patient())
    assert examine.mends(results, outside=False) == []
    assert [mend.outside for _, mend in examine.mends(results, outside=True)] == [True]


def test_a_refused_token_is_told(accounts: Accounts) -> None:
    settings = {"bot_token": "xoxb-of-a-fixture-that-was-revoked"}
    accounts.house.deps.connections.change(accounts.ids["slack"], settings)
    (found,) = accounts.wrong().values()
    assert (found.finding.name, found.outcome) == (f"slack {accounts.ids['slack']}: Credentials", "wrong")
    assert "invalid_auth" in found.finding.detail


def test_a_provider_that_does_not_answer_is_waited_for_no_longer_than_asked(accounts: Accounts) -> None:
    found = accounts.wrong(patience=0.0)
    assert {one.outcome for one in found.values()} == {"unseen"}
    assert "no answer within 0 s" in found[f"zendesk {accounts.ids['zendesk']}"].finding.detail


def test_a_refusal_to_register_is_told_and_counts_as_not_mended(accounts: Accounts) -> None:
    _number_elsewhere(accounts.house.sandbox)
    (found,) = accounts.wrong().values()
    assert found.mend is not None
    accounts.house.sandbox.twilio.auth_token = "0" * 32
    (done,) = examine.mend(accounts.patient(), [(found, found.mend)])
    assert "Credentials" in done.error
