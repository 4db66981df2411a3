"""Signatures: the published vectors pass, and nothing else that a stranger may send."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import signing
from connectors.base import InvalidWebhook
from tests.support import corpus

SECRET = "fixture-signing-secret"
OTHER = "fixture-other-secret"
NOW = 1_700_000_000_000
BODY = b'{"type":"event_callback"}'
TS = "1700000000"
ISO = "2023-11-14T22:13:20Z"


def slack_signature(body: bytes = BODY, ts: str = TS, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{ts}:".encode() + body, hashlib.sha256).hexdigest()


def zendesk_signature(body: bytes = BODY, ts: str = ISO, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), ts.encode() + body, hashlib.sha256).digest()).decode()


GOOD = slack_signature()
ZENDESK = zendesk_signature()


def test_a_rightly_signed_request_passes() -> None:
    signing.slack(SECRET, TS, GOOD, BODY, NOW)
    signing.zendesk(SECRET, ISO, ZENDESK, BODY, NOW)


def test_a_body_that_is_no_utf_8_is_verified_as_it_came() -> None:
    signing.slack(SECRET, TS, slack_signature(b"\xff\xfe\x00"), b"\xff\xfe\x00", NOW)
    signing.zendesk(SECRET, ISO, zendesk_signature(b""), b"", NOW)


def test_published_vectors_pass(record_property: Any) -> None:
    vectors = json.loads((corpus.corpus_dir() / "signature-vectors.json").read_text())
    ours = [one for one in vectors if one["provider"] == "slack"]
    assert ours
    for one in ours:
        stamp, signature = one["headers"]["X-Slack-Request-Timestamp"], one["headers"]["X-Slack-Signature"]
        signing.slack(one["secret"], stamp, signature, one["body"].encode(), int(stamp) * 1000)
        with pytest.raises(InvalidWebhook):
            signing.slack(one["secret"], stamp, signature, one["body"].encode() + b" ", int(stamp) * 1000)
    record_property("corpus_items", len(ours))
    corpus.tested(len(ours), "signature vectors")


SIGNATURES: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "no version": GOOD[3:],
    "another version": "v1" + GOOD[2:],
    "truncated": GOOD[:-1],
    "lengthened": GOOD + "0",
    "uppercase": "v0=" + GOOD[3:].upper(),
    "blank around": f" {GOOD} ",
    "line break": GOOD + "\n",
    "non-ASCII": "v0=" + "\u00e9" * 64,
    "non-ASCII digits": "v0=" + "\u0661" * 64,
    "lone surrogate": "v0=\ud800",
    "two joined": f"{GOOD},{GOOD}",
    "ten thousand joined": ",".join([GOOD] * 10_000),
    "base64": base64.b64encode(bytes.fromhex(GOOD[3:])).decode(),
    "of another secret": slack_signature(secret=OTHER),
    "of another body": slack_signature(b"{}"),
    "of the body as JSON again": slack_signature(json.dumps(json.loads(BODY)).encode()),
    "of the body as base64": slack_signature(base64.b64encode(BODY)),
    "of another time": slack_signature(ts="1700000001"),
    "of the empty secret": slack_signature(secret=""),
    "a list": [GOOD],
    "bytes": GOOD.encode(),
    "a number": 7,
}


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_wrong_signature_is_refused(signature: Any) -> None:
    with pytest.raises(InvalidWebhook):
        signing.slack(SECRET, TS, signature, BODY, NOW)
    with pytest.raises(InvalidWebhook):
        signing.zendesk(SECRET, ISO, signature, BODY, NOW)


TIMESTAMPS: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "letters": "abc",
    "NaN": "NaN",
    "infinity": "1e400",
    "negative": "-1",
    "signed": "+1700000000",
    "fraction": "1700000000.0",
    "milliseconds": "1700000000000",
    "arabic digits": "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660",
    "superscript": "170000000\u00b2",
    "underscores": "1_700_000_000",
    "blank before": " 1700000000",
    "line break": "1700000000\n",
    "hexadecimal": "0x6553f100",
    "5000 digits": "1" * 5000,
    "lone surrogate": "\ud800",
    "a number": 1_700_000_000,
    "a list": [TS],
}


@pytest.mark.parametrize("stamp", TIMESTAMPS.values(), ids=TIMESTAMPS.keys())
def test_a_malformed_timestamp_is_refused_even_when_it_is_signed(stamp: Any) -> None:
    text = stamp if isinstance(stamp, str) else TS
    signed = "v0=" + signing._digest(SECRET.encode(), f"v0:{text}:".encode("utf-8", "replace") + BODY).hex()
    with pytest.raises(InvalidWebhook):
        signing.slack(SECRET, stamp, signed, BODY, NOW)
    with pytest.raises(InvalidWebhook):
        signing.zendesk(SECRET, stamp, ZENDESK, BODY, NOW)


@pytest.mark.parametrize("seconds, fresh", [(0, True), (299, True), (300, True), (301, False), (86_400, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_five_minutes_either_way_are_the_window(seconds: int, fresh: bool, sign: int) -> None:
    now = NOW + sign * seconds * 1000
    checks = ((signing.slack, TS, GOOD), (signing.zendesk, ISO, ZENDESK))
    for check, stamp, signature in checks:
        if fresh:
            check(SECRET, stamp, signature, BODY, now)
        else:
            with pytest.raises(InvalidWebhook, match="five minutes"):
                check(SECRET, stamp, signature, BODY, now)


ISO_REFUSED = [
    "2023-11-14T22:13:20",
    "2023-11-14 22:13:20Z",
    "2023-11-14",
    "2023-W46-2T22:13:20Z",
    "2023-13-14T22:13:20Z",
    "2023-11-31T22:13:20Z",
    "2023-11-14T24:13:20Z",
    "2023-11-14T22:13:20Z\n",
    "0000-11-14T22:13:20Z",
    "2023-11-14T22:13:20.1234567890123Z",
    "\u0662023-11-14T22:13:20Z",
]


@pytest.mark.parametrize("stamp", ISO_REFUSED)
def test_a_time_that_is_none_is_refused_even_when_it_is_signed(stamp: str) -> None:
    with pytest.raises(InvalidWebhook):
        signing.zendesk(SECRET, stamp, zendesk_signature(ts=stamp), BODY, NOW)


@pytest.mark.parametrize(
    "stamp", [ISO, "2023-11-14T22:13:20.123Z", "2023-11-15T00:13:20+02:00", "2023-11-14T21:13:20-0100"]
)
def test_a_time_may_have_a_fraction_and_a_zone(stamp: str) -> None:
    signing.zendesk(SECRET, stamp, zendesk_signature(ts=stamp), BODY, NOW)


@pytest.mark.parametrize("secret", ["", " ", "\n", None, 7, "\ud800"])
def test_without_a_secret_nothing_is_verified(secret: Any) -> None:
    for previous in ("", SECRET):
        with pytest.raises(InvalidWebhook):
            signing.slack(secret, TS, slack_signature(secret=""), BODY, NOW, previous)
        with pytest.raises(InvalidWebhook):
            signing.zendesk(secret, ISO, zendesk_signature(secret=""), BODY, NOW, previous)
        with pytest.raises(InvalidWebhook):
            signing.slack(secret, TS, GOOD, BODY, NOW, previous)


def test_the_previous_secret_counts_while_it_is_set() -> None:
    old = slack_signature(secret=OTHER)
    signing.slack(SECRET, TS, old, BODY, NOW, previous=OTHER)
    signing.slack(SECRET, TS, GOOD, BODY, NOW, previous=OTHER)
    with pytest.raises(InvalidWebhook):
        signing.slack(SECRET, TS, old, BODY, NOW, previous="")


@given(st.text(), st.text(), st.binary(max_size=64), st.integers(-(10**15), 10**15))
def test_whatever_a_stranger_sends_is_refused_in_one_way(stamp: str, signature: str, body: bytes, now: int) -> None:
    for check in (signing.slack, signing.zendesk):
        with pytest.raises(InvalidWebhook) as refused:
            check(SECRET, stamp, signature, body, now)
        assert SECRET not in str(refused.value)
