"""Webhook signatures over the raw bytes, in constant time, closed on every doubt.

Slack    https://docs.slack.dev/authentication/verifying-requests-from-slack
Twilio   https://www.twilio.com/docs/usage/webhooks/webhooks-security
Zendesk  https://developer.zendesk.com/documentation/webhooks/verifying/

Every function raises `InvalidWebhook` and nothing else, whatever it is given: what it reads comes from strangers. The
message says which check failed and never holds a secret or the signature that would have been right.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from typing import TYPE_CHECKING

from connectors.base import InvalidWebhook

if TYPE_CHECKING:
    from collections.abc import Iterable

WINDOW_MS = 300_000
LONGEST_SIGNATURE = 200
MOST_FIELDS = 500  # of a form: Twilio's have some thirty
LONGEST_FORM = 262_144  # bytes; Twilio's longest text is some 40 KB in a form

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


def twilio(secret: str, signature: str, urls: Iterable[str], body: bytes, previous: str = "") -> None:
    """Check base64 HMAC-SHA1 over the address that was asked for and the form's fields.

    urls  the addresses that Twilio may have signed; each is tried with and without its port, since Twilio's own
          signing is not consistent there

    The fields are sorted, empty ones count, equal values of one name count once. Where the address has `bodySHA256`, it
    stands for a body that is no form. There is no timestamp: a repeated request is known by its message's id.
    """
    fields, digest = _form(body), b"bodySHA256=" + hashlib.sha256(body).hexdigest().encode("ascii")
    messages: dict[bytes, None] = {}
    for url in urls:
        for address in _ports(url):
            messages[address + fields] = None
            if digest in address.partition(b"?")[2].split(b"&"):
                messages[address] = None
    keys = _keys(secret, previous)
    _match(signature, [b64encode(hmac.digest(k, m, "sha1")).decode("ascii") for k in keys for m in messages])


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


def _form(body: bytes) -> bytes:
    """A form's fields as Twilio signs them: bytes, so that a body that is no UTF-8 is taken as it came."""
    if len(body) > LONGEST_FORM or body.count(b"&") >= MOST_FIELDS:
        raise InvalidWebhook("the form is longer, or has more fields, than any that Twilio sends")
    from urllib.parse import unquote_to_bytes

    pairs = [pair.replace(b"+", b" ").partition(b"=") for pair in body.split(b"&") if pair]
    fields = {(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs}
    return b"".join(name + value for name, value in sorted(fields))


def _ports(url: str) -> tuple[bytes, ...]:
    """An address without a port and with one, the scheme's own where it names none; () for what is no address."""
    scheme, mark, rest = url.partition("://") if isinstance(url, str) else ("", "", "")
    if not mark or not rest:
        return ()
    end = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    host, _, port = rest[:end].partition(":")
    port = port or ("443" if scheme == "https" else "80")
    try:
        return tuple(f"{scheme}://{one}{rest[end:]}".encode() for one in (host, f"{host}:{port}"))
    except UnicodeEncodeError:
        return ()


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
