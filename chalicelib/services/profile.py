"""Who a customer is: their name from the channel's own directory, and their contact in each CRM."""

from __future__ import annotations

from chalicelib.aws.table import Item, Update
from chalicelib.core.model import Contact
from chalicelib.services import keys
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
    customer = deps.table.get(keys.customer(customer_id))
    if customer is None:
        raise LookupError(f"customer {customer_id} is not in the table")
    known = customer["contacts"].get(connection, {})
    if known and known["named"]:
        return str(known["id"])
    name, email = customer["name"], customer["email"]
    if not name:
        name, email = _look_up(customer, work)
    if known and not name:
        return str(known["id"])
    shown = name or customer["identities"][0]["key"]
    made = work.to_crm.upsert_contact(Contact(customer_id, shown, email), work.call)
    known = {"id": made, "named": bool(name)}
    deps.table.update(Update(customer["pk"], set={f"contacts.{connection}": known, "name": name, "email": email}))
    return made


def _look_up(customer: Item, work: Work) -> tuple[str, str]:
    for identity in customer["identities"]:
        source = work.deps.connections.open(identity["connection"])
        if not isinstance(source, ChannelConnector):
            continue
        try:
            person = source.profile(identity["key"])
        except ConnectorError as error:
            work.deps.log.step("profile", outcome=type(error).__name__, connection=identity["connection"])
            continue
        if person.name:
            return person.name, person.email
    return "", ""
