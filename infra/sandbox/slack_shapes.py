"""Slack's objects as the Web API shows them: users, channels, the bot (https://docs.slack.dev/reference/objects)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.sandbox.slack import SlackSandbox

Json = dict[str, Any]


def user(slack: SlackSandbox, person: Json) -> Json:
    """The user object; `profile.email` only where the person has one."""
    real = str(person["name"])
    profile: Json = {
        "title": "",
        "phone": "",
        "skype": "",
        "real_name": real,
        "real_name_normalized": real,
        "display_name": real,
        "display_name_normalized": real,
        "fields": {},
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": "g0000000000",
        "image_72": f"{slack.world.url}/slack/avatar_72.png",
        "first_name": real.partition(" ")[0],
        "last_name": real.partition(" ")[2],
        "team": person["team"],
    }
    if person["email"]:
        profile["email"] = person["email"]
    if person.get("phone"):
        profile["phone"] = person["phone"]
    shown: Json = {
        "id": person["id"],
        "team_id": person["team"],
        "name": real.lower().replace(" ", "."),
        "deleted": False,
        "color": "9f69e7",
        "real_name": real,
        "tz": "Europe/London",
        "tz_label": "Greenwich Mean Time",
        "tz_offset": 0,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": bool(person["bot"]),
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    if person["team"] != slack.team_id:
        shown["is_stranger"] = False
    return shown


def bot_profile(slack: SlackSandbox) -> Json:
    icons = {f"image_{size}": f"{slack.world.url}/slack/bot_{size}.png" for size in (36, 48, 72)}
    return {
        "id": slack.bot_id,
        "deleted": False,
        "name": slack.users[slack.bot_user_id]["name"],
        "updated": 1_700_000_000,
        "app_id": slack.app_id,
        "icons": icons,
        "team_id": slack.team_id,
    }


def channel(slack: SlackSandbox, place: Json) -> Json:
    """The conversation object: of a direct message its short form."""
    if place["user"]:
        return {
            "id": place["id"],
            "created": place["created"],
            "is_archived": False,
            "is_im": True,
            "is_org_shared": False,
            "user": place["user"],
            "is_user_deleted": False,
            "is_open": True,
            "priority": 0,
        }
    note = {"value": "", "creator": "", "last_set": 0}
    flags = ("is_group", "is_im", "is_mpim", "is_archived", "is_general", "is_org_shared", "is_pending_ext_shared")
    return {
        "id": place["id"],
        "name": place["name"],
        "name_normalized": place["name"],
        "created": place["created"],
        "creator": slack.bot_user_id,
        "unlinked": 0,
        "topic": note,
        "purpose": note,
        "previous_names": [],
        "is_channel": True,
        "is_private": False,
        "is_member": True,
        "is_shared": bool(place["shared"]),
        "is_ext_shared": bool(place["shared"]),
        **dict.fromkeys(flags, False),
    }
