"""Customers as Salesforce's Contacts.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contact.htm
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chalicelib.core.model import Contact
from connectors.salesforce import words
from connectors.salesforce.errors import Refused
from connectors.salesforce.org import Org, ask

LONGEST = {"FirstName": 40, "LastName": 80, "Email": 80, "Phone": 40}
_UNUSABLE = frozenset({"INVALID_EMAIL_ADDRESS"})


def upsert(org: Org, contact: Contact) -> str:
    """Make or update the Contact of a customer, by External Id; returns Salesforce's id of it.

    A Contact without our key that alone has the customer's verified address is the customer, and stays as it is. Where
    several have it, which of them is meant is not ours to guess: the customer gets a Contact of their own.
    """
    fields = _fields(contact)
    ours, theirs = org.all(
        ask(
            "SELECT Id, FirstName, LastName, Email, Phone FROM Contact WHERE {key:literal} = {customer}",
            key=org.key,
            customer=contact.customer,
        ),
        ask("SELECT Id FROM Contact WHERE Email = {email} AND Email != '' LIMIT 2", email=fields.get("Email", "")),
    )
    for record in ours["records"]:
        if all(record.get(name) == value for name, value in fields.items()):
            return str(record["Id"])
    if not ours["records"] and len(theirs["records"]) == 1:
        return str(theirs["records"][0]["Id"])
    try:
        return _put(org, contact, fields)
    except Refused as refused:
        if "Email" not in fields or not refused.codes & _UNUSABLE:
            raise
        return _put(org, contact, {name: value for name, value in fields.items() if name != "Email"})


def _put(org: Org, contact: Contact, fields: dict[str, str]) -> str:
    made: Any = org.client.restful(
        f"sobjects/Contact/{org.key}/{quote(contact.customer, safe='')}", method="PATCH", json=fields
    )
    return str(made["id"])


def _fields(contact: Contact) -> dict[str, str]:
    """What is known, and nothing that would blank a field: a name that fits, an address that is verified."""
    name = " ".join(words.clean(contact.name).split()) or f"Customer {contact.customer}"
    first, _, last = name.rpartition(" ")
    fields = {"FirstName": first[: LONGEST["FirstName"]].strip(), "LastName": last[: LONGEST["LastName"]]}
    if len(contact.email) <= LONGEST["Email"]:
        fields["Email"] = contact.email
    fields["Phone"] = contact.phone[: LONGEST["Phone"]]
    return {key: value for key, value in fields.items() if value}
