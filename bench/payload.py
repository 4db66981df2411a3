"""A Slack message as Slack sends it, with ids as random as Slack's, and API Gateway's event of a signed request.

https://docs.slack.dev/apis/events-api/#event-type-structure
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import string
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# 1.1 KB, the message that the budget names.
SIZE = 1126
HOST = "desk.example.com"
_IDS = string.ascii_uppercase + string.digits
_WORDS = (
    "hello the invoice for our last order shows a wrong amount and my colleague cannot sign in since this morning "
    "could you please check whether the delivery to the second address has left your warehouse we would like to "
    "change the plan from monthly to yearly thank you in advance it still does not work when I click on save there "
    "is only an empty page and no error message what should we do now the customer number is on the attached letter"
)


@dataclass(frozen=True)
class Workspace:
    """The ids of one Slack workspace and its app."""

    team: str
    app: str
    bot: str
    token: str
    signing_secret: str


def workspace(rng: random.Random) -> Workspace:
    letters = string.ascii_letters + string.digits
    return Workspace(
        slack_id("T", rng),
        slack_id("A", rng),
        slack_id("U", rng),
        "".join(rng.choices(letters, k=24)),
        f"{rng.getrandbits(128):032x}",
    )


def slack_id(prefix: str, rng: random.Random) -> str:
    return prefix + "0" + "".join(rng.choices(_IDS, k=9))


def words(rng: random.Random, size: int) -> str:
    """What a customer writes, `size` characters of it."""
    known, text = _WORDS.split(), ""
    while len(text) < size:
        text += ("" if not text else " ") + rng.choice(known)
    return text[:size]


def message(seat: Workspace, rng: random.Random, channel: str, user: str, ts: str, thread_ts: str = "") -> bytes:
    """The delivery of a person's message: `SIZE` bytes, as many words as fit."""
    # The words stand in it twice.
    bare = len(_delivery(seat, random.Random(1), channel, user, ts, thread_ts, ""))
    return _delivery(seat, rng, channel, user, ts, thread_ts, words(rng, (SIZE - bare) // 2))


def _delivery(
    seat: Workspace, rng: random.Random, channel: str, user: str, ts: str, thread_ts: str, text: str
) -> bytes:
    event: dict[str, Any] = {"user": user, "type": "message", "ts": ts}
    digest = f"{rng.getrandbits(128):032x}"
    event["client_msg_id"] = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
    event |= {"text": text, "team": seat.team}
    if thread_ts:
        event |= {"thread_ts": thread_ts, "parent_user_id": user}
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    block = "".join(rng.choices(string.ascii_letters, k=5))
    event["blocks"] = [{"type": "rich_text", "block_id": block, "elements": [section]}]
    event |= {"channel": channel, "event_ts": ts, "channel_type": "channel"}
    context = base64.b64encode(rng.randbytes(60)).decode()
    seat_of_bot = {
        "enterprise_id": None,
        "team_id": seat.team,
        "user_id": seat.bot,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    delivery = {
        "token": seat.token,
        "team_id": seat.team,
        "api_app_id": seat.app,
        "event": event,
        "type": "event_callback",
        "event_id": slack_id("Ev", rng),
        "event_time": int(float(ts)),
        "authorizations": [seat_of_bot],
        "is_ext_shared_channel": False,
        "event_context": f"4-{context}",
    }
    return json.dumps(delivery, separators=(",", ":")).encode()


def signed(secret: str, body: bytes, now_ms: int) -> dict[str, str]:
    """Slack's headers over a body."""
    seconds = now_ms // 1000
    digest = hmac.new(secret.encode(), f"v0:{seconds}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "*/*",
        "X-Slack-Request-Timestamp": str(seconds),
        "X-Slack-Signature": f"v0={digest}",
    }


def rest_event(
    provider: str, connection: str, headers: Mapping[str, str], body: bytes, query: str = ""
) -> dict[str, Any]:
    """What API Gateway's REST proxy integration hands to the API function for a POST to a webhook address."""
    path = f"/webhooks/{provider}/{connection}"
    sent = {**headers, "Host": HOST, "X-Forwarded-Proto": "https"}
    asked = urllib.parse.parse_qs(query, keep_blank_values=True)
    return {
        "resource": "/webhooks/{provider}/{connection}",
        "path": path,
        "httpMethod": "POST",
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in asked.items()} or None,
        "multiValueQueryStringParameters": asked or None,
        "pathParameters": {"provider": provider, "connection": connection},
        "stageVariables": None,
        "requestContext": {
            "resourcePath": "/webhooks/{provider}/{connection}",
            "httpMethod": "POST",
            "path": path,
            "domainName": HOST,
            "protocol": "HTTP/1.1",
            "stage": "api",
            "identity": {"sourceIp": "192.0.2.1", "userAgent": sent.get("User-Agent", "")},
            "requestId": "00000000-0000-4000-8000-000000000000",
            "apiId": "abc123",
        },
        "body": body.decode(),
        "isBase64Encoded": False,
    }
