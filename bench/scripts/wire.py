"""Answers botocore's calls in place of the network: one SSM parameter and one SQS send. The same for both scripts."""

import base64
import hashlib
import json
import sys

CALLS = []


class _Raw:
    """A response's body as botocore reads it."""

    def __init__(self, body):
        self.body = body

    def stream(self, *_args, **_options):
        yield self.body

    def read(self, *_args, **_options):
        body, self.body = self.body, b""
        return body


def answer_with(parameter):
    """Let boto3's default session talk to nobody; `parameter` is the SSM parameter's value."""
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    def before_send(request, event_name, **_options):
        operation = event_name.rsplit(".", 1)[-1]
        CALLS.append(operation)
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        result = _RESULTS[operation](json.loads(body or b"{}"), parameter)
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.1"})
        return AWSResponse(request.url, 200, headers, _Raw(json.dumps(result).encode()))

    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register_first("before-send", before_send)


def _parameter(asked, parameter):
    return {"Parameter": {"Name": asked["Name"], "Type": "SecureString", "Value": parameter, "Version": 1}}


def _sent(asked, _parameter):
    digest = hashlib.md5(asked["MessageBody"].encode()).hexdigest()
    return {"MD5OfMessageBody": digest, "MessageId": "0" * 36, "SequenceNumber": "18849496460467696128"}


def _queue_url(asked, _parameter):
    return {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/" + asked["QueueName"]}


_RESULTS = {"GetParameter": _parameter, "SendMessage": _sent, "GetQueueUrl": _queue_url}


class Context:
    """Lambda's context, as far as anybody reads it here."""

    function_name = "deskweave"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:deskweave"

    @staticmethod
    def get_remaining_time_in_millis():
        return 29_000


def given():
    """What the benchmark hands over: event, parameter, root, upto ("import" or "ack"), times, and `tell`, a path or ""."""
    with open(sys.argv[2], encoding="utf-8") as file:
        return json.load(file)


def tell(given):
    """Write down which calls were made and which modules are there, where the benchmark asks for it."""
    if given["tell"]:
        with open(given["tell"], "w", encoding="utf-8") as file:
            json.dump({"calls": CALLS, "modules": sorted(sys.modules)}, file)
