"""boto3 clients as Lambda needs them: one attempt, short time-outs, made on first use.

The SDK's own retries sleep inside the function; here the queue is what retries.
"""

from __future__ import annotations

from typing import Any

_made: dict[str, Any] = {}


def client(service: str) -> Any:
    """The process's client of one AWS service."""
    if service not in _made:
        import boto3
        import botocore
        from botocore.config import Config

        config = Config(
            connect_timeout=2,
            read_timeout=7,
            retries={"total_max_attempts": 1, "mode": "standard"},
            parameter_validation=False,
            # Given whole, it is not built anew for each call: that took a third of an acknowledgement's processor.
            user_agent=f"deskweave botocore/{botocore.__version__}",
            # A presigned address of the older kind does not open what a bucket encrypts with a key of its owner's.
            signature_version="s3v4" if service == "s3" else None,
        )
        _made[service] = boto3.client(service, config=config)
    return _made[service]


def forget() -> None:
    """Drop the clients, so that the next use makes new ones (another endpoint, another account)."""
    _made.clear()


def failure(error: Exception) -> str:
    """The AWS error code of an exception, or its class name where it carries none."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__
