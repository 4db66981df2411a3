"""E-mail's whole way in: SES, the bucket, the topic, the `mail` function, the inbox; and what it does with the rest."""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from chalicelib import bootstrap
from chalicelib.bootstrap import Deps
from chalicelib.core.model import OutboundMessage
from chalicelib.services import failures
from chalicelib.services import mail as service
from connectors.base import Call, TryLater
from infra.local import sqs
from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime
from infra.sandbox import Fault, Sandbox

Json = dict[str, Any]


class House:
    """A running Deskweave with one e-mail connection, over the sandbox's SES."""

    def __init__(self, seed: int) -> None:
        self.clock = VirtualClock()
        self.sandbox = Sandbox(self.clock, seed)
        self.ses = self.sandbox.ses
        self.runtime = LocalRuntime(seed, self.clock, duplicates=0.3, batch=10)
        self.lines: list[Json] = []
        self.seed = seed
        self.connection = ""

    def open(self, stack: ExitStack) -> None:
        stack.enter_context(self.sandbox)
        stack.enter_context(self.runtime)
        os.environ["DESKWEAVE_QUEUE_PREFIX"] = f"https://sqs.{sqs.REGION}.amazonaws.com/{sqs.ACCOUNT}/"
        bootstrap.reset(now=self.clock, random=random.Random(self.seed).randbytes, sink=self.lines.append)
        self.runtime.attach(self.sandbox)
        self.connection = self.connect()

    def connect(self, **settings: str) -> str:
        given = {"region": self.ses.region, "from_address": self.ses.address, "api_url": self.ses.api_url, **settings}
        with self.runtime.wire.acting("setup"):
            connection = self.deps.connections.add("ses", given)
        if not settings:
            self.ses.connect(connection)
        return connection

    @property
    def deps(self) -> Deps:
        return bootstrap.deps()

    def run(self, seconds: int = 1200) -> None:
        self.runtime.run_for(seconds * 1000)

    def items(self, start: str) -> list[Json]:
        import boto3

        from chalicelib.aws.table import _unpack

        with self.runtime.wire.acting("setup"):
            found = [_unpack(raw) for raw in boto3.client("dynamodb").scan(TableName="deskweave-local")["Items"]]
        return [one for one in found if one["pk"].startswith(start) and one["sk"] == "-"]

    def messages(self) -> list[Json]:
        return sorted((one for one in self.items("M#") if not one.get("ours")), key=lambda one: one["sort"])

    def failures(self) -> list[Json]:
        with self.runtime.wire.acting("setup"):
            return failures.listed(self.deps)

    def publish(self, told: object) -> None:
        """Something that reaches the topic, in SNS's envelope."""
        text = told if isinstance(told, str) else json.dumps(told)
        self.runtime.publish(json.dumps({"Type": "Notification", "MessageId": "m", "Message": text}))

    def queued(self, *bodies: str) -> list[Json]:
        """What the `mail` function queues for these bodies of its queue's messages."""
        with self.runtime.wire.acting("setup"):
            service.handle([{"messageId": "m", "body": body} for body in bodies], self.deps)
        return [json.loads(message.body) for message in self.runtime.queues["inbox"].messages()]


@pytest.fixture
def house(seed: int) -> Iterator[House]:
    with ExitStack() as stack:
        made = House(seed)
        made.open(stack)
        yield made


def received(key: str = "mail/{c}/s1", bucket: str = "deskweave-local-files", **more: Any) -> Json:
    """SES's notice of a mail; `{c}` stands for the connection's id."""
    action = {"type": "S3", "bucketName": bucket, "objectKey": key, "topicArn": "t"}
    headers = [{"name": "Message-ID", "value": "<m1@example.org>"}]
    mail = {"messageId": "s1", "source": "ada@example.org", "timestamp": "2025-01-01T00:00:00.000Z", "headers": headers}
    receipt = {"timestamp": "2025-01-01T00:00:01.000Z", "recipients": ["support@desk.test"], "action": action}
    receipt["dmarcVerdict"] = {"status": "PASS"}
    return {"notificationType": "Received", "mail": mail, "receipt": {**receipt, **more}}


# --- the whole way ---------------------------------------------------------------------------------------------------


