"""Deliveries for the tests of Slack: signed, and from cases that say only what matters."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.base import WebhookRequest

Json = dict[str, Any]

SECRET = "fixture-signing-secret"
NOW = 1_700_000_100_000
CASES = Path(__file__).parent / "cases"


def cases(*files: str) -> list[Json]:
    return [one for file in files for one in json.loads((CASES / f"{file}.json").read_text())]


def envelope(event: object) -> Json:
    return {
        "token": "fixture-token",
        "team_id": "T1",
        "api_app_id": "A1",
        "event": event,
        "type": "event_callback",
        "event_id": "Ev1",
        "event_time": 1_700_000_000,
    }


def body_of(case: Json) -> bytes:
    if "form" in case:
        return urlencode(case["form"]).encode()
    return json.dumps(case["body"] if "body" in case else envelope(case["event"])).encode()


def request(body: bytes, *, secret: str = SECRET, method: str = "POST", now: int = NOW) -> WebhookRequest:
    """A delivery as Slack signs it."""
    stamp = str(NOW // 1000)
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    kind = "application/json" if body.lstrip()[:1] == b"{" else "application/x-www-form-urlencoded"
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}", "content-type": kind}
    return WebhookRequest(method, headers, body, now)
