"""The acknowledgement's part: handshake, verify and group, and what they may cost."""

from __future__ import annotations

import json

import pytest

from connectors.base import InvalidWebhook
from connectors.slack import Slack
from tests.connectors.slack.support import NOW, SECRET, envelope, request

SLACK = Slack({"signing_secret": SECRET, "previous_signing_secret": "fixture-previous-secret"}, "c1")
CHALLENGE = json.dumps({"token": "t", "challenge": "3eZbrw1aBm2rZg", "type": "url_verification"}).encode()
MESSAGE = json.dumps(envelope({"type": "message", "channel": "C1", "user": "U1", "ts": "1.2"})).encode()


def test_the_challenge_is_answered_as_plain_text() -> None:
    answer = SLACK.handshake(request(CHALLENGE))
    assert answer is not None
    assert (answer.status, answer.body, answer.content_type) == (200, "3eZbrw1aBm2rZg", "text/plain")


@pytest.mark.parametrize("method, secret", [("POST", "fixture-other-secret"), ("GET", SECRET)])
def test_a_strangers_challenge_is_not_answered(method: str, secret: str) -> None:
    with pytest.raises(InvalidWebhook):
        SLACK.handshake(request(CHALLENGE, secret=secret, method=method))


@pytest.mark.parametrize(
    "body",
    [
        MESSAGE,
        json.dumps(envelope({"type": "message", "text": "url_verification"})).encode(),
        b'{"type": "url_verification"}',
        b'{"type": "url_verification", "challenge": 7}',
        b'"url_verification"',
        b"url_verification",
        b'{"url_verification"' * 50_000,
    ],
)
def test_everything_else_is_no_handshake(body: bytes) -> None:
    assert SLACK.handshake(request(body)) is None


def test_a_delivery_signed_with_the_previous_secret_is_verified() -> None:
    SLACK.verify(request(MESSAGE, secret="fixture-previous-secret"))
    with pytest.raises(InvalidWebhook):
        Slack({"signing_secret": SECRET}).verify(request(MESSAGE, secret="fixture-previous-secret"))


def test_a_replay_after_the_window_is_refused() -> None:
    SLACK.verify(request(MESSAGE, now=NOW + 300_000))
    with pytest.raises(InvalidWebhook):
        SLACK.verify(request(MESSAGE, now=NOW + 301_000))


def test_what_is_no_message_has_no_group() -> None:
    for event in (
        {"type": "reaction_added", "channel": "C1"},
        {"type": "message"},
        {},
        None,
        {"type": "message", "channel": {}},
    ):
        with pytest.raises((KeyError, TypeError, AttributeError)):
            SLACK.group(request(json.dumps(envelope(event)).encode()))
