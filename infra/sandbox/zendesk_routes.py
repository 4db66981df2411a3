"""What each of Zendesk's calls does (https://developer.zendesk.com/api-reference/ticketing/introduction/)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from infra.sandbox import zendesk_lists, zendesk_tickets, zendesk_triggers, zendesk_uploads, zendesk_users
from infra.sandbox.server import Reply, Request, json_reply
from infra.sandbox.zendesk_shapes import Problem, iso, not_found, too_many

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
Record = TypeVar("Record")
TWO_HOURS_MS = 7_200_000


@dataclass(frozen=True)
class Call:
    """A call that may be made: by whom, on what. `id` is the number in the path, 0 where there is none."""

    request: Request
    path: str
    user: Json
    id: int

    def body(self, name: str) -> Json:
        try:
            given = self.request.json()
        except ValueError:
            raise Problem(400, {"error": "Unprocessable", "description": "The body is not JSON"}) from None
        if not isinstance(given, dict) or not isinstance(given.get(name), dict):
            raise Problem(400, {"error": "Invalid attribute", "description": f"{name} is missing"})
        return dict(given[name])

    @property
    def key(self) -> str:
        return self.request.headers.get("idempotency-key", "")


def me(zendesk: ZendeskSandbox, call: Call) -> Reply:
    return json_reply(200, {"user": call.user})


def show_user(zendesk: ZendeskSandbox, call: Call) -> Reply:
    return json_reply(200, {"user": _known(zendesk.users, call.id)})


def create_user(zendesk: ZendeskSandbox, call: Call) -> Reply:
    user = zendesk_users.make(zendesk, call.body("user"))
    zendesk.world.note("zendesk", "user", str(user["id"]), call.key, created=True, external_id=user["external_id"])
    return json_reply(201, {"user": user}, {"Location": user["url"]})


def update_user(zendesk: ZendeskSandbox, call: Call) -> Reply:
    user = _known(zendesk.users, call.id)
    changed = zendesk_users.change(zendesk, user, call.body("user"))
    if changed:
        zendesk.world.note("zendesk", "user", str(call.id), call.key, changed=changed, created=False)
    return json_reply(200, {"user": user})


def create_or_update_user(zendesk: ZendeskSandbox, call: Call) -> Reply:
    user, made = zendesk_users.create_or_update(zendesk, call.body("user"), call.key)
    return json_reply(201 if made else 200, {"user": user}, {"Location": user["url"]})


def list_users(zendesk: ZendeskSandbox, call: Call) -> Reply:
    query = call.request.query
    found = list(zendesk.users.values())
    for name, field in (("ids", "id"), ("external_ids", "external_id"), ("external_id", "external_id")):
        if name in query:
            wanted = query[name].lower().split(",")
            found = [user for user in found if str(user[field]).lower() in wanted]
    if query.get("query"):
        words = query["query"].lower().removeprefix("email:").strip('"')
        found = [user for user in found if words in f"{user['name']} {user['email']}".lower()]
    return json_reply(200, zendesk_lists.page(zendesk, call.path, query, "users", found))


def _group(zendesk: ZendeskSandbox, name: str, number: int) -> Json:
    address = f"{zendesk.url}/api/v2/groups/{number}.json"
    born = "2024-01-01T00:00:00Z"
    flags = {"default": name == "Support", "deleted": False, "is_public": True}
    return {
        "url": address,
        "id": number,
        "name": name,
        "description": "",
        **flags,
        "created_at": born,
        "updated_at": born,
    }


def list_groups(zendesk: ZendeskSandbox, call: Call) -> Reply:
    groups = [_group(zendesk, name, number) for name, number in zendesk.groups.items()]
    return json_reply(200, zendesk_lists.page(zendesk, call.path, call.request.query, "groups", groups))


def show_group(zendesk: ZendeskSandbox, call: Call) -> Reply:
    name = _known({number: name for name, number in zendesk.groups.items()}, call.id)
    return json_reply(200, {"group": _group(zendesk, name, call.id)})


def create_ticket(zendesk: ZendeskSandbox, call: Call) -> Reply:
    """With an Idempotency-Key, which the vendor keeps for two hours, a repeat gets the first answer."""
    if len(call.key) > 255:
        raise Problem(400, {"error": "IdempotentRequestError", "description": "The key is too long"})
    digest, now = hashlib.sha256(call.request.body).digest(), zendesk.world.now()
    kept = zendesk.idempotent.get(call.key) if call.key else None
    if kept is not None and kept[0] > now:
        if kept[1] != digest:
            description = "Request parameters don't match the given idempotency key"
            raise Problem(400, {"error": "IdempotentRequestError", "description": description})
        return Reply(201, kept[2], {"Content-Type": "application/json; charset=utf-8", "x-idempotency-lookup": "hit"})
    made = zendesk_tickets.create(zendesk, call.user, call.body("ticket"), call.key)
    reply = json_reply(201, made, {"Location": made["ticket"]["url"]})
    if not call.key:
        return reply
    zendesk.idempotent[call.key] = (now + TWO_HOURS_MS, digest, reply.body)
    return Reply(201, reply.body, {**reply.headers, "x-idempotency-lookup": "miss"})


def list_tickets(zendesk: ZendeskSandbox, call: Call) -> Reply:
    query, found = call.request.query, list(zendesk.tickets.values())
    if "external_id" in query:
        found = [ticket for ticket in found if ticket["external_id"] == query["external_id"]]
    if "ids" in query:
        found = [ticket for ticket in found if str(ticket["id"]) in query["ids"].split(",")]
    return json_reply(200, zendesk_lists.page(zendesk, call.path, query, "tickets", found))


def show_ticket(zendesk: ZendeskSandbox, call: Call) -> Reply:
    return json_reply(200, {"ticket": _known(zendesk.tickets, call.id)})


def update_ticket(zendesk: ZendeskSandbox, call: Call) -> Reply:
    _known(zendesk.tickets, call.id)
    if wait := zendesk.update_allowed(call.user["id"], call.id):
        raise too_many("You have exceeded the limit of updates of this ticket by one user: 30 in 10 minutes", wait)
    return json_reply(200, zendesk_tickets.update(zendesk, call.user, call.id, call.body("ticket"), call.key))


def list_comments(zendesk: ZendeskSandbox, call: Call) -> Reply:
    _known(zendesk.tickets, call.id)
    found = _sorted(call, zendesk.comments(call.id))
    page = zendesk_lists.page(zendesk, call.path, call.request.query, "comments", found)
    if "users" in call.request.query.get("include", ""):
        authors = dict.fromkeys(comment["author_id"] for comment in page["comments"])
        page["users"] = [zendesk.users[author] for author in authors if author in zendesk.users]
    return json_reply(200, page)


def list_audits(zendesk: ZendeskSandbox, call: Call) -> Reply:
    _known(zendesk.tickets, call.id)
    found = _sorted(call, zendesk.audits[call.id])
    return json_reply(200, zendesk_lists.page(zendesk, call.path, call.request.query, "audits", found))


def _sorted(call: Call, found: list[Json]) -> list[Json]:
    query = call.request.query
    newest_first = query.get("sort_order") == "desc" or query.get("sort", "").startswith("-")
    return found[::-1] if newest_first else list(found)


def export(zendesk: ZendeskSandbox, call: Call) -> Reply:
    zendesk.count("export", zendesk.export_limit)
    return json_reply(200, zendesk_lists.export(zendesk, call.request.query))


def search(zendesk: ZendeskSandbox, call: Call) -> Reply:
    found = zendesk_lists.search(zendesk, call.request.query)
    page = zendesk_lists.page(zendesk, call.path, call.request.query, "results", found)
    return json_reply(200, {**page, "facets": None})


def upload(zendesk: ZendeskSandbox, call: Call) -> Reply:
    query = call.request.query
    if not query.get("filename"):
        raise Problem(400, {"error": "InvalidParams", "description": "filename is missing"})
    kind = call.request.headers.get("content-type", "application/octet-stream")
    upload = zendesk_uploads.keep_upload(zendesk, query["filename"], kind, call.request.body, query.get("token", ""))
    zendesk.world.note("zendesk", "upload", upload.token, call.key, name=query["filename"])
    attachments = upload.attachments
    shown = {"token": upload.token, "expires_at": iso(upload.expires), "attachment": attachments[-1]}
    return json_reply(201, {"upload": {**shown, "attachments": attachments}})


def list_triggers(zendesk: ZendeskSandbox, call: Call) -> Reply:
    wanted = call.request.query.get("active")
    found = [each for each in zendesk.triggers if wanted is None or str(each["active"]).lower() == wanted]
    return json_reply(200, zendesk_lists.page(zendesk, call.path, call.request.query, "triggers", found))


def show_trigger(zendesk: ZendeskSandbox, call: Call) -> Reply:
    return json_reply(200, {"trigger": _trigger(zendesk, call)})


def create_trigger(zendesk: ZendeskSandbox, call: Call) -> Reply:
    trigger = zendesk_triggers.make(zendesk, call.body("trigger"))
    zendesk.triggers.append(trigger)
    zendesk.world.note("zendesk", "trigger_changed", str(trigger["id"]), title=trigger["title"])
    return json_reply(201, {"trigger": trigger})


def update_trigger(zendesk: ZendeskSandbox, call: Call) -> Reply:
    trigger = zendesk_triggers.change(zendesk, _trigger(zendesk, call), call.body("trigger"))
    zendesk.world.note("zendesk", "trigger_changed", str(trigger["id"]), title=trigger["title"])
    return json_reply(200, {"trigger": trigger})


def _trigger(zendesk: ZendeskSandbox, call: Call) -> Json:
    return _known({trigger["id"]: trigger for trigger in zendesk.triggers}, call.id)


def _webhook(zendesk: ZendeskSandbox) -> Json:
    born = "2024-01-01T00:00:00Z"
    return {
        "id": zendesk.webhook_id,
        "name": zendesk.webhook_name,
        "description": "",
        "status": "active",
        "endpoint": zendesk.webhook_url,
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": ["conditional_ticket_events"],
        "created_at": born,
        "updated_at": born,
        "created_by": str(zendesk.integration_id),
    }


def list_webhooks(zendesk: ZendeskSandbox, call: Call) -> Reply:
    webhooks = [_webhook(zendesk)] if zendesk.webhook_url else []
    meta = {"has_more": False, "after_cursor": None, "before_cursor": None}
    return json_reply(200, {"webhooks": webhooks, "meta": meta, "links": {"prev": None, "next": None}})


def create_webhook(zendesk: ZendeskSandbox, call: Call) -> Reply:
    """The account has one webhook here; a new one takes its place."""
    asked = call.body("webhook")
    zendesk.webhook_url, zendesk.webhook_name = str(asked.get("endpoint") or ""), str(asked.get("name") or "")
    return json_reply(201, {"webhook": _webhook(zendesk)})


def show_webhook(zendesk: ZendeskSandbox, call: Call) -> Reply:
    if zendesk.webhook_id not in call.path:
        raise not_found()
    if call.path.endswith("/signing_secret"):
        return json_reply(200, {"signing_secret": {"algorithm": "SHA256", "secret": zendesk.webhook_secret}})
    return json_reply(200, {"webhook": _webhook(zendesk)})


def _known(records: dict[int, Record], number: int) -> Record:
    if number not in records:
        raise not_found()
    return records[number]
