"""What Slack's deliveries say: the hand-written cases, and whatever else a body may hold."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.model import ConnectionEnded, Event, Ignored, MessageDeleted, MessageEdited, MessageReceived
from connectors.base import Unparsable, WebhookRequest
from connectors.slack import Slack
from connectors.slack.inbound import clean, plain
from tests.connectors.slack.support import NOW, SECRET, body_of, cases, envelope, request

Json = dict[str, Any]

CASES = cases("messages", "changes", "ignored")
OUTCOMES = {
    MessageReceived: "message",
    MessageEdited: "update",
    MessageDeleted: "update",
    ConnectionEnded: "update",
    Ignored: "ignored",
}


def told(event: Event) -> Json:
    """An event flattened to the words that the cases use."""
    seen = {"outcome": OUTCOMES[type(event)], "type": type(event).__name__, **dataclasses.asdict(event)}
    seen.pop("original", None)
    original = getattr(event, "original", event)
    if isinstance(original, MessageReceived):
        seen |= {"sender": original.sender.key, "name": original.sender.name, "thread": original.thread}
        seen |= {
            "original_text": original.text,
            "attachments": [dataclasses.asdict(one) for one in original.attachments],
        }
    return seen


@pytest.mark.parametrize("case", CASES, ids=[one["name"] for one in CASES])
def test_a_delivery_says(case: Json) -> None:
    slack = Slack({"signing_secret": SECRET, **case.get("settings", {})}, "c1")
    delivery, expected = request(body_of(case)), dict(case["expect"])
    group = expected.pop("group", None)
    if "attachments" in expected:
        expected["attachments"] = [{"inside": False, **one} for one in expected["attachments"]]
    try:
        (event,) = slack.parse(delivery)
        seen = told(event)
    except Unparsable as unparsable:
        seen = {"outcome": "unparsed", "reason": str(unparsable)}
    assert {key: seen.get(key) for key in expected} == expected
    if group is not None:
        assert slack.group(delivery) == group


@pytest.mark.parametrize("case", CASES, ids=[one["name"] for one in CASES])
def test_a_group_is_that_of_the_conversation(case: Json) -> None:
    slack = Slack({"signing_secret": SECRET, **case.get("settings", {})}, "c1")
    try:
        (event,) = slack.parse(request(body_of(case)))
    except Unparsable:
        return
    message = getattr(event, "original", event)
    if isinstance(message, MessageReceived):
        expected = message.thread.partition(":")[0] if message.direct else message.thread
        assert slack.group(request(body_of(case))) == expected


TEXTS = cases("text")


@pytest.mark.parametrize("case", TEXTS, ids=[one["name"] for one in TEXTS])
def test_slacks_text_becomes_plain(case: Json) -> None:
    assert plain(clean(case["text"])) == clean(case["expect"])


BODIES: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a string": b'"hello"',
    "an array": b"[1]",
    "a number": b"7",
    "no JSON": b"{",
    "NaN": b'{"type": NaN}',
    "a huge number": b'{"type": 18446744073709551616}',
    "ten thousand digits": b'{"type": ' + b"1" * 10_000 + b"}",
    "deep arrays": b'{"type":' + b"[" * 200_000,
    "deep objects": b'{"type":' * 100_000,
    "no UTF-8": b'{"type": "\xff"}',
    "UTF-16": '{"type": "event_callback"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + b'{"type": "event_callback"}',
    "NUL": b"\x00",
    "a form that is no UTF-8": b"payload=%ff\xff",
    "a form with no JSON": b"payload=%7B",
    "a form with an array": b"payload=%5B%5D",
    "a form with a thousand fields": b"&".join(b"a=1" for _ in range(1000)),
    "an e-mail": b"From: a@example.com\r\nSubject: x=y\r\n\r\nhello",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_cannot_be_read_is_unparsable(body: bytes) -> None:
    with pytest.raises(Unparsable):
        Slack({}).parse(WebhookRequest("POST", {}, body, NOW))


def test_a_message_of_many_deep_blocks_is_read_as_far_as_sense_goes() -> None:
    deep: Any = {"type": "text", "text": "deep"}
    for _ in range(400):
        deep = {"type": "rich_text_section", "elements": [deep]}
    event = {"type": "message", "channel": "C1", "user": "U1", "text": "", "blocks": [deep], "ts": "1700000000.000200"}
    (found,) = Slack({}).parse(request(json.dumps(envelope(event)).encode()))
    assert isinstance(found, MessageReceived)


MODELS = [json.loads(body_of(case)) for case in CASES if "form" not in case]
WORDS = ["", "message", "message_changed", "1700000000.000200", "1" * 5000, "\ud800", "D1", 2**64, "\u0661.0"]
TEXT = st.text(st.characters(codec=None), max_size=12)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(WORDS)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, one in parts for path in paths(one, (*at, key)))]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    """A copy with another value at a path; a field is dropped where the value is `...`."""
    if not path:
        return to
    copied = copy.deepcopy(value)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    if to is ... and isinstance(inner, dict):
        del inner[path[-1]]
    else:
        inner[path[-1]] = None if to is ... else to
    return copied


def survives(delivery: Any) -> None:
    slack = Slack({"bot_user_id": "U1BOT", "team_id": "T1"})
    asked = WebhookRequest("POST", {}, json.dumps(delivery).encode(), NOW)
    try:
        found = slack.parse(asked)
    except Unparsable as unparsable:
        str(unparsable).encode()
        return
    json.dumps([told(one) for one in found], ensure_ascii=False).encode("utf-8")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_a_field_holds_is_an_event_or_unparsable(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(MODELS))
    for _ in range(data.draw(st.integers(1, 3))):
        model = changed(model, data.draw(st.sampled_from(paths(model))), data.draw(VALUES))
        if not isinstance(model, dict):
            break
    survives(model)


@pytest.mark.parametrize(
    "wrong", [None, True, 7, 2**64, 1.5, "", "x", "\ud800", [], {}, [[]], {"ts": 7}, ...], ids=repr
)
def test_each_field_may_be_wrong_or_missing(wrong: Any) -> None:
    for model in MODELS:
        for path in paths(model)[1:]:
            survives(changed(model, path, wrong))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_the_answer_is_an_event_or_unparsable(body: bytes) -> None:
    with contextlib.suppress(Unparsable):
        Slack({}).parse(WebhookRequest("POST", {}, body, NOW))
