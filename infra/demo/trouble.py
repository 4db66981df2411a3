"""What goes wrong in the course of the day: providers that fail, deliveries that lie, and processes that die."""

from __future__ import annotations

import http.client
import json
import random
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass

from infra.demo.agents import Unreachable
from infra.demo.people import Cast
from infra.demo.script import HOUR, LENGTH, MINUTE, Step
from infra.local.wire import ProcessDied
from infra.sandbox import Delivery, Fault
from infra.sandbox.sandbox import FORGERIES

MANY = 1_000_000
PROVIDERS = ("slack", "twilio", "ses", "zendesk", "salesforce")
# What can be read again from somewhere where a webhook of it was lost.
_REREAD = (("zendesk", "*"), ("salesforce", "*"), ("twilio", "status:*"))
UNREADABLE = (
    ("slack", b'{"type":"event_callback","event":"cut o'),
    ("slack", b'{"type":"event_callback","event":{"type":"message","channel":"C1","user":"U1","text":"no time"}}'),
    ("zendesk", b"<ticket>not JSON</ticket>"),
    ("zendesk", b'{"ticket_id": "one", "external_id": ""}'),
    ("twilio", b"CallSid=CA00000000000000000000000000000000&CallStatus=ringing"),
    ("twilio", b"MessageSid=SM00000000000000000000000000000000&From=%2B15550000000&Body=cut"),
    ("ses", b"published by somebody else"),
    ("ses", b'{"Type":"Notification","Message":"{\\"notificationType\\":\\"Received\\",\\"mail\\":{}}"}'),
    ("salesforce", b'{"record": "a Case of some kind"}'),
    ("salesforce", b"<Envelope><Body>cut o"),
)
UNKNOWN = ("team_join", "emoji_changed", "channel_rename", "an_event_of_next_year")
TOO_DEEP = b'{"type":"event_callback","event":' + b"[" * 200 + b"]" * 200 + b"}"
# Calls whose answers do not come, some after they were carried out: provider, call.
_SENDS = (
    ("zendesk", "PUT /api/v2/tickets/{id}"),
    ("salesforce", "POST /composite/EmailMessage"),
    ("slack", "chat.postMessage"),
    ("twilio", "POST Messages"),
    ("ses", "SendEmail"),
)
# How long Deskweave waits where a call may have come in, for the word of one that never did, and for an org's quota.
_DOUBT = MINUTE
_SETTLES = {"zendesk": MINUTE, "salesforce": MINUTE, "slack": MINUTE, "twilio": MINUTE, "ses": 10 * MINUTE}
_QUOTA = 5 * MINUTE
# Seconds: API Gateway's own limit.
_LONGEST_ANSWER = 30
_OPENS = (("zendesk", "POST /api/v2/tickets"), ("salesforce", "POST /composite/Case+EmailMessage"))


