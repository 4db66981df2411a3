"""The runner feeds the handlers what AWS would, and does with their failures what AWS does."""

from __future__ import annotations

import http.client
import json
import os
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from chalice.app import Chalice

from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime, NotQuiet
from infra.local.wire import ProcessDied
from tests.local.conftest import QUEUE, TABLE, SmallApp, item, send
from tests.support.corpus import corpus_dir, tested

# The visibility time-out is six times the function's time-out.
INBOX_HIDDEN = 360_000


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


# --- what a function is given ----------------------------------------------------------------------------------------


def test_a_queue_event_has_the_shape_that_aws_documents(
    local: LocalRuntime, small: SmallApp, clock: VirtualClock
) -> None:
    sent = send("hello", "g1")
    local.pump()
    (record,) = small.events[0]["Records"]
    assert record == {
        "messageId": sent["MessageId"],
        "receiptHandle": record["receiptHandle"],
        "body": "hello",
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(clock()),
            "SequenceNumber": sent["SequenceNumber"],
            "MessageGroupId": "g1",
            "SenderId": record["attributes"]["SenderId"],
            "MessageDeduplicationId": record["attributes"]["MessageDeduplicationId"],
            "ApproximateFirstReceiveTimestamp": str(clock()),
        },
        "messageAttributes": {},
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:deskweave-local-inbox.fifo",
        "awsRegion": "us-east-1",
    }


def test_a_queue_event_has_the_keys_of_the_official_sample(local: LocalRuntime, small: SmallApp) -> None:
    folder = corpus_dir() / "aws"
    send("hello")
    local.pump()
    samples = [json.loads(path.read_text())["Records"][0] for path in sorted(folder.glob("sqs-event*.json"))]
    for sample in samples:
        ours = small.events[0]["Records"][0]
        assert {key for key in sample if not key.startswith("md5OfMessage")} == set(ours)
        assert set(sample["attributes"]) <= set(ours["attributes"])
    tested(len(samples), "Lambda events")
    assert samples


def test_the_clock_is_given_a_schedule_event(small: SmallApp) -> None:
    with LocalRuntime(1, VirtualClock(1_750_000_000_999), app=small.module) as local:
        assert local.tick().error is None
    (event,) = small.events
    assert event["time"] == "2025-06-15T15:06:40Z"
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})


def test_the_context_counts_down_on_the_clock(local: LocalRuntime, small: SmallApp, clock: VirtualClock) -> None:
    left: list[int] = []

    def act() -> None:
        left.append(small.contexts[-1].get_remaining_time_in_millis())
        clock.advance(20_000)
        left.append(small.contexts[-1].get_remaining_time_in_millis())

    small.on["inbox"] = act
    send("x")
    local.pump()
    assert left == [60_000, 40_000]
    assert small.contexts[0].function_name == "deskweave-local-inbox"
    assert small.contexts[0].aws_request_id


@pytest.mark.parametrize("batch", [1, 3, 10])
def test_a_run_is_given_no_more_than_a_batch(small: SmallApp, batch: int) -> None:
    with LocalRuntime(1, VirtualClock(), app=small.module, batch=batch) as local:
        for number in range(12):
            send(str(number))
        local.pump_until_quiet()
    assert max(len(bodies) for _, bodies in small.handled) == batch
    assert [body for _, bodies in small.handled for body in bodies] == [str(number) for number in range(12)]


# --- what happens when it fails --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("a bug"), ProcessDied("killed")], ids=["raised", "died"])
def test_a_failed_run_leaves_its_messages_hidden_until_the_time_out(
    local: LocalRuntime, small: SmallApp, clock: VirtualClock, error: BaseException
) -> None:
    small.on["inbox"] = raising(error)
    send("one")
    send("two")
    ran = local.pump()
    assert ran is not None
    assert ran.error is error
    assert local.failures == [ran]
    assert local.pump() is None, "the group is locked"
    assert local.next_due() == clock() + INBOX_HIDDEN
    small.on.clear()
    clock.advance(INBOX_HIDDEN)
    local.pump_until_quiet()
    assert small.handled == [("inbox", ["one"]), ("inbox", ["one"]), ("inbox", ["two"])]
    assert small.events[1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"


def test_a_function_past_its_time_out_is_dead_at_its_next_call(
    local: LocalRuntime, small: SmallApp, clock: VirtualClock
) -> None:
    def act() -> None:
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=item("before"))
        clock.advance(60_000)
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=item("after"))

    small.on["inbox"] = act
    send("x")
    ran = local.pump()
    assert ran is not None
    assert isinstance(ran.error, ProcessDied)
    found = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    assert [one["pk"]["S"] for one in found] == ["before"]
    assert local.pump() is None


