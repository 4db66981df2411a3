"""The SQS JSON protocol over our own queues.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.queue import FifoQueue, Message
from infra.local.queue_rules import QueueError

ACCOUNT = "123456789012"
REGION = "us-east-1"
MOST_PER_BATCH = 10

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
# Codes that the JSON protocol calls by another name than the SDK shows.
_TYPES = {
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "InvalidParameterValue": "InvalidParameterValueException",
    "MissingParameter": "MissingRequiredParameterException",
}

Params = Mapping[str, Any]
Queues = Mapping[str, FifoQueue]


def answer(queues: Queues, operation: str, params: Params) -> tuple[int, dict[str, str], bytes]:
    """Carry out one call; returns status, headers and body."""
    headers = {"content-type": "application/x-amz-json-1.0"}
    try:
        result = _operation(operation)(queues, params)
    except QueueError as error:
        headers["x-amzn-query-error"] = f"{error.code};Sender"
        name = _TYPES.get(error.code, error.code.rsplit(".", 1)[-1])
        body = {"__type": f"com.amazonaws.sqs#{name}", "message": str(error)}
        return 400, headers, json.dumps(body).encode()
    return 200, headers, json.dumps(result).encode()


def attributes(message: Message) -> dict[str, str]:
    """A received message's system attributes, as ReceiveMessage and Lambda's event show them."""
    shown = {
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(message.sent_at),
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": str(message.first_received_at),
    }
    if message.deduplication:
        shown["SequenceNumber"] = str(message.sequence)
        shown["MessageGroupId"] = message.group
        shown["MessageDeduplicationId"] = message.deduplication
    if message.dead_from:
        shown["DeadLetterQueueSourceArn"] = arn(message.dead_from)
    return shown


def arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def digest(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _operation(name: str) -> Callable[[Queues, Params], Mapping[str, Any]]:
    if name not in _OPERATIONS:
        raise QueueError("UnsupportedOperation", f"the local run's queues do not offer {name}")
    return _OPERATIONS[name]


def _queue(queues: Queues, params: Params) -> FifoQueue:
    name = str(params.get("QueueUrl") or params.get("QueueName") or "").rsplit("/", 1)[-1]
    if name not in queues:
        raise QueueError("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    return queues[name]


def _get_queue_url(queues: Queues, params: Params) -> Params:
    return {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{_queue(queues, params).name}"}


def _send(queues: Queues, params: Params) -> Params:
    queue = _queue(queues, params)
    if params.get("MessageAttributes"):
        raise QueueError("UnsupportedOperation", "the local run's queues carry no message attributes")
    sent = queue.send(*_sendable(params))
    answer = {"MD5OfMessageBody": digest(params["MessageBody"]), "MessageId": sent.id}
    return {**answer, "SequenceNumber": str(sent.sequence)} if sent.sequence else answer


def _sendable(entry: Params) -> tuple[str, str | None, str | None, int | None]:
    return (
        str(entry.get("MessageBody", "")),
        entry.get("MessageGroupId"),
        entry.get("MessageDeduplicationId"),
        entry.get("DelaySeconds"),
    )


def _send_batch(queues: Queues, params: Params) -> Params:
    queue, entries = _queue(queues, params), _entries(params, "Send")
    total = sum(len(str(entry.get("MessageBody", "")).encode("utf-8", "surrogatepass")) for entry in entries)
    if total > queue.largest_body:
        raise QueueError(
            "AWS.SimpleQueueService.BatchRequestTooLong",
            f"Batch requests cannot be longer than {queue.largest_body} bytes. You have sent {total} bytes.",
        )
    return _each(entries, lambda entry: _send(queues, {**entry, "QueueUrl": params["QueueUrl"]}))


def _receive(queues: Queues, params: Params) -> Params:
    wanted = {*params.get("AttributeNames", ()), *params.get("MessageSystemAttributeNames", ())}
    messages = _queue(queues, params).receive(params.get("MaxNumberOfMessages", 1), params.get("VisibilityTimeout"))
    if not messages:
        return {}
    return {"Messages": [_shown(message, wanted) for message in messages]}


def _shown(message: Message, wanted: set[str]) -> dict[str, Any]:
    shown = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": digest(message.body),
        "Body": message.body,
    }
    found = {name: value for name, value in attributes(message).items() if name in wanted or "All" in wanted}
    return {**shown, "Attributes": found} if found else shown


def _delete(queues: Queues, params: Params) -> Params:
    _queue(queues, params).delete(str(params.get("ReceiptHandle", "")))
    return {}


def _delete_batch(queues: Queues, params: Params) -> Params:
    return _each(_entries(params, "Delete"), lambda entry: _delete(queues, {**entry, "QueueUrl": params["QueueUrl"]}))


def _change_visibility(queues: Queues, params: Params) -> Params:
    _queue(queues, params).change_visibility(str(params.get("ReceiptHandle", "")), params["VisibilityTimeout"])
    return {}


def _get_attributes(queues: Queues, params: Params) -> Params:
    queue = _queue(queues, params)
    wanted = set(params.get("AttributeNames", ()))
    counts = queue.counts()
    known = {
        "ApproximateNumberOfMessages": counts.visible,
        "ApproximateNumberOfMessagesNotVisible": counts.in_flight,
        "ApproximateNumberOfMessagesDelayed": counts.delayed,
        "VisibilityTimeout": queue.visibility,
        "MessageRetentionPeriod": queue.retention,
        "MaximumMessageSize": queue.largest_body,
        "QueueArn": arn(queue.name),
    }
    if queue.fifo:
        known |= {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    if queue.dead is not None:
        policy = {"deadLetterTargetArn": arn(queue.dead.name), "maxReceiveCount": queue.max_receives}
        known["RedrivePolicy"] = json.dumps(policy)
    found = {name: str(value) for name, value in known.items() if name in wanted or "All" in wanted}
    return {"Attributes": found} if found else {}


def _entries(params: Params, action: str) -> list[dict[str, Any]]:
    entries = list(params.get("Entries", ()))
    if not entries:
        raise QueueError(
            "AWS.SimpleQueueService.EmptyBatchRequest",
            f"There should be at least one {action}MessageBatchRequestEntry in the request.",
        )
    if len(entries) > MOST_PER_BATCH:
        raise QueueError(
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MOST_PER_BATCH}. You have sent {len(entries)}.",
        )
    ids = [str(entry.get("Id", "")) for entry in entries]
    if not all(_ENTRY_ID.fullmatch(id) for id in ids):
        raise QueueError(
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long.",
        )
    if len(set(ids)) < len(ids):
        raise QueueError("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two or more batch entries have one id.")
    return entries


def _each(entries: list[dict[str, Any]], act: Callable[[dict[str, Any]], Params]) -> Params:
    done, failed = [], []
    for entry in entries:
        try:
            done.append({"Id": entry["Id"], **act(entry)})
        except QueueError as error:
            failed.append({"Id": entry["Id"], "Code": error.code, "Message": str(error), "SenderFault": True})
    return {"Successful": done, **({"Failed": failed} if failed else {})}


_OPERATIONS: dict[str, Callable[[Queues, Params], Params]] = {
    "GetQueueUrl": _get_queue_url,
    "GetQueueAttributes": _get_attributes,
    "SendMessage": _send,
    "SendMessageBatch": _send_batch,
    "ReceiveMessage": _receive,
    "DeleteMessage": _delete,
    "DeleteMessageBatch": _delete_batch,
    "ChangeMessageVisibility": _change_visibility,
}
