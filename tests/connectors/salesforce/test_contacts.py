"""A customer is one Contact, found on strong keys alone."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.model import Contact
from connectors.base import Rejected, TryLater
from infra.sandbox import Fault
from tests.connectors.salesforce.support import Org


def contact(org: Org, *values: str) -> str:
    return org.connector.upsert_contact(Contact(*values), org.call("u"))


def test_one_customer_is_one_contact_and_is_written_only_when_it_changed(org: Org) -> None:
    keys = {contact(org, "c1", "Cy"), contact(org, "c1", "Cy Two"), contact(org, "c1", "Cy Two", "cy@example.com")}
    (key,) = keys
    wrote = org.effects("user")
    assert contact(org, "c1", "Cy Two", "cy@example.com") == key
    assert contact(org, "c1", "Cy Two") == key
    assert org.effects("user") == wrote
    kept = org.salesforce.contacts[key]
    assert (kept["FirstName"], kept["LastName"], kept["Email"]) == ("Cy", "Two", "cy@example.com")


NAMES = [
    ("Cy", None, "Cy"),
    ("Cy  Two ", "Cy", "Two"),
    ("Ludwig van Beethoven", "Ludwig van", "Beethoven"),
    ("", "Customer", "c1"),
    ("x" * 200, None, "x" * 80),
    ("y" * 60 + " " + "z" * 200, "y" * 40, "z" * 80),
]


@pytest.mark.parametrize(("name", "first", "last"), NAMES)
def test_a_name_is_split_as_salesforce_wants_it(org: Org, name: str, first: str | None, last: str) -> None:
    made = contact(org, "c1", name)
    kept = org.salesforce.contacts[made]
    assert (kept["FirstName"], kept["LastName"]) == (first, last)


def theirs(org: Org, email: str) -> str:
    with org.salesforce.transaction():
        fields = {"LastName": "Own", "Email": email}
        return str(
            org.salesforce.write(
                "Contact", fields, org.agent, headers={"sforce-duplicate-rule-header": "allowSave=true"}
            )["Id"]
        )


def test_the_one_contact_with_the_verified_address_is_the_customer_and_stays_as_it_is(org: Org) -> None:
    known = theirs(org, "cy@example.com")
    assert contact(org, "c1", "Cy Two", "cy@example.com") == known
    assert org.salesforce.contacts[known]["LastName"] == "Own"
    assert len(org.salesforce.contacts) == 1


def test_of_two_contacts_with_the_address_none_is_guessed(org: Org) -> None:
    known = {theirs(org, "cy@example.com"), theirs(org, "cy@example.com")}
    mine = contact(org, "c1", "Cy Two", "cy@example.com")
    assert mine not in known
    assert contact(org, "c1", "Cy Two", "cy@example.com") == mine


def test_once_linked_the_address_does_not_count_any_more(org: Org) -> None:
    mine = contact(org, "c1", "Cy Two")
    theirs(org, "cy@example.com")
    assert contact(org, "c1", "Cy Two", "cy@example.com") == mine


def test_a_customer_without_an_address_is_not_the_contact_without_one(org: Org) -> None:
    with org.salesforce.transaction():
        org.salesforce.write("Contact", {"LastName": "Nobody"}, org.agent)
    assert contact(org, "c1", "Cy Two") != next(iter(org.salesforce.contacts))


def test_a_duplicate_rule_that_alerts_lets_us_through_and_one_that_blocks_is_named(org: Org) -> None:
    theirs(org, "cy@example.com"), theirs(org, "cy@example.com")
    org.salesforce.duplicate_rule = "block"
    with pytest.raises(Rejected, match=r"DUPLICATES_DETECTED.*Setup > Duplicate Rules"):
        contact(org, "c1", "Cy Two", "cy@example.com")
    org.salesforce.duplicate_rule = "alert"
    assert contact(org, "c1", "Cy Two", "cy@example.com") in org.salesforce.contacts


@pytest.mark.parametrize("email", ["not..an@address", "a@b", "x" * 90 + "@example.com"])
def test_an_address_that_salesforce_refuses_is_left_out(org: Org, email: str) -> None:
    made = contact(org, "c1", "Cy Two", email)
    assert org.salesforce.contacts[made]["Email"] is None


def test_a_telephone_number_is_kept(org: Org) -> None:
    kept = contact(org, "c1", "Cy Two", "", "+442079460000")
    assert org.salesforce.contacts[kept]["Phone"] == "+442079460000"


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500"])
def test_a_doubtful_contact_is_made_once(org: Org, kind: str) -> None:
    org.sandbox.faults.add(Fault("salesforce", kind, match="PATCH /sobjects/Contact/{key}"))
    with pytest.raises(TryLater) as raised:
        contact(org, "c1", "Cy Two", "cy@example.com")
    assert raised.value.doubtful
    made: Any = contact(org, "c1", "Cy Two", "cy@example.com")
    assert [made] == list(org.salesforce.contacts)
