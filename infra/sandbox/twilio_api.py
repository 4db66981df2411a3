"""Twilio's REST API, the calls that a support app makes. https://www.twilio.com/docs/usage/api"""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from infra.sandbox import calls, twilio_shapes
from infra.sandbox.faults import Fault
from infra.sandbox.server import Reply, Request, json_reply
from infra.sandbox.twilio_hooks import API_VERSION

if TYPE_CHECKING:
    from infra.sandbox.twilio import Message, TwilioSandbox

Json = dict[str, Any]
Act = Callable[..., Reply]
LONGEST = 1600
TRIAL = "Sent from your Twilio trial account - "
_NUMBER = re.compile(r"(whatsapp:)?\+[1-9][0-9]{6,14}")
_ADDRESS = re.compile(r"https?://[^\s/]+\S*")

# What Twilio answers by its code: (HTTP status, words).
ERRORS: dict[int, tuple[int, str]] = {
    20003: (401, "Authenticate"),
    20005: (403, "Account is not active"),
    20404: (404, "The requested resource was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service is temporarily unavailable"),
    21211: (400, "Invalid 'To' Phone Number"),
    21408: (400, "Permission to send an SMS has not been enabled for the region"),
    21502: (400, "The URL is not valid"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21609: (400, "The 'StatusCallback' URL is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21620: (400, "Invalid media URL(s)"),
    21659: (400, "'From' is not a Twilio phone number or Short Code country mismatch"),
    21705: (400, "The Messaging Service Sid is invalid."),
    21712: (400, "The 'From' number does not belong to the Messaging Service"),
}


class Refused(Exception):
    """A call that Twilio refuses; `code` is its error's."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def handle(twilio: TwilioSandbox, request: Request) -> Reply:
    """Answer anything under /twilio."""
    path = request.path.removeprefix("/twilio")
    for pattern, method, name, act in ROUTES:
        found = re.fullmatch(pattern, path)
        if found and method == request.method:
            return _answered(twilio, request, f"{method} {name}", act, found.groupdict())
    return _error(20404)


def _answered(twilio: TwilioSandbox, request: Request, name: str, act: Act, named: Mapping[str, str]) -> Reply:
    twilio.world.requests["twilio", request.method, name.partition(" ")[2]] += 1

    def do() -> Reply:
        try:
            if name != "GET cdn":
                _authorize(twilio, request, named, keys=name != "GET Accounts")
            given = request.query if request.method == "GET" else _form(request)
            return act(twilio, given, **{key: value for key, value in named.items() if key != "account"})
        except Refused as refused:
            return _error(refused.code)

    return calls.answer(twilio.world, "twilio", name, do, _fail)


def _fail(fault: Fault) -> Reply:
    code = {"429": 20429, "500": 20500, "503": 20503, "expired_token": 20003}[fault.kind]
    return _error(code, {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)})


def _error(code: int, headers: Mapping[str, str] | None = None) -> Reply:
    status, words = ERRORS.get(code, (400, "Refused"))
    more = f"https://www.twilio.com/docs/errors/{code}"
    return json_reply(status, {"code": code, "message": words, "more_info": more, "status": status}, headers)


def _authorize(twilio: TwilioSandbox, request: Request, named: Mapping[str, str], keys: bool) -> None:
    """Standard API keys (`keys`) open everything but the account itself."""
    pairs = [(twilio.account_sid, twilio.auth_token)] + [(twilio.api_key, twilio.api_secret)] * keys
    allowed = {"Basic " + base64.b64encode(":".join(pair).encode()).decode() for pair in pairs}
    if request.headers.get("authorization") not in allowed:
        raise Refused(20003)
    if named.get("account", twilio.account_sid) != twilio.account_sid:
        raise Refused(20404)
    if twilio.status != "active" and request.method == "POST":
        raise Refused(20005)


def _form(request: Request) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))


def _create(twilio: TwilioSandbox, given: Mapping[str, str]) -> Reply:
    from infra.sandbox.twilio import Message

    to, body, media, callback = (given.get(name, "") for name in ("To", "Body", "MediaUrl", "StatusCallback"))
    service, sender = _sender(twilio, given)
    for wrong, code in (
        (not to, 21604),
        (not _NUMBER.fullmatch(to), 21211),
        (not body and not media, 21602),
        (len(body.encode("utf-16-le")) // 2 > LONGEST, 21617),
        (media and not _ADDRESS.fullmatch(media), 21620),
        (callback and not _ADDRESS.fullmatch(callback), 21609),
        ((to, sender) in twilio.opted_out, 21610),
        (to in twilio.refused, twilio.refused.get(to, 0)),
    ):
        if wrong:
            raise Refused(code)
    text = TRIAL + body if twilio.trial else body
    sid, now = twilio.sid("MM" if media else "SM"), twilio.world.now()
    message = Message(
        sid, now, "outbound-api", sender, to, text, "accepted" if service else "queued",
        (media,) if media else (), service=service, callback=callback,
    )  # fmt: skip
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(callback).query)
    key = asked.get("reference", [""])[0]
    twilio.world.note("twilio", "message", sid, key, to=to, sender=sender, text=body, media=media)
    shown = twilio_shapes.message(twilio, message, fresh=True)
    twilio.send(message)
    return json_reply(201, shown)


def _sender(twilio: TwilioSandbox, given: Mapping[str, str]) -> tuple[str, str]:
    """The messaging service, "" where none is named, and the number that a message goes out from."""
    sid, sender = given.get("MessagingServiceSid", ""), given.get("From", "")
    service = twilio.services.get(sid)
    if sid and service is None:
        raise Refused(21705)
    if service is not None:
        if sender and sender not in service.numbers:
            raise Refused(21712)
        return sid, sender or service.numbers[0]
    if not sender:
        raise Refused(21603)
    if sender.removeprefix("whatsapp:") not in twilio.numbers:
        raise Refused(21659)
    return "", sender


def _list(twilio: TwilioSandbox, given: Mapping[str, str]) -> Reply:
    """Messages, the newest first; one that was just made may be missing."""
    edge = twilio.world.now() - twilio.list_lag_ms
    found = [one for one in twilio.messages.values() if one.at <= edge]
    found = [one for one in found if given.get("To", one.to) == one.to and given.get("From", one.sender) == one.sender]
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/Messages.json"
    shown = [twilio_shapes.message(twilio, one) for one in reversed(found)]
    return json_reply(200, _page(path, "messages", shown, given))


def _page(path: str, name: str, items: list[Json], given: Mapping[str, str]) -> Json:
    """A page of a list; later pages are asked for by the token of the one before."""
    size = max(1, min(int(given.get("PageSize") or 50), 1000))
    number = int(given.get("Page") or 0)
    if number and given.get("PageToken") != f"PA{number}":
        raise Refused(20404)
    start = number * size
    page = items[start : start + size]
    kept = {key: value for key, value in given.items() if key not in ("Page", "PageToken")}

    def uri(to: int) -> str:
        token = {"PageToken": f"PA{to}"} if to else {}
        return f"{path}?{urllib.parse.urlencode({**kept, 'PageSize': size, 'Page': to, **token})}"

    return {
        name: page,
        "end": start + len(page) - 1 if page else 0,
        "start": start,
        "page": number,
        "page_size": size,
        "uri": uri(number),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if len(items) > start + size else None,
        "previous_page_uri": uri(number - 1) if number else None,
    }


def _fetch(twilio: TwilioSandbox, given: Mapping[str, str], sid: str) -> Reply:
    return json_reply(200, twilio_shapes.message(twilio, _message(twilio, sid)))


def _media(twilio: TwilioSandbox, given: Mapping[str, str], sid: str, media: str) -> Reply:
    """A file's content lies elsewhere; its record is asked for with `.json`."""
    message, name = _message(twilio, sid), media.removesuffix(".json")
    if name not in message.media or name not in twilio.media:
        raise Refused(20404)
    if media != name:
        return json_reply(200, twilio_shapes.media(twilio, name, message))
    return Reply(307, b"", {"Location": f"{twilio.api_url}/cdn/{name}"})


def _media_list(twilio: TwilioSandbox, given: Mapping[str, str], sid: str) -> Reply:
    message = _message(twilio, sid)
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/Messages/{sid}/Media.json"
    listed = [twilio_shapes.media(twilio, name, message) for name in message.media if name in twilio.media]
    return json_reply(200, _page(path, "media_list", listed, given))


def _cdn(twilio: TwilioSandbox, given: Mapping[str, str], media: str) -> Reply:
    if media not in twilio.media:
        return Reply(404)
    _, media_type, content = twilio.media[media]
    return Reply(200, content, {"Content-Type": media_type})


def _message(twilio: TwilioSandbox, sid: str) -> Message:
    if sid not in twilio.messages:
        raise Refused(20404)
    return twilio.messages[sid]


def _account(twilio: TwilioSandbox, given: Mapping[str, str]) -> Reply:
    return json_reply(200, twilio_shapes.account(twilio))


def _numbers(twilio: TwilioSandbox, given: Mapping[str, str]) -> Reply:
    wanted = given.get("PhoneNumber", "").strip("*")
    listed = [twilio_shapes.number(twilio, one) for one in twilio.numbers.values() if wanted in one.number]
    path = f"/{API_VERSION}/Accounts/{twilio.account_sid}/IncomingPhoneNumbers.json"
    return json_reply(200, _page(path, "incoming_phone_numbers", listed, given))


def _number(twilio: TwilioSandbox, given: Mapping[str, str], sid: str) -> Reply:
    """Read a number, or change it where fields are given."""
    number = next((one for one in twilio.numbers.values() if one.sid == sid), None)
    if number is None:
        raise Refused(20404)
    if given.get("SmsUrl") and not _ADDRESS.fullmatch(given["SmsUrl"]):
        raise Refused(21502)
    number.sms_url = given.get("SmsUrl", number.sms_url)
    number.sms_method = given.get("SmsMethod", number.sms_method)
    number.application = given.get("SmsApplicationSid", number.application)
    if given:
        number.changed = twilio.world.now()
        twilio.world.note("twilio", "number_changed", sid, fields=dict(given))
    return json_reply(200, twilio_shapes.number(twilio, number))


def _service(twilio: TwilioSandbox, given: Mapping[str, str], sid: str) -> Reply:
    """Read a messaging service, or change it where fields are given."""
    service = twilio.services.get(sid)
    if service is None:
        raise Refused(20404)
    service.inbound_url = given.get("InboundRequestUrl", service.inbound_url)
    service.on_number = given.get("UseInboundWebhookOnNumber", str(service.on_number)).lower() == "true"
    if given:
        twilio.world.note("twilio", "service_changed", sid, fields=dict(given))
    return json_reply(200, twilio_shapes.service(twilio, service))


_ACCOUNT = rf"/{API_VERSION}/Accounts/(?P<account>\w+)"
ROUTES: tuple[tuple[str, str, str, Act], ...] = (
    (rf"{_ACCOUNT}/Messages\.json", "POST", "Messages", _create),
    (rf"{_ACCOUNT}/Messages\.json", "GET", "Messages", _list),
    (rf"{_ACCOUNT}/Messages/(?P<sid>\w+)\.json", "GET", "Messages/{sid}", _fetch),
    (rf"{_ACCOUNT}/Messages/(?P<sid>\w+)/Media\.json", "GET", "Media", _media_list),
    (rf"{_ACCOUNT}/Messages/(?P<sid>\w+)/Media/(?P<media>\w+(\.json)?)", "GET", "Media/{sid}", _media),
    (rf"{_ACCOUNT}\.json", "GET", "Accounts", _account),
    (rf"{_ACCOUNT}/IncomingPhoneNumbers\.json", "GET", "IncomingPhoneNumbers", _numbers),
    (rf"{_ACCOUNT}/IncomingPhoneNumbers/(?P<sid>\w+)\.json", "GET", "IncomingPhoneNumbers/{sid}", _number),
    (rf"{_ACCOUNT}/IncomingPhoneNumbers/(?P<sid>\w+)\.json", "POST", "IncomingPhoneNumbers/{sid}", _number),
    (r"/v1/Services/(?P<sid>\w+)", "GET", "Services/{sid}", _service),
    (r"/v1/Services/(?P<sid>\w+)", "POST", "Services/{sid}", _service),
    (r"/cdn/(?P<media>\w+)", "GET", "cdn", _cdn),
)
