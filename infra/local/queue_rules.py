"""What SQS refuses on a FIFO queue, under its own error codes.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import re

LARGEST_BODY = 262_144
MOST_PER_RECEIVE = 10
LONGEST_VISIBILITY_SECONDS = 12 * 3600
LONGEST_DELAY_SECONDS = 900

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"""[a-zA-Z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}""")


class QueueError(Exception):
    """What SQS refuses, under the error code that the SDK shows."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def sendable(
    body: str, group: str | None, deduplication: str | None, delay: int | None, largest_body: int
) -> tuple[str, str]:
    """Refuse what SendMessage refuses; returns the group and the deduplication id."""
    if not body:
        raise QueueError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _NOT_XML.search(body):
        raise QueueError("InvalidMessageContents", "Invalid characters found. Valid are the characters of XML 1.0.")
    if len(body.encode()) > largest_body:
        reason = f"Message must be shorter than {largest_body} bytes."
        raise QueueError("InvalidParameterValue", f"One or more parameters are invalid. Reason: {reason}")
    if delay is not None:
        raise _invalid("DelaySeconds", delay, "The request include parameter that is not valid for this queue type.")
    if group is None:
        raise QueueError("MissingParameter", "The request must contain the parameter MessageGroupId.")
    if deduplication is None:
        raise QueueError(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided",
        )
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if not _ID.fullmatch(value):
            allowed = "can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise _invalid(name, value, f"{name} {allowed}")
    return group, deduplication


def sendable_standard(
    body: str, group: str | None, deduplication: str | None, delay: int | None, largest_body: int
) -> int:
    """Refuse what SendMessage refuses on a standard queue; returns the delay in ms."""
    if deduplication is not None:
        reason = "The request include parameter that is not valid for this queue type"
        raise _invalid("MessageDeduplicationId", deduplication, reason)
    if delay is not None and not 0 <= delay <= LONGEST_DELAY_SECONDS:
        raise _invalid("DelaySeconds", delay, f"DelaySeconds must be >= 0 and <= {LONGEST_DELAY_SECONDS}.")
    sendable(body, group if group is not None else "none", "none", None, largest_body)
    return (delay or 0) * 1000


def receivable(most: int) -> None:
    """Refuse what ReceiveMessage refuses."""
    if not 1 <= most <= MOST_PER_RECEIVE:
        raise _invalid("MaxNumberOfMessages", most, f"Must be between 1 and {MOST_PER_RECEIVE}, if provided.")


def visibility_ms(seconds: int) -> int:
    """A visibility time-out in ms."""
    if not 0 <= seconds <= LONGEST_VISIBILITY_SECONDS:
        reason = f"Must be between 0 and {LONGEST_VISIBILITY_SECONDS}, if provided."
        raise _invalid("VisibilityTimeout", seconds, reason)
    return seconds * 1000


def _invalid(name: str, value: object, reason: str) -> QueueError:
    return QueueError("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}")
