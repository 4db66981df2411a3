"""Calls to Twilio's REST API. https://www.twilio.com/docs/usage/requests-to-twilio

Errors carry a code: https://www.twilio.com/docs/usage/twilios-response
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from connectors import http
from connectors.base import BadCredentials, ConnectorError, Rejected, TryLater
from connectors.shared.twilio import words

API_URL = "https://api.twilio.com"
# Media lies at Twilio's content delivery network: https://www.twilio.com/docs/messaging/api/media-resource
MEDIA_HOSTS = frozenset({".twilio.com", ".twiliocdn.com", "s3-external-1.amazonaws.com"})

_MEDIA = re.compile(r"[^?#]+/Accounts/\w+/Messages/\w+/Media/\w+", re.ASCII)

Json = dict[str, Any]


class Account:
    """One account, as a connection's settings name it: `account_sid` with `auth_token`, or an API key.

    url, path  where the API is, and the account's place there
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.sid = settings.get("account_sid", "")
        self.path = f"/2010-04-01/Accounts/{self.sid}"
        self.url = (settings.get("api_url") or API_URL).rstrip("/")
        key, secret = settings.get("api_key"), settings.get("api_secret")
        pair = (key, secret) if key and secret else (self.sid, settings.get("auth_token", ""))
        self.authorization = "Basic " + b64encode(":".join(pair).encode()).decode("ascii")

    def ask(self, method: str, path: str, fields: Mapping[str, str] | None = None, *, host: str = "api") -> Json:
        """Make a call, GET with `fields` as its query, POST with them as its form; returns the answer's object.

        host  "messaging" for what is not part of the 2010 API

        Raises `Rejected`, `BadCredentials` and `TryLater` in Twilio's words and ours.
        """
        base = self.url.replace("://api.", f"://{host}.", 1)
        form = urlencode(fields or {})
        answer = http.call(
            method,
            f"{base}{path}?{form}" if method == "GET" and form else f"{base}{path}",
            http.Bounds(origin=base),
            provider="Twilio",
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            body=form.encode() if method == "POST" else None,
            authorization=self.authorization,
            refusal=refusal,
        ).json()
        if not isinstance(answer, dict):
            raise TryLater("Twilio's answer is no object", doubtful=True)
        return answer

    def media(self, url: str, limit: int) -> http.Answer:
        """Read a file of a message; the credentials go to the API alone, not to where it sends us."""
        # Only what is a message's file: the API shows the account's secrets too to whom the credentials are.
        if not (any(http.same_origin(url, one) for one in (self.url, API_URL)) and _MEDIA.fullmatch(url)):
            raise Rejected(f"this is no file of a message at Twilio: it lies at {http.host(url) or 'an unknown place'}")
        bounds = http.Bounds(MEDIA_HOSTS, self.url)
        return http.call(
            "GET", url, bounds, provider="Twilio", authorization=self.authorization, limit=limit, timeout=25
        )


def refusal(answer: http.Answer) -> ConnectorError | None:
    """Twilio's error body ({code, message, more_info, status}) as our error; None where the status says it all."""
    try:
        told = json.loads(answer.content[:65_536])
        code, message = told.get("code"), told.get("message")
    except (ValueError, RecursionError, AttributeError):
        return None
    if not isinstance(code, int) or not isinstance(message, str):
        return None
    said = f"Twilio answered {code}: {http.one_line(message)}"
    if answer.status == 429 or code in words.TRY_LATER:
        wait = http.retry_after(answer.headers.get("retry-after", ""))
        return TryLater(said, retry_after=words.TRY_LATER.get(code, 10) if wait is None else wait, scope="connection")
    if answer.status >= 500:
        return None
    if code in words.BAD_CREDENTIALS or (answer.status in (401, 403) and code not in words.REASONS):
        return BadCredentials(f"{said}: {words.BAD_CREDENTIALS.get(code, 'check the credentials')}")
    return Rejected(f"{words.REASONS[code]} ({said})") if code in words.REASONS else Rejected(said)
