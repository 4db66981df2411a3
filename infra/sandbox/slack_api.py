"""Slack's Web API, the methods that a support app calls (https://docs.slack.dev/reference/methods)."""

from __future__ import annotations

import base64
import binascii
import json
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.sandbox import calls, slack_files, slack_shapes
from infra.sandbox.faults import Fault
from infra.sandbox.server import Reply, Request, json_reply

if TYPE_CHECKING:
    from infra.sandbox.slack import SlackSandbox

Json = dict[str, Any]
MAX_TEXT = 40_000


class Refused(Exception):
    """A call that Slack answers with `ok: false`; the message is the error's name."""


def handle(slack: SlackSandbox, request: Request) -> Reply:
    """Answer anything under /slack."""
    area, _, rest = request.path.removeprefix("/slack/").partition("/")
    name = {"upload": "upload", "files-pri": "download"}.get(area, rest)
    if area == "oauth" and rest == "v2/authorize":
        return slack.consent.page(slack, request)
    if area not in ("api", "upload", "files-pri"):
        return Reply(200, b"<!DOCTYPE html><title>Sign in</title>", {"Content-Type": "text/html"})
    slack.world.requests["slack", request.method, name] += 1

    def act() -> Reply:
        if name == "oauth.v2.access":
            return slack.consent.access(slack, request)
        if area == "upload":
            return slack_files.receive_upload(slack, request)
        return slack_files.download(slack, request) if area == "files-pri" else _call(slack, name, request)

    return calls.answer(slack.world, "slack", name, act, _fail)


def bot_message(slack: SlackSandbox, text: str) -> Json:
    """A message of the app's bot, as Slack stores it."""
    from infra.sandbox.slack import blocks

    return {
        "bot_id": slack.bot_id,
        "type": "message",
        "text": text,
        "user": slack.bot_user_id,
        "app_id": slack.app_id,
        "team": slack.team_id,
        "bot_profile": slack_shapes.bot_profile(slack),
        "blocks": blocks(text),
    }


def _fail(fault: Fault) -> Reply:
    match fault.kind:
        case "429":
            return _rate_limited(fault.retry_after if fault.retry_after is not None else 30)
        case "expired_token":
            return json_reply(200, {"ok": False, "error": "invalid_auth"})
    wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    error = "internal_error" if fault.kind == "500" else "service_unavailable"
    return json_reply(int(fault.kind), {"ok": False, "error": error}, wait)


def _rate_limited(seconds: int) -> Reply:
    return json_reply(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(seconds)})


def _call(slack: SlackSandbox, method: str, request: Request) -> Reply:
    try:
        arguments = _arguments(request)
        _authorize(slack, request, arguments)
        act = METHODS.get(method)
        if act is None:
            raise Refused("unknown_method")
        if method == "chat.postMessage" and (wait := _wait(slack, str(arguments.get("channel")))):
            return _rate_limited(wait)
        return json_reply(200, act(slack, arguments), {"X-OAuth-Scopes": slack.scopes})
    except Refused as refused:
        return json_reply(200, {"ok": False, "error": str(refused)})


