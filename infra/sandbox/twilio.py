"""A stand-in for one Twilio account with a number (https://www.twilio.com/docs/messaging).

People text by the methods here; the app reads and answers through the REST API, and is told by signed forms.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.sandbox import twilio_hooks
from infra.sandbox.deliveries import Answer, Courier, Delivery
from infra.sandbox.state import World

Json = dict[str, Any]
PROVIDER = "twilio"
STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
START_WORDS = frozenset({"start", "yes", "unstop"})


@dataclass
class Message:
    """A message of the account, in or out.

    media      the SIDs of its files (in), or their addresses (out)
    status     as Twilio calls it; `error` Twilio's code where it failed
    service    the messaging service that it went through, "" for none
    callback   where its states are told, "" for nowhere
    """

    sid: str
    at: int
    direction: str
    sender: str
    to: str
    body: str
    status: str
    media: tuple[str, ...] = ()
    error: int = 0
    service: str = ""
    callback: str = ""


@dataclass(frozen=True)
class Received:
    """What a phone got. `at` in ms, `media` the addresses of its pictures."""

    at: int
    to: str
    sender: str
    text: str
    media: tuple[str, ...]
    sid: str


@dataclass
class Number:
    """A number of the account. `sms_url` may end with a fragment that asks for retries."""

    sid: str
    number: str
    sms_url: str = ""
    sms_method: str = "POST"
    application: str = ""
    sms: bool = True
    mms: bool = True
    changed: int = 0


@dataclass
class Service:
    """A messaging service with the numbers of its sender pool."""

    sid: str
    numbers: list[str] = field(default_factory=list)
    inbound_url: str = ""
    on_number: bool = True


class TwilioSandbox:
    """One account.

    number            the account's first number: set `webhook_url`, or `SmsUrl` by the API, and its messages go there
    sent              what phones got, oldest first
    statuses          what a message goes through; told in this order, or in any where `shuffled`
    failing           Twilio's error by the phone that cannot be reached (30003), told by callback
    refused           Twilio's error by the phone that a message cannot be sent to (21614), told by the API
    opted_out         (phone, our number) of those who wrote STOP
    advanced_opt_out  tell of STOP, START and HELP in `OptOutType`, as a messaging service can
    retries           webhooks are tried again, even where their address does not ask for it
    trial             a trial account: a sentence goes before each message
    list_lag_ms       how long a new message is missing from lists
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.courier: Courier
        self.account_sid = self.sid("AC")
        self.auth_token = world.secret("twilio-token")
        self.api_key = self.sid("SK")
        self.api_secret = world.secret("twilio-key")
        self.status = "active"
        self.statuses: tuple[str, ...] = ("queued", "sending", "sent", "delivered")
        self.shuffled = False
        self.advanced_opt_out = False
        self.retries = True
        self.trial = False
        self.list_lag_ms = 0
        self.messages: dict[str, Message] = {}
        self.media: dict[str, tuple[str, str, bytes]] = {}
        self.numbers: dict[str, Number] = {}
        self.services: dict[str, Service] = {}
        self.failing: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.opted_out: set[tuple[str, str]] = set()
        self.sent: list[Received] = []
        self.number = self.add_number("+15005550006")

    @property
    def api_url(self) -> str:
        return f"{self.world.url}/twilio"

    @property
    def webhook_url(self) -> str:
        """Where messages to the account's first number go, without what the address says about retries."""
        return self.address_for(self.number).partition("#")[0]

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self.numbers[self.number].sms_url = url

    def add_number(self, number: str, sms: bool = True, mms: bool = True) -> str:
        self.numbers[number] = Number(self.sid("PN"), number, sms=sms, mms=mms, changed=self.world.now())
        return number

    def add_service(self, *numbers: str) -> str:
        """A messaging service; returns its SID."""
        service = Service(self.sid("MG"), list(numbers))
        self.services[service.sid] = service
        return service.sid

    def text(
        self, sender: str, words: str, media: Sequence[tuple[str, bytes]] = (), to: str = "", name: str = ""
    ) -> str:
        """A person texts, with `media` (media type, content); returns the message's SID.

        `name` makes it a message of another channel than SMS, which tells a profile's name (`whatsapp:` before both).
        """
        with self.world.lock:
            ours = to or self.number
            files = []
            for media_type, content in media:
                sid = self.sid("ME")
                self.media[sid] = (ours, media_type, content)
                files.append(sid)
            message = self.keep(
                Message(
                    self.sid("MM" if files else "SM"), self.world.now(), "inbound", sender, ours, words, "received",
                    tuple(files),
                )
            )  # fmt: skip
            twilio_hooks.received(self, message, self._opting(message), name)
            return message.sid

    def send(self, message: Message) -> None:
        """Let a message go to its phone, and tell of its states."""
        failure = self.failing.get(message.to, 0)
        self.keep(message)
        if not failure:
            self.sent.append(
                Received(self.world.now(), message.to, message.sender, message.body, message.media, message.sid)
            )
        states = list(self.statuses)
        if failure:
            states[-1] = "undelivered"
        first, message.status, message.error = message.status, states[-1], failure
        if message.callback:
            told = [first] * (first == "accepted") + states
            if self.shuffled:
                self.world.random.shuffle(told)
            for state in told:
                twilio_hooks.told(self, message, state)

    def keep(self, message: Message) -> Message:
        self.messages[message.sid] = message
        return message

    def address_for(self, number: str) -> str:
        """Where messages to a number go: its service's address, unless that leaves it to the number."""
        for service in self.services.values():
            if number in service.numbers and not service.on_number:
                return service.inbound_url
        known = self.numbers.get(number)
        return known.sms_url if known and not known.application else ""

    def sign(self, delivery: Delivery, now: int) -> dict[str, str]:
        return twilio_hooks.headers(self, delivery)

    def retry_delay(self, delivery: Delivery, answer: Answer) -> int | None:
        """At once, as often as the address's fragment says (`#rc=2&rp=all`); once after a failed connection else."""
        asked = self.address_for(self.number) if not delivery.url else delivery.url
        fragment = asked.partition("#")[2] or ("rc=2&rp=all" if self.retries else "")
        policy = dict(urllib.parse.parse_qsl(fragment))
        when = policy.get("rp", "ct").split(",")
        what = {0: "ct" if answer.reason == "connection" else "rt"}.get(answer.status, f"{answer.status // 100}xx")
        again = "all" in when or what in when
        return 0 if again and delivery.retries < min(int(policy.get("rc", "1")), 5) else None

    def sid(self, prefix: str) -> str:
        return prefix + self.world.secret(f"{prefix}-{self.world.number(prefix)}", 32)

    def _opting(self, message: Message) -> str:
        """STOP, START or HELP where the message is one; Twilio itself acts on it and remembers."""
        word, pair = message.body.strip().lower(), (message.sender, message.to)
        if word in STOP_WORDS:
            self.opted_out.add(pair)
            return "STOP"
        if word in START_WORDS and pair in self.opted_out:
            self.opted_out.discard(pair)
            return "START"
        return "HELP" if word == "help" else ""
