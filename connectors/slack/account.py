"""The workspace's side of a connection: its token, its scopes, its people.

https://docs.slack.dev/reference/methods/auth.test · https://docs.slack.dev/reference/methods/users.info
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.model import Finding, Person
from connectors.base import BadCredentials, Rejected
from connectors.slack import web
from connectors.slack.inbound import clean

SCOPES: dict[str, str] = {
    "app_mentions:read": "hear where the app is mentioned",
    "channels:history": "hear public channels, and find our answers again",
    "chat:write": "answer",
    "files:read": "read customers' files",
    "files:write": "send agents' files",
    "groups:history": "hear private channels, and find our answers again",
    "im:history": "hear direct messages, and find our answers again",
    "users:read": "know customers' names",
    "users:read.email": "know a customer again by their address",
}
PLACE = re.compile(r"[CDGUW][A-Z0-9]{2,40}")
NOT_SEEN = frozenset({"user_not_found", "user_not_visible", "users_not_found"})


def check(settings: Mapping[str, str]) -> list[Finding]:
    """Whether the token works, is a bot's, belongs to the workspace that we know, and has every scope.

    Raises `BadCredentials` in Slack's words where the token is refused.
    """
    reply = web.call(settings, "auth.test")
    workspace, team = clean(reply.data.get("team")), clean(reply.data.get("team_id"))
    ours = settings.get("team_id", "")
    is_bot = bool(reply.data.get("bot_id"))
    return [
        Finding("token", True, f"signed in to {workspace or team}"),
        _finding("bot", is_bot, "this is no bot's token", "Take the one that begins with xoxb-."),
        _finding(
            "workspace",
            ours in ("", team),
            f"the token is of the workspace {team}, this connection of {ours}",
            "Give this connection its own workspace's token, or make a new connection.",
        ),
        _scopes(reply.headers.get("x-oauth-scopes")),
    ]


def identity(settings: Mapping[str, str]) -> dict[str, str]:
    """The ids of the workspace, the bot and the app, by field; "" for what Slack does not tell."""
    told = web.call(settings, "auth.test").data
    bot_id = clean(told.get("bot_id"))
    return {
        "team_id": clean(told.get("team_id")),
        "bot_user_id": clean(told.get("user_id")) if bot_id else "",
        "bot_id": bot_id,
        "app_id": _app_id(settings, bot_id) if bot_id else "",
    }


def profile(settings: Mapping[str, str], user: str) -> Person:
    """A user's name, and their address where our own workspace vouches for it."""
    reply = web.call(settings, "users.info", quiet=NOT_SEEN, user=user)
    told = _object(reply.data.get("user"))
    shown = _object(told.get("profile"))
    names = (shown.get("real_name"), told.get("real_name"), shown.get("display_name"), told.get("name"))
    name = next((clean(one) for one in names if clean(one).strip()), "")
    if not _vouched(told, settings):
        return Person(key=user, name=name[:200])
    phone = _number(shown.get("phone")) if settings.get("profile_phone") == "yes" else ""
    return Person(key=user, name=name[:200], email=clean(shown.get("email"))[:320], phone=phone)


def _number(written: object) -> str:
    """A profile's telephone number as E.164 has it; "" where it names no country, and so no one subscriber."""
    digits = re.sub(r"[ ().\-/\u00a0]", "", clean(written))
    return digits if re.fullmatch(r"\+[1-9][0-9]{6,14}", digits) else ""


def address(to: str) -> dict[str, str]:
    """Where a first message to a channel or a user goes. Raises `ValueError`."""
    found = to.strip()
    if not PLACE.fullmatch(found):
        raise ValueError("name a Slack channel or user by id, such as C0123456789: it stands at the end of its details")
    return {"channel": found}


def _vouched(user: Mapping[str, Any], settings: Mapping[str, str]) -> bool:
    """Another workspace's admin may put any address in a profile that reaches us by Slack Connect."""
    if user.get("is_stranger") is True or user.get("is_email_confirmed") is False:
        return False
    ours = settings.get("team_id") or web.call(settings, "auth.test").data.get("team_id")
    return bool(ours) and user.get("team_id") == ours


def _finding(name: str, ok: bool, detail: str, mend: str) -> Finding:
    return Finding(name, True) if ok else Finding(name, False, detail, mend)


def _scopes(header: str | None) -> Finding:
    if header is None:
        return Finding("scopes", False, "Slack did not say which scopes the token has", "Check again later.")
    granted = {scope.strip() for scope in header.split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    if not missing:
        return Finding("scopes", True, f"all {len(SCOPES)} are there")
    detail = "; ".join(f"{scope} (to {SCOPES[scope]})" for scope in missing)
    mend = f"Your app's page, OAuth & Permissions, Scopes: add {', '.join(missing)}; then Reinstall to Workspace."
    return Finding("scopes", False, f"missing: {detail}", mend)


def _app_id(settings: Mapping[str, str], bot_id: str) -> str:
    try:
        told = web.call(settings, "bots.info", bot=bot_id).data.get("bot")
    except (Rejected, BadCredentials):  # users:read is missing, which check tells; the app's id is a help, no need
        return ""
    return clean(_object(told).get("app_id"))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
