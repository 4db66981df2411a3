"""The account's side of a connection: what is right with it, where its messages go, and customers' files.

https://www.twilio.com/docs/iam/api/account · https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
https://www.twilio.com/docs/messaging/api/service-resource · https://www.twilio.com/docs/messaging/api/media-resource
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.core.model import Attachment, File, Finding
from connectors.base import BadCredentials, CannotCarry, ConnectorError, Rejected
from connectors.shared.twilio.form import RETRIES
from connectors.shared.twilio.rest import Account, Json

if TYPE_CHECKING:
    from connectors.sms import Sms

# Of a number and of a messaging service: its API's host, the address's field as read and as written, what goes with it.
_NUMBER = ("api", "sms_url", "SmsUrl", {"SmsMethod": "POST", "SmsApplicationSid": ""})
_BESIDE = {"InboundMethod": "POST", "UseInboundWebhookOnNumber": "false"}
_SERVICE = ("messaging", "inbound_request_url", "InboundRequestUrl", _BESIDE)


def check(sms: Sms) -> list[Finding]:
    """Whether the account is active, the number is its own, can do SMS, and sends its messages here."""
    account = Account(sms.settings)
    # By the auth token, which has to be right since it signs, and since no API key may ask for this.
    status = Account({**sms.settings, "api_key": ""}).ask("GET", f"{account.path}.json").get("status")
    mend = "Twilio's console shows why, and what to do about it."
    findings = [Finding("account", status == "active", f"the account is {status}", "" if status == "active" else mend)]
    try:
        found = _sender(sms, account)
    except Rejected as error:
        return [*findings, Finding("number", False, str(error), "Take the number or service from this account.")]
    return [*findings, *_abilities(found), _webhook(sms, found)]


def identity(sms: Sms) -> dict[str, str]:
    try:
        found = _sender(sms, Account(sms.settings))
    except Rejected:  # no such number, which check tells
        return {}
    return {"mms": "no"} if (found.get("capabilities") or {}).get("mms") is False else {}


def register(sms: Sms) -> list[Finding]:
    account = Account(sms.settings)
    try:
        found = _sender(sms, account)
        before = _webhook(sms, found)
        if before.ok or not sms.webhook_url:
            return [before]
        host, read, written, beside = _kind(sms)
        path = f"/v1/Services/{found['sid']}" if host == "messaging" else found["uri"]
        account.ask("POST", path, {**beside, written: sms.webhook_url + RETRIES}, host=host)
    except BadCredentials:
        raise
    except ConnectorError as error:
        return [Finding("webhook", False, str(error), "Set it in Twilio's console, as GUIDE.md says.")]
    instead = f", and no longer at {found[read]}" if found.get(read) else ""
    return [Finding("webhook", True, f"messages arrive at {sms.webhook_url}{instead}")]


def fetch(settings: Mapping[str, str], attachment: Attachment, limit: int) -> File:
    """Read a customer's file. Raises `CannotCarry` where it is larger than `limit`."""
    if attachment.size > limit:
        raise CannotCarry(f"{attachment.name} has {attachment.size} bytes, more than the {limit} that are carried")
    answer = Account(settings).media(attachment.url, limit)
    return File(attachment.name, attachment.media_type, answer.content)


def _sender(sms: Sms, account: Account) -> Json:
    """Our number, or the messaging service. Raises `Rejected` where the account has none such."""
    ours = sms.settings.get("from", "")
    if ours.startswith("MG"):
        return account.ask("GET", f"/v1/Services/{ours}", host="messaging")
    listed = account.ask("GET", f"{account.path}/IncomingPhoneNumbers.json", {"PhoneNumber": ours})
    for one in listed.get("incoming_phone_numbers") or ():
        if one.get("phone_number") == ours:
            return dict(one)
    raise Rejected(f"the account has no number {ours}")


def _abilities(found: Json) -> list[Finding]:
    can = found.get("capabilities")
    if not isinstance(can, dict):
        return []  # a messaging service does not tell
    if can.get("sms"):
        return [Finding("number", True, "it can send and receive SMS")]
    return [
        Finding("number", False, "it has no SMS", "Phone Numbers, Buy a number: choose one with the capability SMS.")
    ]


def _webhook(sms: Sms, found: Json) -> Finding:
    at = str(found.get(_kind(sms)[1]) or "")
    if not sms.webhook_url:
        return Finding("webhook", False, "this stage has no public address yet", "Deploy first, then check again.")
    elsewhere = found.get("sms_application_sid") or found.get("use_inbound_webhook_on_number")
    if at.partition("#")[0] == sms.webhook_url and not elsewhere:
        return Finding("webhook", True, f"messages arrive at {sms.webhook_url}")
    detail = "another application takes the messages" if elsewhere else f"messages go to {at or 'nowhere'}"
    return Finding(
        "webhook", False, detail, f"`deskweave connect` sets it; by hand: {sms.webhook_url}{RETRIES}, HTTP POST"
    )


def _kind(sms: Sms) -> tuple[str, str, str, dict[str, str]]:
    return _SERVICE if sms.settings.get("from", "").startswith("MG") else _NUMBER
