"""Who wrote a Slack message: a person, our own bot, or another app.

https://docs.slack.dev/reference/events/message/bot_message

A message that bears no mark of a bot is a person's unless the connection knows its own bot's user: an authorization
names the user that an app is installed by as well as its bot, and an organisation's people are listed there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

OURS = "our own message"
ANOTHER_APP = "another app's message"
SLACKBOT = "a message of Slackbot's"


def not_a_person(message: Json, delivery: Json, settings: Mapping[str, str]) -> str:
    """Why a message is no person's, "" where it is one's."""
    user, bot_id = _text(message.get("user")), _text(message.get("bot_id"))
    if _known(user, settings.get("bot_user_id")) or _known(bot_id, settings.get("bot_id")):
        return OURS
    if user == "USLACKBOT":
        return SLACKBOT
    app_id = _text(message.get("app_id")) or _text(_object(message.get("bot_profile")).get("app_id"))
    our_app = settings.get("app_id") or _text(delivery.get("api_app_id"))
    if app_id and app_id == our_app:
        return OURS
    if not (bot_id or message.get("bot_profile") or message.get("subtype") == "bot_message"):
        return ""
    if not app_id and user and user in _our_bots(delivery):
        return OURS
    return ANOTHER_APP


def _our_bots(delivery: Json) -> set[str]:
    listed = delivery.get("authorizations")
    bots = [_object(one) for one in listed] if isinstance(listed, list) else []
    return {_text(one.get("user_id")) for one in bots if one.get("is_bot") is True}


def _known(told: str, ours: str | None) -> bool:
    return bool(told) and told == ours


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
