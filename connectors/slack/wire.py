"""The shape of Slack's deliveries, as far as the acknowledgement needs it: body, challenge and group.

https://docs.slack.dev/apis/events-api/#event-type-structure
"""

from __future__ import annotations

import json
from typing import Any

MESSAGES = frozenset({"message", "app_mention"})


def payload(body: bytes) -> dict[str, Any]:
    """The object that a body holds: JSON, a form's `payload`, or the form's own fields.

    Raises ValueError or RecursionError where it holds none.
    """
    start = body[:64].lstrip()
    if start[:1] not in (b"{", b"[", b'"') and b"=" in body:
        return _form(body)
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("the body is no JSON object")
    return found


def challenge(body: bytes) -> str | None:
    """The challenge of a `url_verification` delivery, None where the body is anything else."""
    if b"url_verification" not in body:
        return None
    try:
        found = payload(body)
    except (ValueError, RecursionError):
        return None
    answer = found.get("challenge")
    if found.get("type") != "url_verification" or not isinstance(answer, str):
        return None
    return answer.encode("ascii", "ignore").decode("ascii")[:1000]


def group(delivery: dict[str, Any]) -> str:
    """What a message's conversation is found by; KeyError, TypeError or AttributeError where the delivery is none."""
    event = delivery["event"]
    if event["type"] not in MESSAGES:
        raise KeyError("no message")
    channel: str = event["channel"]
    return channel if direct(event) else f"{channel}:{root(event)}"


def direct(event: dict[str, Any]) -> bool:
    """Whether a message is a direct one. A group's direct messages have threads like a channel's: `app_mention` tells
    no channel type, and must stay with its `message`."""
    channel: str = event["channel"]
    return channel.startswith("D") or event.get("channel_type") == "im"


def root(event: dict[str, Any]) -> str:
    """The timestamp of the message that began the thread; for an edit or a delete that of its original."""
    inner = event.get("message") if event.get("subtype") == "message_changed" else None
    before = event.get("previous_message") if event.get("subtype") in ("message_changed", "message_deleted") else None
    told = [one for one in (inner, before) if isinstance(one, dict)] or [event]
    for key in ("thread_ts", "ts"):
        for one in told:
            if one.get(key):
                return str(one[key])
    return str(event.get("deleted_ts") or event["ts"])


def _form(body: bytes) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    fields: dict[str, Any] = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
    if "payload" not in fields:
        return fields
    found = json.loads(fields["payload"])
    if not isinstance(found, dict):
        raise ValueError("the form's payload is no JSON object")
    return found
