"""A signed delivery of each provider that calls us, with the settings under which it is right."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bench import payload
from infra.sandbox import salesforce_shapes, twilio_hooks


@dataclass(frozen=True)
class Door:
    """settings: a connection's; headers and body: a delivery that this connection takes."""

    settings: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def slack(seat: payload.Workspace, rng: random.Random, now: int, url: str) -> Door:
    ids = (payload.slack_id("C", rng), payload.slack_id("U", rng))
    body = payload.message(seat, rng, *ids, f"{now / 1000:.6f}")
    settings = {"signing_secret": seat.signing_secret, "bot_token": "bench", "team_id": seat.team}
    return Door(settings, payload.signed(seat.signing_secret, body, now), body)


def sms(seat: payload.Workspace, rng: random.Random, now: int, url: str) -> Door:
    account, token, number = f"AC{rng.getrandbits(128):032x}", f"{rng.getrandbits(128):032x}", "+15005550006"
    form = {"MessageSid": f"SM{rng.getrandbits(128):032x}", "AccountSid": account, "From": "+447946000000"}
    form |= {"To": number, "Body": payload.words(rng, 140), "NumMedia": "0", "NumSegments": "1", "FromCity": ""}
    body = urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    headers["X-Twilio-Signature"] = twilio_hooks.signature(token, url, body)
    return Door({"account_sid": account, "auth_token": token, "from": number}, headers, body)


def salesforce(seat: payload.Workspace, rng: random.Random, now: int, url: str) -> Door:
    secret = f"{rng.getrandbits(128):032x}"
    body = json.dumps({"record": salesforce_shapes.make_id("500", 1)}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
    keys = {"consumer_key": "bench", "consumer_secret": "bench", "webhook_secret": secret}
    return Door({"domain": "bench.my.salesforce.com", **keys}, headers, body)


DOORS: Mapping[str, Callable[[payload.Workspace, random.Random, int, str], Door]] = {
    "slack": slack,
    "sms": sms,
    "salesforce": salesforce,
}