def test_a_mail_becomes_a_message(house: House) -> None:
    message_id = house.ses.mail("Ada Lovelace <ada@example.org>", "Cannot sign in", "Hello there")
    house.run()
    (message,) = house.messages()
    assert message["pk"].endswith(message_id.strip("<>"))
    assert (message["text"], message["author"]["name"]) == ("Hello there", "Ada Lovelace")
    assert house.failures() == []
    assert house.runtime.failures == []


def test_repeated_notices_of_a_mail_are_one_message(house: House) -> None:
    house.sandbox.faults.add(Fault("ses", "duplicate", "Received", times=3))
    house.sandbox.faults.add(Fault("ses", "lost_answer", "Received", times=3))
    for n in range(6):
        house.ses.mail("ada@example.org", "Hi", f"mail {n}")
    house.run(7200)
    assert sorted(one["text"] for one in house.messages()) == [f"mail {n}" for n in range(6)]
    assert house.failures() == []


def test_a_large_mail_survives_whole(house: House) -> None:
    content = random.Random(7).randbytes(5_000_000)
    house.ses.mail("ada@example.org", "Big", "see the file", attachments=[("a.bin", "application/x-raw", content)])
    house.run()
    (message,) = house.messages()
    assert message["text"] == "see the file"
    (kept,) = message["files"]
    assert (kept["name"], kept["size"]) == ("a.bin", len(content))
    assert message["raw_at"].startswith(f"mail/{house.connection}/")
    with house.runtime.wire.acting("setup"):
        assert len(house.deps.bucket.get(message["raw_at"])) > len(content)


def test_a_mail_lies_in_the_bucket_once_and_never_in_the_table_or_the_queues(house: House) -> None:
    house.ses.mail("ada@example.org", "Hi", "Hello")
    house.run()
    puts = [call for call in house.runtime.meter.of(function="mail") if call.service == "s3"]
    puts += [call for call in house.runtime.meter.of(function="inbox") if call.operation == "PutObject"]
    assert puts == []
    assert "raw" not in house.messages()[0]


def test_a_receipt_costs_one_send(house: House) -> None:
    house.runtime.queues["mail"].duplicates = 0.0
    for n in range(2):
        house.ses.mail("ada@example.org", "Hi", f"mail {n}")
        house.sandbox.deliver_due()
        house.runtime.meter.reset()
        house.runtime.pump_until_quiet()
        calls = [call.operation for call in house.runtime.meter.of(function="mail")]
    assert calls == ["SendMessage"]


def test_what_becomes_of_our_mail_comes_back_to_its_connection(house: House) -> None:
    house.ses.fates["ada@example.org"] = "complaint"
    connector = house.deps.connections.open(house.connection)
    assert connector is not None
    call = Call("k1", house.clock(), reference="c0abc.k1def")
    connector.send(OutboundMessage({"to": "ada@example.org"}, "An answer"), call)  # type: ignore[attr-defined]
    house.sandbox.deliver_due()
    queued = house.queued(*(message.body for message in house.runtime.queues["mail"].messages()))
    assert {one["connection"] for one in queued} == {house.connection}
    told = [json.loads(base64.b64decode(one["raw"]))["eventType"] for one in queued]
    assert sorted(told) == ["Complaint", "Delivery", "Send"]


def test_a_mail_is_a_call_to_the_provider_that_the_run_sees(house: House) -> None:
    seen: list[tuple[str, str, str]] = []
    connector = house.deps.connections.open(house.connection)
    assert connector is not None
    house.runtime.on_call = lambda *told: seen.append(told)
    with house.runtime.provider_calls(), house.runtime.wire.acting("function", "effects", house.clock() + 60_000):
        connector.send(OutboundMessage({"to": "ada@example.org"}, "x"), Call("k1", house.clock()))  # type: ignore[attr-defined]
    assert seen == [("http", "POST /ses/v2/email/outbound-emails", phase) for phase in ("before", "after")]


@pytest.mark.parametrize(("phase", "left"), [("before", 0), ("after", 1)])
def test_a_call_to_ses_can_lose_its_answer(house: House, phase: str, left: int) -> None:
    def lose(service: str, operation: str, now: str) -> None:
        if now == phase:
            raise TimeoutError("made to fail")

    connector = house.deps.connections.open(house.connection)
    assert connector is not None
    house.runtime.on_call = lose
    acting = house.runtime.wire.acting("function", "effects", house.clock() + 60_000)
    with house.runtime.provider_calls(), acting, pytest.raises(TryLater) as raised:
        connector.send(OutboundMessage({"to": "ada@example.org"}, "x"), Call("k1", house.clock()))  # type: ignore[attr-defined]
    assert raised.value.doubtful
    assert len(house.ses.sent) == left


