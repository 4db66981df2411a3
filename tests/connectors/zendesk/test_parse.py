"""What Zendesk's webhooks say, and which of them are Zendesk's at all."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.model import Hint, Ignored
from connectors.base import InvalidWebhook, Unparsable, WebhookRequest
from connectors.zendesk import CONNECTOR, Zendesk

NOW = 1_772_442_900_000
CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
SECRET, PREVIOUS = "fixture-signing-secret", "fixture-previous-secret"
BODY = b'{"ticket_id":"5"}'


def connector(**settings: str) -> Zendesk:
    return CONNECTOR({"subdomain": "acme", "webhook_secret": SECRET, **settings}, "c1")


def delivery(body: bytes, headers: dict[str, str] | None = None) -> WebhookRequest:
    return WebhookRequest("POST", headers or {}, body, NOW)


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256).digest()).decode()


def body_of(case: dict[str, Any]) -> bytes:
    raw: str = case["raw"] if "raw" in case else json.dumps(case["body"])
    return raw.encode()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_delivery_says_what_its_case_says(path: Path) -> None:
    case = json.loads(path.read_text())
    expected = case["expected"]
    request = delivery(body_of(case))
    if expected["outcome"] == "unparsable":
        with pytest.raises(Unparsable):
            connector().parse(request)
        with pytest.raises(Unparsable):
            connector().group(request)
        return
    (event,) = connector().parse(request)
    if expected["outcome"] == "ignored":
        assert isinstance(event, Ignored)
        return
    assert event == Hint(expected["record"], expected["conversation"], expected["version"])
    assert connector().group(request) == f"ticket:{expected['record']}"


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe\x00", b"\xc3\x28", b"[" * 200_000, b'{"ticket_id":' * 50_000, b'{"ticket_id":"\xff"}'],
    ids=["bom", "not utf-8", "deep array", "deep object", "not utf-8 inside"],
)
def test_a_hostile_body_is_unparsable_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unparsable):
        connector().parse(delivery(body))


T = iso(NOW)
GOOD = signature(SECRET, T, BODY)
SIGNATURES: list[tuple[str, bool, str, str, bytes, dict[str, str]]] = [
    ("right", True, T, GOOD, BODY, {}),
    ("empty body", True, T, signature(SECRET, T, b""), b"", {}),
    ("bytes that are no text", True, T, signature(SECRET, T, b"\xff\x00"), b"\xff\x00", {}),
    ("previous secret", True, T, signature(PREVIOUS, T, BODY), BODY, {"previous_webhook_secret": PREVIOUS}),
    ("new secret while both are set", True, T, GOOD, BODY, {"previous_webhook_secret": PREVIOUS}),
    ("299 s old", True, iso(NOW - 299_000), signature(SECRET, iso(NOW - 299_000), BODY), BODY, {}),
    ("301 s old", False, iso(NOW - 301_000), signature(SECRET, iso(NOW - 301_000), BODY), BODY, {}),
    ("301 s ahead", False, iso(NOW + 301_000), signature(SECRET, iso(NOW + 301_000), BODY), BODY, {}),
    ("previous secret, no longer set", False, T, signature(PREVIOUS, T, BODY), BODY, {}),
    ("another body", False, T, GOOD, BODY + b" ", {}),
    ("another time", False, iso(NOW + 1000), GOOD, BODY, {}),
    ("with a dot, as some public code signs", False, T, signature(SECRET, T + ".", BODY), BODY, {}),
    ("hex", False, T, base64.b64decode(GOOD).hex(), BODY, {}),
    ("truncated", False, T, GOOD[:-3], BODY, {}),
    ("empty", False, T, "", BODY, {}),
    ("not ASCII", False, T, "é" * 44, BODY, {}),
    ("endless", False, T, GOOD * 10_000, BODY, {}),
    ("no time", False, "", signature(SECRET, "", BODY), BODY, {}),
    ("seconds for a time", False, "1772442900", signature(SECRET, "1772442900", BODY), BODY, {}),
    ("words for a time", False, "abc", signature(SECRET, "abc", BODY), BODY, {}),
    ("no secret is set", False, T, signature("", T, BODY), BODY, {"webhook_secret": ""}),
    (
        "only a previous secret is set",
        False,
        T,
        signature("", T, BODY),
        BODY,
        {"webhook_secret": "", "previous_webhook_secret": PREVIOUS},
    ),
]


@pytest.mark.parametrize(
    ("name", "right", "timestamp", "given", "body", "settings"),
    SIGNATURES,
    ids=lambda v: v if isinstance(v, str) and len(v) < 45 else "",
)
def test_only_what_zendesk_signed_just_now_is_taken(
    name: str, right: bool, timestamp: str, given: str, body: bytes, settings: dict[str, str]
) -> None:
    headers = {"x-zendesk-webhook-signature": given, "x-zendesk-webhook-signature-timestamp": timestamp}
    request = delivery(body, headers)
    if right:
        connector(**settings).verify(request)
        return
    with pytest.raises(InvalidWebhook) as refused:
        connector(**settings).verify(request)
    assert SECRET not in str(refused.value)


def test_a_delivery_without_headers_is_refused() -> None:
    with pytest.raises(InvalidWebhook):
        connector().verify(delivery(BODY))


def test_verify_and_group_load_neither_zenpy_nor_the_model() -> None:
    code = (
        "import sys; from connectors.zendesk import CONNECTOR; from connectors.base import *\n"
        "c = CONNECTOR({'subdomain': 'acme', 'webhook_secret': 'fixture'}, 'c1')\n"
        f"r = WebhookRequest('POST', {{}}, {BODY!r}, {NOW})\n"
        "assert c.group(r) == 'ticket:5'\n"
        "try: c.verify(r)\n"
        "except InvalidWebhook: pass\n"
        "heavy = {'zenpy', 'requests', 'dataclasses', 'chalicelib.core.model', 'urllib3'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
