"""Customers as Zendesk's end users. https://developer.zendesk.com/api-reference/ticketing/users/users/"""

from __future__ import annotations

from typing import Any

from zenpy.lib.api_objects import User

from chalicelib.core.model import Contact
from connectors.zendesk import OURS
from connectors.zendesk.session import Desk, Refused
from connectors.zendesk.words import clean

_Json = dict[str, Any]


def upsert(desk: Desk, contact: Contact) -> str:
    """Make or update the user of a customer, found by our external id; returns Zendesk's id.

    An address that belongs to another end user makes that user the customer's. One that belongs to an agent is left
    out: to update by it would turn the agent into the requester, and `role` would take their seat away.
    """
    external_id = OURS + contact.customer
    owner = _owner(desk, contact.email)
    if owner and owner["role"] == "end-user" and owner.get("external_id") != external_id:
        return _adopt(desk, owner, external_id)
    email = contact.email if not owner or owner["role"] == "end-user" else ""
    try:
        return _put(desk, external_id, contact, email)
    except Refused:
        if not email:
            raise
        # The search that finds an address's owner lags, so that its owner may show only now, or later.
        owner = _owner(desk, email)
        if owner and owner["role"] == "end-user":
            return str(owner["id"])
        return _put(desk, external_id, contact, "")


def _owner(desk: Desk, email: str) -> _Json | None:
    users = desk.zenpy.users.search(query=email)["users"] if email else []
    return next((user for user in users if (user.get("email") or "").casefold() == email.casefold()), None)


def _adopt(desk: Desk, owner: _Json, external_id: str) -> str:
    if not owner.get("external_id"):
        try:
            desk.zenpy.users.update(User(id=owner["id"], external_id=external_id))
        except Refused:  # another user has our id already: the address decides
            return str(owner["id"])
    return str(owner["id"])


def _put(desk: Desk, external_id: str, contact: Contact, email: str) -> str:
    user = User(
        external_id=external_id,
        name=clean(contact.name).strip() or f"Customer {contact.customer}",
        role="end-user",
        skip_verify_email=True,  # a new user would otherwise be sent a mail
        **({"email": email, "verified": True} if email else {}),
    )
    return str(desk.zenpy.users.create_or_update(user)["user"]["id"])