# --- what the function queues ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [True, False], ids=["in SNS's envelope", "delivered raw"])
def test_a_receipt_is_queued_as_a_pointer_to_the_mail(house: House, wrapped: bool) -> None:
    text = json.dumps(received(f"mail/{house.connection}/s1", spamVerdict={"status": "FAIL"}))
    (queued,) = house.queued(json.dumps({"Type": "Notification", "Message": text}) if wrapped else text)
    receipt = json.loads(queued["headers"]["x-deskweave-receipt"])
    assert (queued["kind"], queued["provider"], queued["connection"]) == ("webhook", "ses", house.connection)
    assert queued["bucket"] == f"mail/{house.connection}/s1"
    assert "raw" not in queued
    assert (receipt["spam"], receipt["dmarc"], receipt["virus"]) == ("FAIL", "PASS", "")
    assert (receipt["messageId"], receipt["timestamp"]) == ("s1", "2025-01-01T00:00:01.000Z")
    assert receipt["recipients"] == ["support@desk.test"]


def test_a_hostile_receipt_stays_small(house: House) -> None:
    many = [f"{'p' * 400}{n}@example.org" for n in range(2_000)]
    told = received(f"mail/{house.connection}/s1", recipients=[*many, 7, None], dmarcVerdict="PASS", spamVerdict=[])
    told["mail"]["messageId"] = {"x": 1}
    (queued,) = house.queued(json.dumps(told))
    assert len(queued["headers"]["x-deskweave-receipt"]) < 20_000
    assert json.loads(queued["headers"]["x-deskweave-receipt"])["dmarc"] == ""


@pytest.mark.parametrize("by", ["tag", "configuration set", "sender"])
def test_an_event_finds_its_connection_by(house: House, by: str) -> None:
    other = house.connect(from_address="sales@desk.test", configuration_set="theirs")
    mail: Json = {"messageId": "0100-1", "source": "bounce@elsewhere.test", "tags": {}}
    match by:
        case "tag":
            mail["tags"] = {"deskweave-connection": [other], "ses:configuration-set": ["x"]}
        case "configuration set":
            mail["tags"] = {"ses:configuration-set": ["theirs"]}
        case "sender":
            mail["source"] = "Sales@desk.test"
    (queued,) = house.queued(json.dumps({"notificationType": "Delivery", "mail": mail, "delivery": {}}))
    assert queued["connection"] == other


def test_messages_of_a_batch_go_in_one_call_as_long_as_they_fit(house: House) -> None:
    small = json.dumps(received(f"mail/{house.connection}/s1"))
    large = {"eventType": "Send", "mail": {"messageId": "1", "tags": {"deskweave-connection": [house.connection]}}}
    house.runtime.meter.reset()
    assert len(house.queued(*[small] * 10)) == 10
    assert house.runtime.meter.counts["setup", "sqs", "SendMessageBatch"] == 1
    padded = json.dumps({**large, "padding": "x" * 100_000})
    assert len(house.queued(*[padded] * 5)) == 15
    assert house.runtime.meter.counts["setup", "sqs", "SendMessage"] == 5


def test_an_event_too_large_for_the_inbox_goes_by_the_bucket(house: House) -> None:
    mail = {"messageId": "1", "tags": {"deskweave-connection": [house.connection]}}
    body = json.dumps({"eventType": "Send", "mail": mail, "padding": "x" * 190_000})
    (queued,) = house.queued(body)
    with house.runtime.wire.acting("setup"):
        assert house.deps.bucket.get(queued["bucket"]) == body.encode()
    assert queued["bucket"] == f"deliveries/{queued['delivery']}"


@pytest.mark.parametrize(
    "told",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have successfully subscribed"},
    ],
)
def test_what_only_tells_that_the_way_is_open_is_passed_over(house: House, told: object) -> None:
    house.publish(told)
    house.run(60)
    assert house.failures() == []
    assert list(house.runtime.queues["inbox"].messages()) == []


# --- what cannot be passed on ----------------------------------------------------------------------------------------

