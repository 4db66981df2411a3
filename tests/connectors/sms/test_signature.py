"""Twilio's signatures: the published vectors, Twilio's own SDK as oracle, and what a stranger may send."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from connectors import signing
from connectors.base import InvalidWebhook, WebhookRequest
from connectors.shared.twilio.form import RETRIES
from infra.sandbox.twilio_hooks import signature as sandboxs_signature
from tests.connectors.sms.support import NOW, TOKEN, WEBHOOK, callback, connector, inbound, request
from tests.support import corpus

ORACLE = RequestValidator(TOKEN)
BODY = urlencode(inbound()).encode()
GOOD = sandboxs_signature(TOKEN, WEBHOOK, BODY)


class Fields(dict[str, str]):
    """A form with repeated names, as Twilio's SDK takes those of web frameworks."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def getall(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]


def accepts(url: str, body: bytes, signature: Any, secret: Any = TOKEN, previous: str = "") -> bool:
    try:
        signing.twilio(secret, signature, [url], body, previous)
    except InvalidWebhook as refused:
        assert TOKEN not in str(refused)
        return False
    return True


def test_published_vectors_pass(record_property: Any) -> None:
    vectors = json.loads((corpus.corpus_dir() / "signature-vectors.json").read_text())
    ours = [one for one in vectors if one["provider"] == "twilio"]
    assert len(ours) == 5
    for one in ours:
        form = urlencode([tuple(pair) for pair in one.get("params_multi") or one.get("params", {}).items()]).encode()
        body = one["body"].encode() if "body" in one else form
        signature, url = one["headers"]["X-Twilio-Signature"], one["url"]
        bare = url.replace(":443", "").replace(":80", "")
        for address in (url, bare):
            assert accepts(address, body, signature, one["secret"])
            assert not accepts(address, body + b"&x=", signature, one["secret"])
            assert not accepts(address + "3", body, signature, one["secret"])
    record_property("corpus_items", len(ours))
    corpus.tested(len(ours), "signature vectors")


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="utf-8"), max_size=20)
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=12)
URLS = st.sampled_from(
    [
        WEBHOOK,
        "https://desk.example.com:443/webhooks/sms/c1",
        "https://desk.example.com:8443/webhooks/sms/c1",
        "http://desk.example.com:80/x?reference=v1.k1",
        "https://desk.example.com?reference=v1.k1&part=2",
        "https://desk.example.com",
    ]
)


@given(URLS, URLS, FORMS, st.sampled_from(["right", "of another form", "of another token", "cut"]))
def test_ours_accepts_what_twilios_own_sdk_accepts(
    signed: str, asked: str, form: list[tuple[str, str]], how: str
) -> None:
    fields = Fields([*form, ("z", "1")] if how == "of another form" else form)
    signer = RequestValidator("fixture-other") if how == "of another token" else ORACLE
    signature = signer.compute_signature(signed, fields)
    signature = signature[:-4] if how == "cut" else signature
    expected = ORACLE.validate(asked, Fields(form), signature)
    assert accepts(asked, urlencode(form).encode(), signature) is expected


HTTPS = "https://desk.example.com"
PORTS = [
    (f"{HTTPS}/x", f"{HTTPS}/x", True),
    (f"{HTTPS}:443/x", f"{HTTPS}/x", True),
    (f"{HTTPS}/x", f"{HTTPS}:443/x", True),
    (f"{HTTPS}:443/x?a=1", f"{HTTPS}/x?a=1", True),
    (f"{HTTPS}:443", HTTPS, True),
    (f"{HTTPS}/x", f"{HTTPS}:8443/x", True),
    (f"{HTTPS}:8443/x", f"{HTTPS}:8443/x", True),
    (f"{HTTPS}:8443/x", f"{HTTPS}/x", False),
    ("http://desk.example.com/x", f"{HTTPS}/x", False),
    (f"{HTTPS}:80/x", f"{HTTPS}/x", False),
    ("http://desk.example.com:80/x", "http://desk.example.com/x", True),
    (f"{HTTPS}/X", f"{HTTPS}/x", False),
    (f"{HTTPS}/x?a=1&b=2", f"{HTTPS}/x?b=2&a=1", False),
]


@pytest.mark.parametrize(("signed", "asked", "accepted"), PORTS)
def test_the_port_may_be_named_or_not_and_nothing_else_may_differ(signed: str, asked: str, accepted: bool) -> None:
    signature = ORACLE.compute_signature(signed, inbound())
    assert ORACLE.validate(asked, inbound(), signature) is accepted
    assert accepts(asked, BODY, signature) is accepted


@given(FORMS)
def test_the_sandbox_signs_as_twilios_own_sdk_does(form: list[tuple[str, str]]) -> None:
    body = urlencode(form)
    fields = Fields(parse_qsl(body, keep_blank_values=True))
    assert sandboxs_signature(TOKEN, WEBHOOK, body.encode()) == ORACLE.compute_signature(WEBHOOK, fields)