@dataclass
class Trouble:
    """Where to make trouble.

    stray     the answers to requests for connections that do not exist
    hurry     how many times faster than life the day goes by: what troubles last is divided by it. Then only calls that
              change something are refused: after a refused poll Deskweave leaves the whole desk alone for a real minute
    patience  ms for which a trouble may make Deskweave wait: what takes longer is left out
    """

    cast: Cast
    chance: random.Random
    clock: Callable[[], int]
    stray: list[int]
    hurry: int = 1
    patience: int = HOUR

    def steps(self) -> list[tuple[int, Step]]:
        """All of it, with the time of day (ms from its start) at which each begins."""
        chance = self.chance
        every_now_and_then = [self._forged, self._unreadable, self._unknown_events, self._strangers, self._telephone]
        return [
            (0, self._unreliable_webhooks()),
            (LENGTH // 2, self._outage()),
            (LENGTH // 2 - HOUR, self._burst()),
            (chance.randrange(HOUR // 2, LENGTH // 3), self._unheard_answers()),
            *((chance.randrange(LENGTH), act()) for act in every_now_and_then for _ in range(2)),
        ]

    def _unreliable_webhooks(self) -> Step:
        """All day long, some deliveries come twice, late, or in the wrong order, and some not at all."""
        sandbox = self.cast.sandbox
        for provider in PROVIDERS:
            for kind, share in (("duplicate", 0.06), ("reorder", 0.06), ("delay", 0.04), ("lost_answer", 0.04)):
                delay = self.chance.choice((2_000, 30_000, 400_000))
                delayed = delay // self.hurry
                sandbox.faults.add(Fault(provider, kind, times=MANY, chance=share, delay_ms=delayed))
        # What Slack, a phone or a mail server said once is said nowhere else: it is not lost here.
        for provider, topic in _REREAD:
            sandbox.faults.add(Fault(provider, "drop", topic, times=MANY, chance=0.05))
        sandbox.twilio.shuffled = True
        sandbox.twilio.advanced_opt_out = True
        yield 0

    def _outage(self) -> Step:
        """Each of the desks is out for a while, and so is SES."""
        sandbox, chance = self.cast.sandbox, self.chance
        if self.patience < _DOUBT:
            return
        sandbox.zendesk.outage(self._until(chance.randrange(10, 25)))
        yield chance.randrange(5, 40) * MINUTE
        sandbox.salesforce.outage(self._until(chance.randrange(10, 25)))
        yield chance.randrange(5, 40) * MINUTE
        sandbox.ses.outage_until = self._until(chance.randrange(5, 15))

    def _burst(self) -> Step:
        """The desks have enough of us for a while; later the channels have."""
        faults = self.cast.sandbox.faults
        any_zendesk, any_salesforce = ("*", "*") if self.hurry == 1 else ("P*", _SENDS[1][1])
        wait = self._seconds(self.chance.randrange(5, 60))
        # In a hurry one lane would meet them all, and count each for a longer wait.
        often, twice = (6, 2) if self.hurry == 1 else (1, 1)
        faults.add(Fault("zendesk", "429", any_zendesk, times=often, retry_after=wait))
        if self.patience >= _QUOTA:
            faults.add(Fault("salesforce", "429", times=3))
        faults.add(Fault("salesforce", "expired_token", any_salesforce))
        yield HOUR // 2
        for provider, call in _SENDS[2:]:
            faults.add(Fault(provider, "429", call, times=twice, retry_after=self._seconds(20)))
        if self.patience >= _DOUBT:
            for provider, call in _SENDS[2:]:
                faults.add(Fault(provider, "503", call))
            faults.add(Fault("zendesk", "500", any_zendesk, times=twice))
            faults.add(Fault("salesforce", "503", any_salesforce, times=twice))

    def _unheard_answers(self) -> Step:
        """Calls that were carried out, and whose answers never came; and some that never came in."""
        add = self.cast.sandbox.faults.add
        for provider, call in _SENDS:
            add(Fault(provider, "timeout_after", call))
        yield HOUR
        for provider, call in _OPENS:
            add(Fault(provider, "timeout_after", call))
        for provider, call in _SENDS:
            if self.patience >= _SETTLES[provider]:
                add(Fault(provider, "timeout_before", call))

    def _until(self, minutes: int) -> int:
        return self.clock() + minutes * MINUTE // self.hurry

    def _seconds(self, seconds: int) -> int:
        """What a provider tells us to wait, whole seconds."""
        return max(1, seconds // self.hurry)

    def _forged(self) -> Step:
        for forgery in FORGERIES:
            for provider in ("slack", "twilio", "zendesk", "salesforce"):
                self.cast.sandbox.forge(provider, forgery)
            yield self.chance.randrange(MINUTE)

    def _unreadable(self) -> Step:
        for provider, body in self.chance.sample(UNREADABLE, 3):
            self.cast.sandbox.send_raw(provider, body)
            yield self.chance.randrange(MINUTE)
        self.cast.sandbox.send_raw("slack", TOO_DEEP)

    def _unknown_events(self) -> Step:
        for kind in self.chance.sample(UNKNOWN, 2):
            envelope = {"type": "event_callback", "team_id": self.cast.sandbox.slack.team_id, "event": {"type": kind}}
            self.cast.sandbox.send_raw("slack", json.dumps(envelope).encode())
            yield self.chance.randrange(MINUTE)

    def _strangers(self) -> Step:
        """Somebody tries addresses that nobody was given."""
        given = urllib.parse.urlsplit(self.cast.sandbox.slack.webhook_url)
        base = given.path.partition("/webhooks/")[0]
        for path in (f"{base}/webhooks/slack/000000000000000000", f"{base}/webhooks/fax/1", given.path[:-1] + "!"):
            connection = http.client.HTTPConnection(given.hostname or "", given.port, timeout=_LONGEST_ANSWER)
            connection.request("POST", path, b"{}", {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            self.stray.append(answer.status)
            yield self.chance.randrange(MINUTE)

    def _telephone(self) -> Step:
        """An agent keeps a ticket of their own, which is none of ours."""
        agent = self.chance.choice(self.cast.agents)
        while True:
            try:
                agent.open_own_ticket("Call from the gate", "Caller wants to know the opening hours.")
                return
            except Unreachable:
                yield 5 * MINUTE


def a_day_later(cast: Cast, chance: random.Random) -> None:
    """The providers send some of yesterday's deliveries again, Slack's also under new event ids."""
    sent = [one for one in cast.sandbox.deliveries if one.kind == "original" and one.state == "delivered"]
    for old in chance.sample(sent, min(len(sent), 10)):
        cast.sandbox.redeliver(old.id, fresh_event_id=_may_be_renamed(old) and chance.random() < 0.5)


def _may_be_renamed(delivery: Delivery) -> bool:
    return delivery.provider == "slack" and delivery.topic not in ("raw", "forged")


class Reaper:
    """Lets a process die in the middle of its work every now and then: at an AWS call, or at one to a provider."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._left = self._draw()
        self.armed = False
        self.deaths = 0

    def __call__(self, service: str, operation: str, phase: str) -> None:
        if not self.armed:
            return
        self._left -= 1
        if self._left == 0:
            self._left = self._draw()
            self.deaths += 1
            raise ProcessDied(f"died {phase} {service} {operation}")

    def _draw(self) -> int:
        return self._chance.randrange(300, 1200)
