"""Slack's deliveries as our events. https://docs.slack.dev/reference/events/message

Whatever a field holds, `events` returns events or raises `Unparsable`. A person's message is never ignored: only what
is known to be nobody's message is, and an unknown subtype with an author and words or files is a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chalicelib.core.model import (
    ConnectionEnded,
    Event,
    Ignored,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
)
from connectors.base import Unparsable
from connectors.slack import wire
from connectors.slack.authors import not_a_person
from connectors.slack.inbound import attachments, clean, words_of
from connectors.slack.words import DELIVERIES, EVENTS, PERSON_SUBTYPES, SYSTEM_SUBTYPES

Json = dict[str, Any]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MENTION = re.compile(r"<@[A-Z0-9]+>\s*")
_TS = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")


def events(body: bytes, settings: Mapping[str, str]) -> list[Event]:
    """What a delivery says: one event, since Slack sends one a time. Raises `Unparsable`."""
    try:
        delivery = wire.payload(body)
    except (ValueError, RecursionError) as error:
        raise Unparsable(f"the body can be read neither as JSON nor as a form: {type(error).__name__}") from None
    return [_delivery(delivery, settings)]


def _delivery(delivery: Json, settings: Mapping[str, str]) -> Event:
    kind = _word(delivery.get("type"))
    if kind == "event_callback":
        event = delivery.get("event")
        if not isinstance(event, dict):
            raise Unparsable("the delivery holds no event")
        return _event(event, delivery, settings)
    if kind:
        return Ignored(DELIVERIES.get(kind) or f"unknown delivery type {kind}")
    if _word(delivery.get("command")):
        return Ignored("somebody used a slash command")
    if _word(delivery.get("ssl_check")):
        return Ignored("Slack checked the webhook's certificate")
    raise Unparsable("the delivery does not say what it is")


def _event(event: Json, delivery: Json, settings: Mapping[str, str]) -> Event:
    kind = _word(event.get("type"))
    if kind in wire.MESSAGES:
        return _message(event, delivery, settings)
    if kind == "app_uninstalled":
        return _ended("the app was uninstalled from the workspace", delivery, settings)
    if kind == "tokens_revoked":
        tokens = event.get("tokens")
        if isinstance(tokens, dict) and tokens.get("bot"):
            return _ended("the bot's token was revoked", delivery, settings)
        return Ignored("a user's tokens were revoked")
    if not kind:
        raise Unparsable("the event does not say what it is")
    return Ignored(EVENTS.get(kind) or f"unknown event type {kind}")


def _ended(reason: str, delivery: Json, settings: Mapping[str, str]) -> Event:
    """One app may be installed in several workspaces under one address: another's end is not ours."""
    listed = delivery.get("authorizations")
    seats = [one.get("team_id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    teams = [team for team in (*seats, delivery.get("team_id")) if isinstance(team, str) and team]
    ours = settings.get("team_id", "")
    return Ignored(f"{reason}, but another one") if ours and teams and ours not in teams else ConnectionEnded(reason)


def _message(event: Json, delivery: Json, settings: Mapping[str, str]) -> Event:
    subtype = _word(event.get("subtype"))
    if subtype == "message_changed":
        return _changed(event, delivery, settings)
    if subtype == "message_deleted":
        return _deleted(event, delivery, settings)
    if subtype in SYSTEM_SUBTYPES:
        return Ignored(SYSTEM_SUBTYPES[subtype])
    reason = not_a_person(event, delivery, settings)
    if reason:
        return Ignored(reason)
    received = _received(event, event)
    if subtype not in PERSON_SUBTYPES and not received.text and not received.attachments:
        return Ignored(f"a message of the unknown subtype {subtype}, with neither words nor files")
    return received


def _changed(event: Json, delivery: Json, settings: Mapping[str, str]) -> Event:
    message, before = event.get("message"), event.get("previous_message")
    if not isinstance(message, dict):
        raise Unparsable("an edit without its message")
    before = before if isinstance(before, dict) else {}
    if _word(message.get("subtype")) == "tombstone":
        return _deleted(event, delivery, settings)
    reason = _leave(message, delivery, settings)
    if reason:
        return Ignored(f"an edit: {reason}")
    edited = _edited_at(message)
    if not edited or (edited == _edited_at(before) and message.get("text") == before.get("text")):
        return Ignored("Slack changed the message (a link's preview, a reply count), no person did")
    original = _received(event, {**message, **before, "user": message.get("user") or before.get("user")})
    at = _ts(event.get("ts") or event.get("event_ts") or edited, "edit")
    again = f":{at}" if edited == _edited_at(before) else ""
    return MessageEdited(
        key=f"{original.key}:edit:{edited}{again}",
        of=original.key,
        text=words_of(message),
        sent_at=_ms(at),
        order=_order(at),
        original=original,
    )


def _deleted(event: Json, delivery: Json, settings: Mapping[str, str]) -> Event:
    before = event.get("previous_message")
    if not isinstance(before, dict):
        raise Unparsable("a deletion without the message that was deleted")
    reason = _leave(before, delivery, settings)
    if reason:
        return Ignored(f"a deletion: {reason}")
    original = _received(event, {"ts": event.get("deleted_ts"), **before})
    at = _ts(event.get("ts") or event.get("event_ts"), "deletion")
    return MessageDeleted(
        key=f"{original.key}:deleted", of=original.key, sent_at=_ms(at), order=_order(at), original=original
    )


def _leave(message: Json, delivery: Json, settings: Mapping[str, str]) -> str:
    """Why an edit or a deletion of this message is nobody's, "" where it is somebody's."""
    return SYSTEM_SUBTYPES.get(_word(message.get("subtype")), "") or not_a_person(message, delivery, settings)


def _received(event: Json, message: Json) -> MessageReceived:
    """A message in the channel that the event tells; the message itself may be nested in the event."""
    channel = _id(event.get("channel"), "channel")
    ts = _ts(message.get("ts"), "message")
    thread_ts = _ts(message.get("thread_ts"), "thread") if message.get("thread_ts") else ""
    direct = wire.direct({"channel": channel, "channel_type": event.get("channel_type")})
    root = thread_ts or ("" if direct else ts)
    comment = message.get("comment")
    author = message.get("user") or (comment.get("user") if isinstance(comment, dict) else None)
    text = words_of(message)
    return MessageReceived(
        key=f"{channel}:{ts}",
        # A direct message goes on with the sender's conversation, also where they answer in a thread of it.
        thread=channel if direct else f"{channel}:{root}",
        sender=Person(key=_id(author, "author"), name=_author_name(message)),
        text=text,
        subject=_MENTION.sub("", text).strip() if "<@" in text else "",
        sent_at=_ms(ts),
        order=_order(ts),
        reply_to={"channel": channel, "thread_ts": root} if root else {"channel": channel},
        direct=direct,
        attachments=attachments(message),
    )


def _author_name(message: Json) -> str:
    profile = message.get("user_profile")
    told = (profile.get("real_name") or profile.get("display_name")) if isinstance(profile, dict) else ""
    return clean(told)[:200]


def _edited_at(message: Json) -> str:
    edited = message.get("edited")
    return _ts(edited.get("ts"), "edit") if isinstance(edited, dict) else ""


def _word(value: object) -> str:
    return clean(value)[:80] if isinstance(value, str) else ""


def _id(value: object, what: str) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise Unparsable(f"the message's {what} is missing or no id of Slack's")


def _ts(value: object, what: str) -> str:
    if isinstance(value, str) and _TS.fullmatch(value):
        return value
    raise Unparsable(f"the {what}'s timestamp is missing or none of Slack's")


def _ms(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))


def _order(ts: str) -> str:
    seconds, _, fraction = ts.partition(".")
    return f"{seconds:0>12}.{fraction:0<6}"
