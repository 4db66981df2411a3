"""What would break or double messages. https://developer.zendesk.com/api-reference/ticketing/business-rules/triggers/"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.core.model import Finding
from connectors.base import ConnectorError
from connectors.zendesk.session import Desk
from connectors.zendesk.words import TAG

BODY = (
    '{"ticket_id":"{{ticket.id}}","external_id":"{{ticket.external_id}}",'
    '"updated_at":"{{ticket.updated_at_with_timestamp}}"}'
)

_Json = dict[str, Any]


def findings(desk: Desk, connection: str, webhook_url: str = "") -> list[Finding]:
    """Look at the credentials; where they are right, at groups, webhook and triggers.

    webhook_url  where the stage takes this connection's webhooks, "" where it has no public address yet
    """
    looks: dict[str, Callable[[Desk, str], Iterator[Finding]]] = {
        "Credentials": _credentials,
        "Groups": _groups,
        "Webhook": lambda desk, connection: _webhook(desk, connection, webhook_url),
        "Zendesk's own notifications": _notifications,
    }
    found: list[Finding] = []
    for name, look in looks.items():
        try:
            found += list(look(desk, connection)) or [Finding(name, True)]
        except ConnectorError as error:
            found.append(Finding(name, False, str(error), "Mend what Zendesk says, then check again."))
        if not found[0].ok:
            break
    return found


def _credentials(desk: Desk, connection: str) -> Iterator[Finding]:
    user = desk.zenpy.users.me()["user"]
    admin = user.get("role") == "admin"
    mend = (
        "" if admin else "Give this user the role administrator: Zendesk lets nobody else read its export of changes."
    )
    yield Finding("Credentials", admin, f"signed in as {user.get('name')}, {user.get('role')}", mend)


def _groups(desk: Desk, connection: str) -> Iterator[Finding]:
    there = {name.casefold() for name in desk.groups(fresh=True).values()}
    for team, group in desk.teams.items():
        if group.casefold() not in there:
            mend = f"Admin Center > People > Team > Groups: make “{group}”, or change “{team}=…” in the settings."
            yield Finding(f"Group “{group}”", False, f"Zendesk has no such group; the team “{team}” needs it", mend)


def _webhook(desk: Desk, connection: str, webhook_url: str) -> Iterator[Finding]:
    mend = (
        "Admin Center > Apps and integrations > Webhooks > Create webhook > Trigger or automation; endpoint: "
        f"your Deskweave address + /webhooks/zendesk/{connection}, POST, JSON. Then a trigger on tickets with Tags / "
        f"Contains at least one of the following / {TAG}, which notifies it with {BODY}"
    )
    webhooks = desk.pages(desk.zenpy.webhooks.list(), "webhooks")
    ours = [one for one in webhooks if connection in one["endpoint"] and one["status"] == "active"]
    here = [one for one in ours if webhook_url in ("", one["endpoint"].rstrip("/"))]
    if not ours:
        yield Finding("Webhook", False, "no active webhook leads here", mend)
    elif not here:
        change = f"Admin Center > Apps and integrations > Webhooks > “{ours[0].get('name')}”: endpoint {webhook_url}"
        yield Finding("Webhook", False, f"it leads to {ours[0]['endpoint']}, where this stage is not", change)
    elif not any(_notifies(trigger, {one["id"] for one in here}) for trigger in _triggers(desk)):
        yield Finding("Webhook", False, "a webhook leads here, but no active trigger notifies it", mend)
    else:
        yield Finding("Webhook", True)


def _notifications(desk: Desk, connection: str) -> Iterator[Finding]:
    for trigger in _triggers(desk):
        if not trigger["active"] or not any(map(_tells_requester, trigger["actions"])) or _spares_ours(trigger):
            continue
        where = f"Admin Center > Objects and rules > Business rules > Triggers > “{trigger['title']}”"
        mend = f"{where} > add condition Tags / Contains none of the following / {TAG}"
        detail = "it writes to the requester too: customers would get every answer twice"
        yield Finding(f"Trigger “{trigger['title']}”", False, detail, mend)


def _triggers(desk: Desk) -> Iterator[_Json]:
    yield from desk.pages(desk.zenpy.triggers(), "triggers")


def _notifies(trigger: _Json, webhooks: set[str]) -> bool:
    """https://developer.zendesk.com/documentation/ticketing/reference-guides/actions-reference/"""
    values = [one.get("value") for one in trigger["actions"] if one.get("field") == "notification_webhook"]
    return bool(trigger["active"]) and any(
        isinstance(value, list) and value[:1] and value[0] in webhooks for value in values
    )


def _tells_requester(action: _Json) -> bool:
    value = action.get("value")
    to = value[0] if isinstance(value, list) and value else value
    return action.get("field") in ("notification_user", "notification_sms_user") and str(to).startswith("requester")


def _spares_ours(trigger: _Json) -> bool:
    return any(
        condition.get("field") == "current_tags"
        and condition.get("operator") == "not_includes"
        and TAG in _tags(condition.get("value"))
        for condition in trigger["conditions"].get("all") or []
    )


def _tags(value: object) -> list[str]:
    return value if isinstance(value, list) else str(value).replace(",", " ").split()