@pytest.mark.parametrize("body", ['{"property": "value"}', "", "a=1", "[]"])
def test_a_body_that_is_no_form_is_signed_by_its_digest(body: str) -> None:
    url = f"{WEBHOOK}?bodySHA256={hashlib.sha256(body.encode()).hexdigest()}"
    signature = ORACLE.compute_signature(url, {})
    assert ORACLE.validate(url, body, signature) and accepts(url, body.encode(), signature)
    assert not ORACLE.validate(url, body + " ", signature) and not accepts(url, body.encode() + b" ", signature)


def test_empty_fields_count() -> None:
    assert b"ToCity=&" in BODY
    assert accepts(WEBHOOK, BODY, GOOD)
    assert not accepts(WEBHOOK, BODY.replace(b"ToCity=&", b""), GOOD)


def test_a_rightly_signed_request_passes_by_either_address() -> None:
    connector().verify(request(inbound()))
    connector().verify(request(callback("sent"), "part=2.SM1"))
    behind = request(inbound(), url="https://abc.execute-api.example.com/api/webhooks/sms/c1")
    connector().verify(behind)
    connector("").verify(behind)
    ours = request(inbound())
    connector().verify(WebhookRequest("POST", ours.headers, ours.body, NOW, url="https://elsewhere.example.com/"))


def test_a_signature_over_the_address_with_its_fragment_passes() -> None:
    signed = {"x-twilio-signature": ORACLE.compute_signature(WEBHOOK + RETRIES, inbound())}
    connector().verify(WebhookRequest("POST", signed, BODY, NOW, url=WEBHOOK))


def test_another_query_than_the_one_that_was_signed_is_refused() -> None:
    """Who could change the reference could settle another call's doubt."""
    genuine = request(callback("failed"), "reference=v1.k1")
    for query in ("reference=v1.k2", "", "part=1.SM1.v1.k1"):
        forged = WebhookRequest("POST", genuine.headers, genuine.body, NOW, url=f"{WEBHOOK}?{query}", query=query)
        with pytest.raises(InvalidWebhook):
            connector().verify(forged)


@pytest.mark.parametrize("method", ["GET", "PUT", "post", ""])
def test_another_method_than_post_is_refused(method: str) -> None:
    good = request(inbound())
    with pytest.raises(InvalidWebhook, match="POST"):
        connector().verify(WebhookRequest(method, good.headers, good.body, NOW, url=good.url))


SIGNATURES: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "truncated": GOOD[:-1],
    "lengthened": GOOD + "=",
    "lower case": GOOD.lower(),
    "blank around": f" {GOOD} ",
    "line break": GOOD + "\n",
    "non-ASCII": "\u00e9" * 28,
    "lone surrogate": "\ud800",
    "two joined": f"{GOOD},{GOOD}",
    "ten thousand joined": ",".join([GOOD] * 10_000),
    "of another secret": sandboxs_signature("fixture-other", WEBHOOK, BODY),
    "of the empty secret": sandboxs_signature("", WEBHOOK, BODY),
    "of another connection's address": sandboxs_signature(TOKEN, WEBHOOK.replace("c1", "c2"), BODY),
    "of the address alone": sandboxs_signature(TOKEN, WEBHOOK, b""),
    "of SHA-256": ORACLE.compute_signature(WEBHOOK, inbound(), "HMAC_SHA256"),
    "bytes": GOOD.encode(),
    "a number": 7,
}


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_wrong_signature_is_refused(signature: Any) -> None:
    assert not accepts(WEBHOOK, BODY, signature)


@pytest.mark.parametrize("secret", ["", " ", None, 7, "\ud800"])
def test_without_a_secret_nothing_is_verified(secret: Any) -> None:
    assert not accepts(WEBHOOK, BODY, sandboxs_signature("", WEBHOOK, BODY), secret)
    assert not accepts(WEBHOOK, BODY, GOOD, secret, previous=TOKEN)


def test_the_previous_token_counts_while_it_is_set() -> None:
    assert accepts(WEBHOOK, BODY, GOOD, "fixture-new-token", previous=TOKEN)
    assert not accepts(WEBHOOK, BODY, GOOD, "fixture-new-token")


@pytest.mark.parametrize("url", ["", "desk", "://", "https://", None, 7, "\ud800://\ud800", "https://\ud800/"])
def test_what_is_no_address_is_refused(url: Any) -> None:
    assert not accepts(url, BODY, GOOD)


def test_a_form_of_endless_fields_is_refused_before_it_is_read() -> None:
    body = b"&".join([b"a=1"] * (signing.MOST_FIELDS + 1))
    assert not accepts(WEBHOOK, body, sandboxs_signature(TOKEN, WEBHOOK, body))


def test_a_form_of_endless_escapes_is_refused_before_it_is_read() -> None:
    body = b"a=" + b"%41" * (signing.LONGEST_FORM // 3)
    assert not accepts(WEBHOOK, body, sandboxs_signature(TOKEN, WEBHOOK, body))


@given(st.text(), st.text(), st.binary(max_size=200))
def test_whatever_a_stranger_sends_is_refused_in_one_way(url: str, signature: str, body: bytes) -> None:
    assert not accepts(url, body, signature)
