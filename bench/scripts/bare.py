"""A bare chalice and boto3 app that makes the same two calls: what the platform itself costs from start to answer.

python -S bare.py SITE_PACKAGES GIVEN.json
"""

import sys

sys.path[1:1] = [sys.argv[1]]

import wire

given = wire.given()
wire.answer_with(given["parameter"])

import boto3
from botocore.config import Config
from chalice import Chalice, Response

config = Config(
    connect_timeout=2, read_timeout=8, retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False
)
app = Chalice(app_name="bare")


@app.route("/webhooks/{provider}/{connection}", methods=["POST"], content_types=["application/json"])
def webhook(provider, connection):
    ssm = boto3.client("ssm", config=config)
    ssm.get_parameter(Name="/bare/connections/" + connection, WithDecryption=True)
    sqs = boto3.client("sqs", config=config)
    sqs.send_message(
        QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/bare.fifo",
        MessageBody=app.current_request.raw_body.decode(),
        MessageGroupId=provider,
        MessageDeduplicationId="0" * 32,
    )
    return Response("", status_code=200, headers={"Content-Type": "text/plain"})


if given["upto"] != "import":
    answer = app(given["event"], wire.Context())
    if answer["statusCode"] != 200:
        raise SystemExit(f"answered {answer['statusCode']}")
wire.tell(given)