def _arguments(request: Request) -> Json:
    """The arguments of a call: query, form or JSON, as the SDK sends them."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            given = request.json()
        except ValueError:
            raise Refused("invalid_json") from None
        if not isinstance(given, dict):
            raise Refused("json_not_object")
        return {**request.query, **given}
    return {**request.query, **dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))}


def _authorize(slack: SlackSandbox, request: Request, arguments: Json) -> None:
    token = request.headers.get("authorization", "").removeprefix("Bearer ") or arguments.get("token")
    if not token:
        raise Refused("not_authed")
    if token != slack.bot_token:
        raise Refused("invalid_auth")
    if slack.ended:
        raise Refused(slack.ended)


def _wait(slack: SlackSandbox, channel: str) -> int:
    """Seconds to wait before a channel takes its next message, 0 where it takes it now."""
    now = slack.world.now()
    left, since = slack.buckets.get(channel, (float(slack.burst), now))
    left = min(float(slack.burst), left + (now - since) / 1000 * slack.messages_per_second)
    slack.buckets[channel] = (max(left - 1, 0.0) if left >= 1 else left, now)
    return 0 if left >= 1 else max(1, round((1 - left) / slack.messages_per_second))


def _auth_test(slack: SlackSandbox, arguments: Json) -> Json:
    names = {"team": slack.team_name, "user": slack.users[slack.bot_user_id]["name"]}
    ids = {"team_id": slack.team_id, "user_id": slack.bot_user_id, "bot_id": slack.bot_id}
    return {"ok": True, "url": f"{slack.world.url}/slack/", **names, **ids, "is_enterprise_install": False}


def _users_info(slack: SlackSandbox, arguments: Json) -> Json:
    user = slack.users.get(str(arguments.get("user")))
    if user is None:
        raise Refused("user_not_found")
    return {"ok": True, "user": slack_shapes.user(slack, user)}


def _post_message(slack: SlackSandbox, arguments: Json) -> Json:
    channel, text = _channel(slack, arguments), str(arguments.get("text") or "")
    if not text and not arguments.get("blocks") and not arguments.get("attachments"):
        raise Refused("no_text")
    if len(text) > MAX_TEXT:
        raise Refused("msg_too_long")
    thread_ts = arguments.get("thread_ts") or None
    if thread_ts and slack.find(channel, thread_ts) is None:
        raise Refused("thread_not_found")
    message = bot_message(slack, text)
    if blocks := _decoded(arguments, "blocks"):
        message["blocks"] = blocks
    metadata = _metadata(arguments)
    if metadata:
        message["metadata"] = metadata
    if _true(arguments, "reply_broadcast") and thread_ts:
        message["subtype"] = "thread_broadcast"
    ts = slack.store(channel, message, thread_ts, ())
    key = str(metadata.get("event_payload", {}).get("call_id", ""))
    slack.world.note("slack", "message", f"{channel}:{ts}", key, channel=channel, thread_ts=thread_ts or "", text=text)
    return {"ok": True, "channel": channel, "ts": ts, "message": slack.shown(channel, message, metadata=True)}


def _update(slack: SlackSandbox, arguments: Json) -> Json:
    channel, message = _own_message(slack, arguments, "cant_update_message")
    text = str(arguments.get("text") or "")
    if not text and not arguments.get("blocks"):
        raise Refused("no_text")
    slack.change(channel, message, text, slack.bot_user_id)
    slack.world.note("slack", "message_changed", f"{channel}:{message['ts']}", channel=channel, text=text)
    shown = slack.shown(channel, message)
    return {"ok": True, "channel": channel, "ts": message["ts"], "text": text, "message": shown}


def _delete(slack: SlackSandbox, arguments: Json) -> Json:
    channel, message = _own_message(slack, arguments, "cant_delete_message")
    ts = message["ts"]
    slack.delete(channel, ts)
    slack.world.note("slack", "message_deleted", f"{channel}:{ts}", channel=channel)
    return {"ok": True, "channel": channel, "ts": ts}


def _replies(slack: SlackSandbox, arguments: Json) -> Json:
    channel = _channel(slack, arguments)
    root = slack.find(channel, str(arguments.get("ts")))
    if root is None:
        raise Refused("thread_not_found")
    replies = [each for each in slack.replies(channel, root["ts"]) if _within(each, arguments)]
    return _page(slack, channel, [root, *replies], arguments, 1000)


def _history(slack: SlackSandbox, arguments: Json) -> Json:
    channel = _channel(slack, arguments)
    top = [
        message
        for message in slack.stored(channel)
        if (message.get("thread_ts", message["ts"]) == message["ts"] or message.get("subtype") == "thread_broadcast")
        and _within(message, arguments)
    ]
    page = _page(slack, channel, top[::-1], arguments, 999)
    return {**page, "pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}


def _conversations_info(slack: SlackSandbox, arguments: Json) -> Json:
    return {"ok": True, "channel": slack_shapes.channel(slack, slack.channels[_channel(slack, arguments)])}


def _conversations_open(slack: SlackSandbox, arguments: Json) -> Json:
    users = arguments.get("users") or ""
    wanted = users if isinstance(users, list) else [each for each in str(users).split(",") if each]
    if not wanted:
        raise Refused("users_list_not_supplied")
    if wanted[0] not in slack.users:
        raise Refused("user_not_found")
    existed = any(channel["user"] == wanted[0] for channel in slack.channels.values())
    channel = slack.open_direct(str(wanted[0]))
    return {"ok": True, "no_op": existed, "already_open": existed, "channel": {"id": channel}}


def _channel(slack: SlackSandbox, arguments: Json) -> str:
    channel = str(arguments.get("channel") or "")
    if channel in slack.users:
        return slack.open_direct(channel)
    if channel not in slack.channels:
        raise Refused("channel_not_found")
    return channel


def _own_message(slack: SlackSandbox, arguments: Json, error: str) -> tuple[str, Json]:
    channel = _channel(slack, arguments)
    message = slack.find(channel, str(arguments.get("ts")))
    if message is None:
        raise Refused("message_not_found")
    if message.get("bot_id") != slack.bot_id:
        raise Refused(error)
    return channel, message


def _metadata(arguments: Json) -> Json:
    metadata = _decoded(arguments, "metadata")
    if not metadata:
        return {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise Refused("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    return metadata


def _decoded(arguments: Json, name: str) -> Any:
    """An argument that is JSON, or JSON within a form."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise Refused("invalid_arguments") from None


