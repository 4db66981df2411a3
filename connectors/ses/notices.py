"""What SES tells of a mail, in whatever wrapping it comes: SNS's envelope, Lambda's event, or as it stands.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connectors.base import Unparsable
from connectors.ses import keys

Json = dict[str, Any]
_DEEPEST = 4


def read(body: bytes) -> Json:
    """The notification that a body holds. Raises `Unparsable`."""
    found: object = _load(body)
    for _ in range(_DEEPEST):
        inner = _inside(found)
        if inner is None:
            break
        found = inner
    if not isinstance(found, dict):
        raise Unparsable("this is no notification of SES's: no JSON object")
    return found


def kind(notice: Mapping[str, Any]) -> str:
    """ "Received", "Send", "Bounce" and so on, "" where it does not say."""
    return text(notice.get("eventType")) or text(notice.get("notificationType")) or text(notice.get("Type"))


def group(notice: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """What a mail's conversation is found by: its first reference, else what it answers, our token, or its own id."""
    from connectors.shared.email import headers

    mail = obj(notice.get("mail"))
    told = {text(one.get("name")).lower(): text(one.get("value")) for one in objects(mail.get("headers"))}
    for name in ("references", "in-reply-to"):
        if found := headers.ids(told.get(name, "")):
            return keys.key(found[0])
    if token := token_of(recipients(notice), settings):
        return token
    own = told.get("message-id") or text(obj(mail.get("commonHeaders")).get("messageId"))
    return keys.key(own) or text(mail.get("messageId"))


def token_of(addresses: list[str], settings: Mapping[str, str]) -> str:
    """The token that one of these addresses carries for our own one, "" where none does."""
    from connectors.shared.email.addresses import token_of as token

    base = settings.get("from_address", "")
    return next((found for one in addresses if (found := token(one, base))), "")


def recipients(notice: Mapping[str, Any]) -> list[str]:
    """Whom the mail was for, as the servers said it to each other."""
    told = obj(notice.get("receipt")).get("recipients") or obj(notice.get("mail")).get("destination")
    return [one for one in told if isinstance(one, str)] if isinstance(told, list) else []


def obj(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _inside(found: object) -> object:
    """What the outermost wrapping holds, None where it is none."""
    if not isinstance(found, dict):
        return None
    if found.get("Type") == "Notification" and isinstance(found.get("Message"), str):
        return _load(found["Message"])
    records = objects(found.get("Records"))
    if len(records) != 1:
        return None
    (record,) = records
    if isinstance(record.get("ses"), dict):
        return {"notificationType": "Received", **record["ses"]}
    if isinstance(record.get("Sns"), dict):
        return {"Type": "Notification", **record["Sns"]}
    return _load(record["body"]) if isinstance(record.get("body"), str) else None


def _load(body: bytes | str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unparsable("this is no notification of SES's: no JSON") from None
