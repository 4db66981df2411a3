"""AWS's signature, version 4, as its services check it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from infra.sandbox.server import Request

if TYPE_CHECKING:
    from infra.sandbox.ses import SesSandbox

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


class Problem(Exception):
    """A refusal: the HTTP status, AWS's code, and its words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def verify(ses: SesSandbox, request: Request, service: str) -> None:
    """Refuse what is not signed by one of the account's keys, for this region and service."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise Problem(403, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
    key_id, day, region, scope, names, signature = found.groups()
    if key_id not in ses.keys:
        raise Problem(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    if (region, scope) != (ses.region, service):
        raise Problem(403, "SignatureDoesNotMatch", f"Credential should be scoped to {ses.region}/{service}")
    wanted = _signature(ses.keys[key_id], request, day, region, scope, names)
    if not hmac.compare_digest(wanted, signature):
        words = "The request signature we calculated does not match the signature you provided."
        raise Problem(403, "SignatureDoesNotMatch", words)


def _signature(secret: str, request: Request, day: str, region: str, service: str, names: str) -> str:
    # The path as it was sent, encoded once more: all services but S3 want it so.
    path = quote(quote(request.path, safe="/-_.~"), safe="/-_.~")
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(request.query.items()))
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names.split(";"))
    digest = hashlib.sha256(request.body).hexdigest()
    canonical = "\n".join([request.method, path, query, headers, names, digest])
    scope = f"{day}/{region}/{service}/aws4_request"
    at = request.headers.get("x-amz-date", "")
    text = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
