"""/api: customers, conversations, messages, links, lanes and failures, for whoever may look."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib.api.door import LIMIT, TEXT, Asked, operation

blueprint = Blueprint(__name__)

_PAGE = {"limit": LIMIT, "cursor": {"type": "string", "maxLength": 2000}}
_OF_CONNECTION = {**_PAGE, "connection": TEXT}
_STATUS = {"type": "string", "maxLength": 10, "enum": ["", "new", "open", "pending", "on_hold", "solved", "closed"]}
_CONVERSATION = "/api/conversations/{conversation}"
_FAILURE = "/api/failures/{failure}"


@operation(blueprint, "GET", "/api/customers", gives="Page[views.Customer]", query=_PAGE)
def customers(asked: Asked) -> Any:
    """List customers, the newest first."""
    from chalicelib.services import admin_pages

    return admin_pages.customers(asked.deps, **asked.query)


@operation(blueprint, "GET", "/api/customers/{customer}", gives="views.Customer")
def customer(asked: Asked, customer: str) -> Any:
    """Show a customer's profile."""
    from chalicelib.services import read_admin

    return read_admin.customer(customer, asked.deps)


@operation(blueprint, "GET", "/api/conversations", gives="Page[views.Summary]", query={**_PAGE, "status": _STATUS})
def conversations(asked: Asked) -> Any:
    """List conversations, the newest first."""
    from chalicelib.services import admin_pages

    return admin_pages.conversations(asked.deps, **asked.query)


@operation(blueprint, "GET", _CONVERSATION, gives="views.Conversation")
def conversation(asked: Asked, conversation: str) -> Any:
    """Show a conversation with its newest messages; a ticket as `zendesk:123` is taken for its conversation."""
    from chalicelib.services import read

    return read.conversation(read.find(conversation, asked.deps), asked.deps)


@operation(blueprint, "GET", _CONVERSATION + "/messages", gives="Page[views.Line]", query=_PAGE)
def messages(asked: Asked, conversation: str) -> Any:
    """List a conversation's messages: the newest page first, each page in the order of time."""
    from chalicelib.services import admin_pages, read

    return admin_pages.messages(read.find(conversation, asked.deps), asked.deps, **asked.query)


@operation(blueprint, "GET", _CONVERSATION + "/links", gives="[views.Ticket]")
def links(asked: Asked, conversation: str) -> Any:
    """List a conversation's tickets, and what both sides last agreed on."""
    from chalicelib.services import read

    return read.conversation(read.find(conversation, asked.deps), asked.deps, limit=1).summary.tickets


@operation(blueprint, "GET", "/api/lanes", gives="Page[views.Lane]", query=_OF_CONNECTION)
def lanes(asked: Asked) -> Any:
    """List the lanes that have unfinished work, those first that have waited longest."""
    from chalicelib.services import admin_pages

    return admin_pages.lanes(asked.deps, **asked.query)


@operation(blueprint, "GET", "/api/failures", gives="Page[views.Failure]", query=_OF_CONNECTION)
def failures(asked: Asked) -> Any:
    """List the open failures, oldest first."""
    from chalicelib.services import admin_pages

    return admin_pages.failures(asked.deps, **asked.query)


@operation(blueprint, "GET", _FAILURE, gives="admin_failures.FailureShown")
def failure(asked: Asked, failure: str) -> Any:
    """Show a failure, with the texts that were not carried out."""
    from chalicelib.services import admin_failures

    return admin_failures.shown(failure, asked.deps)


@operation(blueprint, "POST", _FAILURE + "/retry", gives="admin_failures.Acted", writes=True, refuses=(409,))
def retry(asked: Asked, failure: str) -> Any:
    """Try again what failed, once its cause is mended."""
    from chalicelib.services import admin_failures

    return admin_failures.act(failure, asked.deps, skip=False)


@operation(blueprint, "POST", _FAILURE + "/skip", gives="admin_failures.Acted", writes=True, refuses=(409,))
def skip(asked: Asked, failure: str) -> Any:
    """Go on without what failed; it stays kept."""
    from chalicelib.services import admin_failures

    return admin_failures.act(failure, asked.deps, skip=True)


@operation(blueprint, "GET", "/openapi.json", gives="object")
def description(asked: Asked) -> Any:
    """Describe this API: OpenAPI 3.1."""
    from chalicelib.api import openapi

    return openapi.document()
