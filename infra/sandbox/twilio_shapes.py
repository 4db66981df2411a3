"""Twilio's objects as its API shows them. https://www.twilio.com/docs/messaging/api/message-resource"""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from infra.sandbox.twilio_hooks import API_VERSION, segments

if TYPE_CHECKING:
    from infra.sandbox.twilio import Message, Number, Service, TwilioSandbox

Json = dict[str, Any]


def rfc2822(ms: int) -> str:
    return formatdate(ms / 1000, usegmt=True).replace("GMT", "+0000")


def account(twilio: TwilioSandbox) -> Json:
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}"
    return {
        "auth_token": twilio.auth_token,
        "date_created": rfc2822(0),
        "date_updated": rfc2822(0),
        "friendly_name": "Sandbox",
        "owner_account_sid": twilio.account_sid,
        "sid": twilio.account_sid,
        "status": twilio.status,
        "subresource_uris": {"messages": f"{path}/Messages.json"},
        "type": "Trial" if twilio.trial else "Full",
        "uri": f"{path}.json",
    }


def message(twilio: TwilioSandbox, one: Message, fresh: bool = False) -> Json:
    """A message; of a `fresh` one that goes through a messaging service the sender is not chosen yet."""
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/Messages/{one.sid}"
    waiting = fresh and bool(one.service)
    return {
        "account_sid": twilio.account_sid,
        "api_version": API_VERSION,
        "body": one.body,
        "date_created": rfc2822(one.at),
        "date_sent": None if fresh else rfc2822(one.at),
        "date_updated": rfc2822(one.at),
        "direction": one.direction,
        "error_code": one.error or None,
        "error_message": None,
        "from": None if waiting else one.sender,
        "messaging_service_sid": one.service or None,
        "num_media": str(len(one.media)),
        "num_segments": "0" if waiting else str(segments(one.body)),
        "price": None,
        "price_unit": "USD",
        "sid": one.sid,
        "status": ("accepted" if one.service else "queued") if fresh else one.status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": one.to,
        "uri": f"{path}.json",
    }


def media(twilio: TwilioSandbox, sid: str, parent: Message) -> Json:
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/Messages/{parent.sid}/Media/{sid}"
    return {
        "sid": sid,
        "account_sid": twilio.account_sid,
        "parent_sid": parent.sid,
        "content_type": twilio.media[sid][1],
        "date_created": rfc2822(parent.at),
        "date_updated": rfc2822(parent.at),
        "uri": f"{path}.json",
    }


def number(twilio: TwilioSandbox, one: Number) -> Json:
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/IncomingPhoneNumbers/{one.sid}"
    nothing = (
        "address_sid",
        "identity_sid",
        "trunk_sid",
        "emergency_address_sid",
        "bundle_sid",
        "voice_application_sid",
    )
    return {
        **dict.fromkeys(nothing),
        "account_sid": twilio.account_sid,
        "address_requirements": "none",
        "api_version": API_VERSION,
        "beta": False,
        "capabilities": {"voice": True, "sms": one.sms, "mms": one.mms, "fax": False},
        "date_created": rfc2822(0),
        "date_updated": rfc2822(one.changed),
        "emergency_status": "Inactive",
        "friendly_name": one.number,
        "origin": "twilio",
        "phone_number": one.number,
        "sid": one.sid,
        "sms_application_sid": one.application or None,
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": one.sms_method,
        "sms_url": one.sms_url,
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "uri": f"{path}.json",
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": "",
    }


def service(twilio: TwilioSandbox, one: Service) -> Json:
    return {
        "account_sid": twilio.account_sid,
        "sid": one.sid,
        "friendly_name": "Support",
        "inbound_request_url": one.inbound_url or None,
        "inbound_method": "POST",
        "use_inbound_webhook_on_number": one.on_number,
        "url": f"https://messaging.twilio.com/v1/Services/{one.sid}",
    }
