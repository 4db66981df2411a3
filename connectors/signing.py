"""Webhook signatures over the raw bytes, in constant time, closed on every doubt.

Slack    https://docs.slack.dev/authentication/verifying-requests-from-slack
Zendesk  https://developer.zendesk.com/documentation/webhooks/verifying/

Every function raises `InvalidWebhook` and nothing else, whatever it is given: what it reads comes from strangers. The
message says which check failed and never holds a secret or the signature that would have been right.
"""

from __future__ import annotations

import hmac
from base64 import b64encode

from connectors.base import InvalidWebhook

WINDOW_MS = 300_000
LONGEST_SIGNATURE = 200

_ISO = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:Z|([+-])([0-9]{2}):?([0-9]{2}))"
)


def slack(secret: str, timestamp: str, signature: str, body: bytes, now: int, previous: str = "") -> None:
    """Check `v0=` + hex HMAC-SHA256 over `v0:timestamp:body`; the timestamp in seconds, `now` in ms.

    `previous` is the secret before a rotation, "" where there is none.
    """
    if not (isinstance(timestamp, str) and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise InvalidWebhook("the request's timestamp is missing or no number")
    _fresh(int(timestamp) * 1000, now)
    message = b"v0:" + timestamp.encode("ascii") + b":" + body
    _match(signature, ["v0=" + _digest(key, message).hex() for key in _keys(secret, previous)])


def zendesk(secret: str, timestamp: str, signature: str, body: bytes, now: int, previous: str = "") -> None:
    """Check base64 HMAC-SHA256 over timestamp + body; the timestamp in ISO 8601 with its zone, `now` in ms."""
    _fresh(_iso_ms(timestamp), now)
    message = timestamp.encode("ascii") + body
    _match(signature, [b64encode(_digest(key, message)).decode("ascii") for key in _keys(secret, previous)])


def _keys(secret: str, previous: str) -> list[bytes]:
    keys = [key.strip() for key in (secret, previous) if isinstance(key, str) and key.strip()]
    if not keys or not (isinstance(secret, str) and secret.strip()):
        raise InvalidWebhook("no signing secret is set: nothing can be verified")
    try:
        return [key.encode("utf-8") for key in keys]
    except UnicodeEncodeError:
        raise InvalidWebhook("the signing secret holds characters that no secret has") from None


def _digest(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _match(signature: str, expected: list[str]) -> None:
    if not (isinstance(signature, str) and 0 < len(signature) <= LONGEST_SIGNATURE and signature.isascii()):
        raise InvalidWebhook("the request's signature is missing or malformed")
    matches = [hmac.compare_digest(signature, one) for one in expected]
    if not any(matches):
        raise InvalidWebhook("the signature is not that of this body")


def _fresh(sent_at: int, now: int) -> None:
    if abs(now - sent_at) > WINDOW_MS:
        raise InvalidWebhook("the request's timestamp is more than five minutes away from now")


def _iso_ms(timestamp: str) -> int:
    import re
    from datetime import UTC, datetime

    found = re.fullmatch(_ISO, timestamp) if isinstance(timestamp, str) and len(timestamp) <= 40 else None
    if found is None:
        raise InvalidWebhook("the request's timestamp is missing or no ISO 8601 time")
    sign, hours, minutes = found.group(7), int(found.group(8) or 0), int(found.group(9) or 0)
    offset = (hours * 60 + minutes) * (-1 if sign == "-" else 1)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise InvalidWebhook("the request's timestamp names no moment") from None
    return int(local.timestamp() * 1000) - offset * 60_000
