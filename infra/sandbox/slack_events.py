"""Slack's events: envelopes, signatures, retry headers, and forgeries to be refused.

https://docs.slack.dev/apis/events-api/ and https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.sandbox.deliveries import Delivery
    from infra.sandbox.slack import SlackSandbox

Json = dict[str, Any]
REASONS = {"timeout": "http_timeout", "connection": "connection_failed"}


def posted(slack: SlackSandbox, channel: str, message: Json) -> None:
    event = slack.shown(channel, message)
    event.pop("subscribed", None)
    if event.get("subtype") == "thread_broadcast" and (root := slack.find(channel, event["thread_ts"])):
        event["root"] = slack.shown(channel, root)
    if slack.files_by_reference and "files" in event and slack.users[event["user"]]["team"] != slack.team_id:
        event["files"] = [{"id": each["id"], "file_access": "check_file_info"} for each in event["files"]]
    _send(slack, channel, _placed(slack, channel, event, event["ts"]))


def mention(slack: SlackSandbox, channel: str, message: Json) -> None:
    """The second event of one message, under an event id of its own."""
    event = {**slack.shown(channel, message), "type": "app_mention"}
    placed = _placed(slack, channel, event, event["ts"])
    placed.pop("channel_type")
    _send(slack, channel, placed)


def changed(slack: SlackSandbox, channel: str, message: Json, previous: Json) -> None:
    event: Json = {"type": "message", "subtype": "message_changed", "message": message, "previous_message": previous}
    _send(slack, channel, _hidden(slack, channel, event))


def deleted(slack: SlackSandbox, channel: str, previous: Json) -> None:
    event: Json = {"type": "message", "subtype": "message_deleted", "previous_message": previous}
    event["deleted_ts"] = previous["ts"]
    _send(slack, channel, _hidden(slack, channel, event))


def reacted(slack: SlackSandbox, user: str, channel: str, message: Json, name: str) -> None:
    item = {"type": "message", "channel": channel, "ts": message["ts"]}
    event: Json = {"type": "reaction_added", "user": user, "reaction": name, "item": item}
    event |= {"item_user": message["user"], "event_ts": slack._ts(channel)}
    _send(slack, channel, event)


def ended(slack: SlackSandbox, event: Json) -> None:
    envelope = _envelope(slack, {**event, "event_ts": f"{slack.world.now() / 1000:.6f}"})
    _queue(slack, envelope, event["type"])


def handshake(slack: SlackSandbox) -> bool:
    challenge = slack.world.secret(f"challenge-{slack.world.number('challenge')}")
    body = json.dumps({"token": slack.verification_token, "challenge": challenge, "type": "url_verification"}).encode()
    courier = slack.courier
    signed = _signed(slack.signing_secret, slack.world.now() // 1000, body)
    answer = courier.post(slack.webhook_url, signed, body, courier.timeout_seconds)
    return answer.status == 200


def headers(slack: SlackSandbox, delivery: Delivery, now: int) -> dict[str, str]:
    """The headers of one attempt, signed at the time of the attempt; spoilt where the delivery is a forgery."""
    seconds = now // 1000
    match delivery.forgery:
        case "secret":
            return _signed(slack.signing_secret[::-1], seconds, delivery.body)
        case "stale":
            return _signed(slack.signing_secret, seconds - 3600, delivery.body)
    signed = _signed(slack.signing_secret, seconds, delivery.body)
    if delivery.forgery == "truncated":
        signed["X-Slack-Signature"] = signed["X-Slack-Signature"][:-8]
    if delivery.forgery == "non-ascii":
        signed["X-Slack-Signature"] = "v0=" + "\u00e9" * 64
    if delivery.retries:
        signed["X-Slack-Retry-Num"] = str(delivery.retries)
        signed["X-Slack-Retry-Reason"] = REASONS.get(delivery.reason, "http_error")
    return signed


def fresh_event_id(slack: SlackSandbox, body: bytes) -> bytes:
    """The same event under another event id, as Slack sends `message` and `app_mention`."""
    return json.dumps({**json.loads(body), "event_id": _event_id(slack)}).encode()


def sample(slack: SlackSandbox) -> bytes:
    """A well-formed message event of a channel that need not exist; what a forger would send."""
    ts = f"{slack.world.now() / 1000:.6f}"
    event = {"type": "message", "text": "forged", "user": "U000FORGED", "ts": ts, "channel": "C000FORGED"}
    event |= {"event_ts": ts, "channel_type": "channel", "team": slack.team_id}
    return json.dumps(_envelope(slack, event)).encode()


def _signed(secret: str, seconds: int, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"v0:{seconds}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "X-Slack-Request-Timestamp": str(seconds),
        "X-Slack-Signature": f"v0={digest}",
    }


def _placed(slack: SlackSandbox, channel: str, event: Json, ts: str) -> Json:
    kind = "im" if slack.channels[channel]["user"] else "channel"
    return {**event, "channel": channel, "event_ts": ts, "channel_type": kind}


def _hidden(slack: SlackSandbox, channel: str, event: Json) -> Json:
    ts = slack._ts(channel)
    return _placed(slack, channel, {**event, "hidden": True, "ts": ts}, ts)


def _send(slack: SlackSandbox, channel: str, event: Json) -> None:
    envelope = _envelope(slack, event)
    seat = {"enterprise_id": None, "team_id": slack.team_id, "user_id": slack.bot_user_id}
    envelope |= {
        "authorizations": [{**seat, "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": bool(slack.channels[channel]["shared"]),
        "event_context": f"4-{envelope['event_id']}-{channel}",
    }
    _queue(slack, envelope, str(event.get("subtype") or event["type"]))


def _envelope(slack: SlackSandbox, event: Json) -> Json:
    return {
        "token": slack.verification_token,
        "team_id": slack.team_id,
        "api_app_id": slack.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": _event_id(slack),
        "event_time": slack.world.now() // 1000,
    }


def _event_id(slack: SlackSandbox) -> str:
    return f"Ev{slack.world.seed % 1000:03d}{slack.world.number('Ev'):08d}"


def _queue(slack: SlackSandbox, envelope: Json, topic: str) -> None:
    if not slack.ended:
        slack.courier.queue("slack", json.dumps(envelope, separators=(",", ":")).encode(), topic)
