"""Zendesk's webhook of the trigger that Deskweave ships: body, signature, retries.

https://developer.zendesk.com/documentation/webhooks/verifying/ ; retries: on 409 three times, on 429 and 503 where
Retry-After says less than a minute, on time-outs five times; other answers are final.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from infra.sandbox.zendesk_shapes import iso

if TYPE_CHECKING:
    from infra.sandbox.deliveries import Answer, Delivery
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
RETRY_MS = 10_000
MOST_RETRIES = {0: 5, 409: 3, 429: 5, 503: 5}


def tell(zendesk: ZendeskSandbox, ticket: Json) -> None:
    """Queue the delivery of one update."""
    body = {
        "ticket_id": str(ticket["id"]),
        "external_id": str(ticket["external_id"] or ""),
        "updated_at": ticket["updated_at"],
    }
    zendesk.courier.queue("zendesk", json.dumps(body).encode(), "ticket")


def sample(zendesk: ZendeskSandbox) -> bytes:
    """What a forger would send."""
    return json.dumps({"ticket_id": "1", "external_id": "", "updated_at": iso(zendesk.world.now())}).encode()


def headers(zendesk: ZendeskSandbox, delivery: Delivery, now: int) -> dict[str, str]:
    """The headers of one attempt, signed at the time of the attempt; spoilt where the delivery is a forgery."""
    stamp = iso(now - (3_600_000 if delivery.forgery == "stale" else 0))
    secret = zendesk.webhook_secret[::-1] if delivery.forgery == "secret" else zendesk.webhook_secret
    digest = hmac.new(secret.encode(), stamp.encode() + delivery.body, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    if delivery.forgery == "truncated":
        signature = signature[:-8]
    if delivery.forgery == "non-ascii":
        signature = "\u00e9" * 44
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": str(1_000_000 + zendesk.world.seed % 1000),
        "X-Zendesk-Webhook-Id": zendesk.webhook_id,
        "X-Zendesk-Webhook-Invocation-Id": f"01{zendesk.world.secret(delivery.id, 24).upper()}",
        "X-Zendesk-Webhook-Signature": signature,
        "X-Zendesk-Webhook-Signature-Timestamp": stamp,
    }


def retry_delay(delivery: Delivery, answer: Answer) -> int | None:
    """Milliseconds to the next attempt, None where the vendor gives up."""
    if delivery.retries >= MOST_RETRIES.get(answer.status, 0):
        return None
    if answer.status in (429, 503):
        wait = answer.headers.get("retry-after", "")
        return int(wait) * 1000 if wait.isascii() and wait.isdigit() and int(wait) < 60 else None
    return RETRY_MS
