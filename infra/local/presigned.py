"""Presigned addresses of the local bucket: whoever has one may read that object until it expires, as with Amazon S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
# What the local run signs with; the key id is the secret (infra/local/runtime.py).
_KEY = "local"
_WRONG = "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature does not match.</Message></Error>"
_EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def is_presigned(path: str) -> bool:
    """Whether a path with its query carries its own signature."""
    return "X-Amz-Algorithm=" in urlsplit(path).query


def refusal(url: str) -> str:
    """Why S3 refuses (403) this presigned GET, as it says it; "" where it does not. `url` is the one asked for."""
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}
    try:
        signed_at = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lasts = timedelta(seconds=int(given["X-Amz-Expires"]))
        _, _, region, service, _ = given["X-Amz-Credential"].split("/")
        signature = given["X-Amz-Signature"]
    except (KeyError, ValueError, OverflowError):
        return _WRONG
    if not hmac.compare_digest(signature.encode(), _signature(url, given["X-Amz-Date"], service, region).encode()):
        return _WRONG
    return _EXPIRED if datetime.now(UTC) > signed_at + lasts else ""


def _signature(url: str, timestamp: str, service: str, region: str) -> str:
    auth = S3SigV4QueryAuth(Credentials(_KEY, _KEY), service, region)
    request = AWSRequest("GET", url.partition("&X-Amz-Signature=")[0])
    request.context["timestamp"] = timestamp
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
