"""What Twilio's webhooks say: the hand-written cases, the answers to them, and callbacks in every order."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.model import DeliveryUpdated, Event, Ignored, MessageReceived
from connectors.base import Unparsable, WebhookRequest
from tests.connectors.sms.support import NOW, callback, connector, inbound, request

Json = dict[str, Any]


def cases(name: str) -> list[Json]:
    found: list[Json] = json.loads((Path(__file__).parent / "cases" / f"{name}.json").read_text())
    return found


MESSAGES, STATUSES = cases("messages"), cases("statuses")


def told(event: Event) -> Json:
    """An event in the words that the cases use."""
    seen: Json = dataclasses.asdict(event)
    match event:
        case MessageReceived():
            person = {"sender": event.sender.key, "phone": event.sender.phone, "display_name": event.sender.name}
            files = [[one.name, one.media_type, one.url] for one in event.attachments]
            return {**seen, "outcome": "message", **person, "attachments": files}
        case DeliveryUpdated():
            return {**seen, "outcome": "update"}
        case _:
            assert isinstance(event, Ignored)
            return {**seen, "outcome": "ignored"}


def outcome(delivery: WebhookRequest) -> Json:
    try:
        (event,) = connector().parse(delivery)
    except Unparsable as unparsable:
        return {"outcome": "unparsed", "reason": str(unparsable)}
    return told(event)


@pytest.mark.parametrize("case", MESSAGES, ids=[one["name"] for one in MESSAGES])
def test_a_message_says(case: Json) -> None:
    delivery = request(case["body"].encode() if "body" in case else inbound(**case["form"]))
    if "form" in case:
        connector().verify(delivery)
    expected = dict(case["expect"])
    group = expected.pop("group", None)
    seen = outcome(delivery)
    assert {key: seen.get(key) for key in expected} == expected
    assert group is None or connector().group(delivery) == group


@pytest.mark.parametrize("case", STATUSES, ids=[one["name"] for one in STATUSES])
def test_a_callback_says(case: Json) -> None:
    delivery = request(callback(case["status"], **case.get("form", {})), case["query"])
    connector().verify(delivery)
    expected = dict(case["expect"])
    group = expected.pop("group", None)
    seen = outcome(delivery)
    assert {key: seen.get(key) for key in expected} == expected
    assert group is None or connector().group(delivery) == group


def test_a_callback_says_the_same_in_every_order() -> None:
    """Nothing is kept between calls; which state counts is decided where they are stored."""
    states = ("queued", "sent", "delivered", "read")
    alone = {state: outcome(request(callback(state), "reference=v1.k1")) for state in states}
    for order in itertools.permutations(states):
        assert [outcome(request(callback(state), "reference=v1.k1")) for state in order] == [alone[s] for s in order]


def test_a_message_is_answered_with_empty_twiml_and_a_callback_with_nothing() -> None:
    answer = connector().accepted(request(inbound(Body="&MessageStatus=sent")))
    assert (answer.status, answer.content_type) == (200, "text/xml")
    root = ElementTree.fromstring(answer.body)
    assert (root.tag, len(root), root.text) == ("Response", 0, None)
    answer = connector().accepted(request(callback("sent"), "reference=v1.k1"))
    assert (answer.status, answer.body) == (204, "")


def test_a_message_and_a_repetition_a_year_later_have_one_key() -> None:
    first = request(inbound())
    later = WebhookRequest("POST", first.headers, first.body, NOW + 31_536_000_000, url=first.url)
    connector().verify(later)
    assert outcome(first)["key"] == outcome(later)["key"]


@pytest.mark.parametrize("body", [b"", b"{}", b"a=1", b"From=1&To=2" + b"&x=1" * 600])
def test_a_delivery_whose_group_cannot_be_told_goes_on_alone(body: bytes) -> None:
    try:
        group = connector().group(WebhookRequest("POST", {}, body, NOW))
    except (KeyError, ValueError):
        return
    assert group == "1 2"


FIELDS = ("MessageSid", "AccountSid", "From", "To", "Body", "NumMedia", "MediaUrl0", "MessageStatus", "ErrorCode")


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=40)), st.text(max_size=40))
def test_whatever_a_form_holds_it_is_read_or_refused(form: dict[str, str], query: str) -> None:
    readable = {name: value.encode("utf-8", "replace").decode() for name, value in form.items()}
    for fields in (readable, inbound(**{**readable, "MessageSid": inbound()["MessageSid"]})):
        outcome(request(fields, query if query.isascii() and query.isprintable() else ""))


@given(st.binary(max_size=300))
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes) -> None:
    outcome(WebhookRequest("POST", {}, body, NOW))
