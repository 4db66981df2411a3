"""As many distinct Slack messages as are asked for, each of 1.1 KB, made from one template in a microsecond."""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable

from bench import payload

THREADS = 10
# Whatever a store keeps of a message, this is in it: the event's id, and once more at the end of its text.
EVENT_ID = re.compile(r"Ev0[0-9]{9}")
_MARK, _TS_MARK = "Ev0zzzzzzzzz", "1750000000.zzzzzz"


class Messages:
    """The messages of one workspace's threads; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"messages/{seed}")
        self.seat = payload.workspace(rng)
        self._started = int(time.time())
        channel, user = payload.slack_id("C", rng), payload.slack_id("U", rng)
        threads = [f"{self._started - 60}.{number:06d}" for number in range(THREADS)]
        self._templates = [self._template(rng, channel, user, thread) for thread in threads]

    @property
    def secret(self) -> str:
        return self.seat.signing_secret

    def body(self, number: int) -> bytes:
        """The delivery of message `number`, below a million."""
        template = self._templates[number % THREADS]
        ts = f"{self._started}.{number:06d}".encode()
        return template.replace(_MARK.encode(), event_id(number).encode()).replace(_TS_MARK.encode(), ts)

    def signed(self, number: int, path: str) -> bytes:
        """An HTTP request that carries the message, signed now."""
        body = self.body(number)
        headers = payload.signed(self.secret, body, int(time.time() * 1000))
        return request(path, headers, body)

    def _template(self, rng: random.Random, channel: str, user: str, thread: str) -> bytes:
        delivery = json.loads(payload.message(self.seat, rng, channel, user, "1750000000.000000", thread))
        delivery["event_id"] = _MARK
        event = delivery["event"]
        text = event["text"][: -len(_MARK) - 1] + " " + _MARK
        event["text"] = event["blocks"][0]["elements"][0]["elements"][0]["text"] = text
        event["ts"] = event["event_ts"] = _TS_MARK
        delivery["event_time"] = self._started
        return json.dumps(delivery, separators=(",", ":")).encode()


def event_id(number: int) -> str:
    return f"Ev0{number:09d}"


def ids_in(texts: Iterable[str]) -> Counter[str]:
    """How many of these texts, each one message, have each event id."""
    return Counter(id for text in texts for id in set(EVENT_ID.findall(text)))


def request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A POST as bytes, for a connection that stays open."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
