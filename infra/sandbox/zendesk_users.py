"""Zendesk's users (https://developer.zendesk.com/api-reference/ticketing/users/users/)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.sandbox.zendesk_shapes import invalid, iso

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
SETTABLE = (
    "name",
    "email",
    "external_id",
    "phone",
    "notes",
    "details",
    "tags",
    "verified",
    "suspended",
    "user_fields",
    "alias",
    "role",
)


def make(zendesk: ZendeskSandbox, asked: Json) -> Json:
    """A new user, an end user where no role is asked for."""
    if not str(asked.get("name") or "").strip():
        raise invalid("name", "Name: is too short (minimum one character)", "NameTooShort")
    _unique(zendesk, asked, None)
    number, now = zendesk.id("user"), iso(zendesk.world.now())
    user: Json = {
        "id": number,
        "url": f"{zendesk.url}/api/v2/users/{number}.json",
        "name": "",
        "email": None,
        "created_at": now,
        "updated_at": now,
        "time_zone": "London",
        "iana_time_zone": "Europe/London",
        "phone": None,
        "shared_phone_number": None,
        "photo": None,
        "locale_id": 1,
        "locale": "en-US",
        "organization_id": None,
        "role": "end-user",
        "verified": False,
        "external_id": None,
        "tags": [],
        "alias": "",
        "active": True,
        "shared": False,
        "shared_agent": False,
        "last_login_at": None,
        "two_factor_auth_enabled": None,
        "signature": None,
        "details": "",
        "notes": "",
        "role_type": None,
        "custom_role_id": None,
        "moderator": False,
        "chat_only": False,
        "ticket_restriction": "requested",
        "only_private_comments": False,
        "restricted_agent": True,
        "suspended": False,
        "default_group_id": None,
        "report_csv": False,
        "user_fields": {},
    }
    user |= {name: asked[name] for name in SETTABLE if name in asked}
    zendesk.users[number] = user
    return user


def change(zendesk: ZendeskSandbox, user: Json, asked: Json) -> list[str]:
    """Change a user; returns the names of the fields that changed."""
    _unique(zendesk, asked, user)
    changed = [name for name in SETTABLE if name in asked and asked[name] != user[name]]
    user |= {name: asked[name] for name in changed}
    if changed:
        user["updated_at"] = iso(zendesk.world.now())
    return changed


def create_or_update(zendesk: ZendeskSandbox, asked: Json, key: str) -> tuple[Json, bool]:
    """The user that has the external id or the e-mail, made where there is none; True where it was made."""
    known = find(zendesk, "external_id", asked.get("external_id")) or find(zendesk, "email", asked.get("email"))
    if known is not None:
        changed = change(zendesk, known, asked)
        if changed:
            zendesk.world.note("zendesk", "user", str(known["id"]), key, changed=changed, created=False)
        return known, False
    user = make(zendesk, asked)
    if user["email"] and not user["verified"] and not asked.get("skip_verify_email"):
        zendesk.verification_mails.append(str(user["email"]))
    zendesk.world.note("zendesk", "user", str(user["id"]), key, created=True, external_id=user["external_id"])
    return user, True


def find(zendesk: ZendeskSandbox, field: str, value: object) -> Json | None:
    """The user whose e-mail or external id this is; neither minds upper or lower case."""
    wanted = str(value or "").lower()
    if not wanted:
        return None
    return next((user for user in zendesk.users.values() if str(user[field] or "").lower() == wanted), None)


def _unique(zendesk: ZendeskSandbox, asked: Json, user: Json | None) -> None:
    for field, label in (("email", "Email"), ("external_id", "External")):
        other = find(zendesk, field, asked.get(field))
        if other is not None and other is not user:
            raise invalid(field, f"{label}: {asked[field]} is already being used by another user", "DuplicateValue")
