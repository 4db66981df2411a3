"""What the tests of SMS share: settings, signed requests, and an account of the sandbox with a connector for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.core.model import DeliveryUpdated, Event, OutboundMessage
from connectors.base import Call, WebhookRequest
from connectors.sms import CONNECTOR, Sms
from infra.sandbox import Sandbox
from infra.sandbox.deliveries import Answer
from infra.sandbox.twilio_hooks import signature

Json = dict[str, Any]

NOW = 1_700_000_000_000
TOKEN = "fixture-auth-token"
ACCOUNT = "AC" + "0" * 32
WEBHOOK = "https://desk.example.com/webhooks/sms/c1"
CUSTOMER, OURS = "+14155550100", "+15005550006"


def sid(number: int, prefix: str = "SM") -> str:
    return f"{prefix}{number:032x}"


def inbound(**fields: str) -> dict[str, str]:
    """An incoming message's form, with the empty fields that Twilio sends."""
    places = dict.fromkeys(("ToCity", "ToState", "ToZip", "FromCity", "FromState", "FromZip"), "")
    told = {"MessageSid": sid(1), "SmsSid": sid(1), "SmsMessageSid": sid(1), "AccountSid": ACCOUNT}
    told |= {"From": CUSTOMER, "To": OURS, "Body": "Hello", "NumMedia": "0", "NumSegments": "1"}
    return {**places, "ToCountry": "US", "FromCountry": "US", "SmsStatus": "received", **told, **fields}


def callback(status: str, **fields: str) -> dict[str, str]:
    told = {"MessageSid": sid(7), "SmsSid": sid(7), "AccountSid": ACCOUNT, "From": OURS, "To": CUSTOMER}
    return {**told, "MessageStatus": status, "SmsStatus": status, "ApiVersion": "2010-04-01", **fields}


def request(form: Mapping[str, str] | bytes, query: str = "", url: str = WEBHOOK, token: str = TOKEN) -> WebhookRequest:
    """A rightly signed request."""
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    address = f"{url}?{query}" if query else url
    headers = {"x-twilio-signature": signature(token, address, body)}
    return WebhookRequest("POST", headers, body, NOW, url=address, query=query)


def connector(webhook_url: str = WEBHOOK, **settings: str) -> Sms:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from": OURS, "mms": "no"}
    return CONNECTOR({**given, **settings}, "c1", webhook_url)


class Account:
    """A sandbox account, a connector for it, and a clock that the test sets.

    events  what the connector read in the webhooks that it took; those that it refused are told by their answer
    """

    def __init__(self) -> None:
        self.now = NOW
        self.sandbox = Sandbox(lambda: self.now)
        self.sandbox.start()
        self.twilio = self.sandbox.twilio
        self.twilio.webhook_url = "http://127.0.0.1:9/webhooks/sms/c1"
        self.sandbox.courier.post = self.receive
        self.events: list[Event] = []
        self.answers: list[int] = []
        self.records: dict[str, str] = {}
        self.known: set[str] = set()
        self.connector = self.connect()

    def connect(self, **settings: str) -> Sms:
        given = {
            "account_sid": self.twilio.account_sid,
            "auth_token": self.twilio.auth_token,
            "from": self.twilio.number,
            "api_url": self.twilio.api_url,
            "mms": "no",
        }
        return CONNECTOR({**given, **settings}, "c1", "http://127.0.0.1:9/webhooks/sms/c1")

    def receive(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        """The webhook's door: what API Gateway would make of the request, without the network."""
        status = self.answers.pop(0) if self.answers else 0
        if status:
            return Answer(status)
        address = url.partition("#")[0]
        lower = {name.lower(): value for name, value in headers.items()}
        asked = WebhookRequest("POST", lower, body, self.now, url=address, query=address.partition("?")[2])
        self.connector.verify(asked)
        self.events += self.connector.parse(asked)
        return Answer(self.connector.accepted(asked).status)

    def call(self, name: str = "k1", *, retry: bool = False) -> Call:
        """An attempt at a call, which remembers what an earlier attempt noted."""

        def known(keys: Any) -> set[str]:
            return self.known & set(keys)

        noted = self.records.get(name, "")
        record: Callable[[str], None] = lambda value: self.records.__setitem__(name, value)  # noqa: E731
        started = NOW if retry else self.now
        return Call(
            name, started, self.now, retry=retry, noted=noted, reference=f"v1.{name}", record=record, known=known
        )

    def send(self, text: str, name: str = "k1", *, retry: bool = False, to: str = CUSTOMER) -> str:
        """Send, and keep the key as the services do."""
        message = OutboundMessage({"to": to, "from": self.twilio.number}, text)
        key = self.connector.send(message, self.call(name, retry=retry))
        self.known.add(key)
        return key

    def lookup(self, name: str = "k1", kind: str = "send") -> str | None:
        return self.connector.lookup(kind, {"to": CUSTOMER, "from": self.twilio.number}, self.call(name, retry=True))

    def updates(self) -> list[DeliveryUpdated]:
        """Deliver every webhook that is due; the delivery updates among all that came."""
        self.sandbox.deliver_due()
        return [event for event in self.events if isinstance(event, DeliveryUpdated)]

    def phone(self) -> list[str]:
        """What the customer's phone got, oldest first."""
        return [one.text for one in self.twilio.sent]