def test_a_run_that_ends_too_late_has_failed(local: LocalRuntime, small: SmallApp, clock: VirtualClock) -> None:
    small.on["inbox"] = lambda: clock.advance(60_000)
    send("x")
    ran = local.pump()
    assert ran is not None
    assert not ran.deleted
    assert isinstance(ran.error, ProcessDied)


def test_what_cannot_be_handled_ends_among_the_dead_letters(small: SmallApp, clock: VirtualClock) -> None:
    small.on["inbox"] = raising(ValueError("poison"))
    with LocalRuntime(1, clock, app=small.module) as local:
        local.queues["inbox"].max_receives = 3
        send("poison")
        send("innocent", "other")
        for _ in range(4):
            local.pump_until_quiet()
            clock.advance(INBOX_HIDDEN)
        dead = boto3.client("sqs").receive_message(QueueUrl=QUEUE.format("inbox-dead"), AttributeNames=["All"])
    assert len([bodies for _, bodies in small.handled if bodies == ["poison"]]) == 3
    assert [message["Body"] for message in dead["Messages"]] in (["poison"], ["innocent"])
    source = dead["Messages"][0]["Attributes"]["DeadLetterQueueSourceArn"]
    assert source.endswith(":deskweave-local-inbox.fifo")


def test_a_system_that_feeds_itself_is_told_from_one_that_falls_silent(local: LocalRuntime, small: SmallApp) -> None:
    count = iter(range(10**6))
    small.on["effects"] = lambda: send(f"again {next(count)}", queue="effects")
    send("first", queue="effects")
    with pytest.raises(NotQuiet):
        local.pump_until_quiet(limit=50)


# --- seeds -----------------------------------------------------------------------------------------------------------


def played(small: SmallApp, seed: int, **settings: Any) -> list[tuple[str, list[str]]]:
    small.handled.clear()
    with LocalRuntime(seed, VirtualClock(), app=small.module, **settings) as local:
        for number in range(6):
            send(f"i{number}", f"g{number}")
            send(f"e{number}", f"g{number}", queue="effects")
        local.pump_until_quiet()
    return list(small.handled)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(small: SmallApp) -> None:
    runs = {json.dumps(played(small, seed)) for seed in range(8)}
    assert len(runs) == 8
    assert played(small, 5) == played(small, 5)
    assert {function for function, _ in played(small, 5)[:6]} == {"inbox", "effects"}


def test_handled_messages_come_again_when_asked_to(small: SmallApp) -> None:
    clock = VirtualClock()
    with LocalRuntime(3, clock, app=small.module, duplicates=0.5) as local:
        for number in range(20):
            send(str(number), f"g{number}")
        local.run_for(3_600_000)
    bodies = [body for function, found in small.handled if function == "inbox" for body in found]
    assert set(bodies) == {str(number) for number in range(20)}
    assert len(bodies) > 25


def test_every_runtime_starts_empty_and_leaves_the_environment_as_it_was(small: SmallApp) -> None:
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    before = dict(os.environ)
    for _ in range(3):
        with LocalRuntime(1, VirtualClock(), app=small.module):
            assert "AWS_ENDPOINT_URL" not in os.environ
            assert boto3.client("dynamodb").scan(TableName=TABLE)["Items"] == []
            assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="deskweave-local-files")
            assert boto3.client("ssm").describe_parameters()["Parameters"] == []
            boto3.client("dynamodb").put_item(TableName=TABLE, Item=item("left"))
            boto3.client("s3").put_object(Bucket="deskweave-local-files", Key="left", Body=b"")
            boto3.client("ssm").put_parameter(Name="/left", Value="x", Type="String")
            send("left")
        assert dict(os.environ) == before
    del os.environ["AWS_ENDPOINT_URL"]
    assert small.handled == []


