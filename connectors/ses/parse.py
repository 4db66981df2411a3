"""What reached us: a mail with its receipt, or SES's word on a mail that we sent. No I/O."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from chalicelib.core.model import Event
from connectors.base import Unparsable, WebhookRequest
from connectors.ses import events as updates
from connectors.ses import inbound, notices
from connectors.ses.notices import Json, obj, text

VERDICTS = ("spam", "virus", "spf", "dkim", "dmarc")


def events(request: WebhookRequest, settings: Mapping[str, str]) -> list[Event]:
    """The events of one delivery. Raises `Unparsable`."""
    told = request.headers.get("x-deskweave-receipt", "")
    if told or request.headers.get("content-type", "").startswith("message/rfc822"):
        return inbound.events(request.body, _receipt(told), settings, request.now)
    notice = notices.read(request.body)
    if notices.kind(notice) == "Received" and isinstance(notice.get("content"), str):
        return inbound.events(_content(notice), receipt_of(notice), settings, request.now)
    return updates.events(notice, request.now)


def receipt_of(notice: Json) -> Json:
    """A receipt in the form that the `mail` function keeps."""
    receipt, mail = obj(notice.get("receipt")), obj(notice.get("mail"))
    verdicts = {name: text(obj(receipt.get(f"{name}Verdict")).get("status")) for name in VERDICTS}
    told = {"messageId": text(mail.get("messageId")), "timestamp": text(receipt.get("timestamp"))}
    return {**told, **verdicts, "recipients": notices.recipients(notice)}


def _receipt(told: str) -> Json:
    """A receipt that cannot be read proves nothing: the mail is taken as unverified."""
    try:
        return obj(json.loads(told or "{}"))
    except (ValueError, RecursionError):
        return {}


def _content(notice: Json) -> bytes:
    """A mail that came inside its notification: the rule's SNS action, for mails of up to 150 KB."""
    content = notice["content"]
    if text(obj(obj(notice.get("receipt")).get("action")).get("encoding")).upper() != "BASE64":
        return str(content).encode("utf-8", "replace")
    try:
        return base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise Unparsable("the notification's mail is no base64") from None
