"""P8: bad input over real HTTP gets a typed refusal; never a 5xx, never a trace in the table."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from chalicelib.services.connections import new_id
from chalicelib.services.receive import DEEPEST, LARGEST_DELIVERY
from tests.support.scenario import Scenario


@pytest.fixture(scope="module")
def served() -> Iterator[Scenario]:
    """One installation behind chalice's own HTTP server, whose tests leave no trace."""
    with Scenario() as running:
        running.url = urlsplit(running.runtime.serve_http())  # type: ignore[attr-defined]
        yield running


@dataclass(frozen=True)
class Sent:
    """A request, made from a good one of Slack's."""

    method: str = "POST"
    path: str = ""
    body: bytes = b""
    drop: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    shift: int = 0
    secret: str = ""


GOOD = json.dumps({"type": "event_callback", "event": {"type": "reaction_added", "user": "U1"}}).encode()


def send(served: Scenario, sent: Sent) -> tuple[int, bytes]:
    url = served.url  # type: ignore[attr-defined]
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    body = sent.body or GOOD
    given = {name: value for name, value in signed(served, body, sent).items() if name not in sent.drop}
    try:
        connection.request(
            sent.method, sent.path or f"/webhooks/slack/{served.slack_id}", body, {**given, **sent.headers}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed(served: Scenario, body: bytes, sent: Sent = Sent()) -> dict[str, str]:
    seconds = str(served.clock() // 1000 + sent.shift)
    secret = sent.secret or served.slack.signing_secret
    digest = hmac.new(secret.encode(), f"v0:{seconds}:".encode() + body, hashlib.sha256).hexdigest()
    stamp, signature = "X-Slack-Request-Timestamp", "X-Slack-Signature"
    return {"Content-Type": "application/json", stamp: seconds, signature: f"v0={digest}"}


STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"
DEEP = b'{"type": "event_callback", "event": ' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}"
TEXT = {"Content-Type": "image/png"}
TABLE: dict[str, tuple[int, Sent]] = {
    "unknown event type": (200, Sent()),
    "no signature": (401, Sent(drop=(SIGNATURE,))),
    "no timestamp": (401, Sent(drop=(STAMP,))),
    "empty signature": (401, Sent(headers={SIGNATURE: ""})),
    "another's secret": (401, Sent(secret="somebody else's")),
    "wrong version": (401, Sent(headers={SIGNATURE: "v1=" + "0" * 64})),
    "truncated": (401, Sent(headers={SIGNATURE: "v0=" + "0" * 10})),
    "not ASCII": (401, Sent(headers={SIGNATURE: "v0=" + "\u00e9" * 64})),
    "a signature of 10,000": (401, Sent(headers={SIGNATURE: "v0=" + "0" * 10_000})),
    "five minutes late": (401, Sent(shift=-301)),
    "five minutes early": (401, Sent(shift=301)),
    "just in time": (200, Sent(shift=-299)),
    "timestamp abc": (401, Sent(headers={STAMP: "abc"})),
    "timestamp NaN": (401, Sent(headers={STAMP: "NaN"})),
    "timestamp 1e400": (401, Sent(headers={STAMP: "1e400"})),
    "timestamp of 5,000 digits": (401, Sent(headers={STAMP: "1" * 5_000})),
    "timestamp in unicode digits": (401, Sent(headers={STAMP: "\u00b9\u00b2\u00b3"})),
    "not UTF-8": (401, Sent(body=b'{"type": "\xff\xfe"}')),
    "too deep": (400, Sent(body=DEEP)),
    "too deep, in strings only": (200, Sent(body=b'{"type": "x", "y": "' + b"[" * 500 + b'"}')),
    "too large": (413, Sent(body=b"x" * (LARGEST_DELIVERY + 1))),
    "GET": (401, Sent(method="GET")),
    "PUT": (405, Sent(method="PUT")),
    "wrong content type": (415, Sent(headers=TEXT)),
    "unknown provider": (404, Sent(path="/webhooks/carrier-pigeon/{known}")),
    "a path as provider": (404, Sent(path="/webhooks/..%2f..%2fetc/{known}")),
    "another provider's connection": (404, Sent(path="/webhooks/slack/{zendesk}")),
    "unknown connection": (404, Sent(path="/webhooks/slack/{unknown}")),
    "no id at all": (404, Sent(path="/webhooks/slack/hello")),
    "an id of 5,000": (404, Sent(path="/webhooks/slack/" + "a" * 5_000)),
    "a table's key as id": (404, Sent(path="/webhooks/slack/CONNECTIONS%23x")),
}


@pytest.mark.parametrize("what", TABLE)
def test_bad_input_over_http_gets_its_refusal_and_leaves_nothing(served: Scenario, what: str) -> None:
    status, sent = TABLE[what]
    unknown = new_id(lambda n: b"\x07" * n)
    path = sent.path.format(known=served.slack_id, zendesk=served.zendesk_id, unknown=unknown) if sent.path else ""
    before = served.items()
    got, body = send(served, Sent(**{**vars(sent), "path": path}))
    assert got == status
    assert b"Traceback" not in body
    if status != 200:
        assert not any(queue.counts().visible for queue in served.runtime.queues.values())
    served.runtime.pump_until_quiet()
    assert served.items() == before
    assert not served.runtime.failures