# --- time ------------------------------------------------------------------------------------------------------------


def test_time_that_passes_brings_what_was_hidden_and_ticks_each_minute(
    local: LocalRuntime, small: SmallApp, clock: VirtualClock
) -> None:
    small.on["inbox"] = raising(ValueError("once"))
    small.on["clock"] = lambda: small.on.pop("inbox", None)
    send("x")
    start = clock()
    local.run_for(10 * 60_000)
    assert clock() == start + 600_000
    assert [function for function, _ in small.handled].count("clock") == 10
    assert [function for function, _ in small.handled].count("inbox") == 2


def test_the_outside_takes_part_when_it_is_due(local: LocalRuntime, small: SmallApp, clock: VirtualClock) -> None:
    class Customer:
        due: int | None = clock() + 90_000
        wrote_at: int | None = None

        def next_due(self) -> int | None:
            return self.due

        def deliver_due(self) -> int:
            if self.due is None or clock() < self.due:
                return 0
            self.due, self.wrote_at = None, clock()
            send("a letter")
            return 1

    customer = Customer()
    written_at = customer.due
    local.attach(customer)
    local.run_for(120_000)
    assert customer.wrote_at == written_at
    assert ("inbox", ["a letter"]) in small.handled


# --- HTTP ------------------------------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}


def test_a_request_reaches_the_route_with_its_bytes(local: LocalRuntime) -> None:
    answer = local.request("POST", "/webhooks/slack/c1", JSON, '{"a": "é"}'.encode())
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"provider": "slack", "connection": "c1", "body": '{"a": "é"}'.encode().hex()}


def test_a_body_that_is_no_text_arrives_damaged_as_from_api_gateway(local: LocalRuntime) -> None:
    answer = local.request("POST", "/webhooks/slack/c1", JSON, b"a\xffb")
    assert bytes.fromhex(answer.json()["body"]) == "a\ufffdb".encode()


def test_what_api_gateway_refuses_never_reaches_the_function(local: LocalRuntime, small: SmallApp) -> None:
    called: list[int] = []
    small.on["api"] = lambda: called.append(1)
    assert local.request("POST", "/webhooks/slack/c1", JSON, b"x" * (10 * 1024 * 1024 + 1)).status == 413
    assert local.request("POST", "/nowhere").status == 403
    assert called == []


def test_an_api_function_that_dies_answers_as_api_gateway_does(local: LocalRuntime, small: SmallApp) -> None:
    small.on["api"] = raising(ProcessDied("killed"))
    assert local.request("POST", "/webhooks/slack/c1", JSON, b"{}").status == 502


def test_the_calls_of_each_function_are_known(local: LocalRuntime, small: SmallApp) -> None:
    small.on["api"] = lambda: send("from the api")
    small.on["inbox"] = lambda: send("from the inbox", queue="effects")
    local.request("POST", "/webhooks/slack/c1", JSON, b"{}")
    local.pump_until_quiet()
    assert [call.function for call in local.meter.of()] == ["api", "inbox"]


