"""A bare chalice and boto3 app: it reads one setting once and sends one message each time, and does nothing else."""

from __future__ import annotations

from typing import Any

import boto3
import botocore
from botocore.config import Config
from chalice.app import Chalice, Response

CONFIG = Config(
    connect_timeout=2,
    read_timeout=7,
    retries={"total_max_attempts": 1, "mode": "standard"},
    parameter_validation=False,
    user_agent=f"deskweave botocore/{botocore.__version__}",
)
CLIENTS: dict[str, Any] = {}

app = Chalice(app_name="bare")


@app.route("/webhooks/{provider}/{connection}", methods=["POST"], content_types=["application/json"])
def webhook(provider: str, connection: str) -> Response:
    request: Any = app.current_request
    if not CLIENTS:
        CLIENTS["ssm"] = boto3.client("ssm", config=CONFIG)
        CLIENTS["ssm"].get_parameter(Name=f"/bare/connections/{connection}", WithDecryption=True)
        CLIENTS["sqs"] = boto3.client("sqs", config=CONFIG)
    CLIENTS["sqs"].send_message(
        QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/bare.fifo",
        MessageBody=request.raw_body.decode(),
        MessageGroupId=provider,
        MessageDeduplicationId="0" * 32,
    )
    return Response("", status_code=200, headers={"Content-Type": "text/plain"})
