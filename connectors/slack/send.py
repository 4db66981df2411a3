"""Answers to Slack, and finding them again. https://docs.slack.dev/reference/methods/chat.postMessage

Slack has no idempotency key: a message carries its call's id in its metadata, by which it is looked up after a doubt.
https://docs.slack.dev/messaging/message-metadata/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.model import OutboundMessage
from connectors.base import Call, CannotCarry, Rejected, TryLater
from connectors.slack import text, web

LONGEST_TEXT = 40_000  # "Slack will truncate messages containing more than 40,000 characters"
LONGEST_HTML = 1_000_000
EVENT_TYPE = "deskweave_message"
MARGIN_MS = 120_000  # how far our clock and Slack's may be apart
PAGE = 100
MOST_PAGES = 10


def send(settings: Mapping[str, str], message: OutboundMessage, call: Call) -> str:
    """Post an answer in its thread, without link previews; returns `channel:ts`.

    Raises `CannotCarry` where nothing is to be sent or it is longer than Slack takes.
    """
    words, markup = _words(message)
    place = {"thread_ts": message.to["thread_ts"]} if message.to.get("thread_ts") else {}
    reply = web.call(
        settings,
        "chat.postMessage",
        channel=channel_of(message.to),
        text=words,
        mrkdwn=markup,
        metadata={"event_type": EVENT_TYPE, "event_payload": {"call_id": call.id}},
        unfurl_links=False,
        unfurl_media=False,
        **place,
    )
    channel, ts = reply.data.get("channel"), reply.data.get("ts")
    if not (isinstance(channel, str) and channel and isinstance(ts, str) and ts):
        raise TryLater("Slack did not say which message it made", doubtful=True)
    return f"{channel}:{ts}"


def lookup(settings: Mapping[str, str], to: Mapping[str, str], call: Call) -> str | None:
    """The key of the message that carries the call's id, None where there is none since the call began.

    Raises `TryLater` where so much was written since that not all of it could be read: not found would be a guess.
    """
    channel, cursor = channel_of(to), ""
    method = "conversations.replies" if to.get("thread_ts") else "conversations.history"
    place = {"ts": to["thread_ts"]} if to.get("thread_ts") else {}
    since = max(call.started_at - MARGIN_MS, 0)
    for _ in range(MOST_PAGES):
        reply = web.call(
            settings,
            method,
            channel=channel,
            oldest=f"{since // 1000}.{since % 1000:03d}000",
            limit=PAGE,
            include_all_metadata=True,
            **place,
            **({"cursor": cursor} if cursor else {}),
        )
        for one in reply.data.get("messages") or ():
            if _carries(one, call.id):
                return f"{channel}:{one['ts']}"
        cursor = next_cursor(reply.data)
        if not cursor:
            return None
    raise TryLater("too much was written since to tell whether Slack has the message")


def channel_of(to: Mapping[str, str]) -> str:
    if not to.get("channel"):
        raise Rejected("the answer names no Slack channel")
    return to["channel"]


def next_cursor(data: Mapping[str, Any]) -> str:
    told = data.get("response_metadata")
    cursor = told.get("next_cursor") if isinstance(told, dict) else ""
    return cursor if isinstance(cursor, str) else ""


def _words(message: OutboundMessage) -> tuple[str, bool]:
    """The text to send, and whether it is Slack's markup; plain text is shown as it stands, stars and all."""
    if len(message.html) > LONGEST_HTML:
        raise _too_long(len(message.html))
    converted = text.from_html(message.html)
    words, markup = (converted, True) if converted else (text.escape(message.text.strip()), False)
    if not words:
        raise CannotCarry("the message is empty: write something")
    if len(words) > LONGEST_TEXT:
        raise _too_long(len(words))
    return words, markup


def _too_long(length: int) -> CannotCarry:
    return CannotCarry(
        f"the message has {length} characters and Slack cuts it at {LONGEST_TEXT}: send it in parts, or as a file"
    )


def _carries(message: object, call_id: str) -> bool:
    metadata = message.get("metadata") if isinstance(message, dict) else None
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return isinstance(payload, dict) and payload.get("call_id") == call_id
