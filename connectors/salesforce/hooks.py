"""What Salesforce tells us unasked: a Flow's HTTP callout (JSON), or an Outbound Message (SOAP).

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm
Neither is signed: both carry a secret of ours, the Flow as a bearer token, the Outbound Message in its address. Both
are hints alone, doubled and out of order. An Outbound Message's SessionId is never used.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping

from connectors.base import InvalidWebhook, Unparsable, WebhookRequest

CASE = "500"
MOST_CASES = 100
DEEPEST = 16
ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)
_LONGEST_SECRET = 200
_ID = re.compile("[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_ORGANIZATION = re.compile(rb"<(?:\w+:)?OrganizationId>\s*(\w{15,18})\s*<")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def verify(settings: Mapping[str, str], request: WebhookRequest) -> None:
    """Raise `InvalidWebhook` unless the request carries our secret, and names our org where it names one."""
    right = [one.encode("utf-8", "replace") for one in _secrets(settings)]
    given = _given(request)
    if not any([hmac.compare_digest(given, one) for one in right]):
        raise InvalidWebhook("the request does not carry this connection's webhook secret")
    ours = settings.get("organization", "")
    named = _ORGANIZATION.search(request.body[:4000]) if ours and is_xml(request.body) else None
    if named and named[1].decode()[:15] != ours[:15]:
        raise InvalidWebhook("the Outbound Message comes from another org")


def is_xml(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def cases(body: bytes) -> list[str]:
    """The Cases that a delivery names, each once. Raises `Unparsable` where it names none."""
    found = list(dict.fromkeys(_of_xml(body) if is_xml(body) else _of_json(body)))
    if not found:
        raise Unparsable("the delivery names no Case: compare it with GUIDE.md")
    return found


def long_id(value: object) -> str:
    """An id in its 18 characters, "" for what is none. The last three only tell the case of the first fifteen.

    https://help.salesforce.com/s/articleView?id=000385585
    """
    if not isinstance(value, str) or not _ID.fullmatch(value):
        return ""
    chunks = (value[at : at + 5] for at in (0, 5, 10))
    suffix = "".join(_SUFFIX[sum(("A" <= one <= "Z") << at for at, one in enumerate(chunk))] for chunk in chunks)
    return value[:15] + suffix if value[15:].upper() in ("", suffix) else ""


def _secrets(settings: Mapping[str, str]) -> list[str]:
    kept = [settings.get(key, "") for key in ("webhook_secret", "previous_webhook_secret")]
    if not kept[0]:
        raise InvalidWebhook("no webhook secret is set: nothing can be verified")
    return [one for one in kept if one]


def _given(request: WebhookRequest) -> bytes:
    header, query = request.headers.get("authorization", ""), request.query
    if isinstance(header, str) and header[:7].lower() == "bearer ":
        given = header[7:].strip()
    elif isinstance(query, str) and len(query) <= 2000:
        from urllib.parse import parse_qs

        given = parse_qs(query).get("secret", [""])[0]
    else:
        given = ""
    if not 0 < len(given) <= _LONGEST_SECRET:
        raise InvalidWebhook("the request carries no secret")
    return given.encode("utf-8", "replace")


def _case(value: object) -> str:
    return long_id(value) if isinstance(value, str) and value.startswith(CASE) else ""


def _of_json(body: bytes) -> list[str]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unparsable(f"the callout's body is not JSON ({type(error).__name__}): compare it with GUIDE.md") from None
    record = _case(told.get("record")) if isinstance(told, dict) else ""
    return [record] if record else []


def _of_xml(body: bytes) -> list[str]:
    """The Ids and ParentIds of an Outbound Message that are Cases'. No DTD, no entities, no depth, UTF-8 alone."""
    from xml.parsers import expat

    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unparsable("the Outbound Message is not UTF-8") from None
    if "<!" in text:
        raise Unparsable("the Outbound Message has a DTD, which Salesforce never sends")
    path: list[str] = []
    found: list[str] = []
    words: list[str] = []

    def begin(name: str, _: Mapping[str, str]) -> None:
        path.append(name.rpartition(" ")[2])
        words.clear()
        if len(path) > DEEPEST:
            raise Unparsable("the Outbound Message is nested too deeply")

    def end(_: str) -> None:
        if path[-3:-1] == ["Notification", "sObject"] and path[-1] in ("Id", "ParentId"):
            found.append(_case("".join(words).strip()))
        path.pop()
        words.clear()

    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = words.append
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise Unparsable(f"the Outbound Message is not XML: {error}") from None
    return [one for one in found if one][:MOST_CASES]
