"""Mails, receipts and notifications for the tests of SES, from cases that say only what matters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connectors.base import WebhookRequest
from connectors.ses import Ses

Json = dict[str, Any]

NOW = 1_700_000_100_000
ADDRESS = "support@desk.test"
CASES = Path(__file__).parent / "cases"
SES_ID = "0100018f2a3b4c5d-0a1b2c3d-1111-2222-3333-444455556666-000000"


def cases(name: str) -> list[Json]:
    found: list[Json] = json.loads((CASES / f"{name}.json").read_text())
    return found


def connector(**settings: str) -> Ses:
    return Ses({"region": "us-east-1", "from_address": ADDRESS, "from_name": "Support", **settings}, "c1")


def mail(headers: Json, body: str = "Hello") -> bytes:
    """A mail with these headers; a From, a To, a Message-ID and a Date where the case gives none, null for none."""
    given = {
        "From": "Ada Lovelace <ada@example.org>",
        "To": ADDRESS,
        "Message-ID": "<m1@example.org>",
        "Date": "Tue, 14 Nov 2023 22:13:00 +0000",
        **headers,
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([*lines, "", body, ""]).encode()


def received(raw: bytes, receipt: Json | None = None) -> WebhookRequest:
    """A mail with its receipt, as the inbox gives it to the connector."""
    told = {
        "timestamp": "2023-11-14T22:13:20.000Z",
        "dmarc": "PASS",
        "spam": "PASS",
        "virus": "PASS",
        **(receipt or {}),
    }
    return WebhookRequest("POST", {"x-deskweave-receipt": json.dumps(told)}, raw, NOW)


def notice(told: Json) -> WebhookRequest:
    return WebhookRequest("POST", {}, json.dumps(told).encode(), NOW)
