"""Zendesk's tickets: creating and updating them, with comments, audits, triggers and the per-ticket limit.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.sandbox import zendesk_triggers, zendesk_uploads, zendesk_users
from infra.sandbox.zendesk_shapes import Problem, html_of, invalid, iso, not_found, parse_iso, text_of

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = (None, "low", "normal", "high", "urgent")
PLAIN_FIELDS = (
    "subject",
    "type",
    "external_id",
    "priority",
    "status",
    "group_id",
    "assignee_id",
    "requester_id",
    "due_at",
)
EMPTY_FIELDS = (
    "external_id",
    "type",
    "priority",
    "recipient",
    "assignee_id",
    "organization_id",
    "group_id",
    "due_at",
    "forum_topic_id",
    "problem_id",
    "satisfaction_rating",
    "custom_status_id",
    "ticket_form_id",
    "brand_id",
)
LIST_FIELDS = ("collaborator_ids", "follower_ids", "email_cc_ids", "tags", "custom_fields", "fields", "followup_ids")
MAX_COMMENT_BYTES = 65_535
CONFLICT = "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data."
CALL_METADATA = "deskweave_call"


def create(zendesk: ZendeskSandbox, user: Json, asked: Json, key: str) -> Json:
    """Make a ticket; returns {ticket, audit} as the API does."""
    comment = asked.get("comment") or ({"body": asked["description"]} if asked.get("description") else {})
    if not str(comment.get("html_body") or comment.get("body") or "").strip():
        raise invalid("base", "Description: cannot be blank", "BlankValue")
    source = _follow_up_source(zendesk, asked)
    requester = _requester(zendesk, user, asked)
    submitter = _user_id(zendesk, asked.get("submitter_id", user["id"]), "submitter")
    _check(zendesk, asked)
    _check_comment(zendesk, comment)
    ticket = _blank(zendesk, requester, submitter, source)
    zendesk.tickets[ticket["id"]] = ticket
    zendesk.audits[ticket["id"]] = []
    wanted = {name: asked[name] for name in PLAIN_FIELDS if asked.get(name) is not None}
    ticket |= {
        **wanted,
        "requester_id": requester,
        "tags": sorted(set(asked.get("tags") or (source or {}).get("tags", []))),
    }
    if ticket["status"] == "new" and ticket["assignee_id"]:
        ticket["status"] = "open"
    ticket["raw_subject"] = ticket["subject"]
    events = [
        {"id": zendesk.id("event"), "type": "Create", "field_name": name, "value": ticket[name]}
        for name in ("subject", "status", "priority", "requester_id", "group_id", "tags")
        if ticket[name]
    ]
    made = _comment(zendesk, ticket, {"author_id": submitter, **comment}, user, "api")
    ticket["description"], ticket["is_public"] = made["body"], made["public"]
    if not ticket["subject"]:
        ticket["subject"] = ticket["raw_subject"] = made["plain_body"][:150]
    if source is not None:
        source["followup_ids"].append(ticket["id"])
    call = key or _call(asked)
    zendesk.world.note(
        "zendesk", "ticket_created", str(ticket["id"]), call, by=user["id"], external_id=ticket["external_id"]
    )
    _note_comment(zendesk, ticket, made, call, user)
    return _finish(zendesk, ticket, user, events, made, asked, created=True, channel="api")


def update(
    zendesk: ZendeskSandbox, user: Json | None, number: int, asked: Json, key: str, channel: str = "api"
) -> Json:
    """Change a ticket and comment on it; `user` None is the account's own automation. Returns {ticket, audit}."""
    ticket = zendesk.tickets.get(number)
    if ticket is None:
        raise not_found()
    if ticket["status"] == "closed":
        raise invalid("status", "Status: closed prevents ticket update")
    _check_stamp(ticket, asked)
    _check(zendesk, asked)
    comment = asked.get("comment") or {}
    _check_comment(zendesk, comment)
    events = _change(zendesk, ticket, asked, user)
    made = None
    if str(comment.get("html_body") or comment.get("body") or "").strip() or comment.get("uploads"):
        author = user["id"] if user else -1
        made = _comment(zendesk, ticket, {"author_id": author, **comment}, user, channel)
        ticket["is_public"] = ticket["is_public"] or made["public"]
    call = key or _call(asked)
    if made is not None:
        _note_comment(zendesk, ticket, made, call, user)
    if events:
        fields = {event["field_name"]: event["value"] for event in events}
        by = user["id"] if user else -1
        zendesk.world.note("zendesk", "ticket_changed", str(number), call, by=by, channel=channel, fields=fields)
    return _finish(zendesk, ticket, user, events, made, asked, created=False, channel=channel)


