"""Customers as Zendesk's end users. https://developer.zendesk.com/api-reference/ticketing/users/users/"""

from __future__ import annotations

from typing import Any

from zenpy.lib.api_objects import User

from chalicelib.core.model import Contact
from connectors.zendesk import OURS, words
from connectors.zendesk.session import Desk, Refused

END_USER = "end-user"


def upsert(desk: Desk, contact: Contact) -> str:
    """Make or update the user of a customer, by our external id; returns Zendesk's id.

    An end user who has the address already is the customer, and stays as they are. An agent's address is left out:
    to update by it would turn the agent into the requester, and the role would take their seat away.
    """
    external_id = OURS + contact.customer
    owner = _owner(desk, contact.email)
    if owner and owner["role"] == END_USER and owner.get("external_id") != external_id:
        return str(owner["id"])
    email = "" if owner and owner["role"] != END_USER else contact.email
    try:
        return _put(desk, external_id, contact, email)
    except Refused:
        if not email:
            raise
        # The search lags: the address may have an owner whom it shows only now, or later.
        owner = _owner(desk, email)
        return str(owner["id"]) if owner and owner["role"] == END_USER else _put(desk, external_id, contact, "")


def _owner(desk: Desk, email: str) -> dict[str, Any] | None:
    users = desk.zenpy.users.search(query=email)["users"] if email else []
    return next((user for user in users if (user.get("email") or "").casefold() == email.casefold()), None)


def _put(desk: Desk, external_id: str, contact: Contact, email: str) -> str:
    # Without skip_verify_email, Zendesk would send a new user a mail.
    fields = {"external_id": external_id, "role": END_USER, "skip_verify_email": True}
    fields["name"] = words.clean(contact.name).strip() or f"Customer {contact.customer}"
    verified = {"email": email, "verified": True} if email else {}
    return str(desk.zenpy.users.create_or_update(User(**fields, **verified))["user"]["id"])
