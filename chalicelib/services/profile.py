"""Who a customer is: their name from the channel's own directory, and their contact in each CRM."""

from __future__ import annotations

from chalicelib.aws.table import Item, Update
from chalicelib.core.model import UNVERIFIED, Contact, Person
from chalicelib.services import forms, people, signals
from chalicelib.services.work import Work
from connectors.base import ChannelConnector, ConnectorError


def contact(customer_id: str, work: Work) -> str:
    """The CRM's id of a customer; made or updated there where it is not known yet. Raises the CRM's errors.

    The channel's directory is asked for a name that we lack. Where it cannot answer, the ticket does not wait for it:
    the contact goes by the channel's id until a later message finds the name.
    """
    if customer_id not in work.contacts:
        work.contacts[customer_id] = _contact(customer_id, work)
    return work.contacts[customer_id]


def _contact(customer_id: str, work: Work) -> str:
    deps, connection = work.deps, work.head["connection"]
    customer = forms.brought_up(people.profile(customer_id, deps), deps)
    known = customer["contacts"].get(connection, {})
    if known and known["named"]:
        return str(known["id"])
    if not customer["name"] or not customer["email"]:
        person = _look_up(customer, work)
        if person is not None:
            customer = people.learn(customer["id"], person, deps)
            known = customer["contacts"].get(connection, {})
    if known and (known["named"] or not customer["name"]):
        return str(known["id"])
    shown = customer["name"] or customer["identities"][0]["key"].removeprefix(UNVERIFIED)
    contact = Contact(customer["id"], shown, customer["email"], customer.get("phone", ""))
    made = work.to_crm.upsert_contact(contact, work.call)
    known = {"id": made, "named": bool(customer["name"])}
    deps.table.update(Update(customer["pk"], set={f"contacts.{connection}": known}))
    return made


def _look_up(customer: Item, work: Work) -> Person | None:
    """The customer as the directory of one of their channels knows them; None where none does."""
    for identity in customer["identities"]:
        source = work.deps.connections.open(identity["connection"])
        if not isinstance(source, ChannelConnector):
            continue
        try:
            person = source.profile(identity["key"])
        except ConnectorError as error:
            signals.provider_error("profile", error, identity["connection"], work.deps, call=work.call.id)
            continue
        if person.name:
            return person
    return None
