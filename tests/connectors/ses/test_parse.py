"""What mails and SES's notifications say: the hand-written cases, and whatever else a body may hold."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.model import DeliveryUpdated, Event, Ignored, MessageReceived
from connectors.base import CannotCarry, InvalidWebhook, Unparsable, WebhookRequest
from connectors.ses.keys import conversation, key, reference, sent, tag
from tests.connectors.ses.support import NOW, SES_ID, cases, connector, mail, notice, received

Json = dict[str, Any]
MAILS, EVENTS = cases("mails"), cases("events")


def told(event: Event) -> Json:
    """An event flattened to the words that the cases use."""
    if not isinstance(event, MessageReceived):
        return {"outcome": type(event).__name__, "reason": getattr(event, "reason", "")}
    seen: Json = {name: getattr(event, name) for name in event.__dataclass_fields__}
    seen |= {"sender": event.sender.key, "email": event.sender.email, "person": event.sender.name}
    seen |= {"answers": list(event.answers), "participants": [one.key for one in event.participants]}
    return {**seen, **{f"reply_to.{name}": value for name, value in event.reply_to.items()}}


@pytest.mark.parametrize("case", MAILS, ids=[one["name"] for one in MAILS])
def test_a_mail_says(case: Json) -> None:
    (event,) = connector().parse(received(mail(case.get("headers", {})), case.get("receipt")))
    seen = told(event)
    assert {name: seen.get(name) for name in case["expect"]} == case["expect"]


@pytest.mark.parametrize("case", EVENTS, ids=[one["name"] for one in EVENTS])
def test_an_event_says(case: Json) -> None:
    sent_mail = {
        "timestamp": "2023-11-14T22:13:20.000Z",
        "messageId": SES_ID,
        "tags": {"deskweave-reference": ["c1_k2"]},
    }
    delivery = notice({"mail": sent_mail, **case["event"]})
    if "unparsed" in case:
        with pytest.raises(Unparsable, match=case["unparsed"]):
            connector().parse(delivery)
        return
    found = connector().parse(delivery)
    if "ignored" in case:
        assert found == [Ignored(case["ignored"])]
        return
    assert all(isinstance(one, DeliveryUpdated) for one in found)
    assert [(one.key, one.reference) for one in found] == [(sent(SES_ID), "c1.k2")] * len(case["expect"])  # type: ignore[union-attr]
    seen = [{name: getattr(one, name) for name in wanted} for one, wanted in zip(found, case["expect"], strict=True)]
    assert seen == case["expect"]


# --- keys ------------------------------------------------------------------------------------------------------------

SAME = [
    f"<{SES_ID}@email.amazonses.com>",
    f"<{SES_ID}@eu-central-1.amazonses.com>",
    f"{SES_ID}@us-east-1.amazonses.com",
    f" <{SES_ID}@EMAIL.AmazonSES.com> ",
]


@pytest.mark.parametrize("written", SAME)
def test_an_id_that_ses_gave_is_one_key_however_it_is_written(written: str) -> None:
    assert key(written) == sent(SES_ID)


@pytest.mark.parametrize("written", [f"<{SES_ID}@amazonses.com.evil.test>", f"<{SES_ID}@evilamazonses.com>", "<x@y>"])
def test_another_hosts_id_is_another_key(written: str) -> None:
    assert key(written) != sent(SES_ID)


def test_the_local_part_of_an_id_keeps_its_case() -> None:
    assert key("<AbC@Example.ORG>") == "AbC@example.org"


@given(st.from_regex(r"[0-9a-z]{1,19}\.[0-9a-z]{1,19}", fullmatch=True))
def test_a_reference_survives_as_a_tag(written: str) -> None:
    assert reference(tag(written)) == written
    assert "." not in tag(written)


@pytest.mark.parametrize("written", ["", "c1", "c1_k1_x", "C1_k1", "c1_" + "k" * 41, "c1_k1\n", "_"])
def test_another_tools_tag_is_no_reference(written: str) -> None:
    assert reference(written) == ""


def test_an_id_is_ours_only_at_our_domain() -> None:
    settings = {"from_address": "support@desk.test"}
    assert conversation(["<a@b>", "<c9.k9@desk.test>"], settings) == "c9"
    assert conversation(["<c9.k9@desk.test>"], {**settings, "domain": "mail.desk.test"}) == ""
    assert conversation(["<c9.k9@>", "<c9.k9>"], {}) == ""


# --- groups ----------------------------------------------------------------------------------------------------------


def told_by_ses(headers: Json, **more: Any) -> WebhookRequest:
    listed = [{"name": name, "value": value} for name, value in headers.items()]
    given = {"notificationType": "Received", "mail": {"messageId": "in1", "headers": listed, **more}, "receipt": {}}
    return notice(given)


GROUPS: list[tuple[str, WebhookRequest, str]] = [
    ("its first reference", told_by_ses({"References": "<a@x> <b@x>", "In-Reply-To": "<b@x>"}), "a@x"),
    ("what it answers", told_by_ses({"In-Reply-To": "<b@x>", "Message-ID": "<c@x>"}), "b@x"),
    ("a token", told_by_ses({"Message-ID": "<c@x>"}, destination=["support+c0abc@desk.test"]), "c0abc"),
    ("its own id", told_by_ses({"message-id": "<c@x>"}, destination=["support@desk.test"]), "c@x"),
    ("its own id, where the headers were cut", told_by_ses({}, commonHeaders={"messageId": "<c@x>"}), "c@x"),
    ("SES's id", told_by_ses({}), "in1"),
]


@pytest.mark.parametrize(("by", "told_of", "group"), GROUPS, ids=[one[0] for one in GROUPS])
def test_a_notification_is_grouped_by(by: str, told_of: WebhookRequest, group: str) -> None:
    assert connector().group(told_of) == group


def test_a_mail_and_its_answer_are_in_one_group() -> None:
    first = connector().group(told_by_ses({"Message-ID": "<a@x>"}))
    later = connector().group(
        told_by_ses({"Message-ID": "<c@x>", "References": f"<a@x> <{SES_ID}@email.amazonses.com>"})
    )
    assert first == later


# --- wrappings -------------------------------------------------------------------------------------------------------

BARE = {"eventType": "Send", "mail": {"messageId": SES_ID}, "send": {}}
ENVELOPE = {"Type": "Notification", "Message": json.dumps(BARE)}
WRAPPED = [
    BARE,
    ENVELOPE,
    {"Records": [{"Sns": {"Message": json.dumps(BARE)}}]},
    {"Records": [{"body": json.dumps(ENVELOPE)}]},
]


@pytest.mark.parametrize("body", WRAPPED, ids=["bare", "SNS", "SNS to Lambda", "SNS to SQS"])
def test_a_notification_is_read_in_any_wrapping(body: Json) -> None:
    (event,) = connector().parse(notice(body))
    assert isinstance(event, DeliveryUpdated)


@pytest.mark.parametrize("encoding", ["UTF8", "BASE64"])
def test_a_mail_inside_its_notification_is_read(encoding: str) -> None:
    raw = mail({"Subject": "Inside"}, "words")
    content = base64.b64encode(raw).decode() if encoding == "BASE64" else raw.decode()
    receipt = {"action": {"type": "SNS", "encoding": encoding}, "dmarcVerdict": {"status": "PASS"}}
    (event,) = connector().parse(notice({"notificationType": "Received", "receipt": receipt, "content": content}))
    assert isinstance(event, MessageReceived)
    assert (event.text, event.subject, event.sender.email) == ("words", "Inside", "ada@example.org")


# --- hostile input ---------------------------------------------------------------------------------------------------

BODIES = (
    b"",
    b"{}",
    b"null",
    b"[]",
    b"[" * 200_000,
    b"\xff\xfe",
    b'{"Type":"Notification","Message":"["}',
    b'{"mail":7}',
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:30]))
def test_a_body_that_is_no_notification_cannot_be_read(body: bytes) -> None:
    with pytest.raises(Unparsable):
        connector().parse(WebhookRequest("POST", {}, body, NOW))


WRONG: tuple[Any, ...] = (None, 7, "x", [], {}, [None], [[]], [{}], True, "\ud800")


@pytest.mark.parametrize("name", ["Send", "Delivery", "Bounce", "Complaint", "DeliveryDelay", "Reject", "Received"])
def test_a_notification_of_wrong_types_is_read_or_refused(name: str) -> None:
    parts = ("mail", "bounce", "complaint", "delivery", "deliveryDelay", "reject", "receipt", "content")
    for part, value in itertools.product(parts, WRONG):
        body = {"eventType": name, "mail": {"messageId": SES_ID, "tags": value, "timestamp": value}, part: value}
        try:
            connector().parse(notice(body))
        except Unparsable:
            continue


@pytest.mark.parametrize("receipt", ["", "{", "[]", "7", "[" * 100_000])
def test_a_receipt_that_cannot_be_read_proves_nothing(receipt: str) -> None:
    headers = {"x-deskweave-receipt": receipt, "content-type": "message/rfc822"}
    (event,) = connector().parse(WebhookRequest("POST", headers, mail({}), NOW))
    assert isinstance(event, MessageReceived)
    assert (event.sender.key, event.sender.email) == ("unverified:ada@example.org", "")


def test_a_mail_to_ten_thousand_keeps_the_caps() -> None:
    many = ",\r\n ".join(f"p{n}@example.net" for n in range(10_000))
    references = "\r\n ".join(f"<r{n}@example.net>" for n in range(5_000))
    (event,) = connector().parse(received(mail({"To": many, "References": references})))
    assert isinstance(event, MessageReceived)
    assert len(event.participants) <= 50
    assert len(event.answers) <= 50
    assert len(event.reply_to["cc"].split(",")) <= 20
    assert len(event.reply_to["references"]) <= 2_100


def test_there_is_no_webhook_to_call() -> None:
    with pytest.raises(InvalidWebhook):
        connector().verify(WebhookRequest("POST", {}, b"{}", NOW))
    assert connector().handshake(WebhookRequest("POST", {}, b"{}", NOW)) is None


def test_a_mails_file_is_taken_out_of_it() -> None:
    boundary = {"MIME-Version": "1.0", "Content-Type": 'multipart/mixed; boundary="b"'}
    parts = (
        '--b\r\nContent-Type: text/plain\r\n\r\nsee the file\r\n--b\r\nContent-Type: text/csv; name="a.csv"\r\n'
        'Content-Disposition: attachment; filename="a.csv"\r\n\r\n1,2\r\n--b--'
    )
    raw = mail(boundary, parts)
    (event,) = connector().parse(received(raw))
    assert isinstance(event, MessageReceived)
    (attachment,) = event.attachments
    assert (attachment.name, attachment.media_type, attachment.inside) == ("a.csv", "text/csv", True)
    assert connector().extract(raw, attachment, 10).content.strip() == b"1,2"
    with pytest.raises(CannotCarry):
        connector().extract(raw, attachment, 2)
