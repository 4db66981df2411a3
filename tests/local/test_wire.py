"""Real boto3 clients against the local wire: SQS's protocol, its errors, the lock, the hook and the meter."""

from __future__ import annotations

import threading
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.clock import VirtualClock
from infra.local.runtime import LocalRuntime
from infra.local.wire import ProcessDied
from tests.local.conftest import QUEUE, TABLE, item, send

URL = QUEUE.format("inbox")


def entry(id: str, body: str = "x", group: str = "g") -> dict[str, str]:
    return {
        "Id": id,
        "MessageBody": body,
        "MessageGroupId": group,
        "MessageDeduplicationId": f"{group}-{id}-{body[:20]}",
    }


# --- SQS -------------------------------------------------------------------------------------------------------------


def test_a_message_goes_round_through_the_real_client(local: LocalRuntime, clock: VirtualClock) -> None:
    sqs = boto3.client("sqs")
    assert sqs.get_queue_url(QueueName="deskweave-local-inbox.fifo")["QueueUrl"] == URL
    sent = send("héllo \U0001f600", "g1")
    (message,) = sqs.receive_message(QueueUrl=URL, AttributeNames=["All"])["Messages"]
    assert message["Body"] == "héllo \U0001f600"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    attributes = message["Attributes"]
    assert attributes["ApproximateReceiveCount"] == "1"
    assert attributes["MessageGroupId"] == "g1"
    assert attributes["SequenceNumber"] == sent["SequenceNumber"]
    assert attributes["SentTimestamp"] == str(clock())
    sqs.delete_message(QueueUrl=URL, ReceiptHandle=message["ReceiptHandle"])
    clock.advance(10**9)
    assert "Messages" not in sqs.receive_message(QueueUrl=URL)