def http_request(url: str, method: str, path: str, body: Any, headers: Mapping[str, str | bytes]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_rest_api_is_served_over_http(local: LocalRuntime) -> None:
    url = local.serve_http()
    status, body = http_request(url, "POST", "/webhooks/slack/c1", b'{"a":1}', JSON)
    assert (status, json.loads(body)["body"]) == (200, b'{"a":1}'.hex())
    status, body = http_request(url, "POST", "/webhooks/slack/c1", iter([b'{"a"', b":1}"]), JSON)
    assert (status, json.loads(body)["body"]) == (200, b'{"a":1}'.hex()), "a chunked body"
    assert http_request(url, "GET", "/webhooks/slack/c1", None, {})[0] == 200
    assert http_request(url, "GET", "/nowhere", None, {})[0] == 403


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Length": "nonsense"}, b"", 400),
        ({"Content-Length": "-1"}, b"", 400),
        ({"Content-Length": "٣"}, b"", 400),
        ({"Content-Length": "9" * 30}, b"", 400),
        ({"Content-Length": str(10 * 1024 * 1024 + 1)}, b"", 413),
        ({"Transfer-Encoding": "chunked"}, b"zz\r\n", 400),
        ({"Transfer-Encoding": "chunked"}, b"-1\r\n", 400),
        ({"Transfer-Encoding": "chunked"}, b"fffffffff\r\n", 413),
    ],
    ids=str,
)
def test_a_body_that_cannot_be_read_is_refused(
    local: LocalRuntime, headers: dict[str, str], body: bytes, status: int
) -> None:
    encoded = {name: value.encode() for name, value in {**JSON, **headers}.items()}
    assert http_request(local.serve_http(), "POST", "/webhooks/slack/c1", body, encoded)[0] == status


def test_a_port_that_is_taken_says_so(local: LocalRuntime) -> None:
    port = urlsplit(local.serve_http()).port
    assert port
    with pytest.raises(OSError, match="in use"):
        local.serve_http(port)


def test_another_process_reaches_the_same_aws_over_loopback(local: LocalRuntime) -> None:
    url = local.serve_aws()
    # A session of its own: the wire answers for boto3's default session only, so this one uses the network.
    session = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    dynamodb, sqs, s3, ssm = (session.client(name, endpoint_url=url) for name in ("dynamodb", "sqs", "s3", "ssm"))
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item("mine"))
    assert dynamodb.get_item(TableName=TABLE, Key=item("mine"))["Item"] == item("mine")
    address = sqs.get_queue_url(QueueName="deskweave-local-inbox.fifo")["QueueUrl"]
    sqs.send_message(QueueUrl=address, MessageBody="theirs", MessageGroupId="g", MessageDeduplicationId="1")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nobody.fifo")
    s3.put_object(Bucket="deskweave-local-files", Key="a/b c é", Body=b"x" * 100_000)
    assert len(s3.get_object(Bucket="deskweave-local-files", Key="a/b c é")["Body"].read()) == 100_000
    assert s3.head_object(Bucket="deskweave-local-files", Key="a/b c é")["ContentLength"] == 100_000
    ssm.put_parameter(Name="/deskweave/local/c", Value="v", Type="SecureString")
    assert ssm.get_parameter(Name="/deskweave/local/c", WithDecryption=True)["Parameter"]["Value"] == "v"
    for client in (dynamodb, sqs, s3, ssm):
        client.close()
    assert {call.by for call in local.meter.calls} == {"function", "remote"}
    assert http_request(url, "GET", "/", None, {})[0] == 501


# --- what AWS refuses at deployment ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"queue": "deskweave-local-inbox.fifo", "batch_size": 11}, "at most 10"),
        ({"queue": "deskweave-local-inbox.fifo", "maximum_batching_window_in_seconds": 1}, "no batching window"),
        ({"queue": "elsewhere.fifo"}, "infra/schema.py does not have"),
    ],
)
def test_an_event_source_that_aws_would_refuse_is_refused(mapping: dict[str, Any], message: str) -> None:
    app = Chalice(app_name="wrong")

    @app.on_sqs_message(**mapping)
    def inbox(event: Any) -> None: ...

    with pytest.raises(ValueError, match=message), LocalRuntime(app=SimpleNamespace(app=app, inbox=inbox)):
        pass


# --- left running ----------------------------------------------------------------------------------------------------


def test_the_background_pumps_ticks_and_stops(small: SmallApp) -> None:
    handled, ticked = threading.Event(), threading.Event()
    small.on["inbox"] = handled.set
    small.on["clock"] = ticked.set
    threads = threading.active_count()
    with LocalRuntime(1, app=small.module) as local:
        local.run_background()
        assert ticked.wait(10)
        send("x")
        assert handled.wait(10)
    assert threading.active_count() == threads