def _finish(
    zendesk: ZendeskSandbox,
    ticket: Json,
    user: Json | None,
    events: list[Json],
    comment: Json | None,
    asked: Json,
    *,
    created: bool,
    channel: str,
) -> Json:
    """Write the audit, run the triggers, tell the webhook: once for each update that changed anything."""
    changed = bool(events or comment)
    if comment is not None:
        events = [_comment_event(comment), *events]
    now = zendesk.world.now()
    if changed:
        ticket["updated_at"] = iso(now)
        events += zendesk_triggers.run(zendesk, ticket, comment, created)
    audit: Json = {
        "id": zendesk.id("event"),
        "ticket_id": ticket["id"],
        "created_at": iso(now),
        "author_id": user["id"] if user else -1,
        "metadata": {"system": {"client": "sandbox", "ip_address": "127.0.0.1"}, "custom": asked.get("metadata") or {}},
        "events": events,
        "via": _via(channel),
    }
    if comment is not None:
        comment["audit_id"] = audit["id"]
    if changed or asked.get("metadata"):
        zendesk.audits[ticket["id"]].append(audit)
    if changed:
        zendesk.changed(ticket["id"])
    return {"ticket": dict(ticket), "audit": audit}


def _change(zendesk: ZendeskSandbox, ticket: Json, asked: Json, user: Json | None) -> list[Json]:
    """Set the fields that are asked for; the audit events of those that changed."""
    wanted = {name: asked[name] for name in PLAIN_FIELDS if name in asked}
    tags = set(ticket["tags"] if asked.get("tags") is None else asked["tags"])
    tags = (tags | set(asked.get("additional_tags") or ())) - set(asked.get("remove_tags") or ())
    if {"tags", "additional_tags", "remove_tags"} & set(asked):
        wanted["tags"] = sorted(tags)
    if ticket["status"] == "new" and wanted.get("assignee_id") and wanted.get("status", "new") == "new":
        wanted["status"] = "open"
    if wanted.get("status") == "solved" and not wanted.get("assignee_id", ticket["assignee_id"]) and user is not None:
        wanted["assignee_id"] = user["id"]
    events = []
    for name, value in wanted.items():
        if ticket[name] != value:
            previous, ticket[name] = ticket[name], value
            event = {"type": "Change", "field_name": name, "value": value, "previous_value": previous}
            events.append({"id": zendesk.id("event"), **event})
    ticket["raw_subject"] = ticket["subject"]
    return events


def _comment(zendesk: ZendeskSandbox, ticket: Json, asked: Json, user: Json | None, channel: str) -> Json:
    if asked.get("html_body"):
        markup = str(asked["html_body"]).strip()
        plain = text_of(markup)
        markup = f'<div class="zd-comment" dir="auto">{markup}</div>'
    else:
        plain = str(asked.get("body") or "").replace("\r\n", "\n").strip()
        markup = html_of(plain)
    comment: Json = {
        "id": zendesk.id("event"),
        "type": "Comment",
        "author_id": int(asked["author_id"]),
        "body": plain,
        "html_body": markup,
        "plain_body": plain,
        "public": bool(asked.get("public", True)),
        "attachments": zendesk_uploads.consume(zendesk, list(asked.get("uploads") or ())),
        "audit_id": 0,
        "via": _via(channel),
        "created_at": iso(zendesk.world.now()),
        "metadata": {"system": {"client": "sandbox", "ip_address": "127.0.0.1"}, "custom": {}},
    }
    zendesk.comment_log(ticket["id"]).append(comment)
    return comment


def _comment_event(comment: Json) -> Json:
    names = ("id", "type", "author_id", "body", "html_body", "plain_body", "public", "attachments")
    return {name: comment[name] for name in names}


