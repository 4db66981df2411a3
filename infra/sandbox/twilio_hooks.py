"""Twilio's webhooks: forms with empty fields, signatures over the address and the form, and forgeries.

https://www.twilio.com/docs/messaging/guides/webhook-request · https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.sandbox.deliveries import Delivery
    from infra.sandbox.twilio import Message, TwilioSandbox

API_VERSION = "2010-04-01"
PLACES = ("City", "State", "Zip", "Country")
FAILED = ("undelivered", "failed")


def received(twilio: TwilioSandbox, message: Message, opting: str, name: str) -> None:
    """Queue the webhook of a person's message."""
    form = {
        **{f"{side}{place}": "" for side in ("To", "From") for place in PLACES},
        "ToCountry": "US",
        "SmsMessageSid": message.sid,
        "NumMedia": str(len(message.media)),
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "Body": message.body,
        "To": message.to,
        "NumSegments": str(segments(message.body)),
        "MessageSid": message.sid,
        "AccountSid": twilio.account_sid,
        "From": message.sender,
        "ApiVersion": API_VERSION,
    }
    for number, sid in enumerate(message.media):
        path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/Messages/{message.sid}/Media/{sid}"
        form |= {f"MediaUrl{number}": twilio.api_url + path, f"MediaContentType{number}": twilio.media[sid][1]}
    if name:
        form["ProfileName"] = name
    if opting and twilio.advanced_opt_out:
        form["OptOutType"] = opting
    url = twilio.address_for(message.to)
    twilio.courier.queue("twilio", urllib.parse.urlencode(form).encode(), "message", url=url)


def told(twilio: TwilioSandbox, message: Message, state: str) -> None:
    """Queue the callback of one state of a message that was sent."""
    form = {
        "ApiVersion": API_VERSION,
        "MessageStatus": state,
        "SmsSid": message.sid,
        "SmsStatus": state,
        "To": message.to,
        "From": message.sender,
        "MessageSid": message.sid,
        "AccountSid": twilio.account_sid,
    }
    if state in FAILED:
        form |= {"ErrorCode": str(message.error), "ErrorMessage": ""}
    if state == "delivered":
        form["RawDlrDoneDate"] = ""
    body = urllib.parse.urlencode(form).encode()
    twilio.courier.queue("twilio", body, f"status:{state}", url=message.callback)


def headers(twilio: TwilioSandbox, delivery: Delivery) -> dict[str, str]:
    """The headers of one attempt; a forgery's signature is another key's, cut, of another body, or no ASCII."""
    url = (delivery.url or twilio.webhook_url).partition("#")[0]
    token = twilio.auth_token[::-1] if delivery.forgery == "secret" else twilio.auth_token
    body = delivery.body + b"&Stale=1" if delivery.forgery == "stale" else delivery.body
    signed = signature(token, url, body)
    if delivery.forgery == "truncated":
        signed = signed[:-8]
    if delivery.forgery == "non-ascii":
        signed = "\u00e9" * 28
    return {
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        "I-Twilio-Idempotency-Token": twilio.world.secret(delivery.id, 36),
        "X-Twilio-Signature": signed,
    }


def signature(token: str, url: str, body: bytes) -> str:
    """Base64 HMAC-SHA1 over the address and the form's fields, sorted, each name followed by its value."""
    fields = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def sample(twilio: TwilioSandbox) -> bytes:
    """What a forger would send."""
    sid = twilio.sid("SM")
    form = {"MessageSid": sid, "From": "+15550000000", "To": twilio.number, "Body": "forged", "NumMedia": "0"}
    return urllib.parse.urlencode({**form, "AccountSid": twilio.account_sid, "FromCity": ""}).encode()


def segments(text: str) -> int:
    """How many SMS a text makes: https://www.twilio.com/docs/glossary/what-sms-character-limit"""
    basic = all(each.isascii() and each not in "`" for each in text)
    length = sum(1 + (each in "^{}\\[]~|") for each in text) if basic else len(text.encode("utf-16-le")) // 2
    one, several = (160, 153) if basic else (70, 67)
    return 1 if length <= one else -(-length // several)
