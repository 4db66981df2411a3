"""Zendesk's triggers: the vendor's two default notifications, conditions, and the mails they send.

https://support.zendesk.com/hc/en-us/articles/4408828984346-About-the-standard-Support-triggers
https://developer.zendesk.com/documentation/ticketing/reference-guides/conditions-reference/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.sandbox.zendesk_shapes import invalid, iso

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
REQUESTER = ("requester_id", "requester_and_ccs")
ALWAYS = {"field": "update_type", "operator": "is"}
DEFAULTS: tuple[tuple[str, list[Json]], ...] = (
    (
        "Notify requester and CCs of received request",
        [
            {**ALWAYS, "value": "Create"},
            {"field": "status", "operator": "is_not", "value": "solved"},
            {"field": "ticket_is_public", "operator": "is", "value": "public"},
        ],
    ),
    (
        "Notify requester and CCs of comment update",
        [
            {**ALWAYS, "value": "Change"},
            {"field": "comment_is_public", "operator": "is", "value": "requester_can_see_comment"},
        ],
    ),
)


def defaults(zendesk: ZendeskSandbox) -> list[Json]:
    subject = "[{{ticket.account}}] Re: {{ticket.title}}"
    action = {"field": "notification_user", "value": ["requester_and_ccs", subject, "{{ticket.comments_formatted}}"]}
    return [make(zendesk, {"title": title, "actions": [action], "conditions": {"all": conditions, "any": []}})
            for title, conditions in DEFAULTS]  # fmt: skip


def shipped(zendesk: ZendeskSandbox) -> Json:
    """The trigger that an admin makes for Deskweave's webhook; the webhook is told while it is active."""
    action = {"field": "notification_webhook", "value": [zendesk.webhook_id, "{}"]}
    tagged = {"field": "current_tags", "operator": "includes", "value": "deskweave"}
    return make(zendesk, {"title": "Tell Deskweave", "actions": [action], "conditions": {"all": [tagged], "any": []}})


def tells_webhook(zendesk: ZendeskSandbox) -> bool:
    return any(
        trigger["active"] and action["field"] == "notification_webhook"
        for trigger in zendesk.triggers
        for action in trigger["actions"]
    )


def make(zendesk: ZendeskSandbox, asked: Json) -> Json:
    """A new trigger, active unless said otherwise."""
    number, now = zendesk.id("trigger"), iso(zendesk.world.now())
    trigger: Json = {
        "url": f"{zendesk.url}/api/v2/triggers/{number}.json",
        "id": number,
        "title": "",
        "active": True,
        "position": len(zendesk.triggers) + 1,
        "conditions": {"all": [], "any": []},
        "actions": [],
        "description": None,
        "category_id": "1",
        "raw_title": "",
        "default": False,
        "created_at": now,
        "updated_at": now,
    }
    return change(zendesk, trigger, asked)


def change(zendesk: ZendeskSandbox, trigger: Json, asked: Json) -> Json:
    """Change a trigger. Conditions and actions are replaced as a whole, as the API does."""
    if "conditions" in asked:
        given = asked["conditions"] or {}
        conditions = {side: [dict(each) for each in given.get(side) or []] for side in ("all", "any")}
        for condition in conditions["all"] + conditions["any"]:
            if condition.get("field") not in FIELDS or condition.get("operator") not in OPERATORS:
                raise invalid("base", f"Invalid condition: {condition.get('field')}", "InvalidConditions")
        trigger["conditions"] = conditions
    trigger |= {
        name: asked[name] for name in ("title", "active", "actions", "description", "position") if name in asked
    }
    trigger["raw_title"], trigger["updated_at"] = trigger["title"], iso(zendesk.world.now())
    return trigger


def mails_requester(trigger: Json) -> bool:
    return any(
        action["field"] == "notification_user" and action["value"][0] in REQUESTER for action in trigger["actions"]
    )


def run(zendesk: ZendeskSandbox, ticket: Json, comment: Json | None, created: bool) -> list[Json]:
    """Run the triggers over an update; returns the audit events of what they sent.

    A mail to the requester is suppressed where the update's comment is private, as the vendor does.
    """
    events: list[Json] = []
    for trigger in zendesk.triggers:
        if not trigger["active"] or not _fires(trigger["conditions"], ticket, comment, created):
            continue
        requester = zendesk.users[ticket["requester_id"]]
        if not mails_requester(trigger) or not requester["email"] or (comment is not None and not comment["public"]):
            continue
        zendesk.mails.append(
            {
                "at": zendesk.world.now(),
                "ticket": ticket["id"],
                "to": requester["email"],
                "subject": ticket["subject"],
                "trigger": trigger["title"],
                "comment": comment["id"] if comment else None,
            }
        )
        source = {"from": {"id": trigger["id"], "title": trigger["title"], "deleted": False}, "rel": "trigger"}
        events.append(
            {
                "id": zendesk.id("event"),
                "type": "Notification",
                "subject": ticket["subject"],
                "body": "",
                "recipients": [requester["id"]],
                "via": {"channel": "rule", "source": {"to": {}, **source}},
            }
        )
    return events


def _fires(conditions: Json, ticket: Json, comment: Json | None, created: bool) -> bool:
    def holds(condition: Json) -> bool:
        actual = FIELDS[condition["field"]](ticket, comment, created)
        return OPERATORS[condition["operator"]](actual, str(condition["value"]).split())

    any_of = conditions["any"]
    return all(map(holds, conditions["all"])) and (not any_of or any(map(holds, any_of)))


def _comment_visibility(ticket: Json, comment: Json | None, created: bool) -> set[str]:
    if comment is None:
        return set()
    seen = {"true", "requester_can_see_comment"} if comment["public"] else {"false"}
    return seen | {"not_relevant"}


FIELDS: dict[str, Callable[[Json, Json | None, bool], set[str]]] = {
    "update_type": lambda ticket, comment, created: {"Create" if created else "Change"},
    "comment_is_public": _comment_visibility,
    "ticket_is_public": lambda ticket, comment, created: {"public" if ticket["is_public"] else "private"},
    "current_tags": lambda ticket, comment, created: set(ticket["tags"]),
    "status": lambda ticket, comment, created: {ticket["status"]},
    "priority": lambda ticket, comment, created: {ticket["priority"] or ""},
    "group_id": lambda ticket, comment, created: {str(ticket["group_id"] or "")},
    "requester_id": lambda ticket, comment, created: {str(ticket["requester_id"])},
}
OPERATORS: dict[str, Callable[[set[str], list[str]], bool]] = {
    "is": lambda actual, wanted: bool(actual & set(wanted)),
    "is_not": lambda actual, wanted: not actual & set(wanted),
    "includes": lambda actual, wanted: bool(actual & set(wanted)),
    "not_includes": lambda actual, wanted: not actual & set(wanted),
}