def _note_comment(zendesk: ZendeskSandbox, ticket: Json, comment: Json, key: str, user: Json | None) -> None:
    role = zendesk.users[comment["author_id"]]["role"] if comment["author_id"] in zendesk.users else "system"
    detail = {
        "comment": comment["id"],
        "public": comment["public"],
        "role": role,
        "author": comment["author_id"],
        "by": user["id"] if user else -1,
        "text": comment["plain_body"],
        "files": [attachment["file_name"] for attachment in comment["attachments"]],
    }
    zendesk.world.note("zendesk", "comment", str(ticket["id"]), key, **detail)


def _check(zendesk: ZendeskSandbox, asked: Json) -> None:
    """Refuse values that the vendor refuses."""
    if asked.get("status") is not None and asked["status"] not in STATUSES:
        raise invalid("status", f"Status: {asked['status']} is not a valid status")
    if asked.get("priority") not in PRIORITIES:
        raise invalid("priority", f"Priority: {asked['priority']} is not a valid priority")
    if asked.get("group_id") is not None and asked["group_id"] not in zendesk.groups.values():
        raise invalid("group", "Group: is invalid")
    assignee = asked.get("assignee_id")
    if assignee is not None and zendesk.users.get(assignee, {}).get("role") not in ("agent", "admin"):
        raise invalid("assignee", "Assignee: is invalid")
    if asked.get("requester_id") is not None:
        _user_id(zendesk, asked["requester_id"], "requester")


def _check_comment(zendesk: ZendeskSandbox, comment: Json) -> None:
    if comment.get("author_id") is not None:
        _user_id(zendesk, comment["author_id"], "author")
    text = str(comment.get("html_body") or comment.get("body") or "")
    if len(text.encode()) > MAX_COMMENT_BYTES:
        raise invalid("base", f"Description: is too long (maximum is {MAX_COMMENT_BYTES} characters after encoding)")


def _check_stamp(ticket: Json, asked: Json) -> None:
    """`safe_update`: refuse where the ticket changed after `updated_stamp`."""
    if not asked.get("safe_update"):
        return
    try:
        stamp = parse_iso(str(asked.get("updated_stamp") or ""))
    except ValueError:
        raise Problem(400, {"error": "InvalidValue", "description": "updated_stamp is not a valid time"}) from None
    if stamp < parse_iso(ticket["updated_at"]):
        raise Problem(409, {"error": "UpdateConflict", "description": CONFLICT})


def _requester(zendesk: ZendeskSandbox, user: Json, asked: Json) -> int:
    given = asked.get("requester")
    if isinstance(given, dict):
        known = zendesk_users.find(zendesk, "email", given.get("email"))
        return int((known or zendesk_users.make(zendesk, given))["id"])
    return _user_id(zendesk, asked.get("requester_id") or user["id"], "requester")


def _user_id(zendesk: ZendeskSandbox, value: object, role: str) -> int:
    number = int(value) if isinstance(value, int | str) and str(value).lstrip("-").isdigit() else 0
    if number not in zendesk.users:
        raise invalid(role, f"{role.capitalize()}: is invalid")
    return number


def _follow_up_source(zendesk: ZendeskSandbox, asked: Json) -> Json | None:
    """The closed ticket that a new one follows; the parameter has no effect with others, as the vendor says."""
    source = zendesk.tickets.get(int(asked.get("via_followup_source_id") or 0))
    return source if source is not None and source["status"] == "closed" else None


def _call(asked: Json) -> str:
    return str((asked.get("metadata") or {}).get(CALL_METADATA, ""))


def _via(channel: str) -> Json:
    return {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}}


def _blank(zendesk: ZendeskSandbox, requester: int, submitter: int, source: Json | None) -> Json:
    number, now = zendesk.world.number("zendesk-ticket"), iso(zendesk.world.now())
    via = _via("api")
    if source is not None:
        origin = {"ticket_id": source["id"], "subject": source["subject"], "channel": "api"}
        via["source"] = {"from": origin, "to": {}, "rel": "follow_up"}
    return {
        "url": f"{zendesk.url}/api/v2/tickets/{number}.json",
        "id": number,
        "via": via,
        "created_at": now,
        "updated_at": now,
        "subject": "",
        "raw_subject": "",
        "description": "",
        "status": "new",
        "requester_id": requester,
        "submitter_id": submitter,
        "has_incidents": False,
        "is_public": True,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
        "sharing_agreement_ids": [],
        **dict.fromkeys(EMPTY_FIELDS),
        **{name: [] for name in LIST_FIELDS},
    }