STRANGER = "0123456789abcdefgh"
UNREADABLE: list[tuple[str, object, str]] = [
    ("no JSON", "hello", "no JSON"),
    ("nested beyond reading", "[" * 100_000, "no JSON"),
    ("no object", [1], "no JSON object"),
    ("not SES's", {"alarm": "x"}, "no notification of SES's"),
    ("a connection that no stage gave", received(f"mail/{STRANGER}/s1"), "no e-mail connection has the prefix"),
    ("no connection's prefix", received("inbound/s1"), "no e-mail connection has the prefix"),
    ("a path that climbs", received("mail/../secrets"), "no e-mail connection has the prefix"),
    ("another bucket", received("mail/{c}/s1", "elsewhere"), "another bucket"),
    ("a rule with an SNS action", received(action={"type": "SNS", "topicArn": "t"}), "it has to be S3"),
    ("an event without a connection", {"eventType": "Send", "mail": {"messageId": "1"}}, "no e-mail connection sent"),
    (
        "an event of a removed connection",
        {"eventType": "Send", "mail": {"messageId": "1", "tags": {"deskweave-connection": [STRANGER]}}},
        "does not exist any more",
    ),
]


@pytest.mark.parametrize(("what", "told", "reason"), UNREADABLE, ids=[one[0] for one in UNREADABLE])
def test_what_cannot_be_passed_on_is_kept_for_a_person_once(house: House, what: str, told: object, reason: str) -> None:
    text = json.dumps(told).replace("{c}", house.connection) if not isinstance(told, str) else told
    for _ in range(3):
        house.publish(text)
    house.ses.mail("ada@example.org", "Hi", "an innocent neighbour")
    house.run(1800)
    (failure,) = house.failures()
    assert reason in failure["reason"]
    assert failure["body"]["kind"] == "mail"
    assert [one["text"] for one in house.messages()] == ["an innocent neighbour"]
    assert house.runtime.failures == []


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_a_subscription_that_waits_is_shown(house: House, kind: str) -> None:
    house.runtime.publish(json.dumps({"Type": kind, "Token": "t", "Message": "You have chosen to subscribe"}))
    house.run(60)
    (failure,) = house.failures()
    assert kind in failure["reason"]


WRONG: tuple[Any, ...] = (None, 7, "x", [], {}, [None], [[]], [{}], True, "\ud800")


@pytest.mark.parametrize("part", ["mail", "receipt", "action", "objectKey", "tags", "notificationType", "headers"])
def test_wrong_types_are_passed_on_or_kept_and_never_stop_the_queue(house: House, part: str) -> None:
    for value in WRONG:
        told = received(f"mail/{house.connection}/s1")
        place = {"mail": told, "receipt": told, "action": told["receipt"], "notificationType": told}
        place |= {"objectKey": told["receipt"]["action"], "tags": told["mail"], "headers": told["mail"]}
        place[part][part] = value
        house.queued(json.dumps(told), json.dumps({**told, "notificationType": None, "eventType": "Send"}))
    assert not [line for line in house.lines if line.get("outcome") == "bug"]


def test_what_was_set_aside_can_be_handled_again(house: House) -> None:
    body = json.dumps(received(f"mail/{house.connection}/s1"))
    again = {"kind": "mail", "raw": base64.b64encode(body.encode()).decode()}
    with house.runtime.wire.acting("setup"):
        service.again(again, house.deps)
        house.deps.bucket.put("deliveries/x", body.encode())
        service.again({"kind": "mail", "bucket": "deliveries/x"}, house.deps)
    assert len(list(house.runtime.queues["inbox"].messages())) == 2


def test_a_paused_connection_still_takes_its_mail(house: House) -> None:
    with house.runtime.wire.acting("setup"):
        house.deps.connections.pause(house.connection, "credentials")
    house.ses.mail("ada@example.org", "Hi", "Hello")
    house.run()
    assert [one["text"] for one in house.messages()] == ["Hello"]


def test_a_mail_waits_for_aws_and_is_not_lost(house: House) -> None:
    from botocore.exceptions import ConnectTimeoutError

    def down(service: str, operation: str, phase: str) -> None:
        if operation in ("SendMessage", "SendMessageBatch"):
            raise ConnectTimeoutError(endpoint_url="made to fail")

    house.ses.mail("ada@example.org", "Hi", "Hello")
    house.runtime.on_call = down
    house.run(600)
    assert house.messages() == []
    assert "mail" in {ran.function for ran in house.runtime.failures}
    house.runtime.on_call = None
    house.run(600)
    assert [one["text"] for one in house.messages()] == ["Hello"]
