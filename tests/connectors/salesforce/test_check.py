"""The check names what would break or double messages, each with where to click."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra.sandbox.salesforce import SalesforceSandbox
from tests.connectors.salesforce.support import Org


def red(org: Org, **settings: str) -> dict[str, str]:
    """What is wrong, by name: how to mend it."""
    connector = org.connect(**settings) if settings else org.connect()
    return {one.name: one.mend for one in connector.check() if not one.ok}


def test_it_is_red_on_a_default_org_and_green_once_salesforces_mails_are_off(org: Org) -> None:
    assert list(red(org)) == ["Support setting notifyContactOnCaseComment"]
    org.salesforce.spare()
    assert red(org) == {}
    said = {one.name: one.detail for one in org.connector.check()}
    assert "not sent again" in said["E-mail action"]
    assert "api-usage=" in said["Sign-in"]


def without_key(sandbox: SalesforceSandbox) -> None:
    sandbox.without_key |= {"Case", "EmailMessage"}


def not_unique(sandbox: SalesforceSandbox) -> None:
    sandbox.key_unique = False


def hidden(sandbox: SalesforceSandbox) -> None:
    sandbox.hidden.add("EmailMessage")


def more_words(sandbox: SalesforceSandbox) -> None:
    sandbox.statuses |= {"Waiting": False, "Duplicate": True}
    sandbox.priorities.append("Critical")


def fewer_words(sandbox: SalesforceSandbox) -> None:
    del sandbox.statuses["On Hold"]
    sandbox.priorities.remove("Low")


def no_settings(sandbox: SalesforceSandbox) -> None:
    sandbox.may_read_settings = False


FIELDS = "Object Manager > Case, Contact and Email Message > Fields & Relationships"
ORGS: list[tuple[Callable[[SalesforceSandbox], None], dict[str, str]]] = [
    (without_key, {"Case.Deskweave_Id__c": FIELDS, "Email Message.Deskweave_Id__c": FIELDS}),
    (
        not_unique,
        {
            "Case.Deskweave_Id__c": "tick External ID, and Unique",
            "Contact.Deskweave_Id__c": "tick External ID, and Unique",
            "Email Message.Deskweave_Id__c": "tick External ID, and Unique",
        },
    ),
    (hidden, {"Object Email Message": "Enhanced Email"}),
    (
        more_words,
        {
            "Status “Waiting”": "Add a line “Waiting=open”",
            "Status “Duplicate”": "Add a line “Duplicate=solved”",
            "Priority “Critical”": "Change the priorities",
        },
    ),
    (fewer_words, {"Status “On Hold”": "Take it out", "Priority “Low”": "Change the priorities"}),
    (no_settings, {"Notifications of Cases": "Customize Application"}),
]


@pytest.mark.parametrize(("spoil", "expected"), ORGS, ids=[row[0].__name__ for row in ORGS])
def test_what_is_missing_is_named_with_where_to_click(
    org: Org, spoil: Callable[[SalesforceSandbox], None], expected: dict[str, str]
) -> None:
    org.salesforce.spare()
    spoil(org.salesforce)
    found = red(org)
    assert list(found) == list(expected)
    for name, mend in expected.items():
        assert mend in found[name]


SETTINGS: list[tuple[dict[str, str], str]] = [
    ({"queues": "billing=Nobody's"}, "Queue “Nobody's”"),
    ({"statuses": "New=new\nWorking=open\nEscalated=open\nOn Hold=on_hold\nClosed=open"}, "Status “Closed”"),
    ({"statuses": "New=new\nWorking=open\nEscalated=open\nOn Hold=solved\nClosed=solved"}, "Status “On Hold”"),
    ({"consumer_secret": ""}, "Sign-in"),
    ({"key_field": "Other_Id__c"}, "Case.Other_Id__c"),
]


@pytest.mark.parametrize(("settings", "name"), SETTINGS, ids=[row[1] for row in SETTINGS])
def test_settings_that_do_not_fit_the_org_are_named(org: Org, settings: dict[str, str], name: str) -> None:
    org.salesforce.spare()
    found = red(org, **settings)
    assert found.get(name)


def test_who_may_not_read_the_case_settings_can_see_to_it(org: Org) -> None:
    no_settings(org.salesforce)
    assert red(org, case_mails_off="yes") == {}
    assert red(org, case_mails_off="no") != {}


def test_a_public_comment_on_a_default_org_is_mailed_by_salesforce_as_the_check_says(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.agent_comment(org.agent, record, "Soon")
    assert len(org.salesforce.mails) == 1
    org.salesforce.spare()
    org.salesforce.agent_comment(org.agent, record, "Sooner")
    org.salesforce.agent_comment(org.agent, record, "secret", public=False)
    assert len(org.salesforce.mails) == 1
