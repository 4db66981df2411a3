"""What would break or double messages in an account. https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.core.model import Finding
from connectors.base import BadCredentials, ConnectorError
from connectors.zendesk.session import Desk
from connectors.zendesk.words import TAG

BODY = (
    '{"ticket_id":"{{ticket.id}}","external_id":"{{ticket.external_id}}",'
    '"updated_at":"{{ticket.updated_at_with_timestamp}}"}'
)
TELLING = {"notification_user", "notification_sms_user"}

_Json = dict[str, Any]


def findings(desk: Desk, connection: str) -> list[Finding]:
    """Look at the credentials; where they are right, at groups, webhook and triggers."""
    first = _looked("Credentials", lambda: _credentials(desk))
    if not first[0].ok:
        return first
    return [
        *first,
        *_looked("Groups", lambda: _groups(desk)),
        *_looked("Webhook", lambda: _webhook(desk, connection)),
        *_looked("Zendesk's own notifications", lambda: _notifications(desk)),
    ]


def _looked(name: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    try:
        return list(look()) or [Finding(name, True)]
    except ConnectorError as error:
        return [Finding(name, False, str(error), "Mend what Zendesk says, then check again.")]


def _credentials(desk: Desk) -> Iterator[Finding]:
    user = desk.zenpy.users.me()["user"]
    role = user.get("role")
    yield Finding(
        "Credentials",
        role in ("agent", "admin"),
        f"signed in as {user.get('name')}, {role}",
        "" if role in ("agent", "admin") else "Use the API token of an administrator: an end user cannot keep tickets.",
    )


def _groups(desk: Desk) -> Iterator[Finding]:
    there = {name.casefold() for name in desk.groups(fresh=True).values()}
    for team, group in desk.teams.items():
        if group.casefold() not in there:
            mend = (
                f"Admin Center > People > Team > Groups: make “{group}”, or change the line “{team}=…” in the settings."
            )
            yield Finding(f"Group “{group}”", False, f"Zendesk has no such group; the team “{team}” needs it", mend)


def _webhook(desk: Desk, connection: str) -> Iterator[Finding]:
    mend = (
        "Admin Center > Apps and integrations > Webhooks > Create webhook > Trigger or automation; endpoint: "
        f"your Deskweave address + /webhooks/zendesk/{connection}, POST, JSON. Then a trigger on ticket updates "
        f"(Tags / Contains at least one of the following / {TAG}) that notifies it with {BODY}"
    )
    try:
        webhooks = list(desk.pages(desk.zenpy.webhooks.list(), "webhooks"))
    except BadCredentials as error:
        detail = f"only an administrator may look ({error}); without a webhook the poll brings changes each minute"
        yield Finding("Webhook", True, detail, mend)
        return
    there = [one for one in webhooks if connection in one["endpoint"] and one["status"] == "active"]
    yield Finding(
        "Webhook", bool(there), there[0]["name"] if there else "no active webhook leads here", "" if there else mend
    )


def _notifications(desk: Desk) -> Iterator[Finding]:
    """Each active trigger that writes to the requester of a ticket of ours, who hears from us already."""
    for trigger in desk.pages(desk.zenpy.triggers(), "triggers"):
        if (
            trigger["active"]
            and any(_tells_requester(action) for action in trigger["actions"])
            and not _spares(trigger)
        ):
            yield Finding(
                f"Trigger “{trigger['title']}”",
                False,
                "it writes to the requester too, so that customers would get every answer twice",
                f"Admin Center > Objects and rules > Business rules > Triggers > “{trigger['title']}” > add condition "
                f"Tags / Contains none of the following / {TAG}",
            )


def _tells_requester(action: _Json) -> bool:
    value = action.get("value")
    to = value[0] if isinstance(value, list) and value else value
    return action.get("field") in TELLING and str(to).startswith("requester")


def _spares(trigger: _Json) -> bool:
    for condition in trigger["conditions"].get("all") or []:
        if condition.get("field") == "current_tags" and condition.get("operator") == "not_includes":
            value = condition.get("value")
            if TAG in (value if isinstance(value, list) else str(value).replace(",", " ").split()):
                return True
    return False