def test_only_the_attributes_that_were_asked_for_are_given(local: LocalRuntime) -> None:
    send("x")
    (message,) = boto3.client("sqs").receive_message(
        QueueUrl=URL, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"] == {"ApproximateReceiveCount": "1"}


def test_a_batch_takes_what_is_good_and_names_what_is_not(local: LocalRuntime) -> None:
    entries = [entry("one"), entry("two", body="\ufffe"), entry("three", group="no good")]
    answer = boto3.client("sqs").send_message_batch(QueueUrl=URL, Entries=entries)
    assert [done["Id"] for done in answer["Successful"]] == ["one"]
    assert [(bad["Id"], bad["Code"], bad["SenderFault"]) for bad in answer["Failed"]] == [
        ("two", "InvalidMessageContents", True),
        ("three", "InvalidParameterValue", True),
    ]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("send_message_batch", {"Entries": []}, "AWS.SimpleQueueService.EmptyBatchRequest"),
    (
        "send_message_batch",
        {"Entries": [entry(str(n)) for n in range(11)]},
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    ),
    (
        "send_message_batch",
        {"Entries": [entry("a"), entry("a", body="y")]},
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    ),
    ("send_message_batch", {"Entries": [entry("no good")]}, "AWS.SimpleQueueService.InvalidBatchEntryId"),
    (
        "send_message_batch",
        {"Entries": [entry("a", "x" * 200_000), entry("b", "y" * 100_000)]},
        "AWS.SimpleQueueService.BatchRequestTooLong",
    ),
    ("send_message", {"MessageBody": "x", "MessageDeduplicationId": "1"}, "MissingParameter"),
    ("send_message", {"MessageBody": "x", "MessageGroupId": "g"}, "InvalidParameterValue"),
    (
        "send_message",
        {"MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "1", "DelaySeconds": 3},
        "InvalidParameterValue",
    ),
    (
        "send_message",
        {"MessageBody": "\0", "MessageGroupId": "g", "MessageDeduplicationId": "1"},
        "InvalidMessageContents",
    ),
    (
        "send_message",
        {"MessageBody": "x" * 262_145, "MessageGroupId": "g", "MessageDeduplicationId": "1"},
        "InvalidParameterValue",
    ),
    ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
    ("delete_message", {"ReceiptHandle": "nonsense"}, "ReceiptHandleIsInvalid"),
    ("purge_queue", {}, "UnsupportedOperation"),
]


@pytest.mark.parametrize(("operation", "arguments", "code"), REFUSED, ids=[f"{r[0]}-{r[2]}" for r in REFUSED])
def test_what_sqs_refuses_is_refused_under_its_code(
    local: LocalRuntime, operation: str, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(boto3.client("sqs"), operation)(QueueUrl=URL, **arguments)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_unknown_queue_is_its_modelled_error(local: LocalRuntime) -> None:
    sqs = boto3.client("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="nobody.fifo")


def test_the_largest_body_is_taken(local: LocalRuntime) -> None:
    assert send("x" * 262_144)["MessageId"]


def test_queue_attributes_tell_what_waits(local: LocalRuntime) -> None:
    sqs = boto3.client("sqs")
    for number in range(3):
        send(f"m{number}", f"g{number}")
    sqs.receive_message(QueueUrl=URL)
    found = sqs.get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"]
    assert found["ApproximateNumberOfMessages"] == "2"
    assert found["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert found["VisibilityTimeout"] == "360"
    assert '"maxReceiveCount": 1000' in found["RedrivePolicy"]


def test_a_batch_of_receipts_is_deleted(local: LocalRuntime) -> None:
    sqs = boto3.client("sqs")
    send("one", "a")
    send("two", "b")
    messages = sqs.receive_message(QueueUrl=URL, MaxNumberOfMessages=10)["Messages"]
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=URL, Entries=[*entries, {"Id": "bad", "ReceiptHandle": "nonsense"}])
    assert len(answer["Successful"]) == 2
    assert [bad["Code"] for bad in answer["Failed"]] == ["ReceiptHandleIsInvalid"]


# --- the rest of AWS -------------------------------------------------------------------------------------------------


def test_parameters_and_files_are_there(local: LocalRuntime) -> None:
    ssm, s3 = boto3.client("ssm"), boto3.client("s3")
    ssm.put_parameter(Name="/deskweave/local/c1", Value="{}", Type="SecureString")
    assert ssm.get_parameter(Name="/deskweave/local/c1", WithDecryption=True)["Parameter"]["Value"] == "{}"
    s3.put_object(Bucket="deskweave-local-files", Key="a/b c é", Body=b"\0\xff")
    assert s3.get_object(Bucket="deskweave-local-files", Key="a/b c é")["Body"].read() == b"\0\xff"


def test_no_call_ever_leaves_for_the_network(local: LocalRuntime) -> None:
    with pytest.raises(RuntimeError, match="the local run has no lambda"):
        boto3.client("lambda").list_functions()


def test_a_client_that_outlives_its_runtime_finds_nothing(small: Any) -> None:
    with LocalRuntime(app=small.module):
        sqs = boto3.client("sqs")
    with pytest.raises(RuntimeError, match="has ended"):
        sqs.get_queue_url(QueueName="deskweave-local-inbox.fifo")


def test_two_runtimes_at_once_are_refused(local: LocalRuntime, small: Any) -> None:
    with pytest.raises(RuntimeError, match="another local runtime is active"), LocalRuntime(app=small.module):
        pass
    assert send("still there")["MessageId"]


def test_sixteen_threads_adding_lose_nothing(local: LocalRuntime) -> None:
    """moto's ADD is not atomic between threads; the wire's lock makes it so."""
    dynamodb = boto3.client("dynamodb")

    def add() -> None:
        for _ in range(20):
            dynamodb.update_item(
                TableName=TABLE,
                Key=item("counter"),
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dynamodb.get_item(TableName=TABLE, Key=item("counter"))["Item"]["n"] == {"N": "320"}


# --- the hook --------------------------------------------------------------------------------------------------------


def test_the_hook_sees_each_call_before_and_after(local: LocalRuntime) -> None:
    seen: list[tuple[str, str, str, int]] = []
    local.on_call = lambda *call: seen.append((*call, local.queues["inbox"].counts().visible))
    send("x")
    assert seen == [("sqs", "SendMessage", "before", 0), ("sqs", "SendMessage", "after", 1)]


@pytest.mark.parametrize(("phase", "arrived"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("error", [ProcessDied, ConnectionResetError])
def test_a_fault_at_the_hook_reaches_the_caller_applied_or_not(
    local: LocalRuntime, phase: str, arrived: int, error: type[BaseException]
) -> None:
    def fail(service: str, operation: str, when: str) -> None:
        if when == phase:
            raise error("injected")

    local.on_call = fail
    with pytest.raises(error, match="injected"):
        send("x")
    local.on_call = None
    assert local.queues["inbox"].counts().visible == arrived


# --- the meter -------------------------------------------------------------------------------------------------------


def test_the_meter_keeps_every_call_with_its_bytes(local: LocalRuntime) -> None:
    assert local.meter.calls == [], "what the runtime itself set up is not counted"
    send("x" * 1000)
    with pytest.raises(ClientError):
        send("y", "no good")
    good, bad = local.meter.of()
    assert (good.service, good.operation, good.by, good.status, good.error) == (
        "sqs",
        "SendMessage",
        "function",
        200,
        "",
    )
    assert good.params["MessageBody"] == "x" * 1000
    assert good.request_bytes > 1000
    assert (bad.status, bad.error) == (400, "InvalidParameterValueException")
    assert local.meter.counts["function", "sqs", "SendMessage"] == 2


def test_the_meter_tells_what_the_poller_costs(local: LocalRuntime) -> None:
    send("x")
    local.pump_until_quiet()
    assert [call.operation for call in local.meter.of(by="poller", function="inbox")] == [
        "ReceiveMessage",
        "DeleteMessageBatch",
    ]
