"""Twilio's webhooks: who signed them, and the fields of their form.

https://www.twilio.com/docs/messaging/guides/webhook-request
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from connectors import signing
from connectors.base import InvalidWebhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.base import WebhookRequest

# Twilio tries twice more, whatever went wrong: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
RETRIES = "#rc=2&rp=all"

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def verify(settings: Mapping[str, str], webhook_url: str, request: WebhookRequest) -> None:
    """Check the signature over our own address as we know it and as it was asked for. Raises `InvalidWebhook`."""
    if request.method != "POST":
        raise InvalidWebhook("Twilio's webhooks come by POST: set the number's method to HTTP POST")
    known = f"{webhook_url}?{request.query}" if request.query else webhook_url
    signing.twilio(
        settings.get("auth_token", ""),
        request.headers.get("x-twilio-signature", ""),
        # Twilio does not say whether the fragment that asks for retries is signed.
        (known, known + RETRIES, request.url) if webhook_url else (request.url,),
        request.body,
        previous=settings.get("previous_auth_token", ""),
    )


def fields(form: bytes | str) -> dict[str, str]:
    """The fields of a form or a query, empty ones too, without control characters; of a repeated one the first."""
    text = form if isinstance(form, str) else form.decode("ascii", "replace")
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=signing.MOST_FIELDS)
    return {name: _UNSEEN.sub("", value) for name, value in reversed(pairs)}
