"""Salesforce's own calls to us: a Flow's HTTP callout, or an Outbound Message.

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_om_outboundmessaging.htm
A Flow's callout carries the Named Credential's bearer token, and a failed one is never repeated. An Outbound Message
is repeated for 24 hours, at first after half a minute, in no order, and tells the state at the time of its delivery.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from infra.sandbox.salesforce_shapes import make_id

if TYPE_CHECKING:
    from infra.sandbox.deliveries import Delivery
    from infra.sandbox.salesforce import SalesforceSandbox

FLOW, OUTBOUND = "flow", "outbound"
TOPIC = "case"
MOST_NOTIFICATIONS = 100
FIRST_RETRY_MS, LONGEST_RETRY_MS, LONGEST_MS = 30_000, 7_200_000, 86_400_000
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def tell(org: SalesforceSandbox, cases: list[str]) -> None:
    """Queue what one transaction tells: a callout for each Case, or Outbound Messages of up to a hundred of them."""
    if org.webhook_kind == FLOW:
        for case in cases:
            org.courier.queue("salesforce", json.dumps({"record": case}).encode(), TOPIC)
        return
    for at in range(0, len(cases), MOST_NOTIFICATIONS):
        some = cases[at : at + MOST_NOTIFICATIONS]
        org.courier.queue("salesforce", outbound(org, some), TOPIC, events=len(some))


def outbound(org: SalesforceSandbox, cases: list[str]) -> bytes:
    """An Outbound Message with a notification for each Case. Who honoured its SessionId would be found out."""
    told = "".join(_notification(org, case) for case in cases)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{SOAP}" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org.organization}</OrganizationId><ActionId>{make_id('04k', 1)}</ActionId>"
        f"<SessionId>{org.world.secret('outbound-session')}</SessionId>"
        f"<EnterpriseUrl>{org.url}/services/Soap/c/62.0</EnterpriseUrl><PartnerUrl>{org.url}/services/Soap/u/62.0"
        f"</PartnerUrl>{told}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def sample(org: SalesforceSandbox) -> bytes:
    """What a forger would send."""
    case = make_id("500", 1)
    return outbound(org, [case]) if org.webhook_kind == OUTBOUND else json.dumps({"record": case}).encode()


def headers(org: SalesforceSandbox, delivery: Delivery, now: int) -> dict[str, str]:
    """The headers of one attempt, spoilt where it is a forgery; an Outbound Message's secret is in its address."""
    secret = org.webhook_secret
    if delivery.forgery:
        spoilt = {"truncated": secret[:-8], "non-ascii": "\u00e9" * 32}
        secret = spoilt.get(delivery.forgery, secret[::-1])
    if org.webhook_kind == FLOW:
        delivery.url = ""
        return {"Content-Type": "application/json", "Authorization": f"Bearer {secret}", "User-Agent": "SFDC-Callout"}
    delivery.url = f"{org.webhook_url}?secret={quote(secret)}"
    if delivery.kind in ("original", "duplicate", "retry-copy") and b"<notifications" in delivery.body:
        delivery.body = _now(org, delivery.body)
    return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "User-Agent": "Salesforce"}


def retry_delay(org: SalesforceSandbox, delivery: Delivery) -> int | None:
    """Milliseconds to the next attempt, None where Salesforce gives up."""
    delay = int(min(FIRST_RETRY_MS * 2**delivery.retries, LONGEST_RETRY_MS))
    spent = org.world.now() - delivery.attempts[0][0]
    return None if org.webhook_kind == FLOW or spent + delay > LONGEST_MS else delay


def _now(org: SalesforceSandbox, body: bytes) -> bytes:
    """The same message with the state of now."""

    def status(found: re.Match[bytes]) -> bytes:
        now = str((org.find(found[1].decode()) or {}).get("Status") or "")
        return b"<sf:Id>%s</sf:Id><sf:Status>%s</sf:Status>" % (found[1], escape(now).encode())

    return re.sub(rb"<sf:Id>(\w+)</sf:Id><sf:Status>[^<]*</sf:Status>", status, body)


def _notification(org: SalesforceSandbox, case: str) -> str:
    record = org.find(case) or {}
    status = escape(str(record.get("Status") or ""))
    return (
        f"<Notification><Id>{make_id('04l', org.world.number('salesforce-notification'))}</Id>"
        '<sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>{case}</sf:Id><sf:Status>{status}</sf:Status></sObject></Notification>"
    )