def _true(arguments: Json, name: str) -> bool:
    return str(arguments.get(name)).lower() in ("1", "true")


def _within(message: Json, arguments: Json) -> bool:
    """Whether a message lies between `oldest` and `latest`; the ends count only where `inclusive` is set."""
    ts, inclusive = message["ts"], _true(arguments, "inclusive")
    for name, sign in (("oldest", 1), ("latest", -1)):
        bound = str(arguments.get(name) or "")
        if bound and bound != "0":
            seconds, _, micros = bound.partition(".")
            edge = f"{int(seconds):010d}.{micros:0<6}"
            if (ts > edge) - (ts < edge) != sign and not (inclusive and ts == edge):
                return False
    return True


def _page(slack: SlackSandbox, channel: str, found: list[Json], arguments: Json, most: int) -> Json:
    asked = str(arguments.get("limit") or 100)
    if not asked.isdigit():
        raise Refused("invalid_limit")
    limit = min(int(asked), most)
    try:
        start = int(base64.b64decode(str(arguments.get("cursor") or "MA==")))
    except (ValueError, binascii.Error):
        raise Refused("invalid_cursor") from None
    everything = _true(arguments, "include_all_metadata")
    page: Json = {
        "ok": True,
        "messages": [slack.shown(channel, each, everything) for each in found[start : start + limit]],
        "has_more": len(found) > start + limit,
    }
    if page["has_more"]:
        page["response_metadata"] = {"next_cursor": base64.b64encode(str(start + limit).encode()).decode()}
    return page


METHODS: dict[str, Callable[[SlackSandbox, Json], Json]] = {
    "api.test": lambda slack, arguments: {"ok": True},
    "auth.test": _auth_test,
    "users.info": _users_info,
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "chat.delete": _delete,
    "conversations.replies": _replies,
    "conversations.history": _history,
    "conversations.info": _conversations_info,
    "conversations.open": _conversations_open,
    "files.getUploadURLExternal": slack_files.get_upload_url,
    "files.completeUploadExternal": slack_files.complete_upload,
    "files.info": slack_files.info,
}
