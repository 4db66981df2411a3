"""Plain HTTP for connectors: time-outs, byte limits, known hosts only, and failures as our errors.

A request goes only to https on an allowed host, or to the origin that the connection's settings name. Redirects are
followed inside these bounds alone, and the `Authorization` header stays with the origin that it was meant for
(RFC 9110, section 15.4). Nothing is retried here: that is the lane's work.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from urllib.error import URLError
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from connectors.base import BadCredentials, CannotCarry, ConnectorError, Rejected, TryLater

TIMEOUT = 10.0
LONGEST_ANSWER = 10_000_000
LONGEST_WAIT = 86_400.0
MOST_REDIRECTS = 3

_CHUNK = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NEVER_SENT = (ConnectionRefusedError, socket.gaierror)
_NEVER_SENT_ERRNO = frozenset({101, 113})  # ENETUNREACH, EHOSTUNREACH
_WORDS = ("error_description", "message", "description", "error", "title", "detail")


@dataclass(frozen=True)
class Answer:
    """A provider's answer: `status` 200 to 299, header names in lower case, and the address it came from at last."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> object:
        """The body as JSON. Raises `TryLater`, doubtful, where it is none: a proxy answered, not the provider."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise TryLater("the provider's answer is no JSON", doubtful=True) from None


@dataclass(frozen=True)
class Bounds:
    """Where a request may go.

    hosts   host names; one that begins with a dot stands for every name below it (".slack.com")
    origin  the address that the connection's settings name: its scheme, host and port are allowed as they are
    """

    hosts: Collection[str] = field(default_factory=frozenset)
    origin: str = ""

    def allow(self, url: str) -> bool:
        parts = _split(url)
        if parts is None:
            return False
        if self.origin and same_origin(url, self.origin):
            return True
        host = parts.hostname or ""
        known = any(host.endswith(one) if one.startswith(".") else host == one for one in self.hosts)
        return known and parts.scheme == "https" and _port(parts) == 443


def call(
    method: str,
    url: str,
    bounds: Bounds,
    *,
    provider: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    authorization: str = "",
    limit: int = LONGEST_ANSWER,
    timeout: float = TIMEOUT,
    refusal: Callable[[Answer], ConnectorError | None] | None = None,
) -> Answer:
    """Make one request and return its 2xx answer, at most `limit` bytes of it, within about `timeout` seconds.

    `refusal` may word a provider's own error codes; where it returns None, or is not given, the status decides.

    Raises `TryLater` (doubtful where the provider may have acted), `BadCredentials` for 401 and 403, `CannotCarry`
    for an answer above the limit, `Rejected` with the provider's words for every other 4xx and for an address or a
    redirect out of bounds. A redirect is followed for GET and HEAD alone.
    """
    deadline = time.monotonic() + timeout
    first = url
    for _ in range(MOST_REDIRECTS + 1):
        if not bounds.allow(url):
            raise Rejected(f"{provider} points to an address that we do not call: {_shown(url)}")
        sent = dict(headers or {})
        if authorization and same_origin(url, first):
            sent["Authorization"] = authorization
        answer = _exchange(Request(url, data=body, headers=sent, method=method), provider, limit, timeout, deadline)
        if answer.status not in _REDIRECTS or method not in ("GET", "HEAD"):
            return _settled(answer, provider, refusal)
        url = urljoin(url, answer.headers.get("location", ""))
    raise Rejected(f"{provider} redirects without end")


def host(url: str) -> str:
    """The host of an address, "" where it cannot be told."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    left, right = _split(one), _split(other)
    if left is None or right is None:
        return False
    return (left.scheme, left.hostname, _port(left)) == (right.scheme, right.hostname, _port(right))


def connection_error(error: Exception, provider: str) -> TryLater:
    """What a failed connection means: doubtful unless it is certain that nothing was sent."""
    cause = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    never_sent = isinstance(cause, _NEVER_SENT) or getattr(cause, "errno", None) in _NEVER_SENT_ERRNO
    words = type(cause).__name__ if not str(cause) else f"{type(cause).__name__}: {one_line(str(cause))}"
    return TryLater(f"{provider} cannot be reached: {words}", doubtful=not never_sent)


def status_error(status: int, headers: Mapping[str, str], words: str, provider: str) -> ConnectorError:
    """What a status outside 2xx means; `words` are the provider's own."""
    said = f"{provider} answered {status}" + (f": {words}" if words else "")
    if status == 429:
        return TryLater(said, retry_after=retry_after(headers.get("retry-after", "")))
    if status >= 500 or status < 200:
        return TryLater(said, retry_after=retry_after(headers.get("retry-after", "")), doubtful=True)
    if status in (401, 403):
        return BadCredentials(said)
    return Rejected(said)


def retry_after(value: str) -> float | None:
    """The seconds of a Retry-After header, a number or a date (RFC 9110, section 10.2.3); None where it is neither."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
        return min(float(value), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def one_line(text: str, longest: int = 300) -> str:
    """A provider's words fit for a message to a person: one line, no control characters, at most `longest` long."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).split())[:longest]


def _exchange(request: Request, provider: str, limit: int, timeout: float, deadline: float) -> Answer:
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    left = max(min(timeout, deadline - time.monotonic()), 0.001)
    try:
        response: HTTPResponse = opener.open(request, timeout=left)
        with response:
            content = _read(response, limit, deadline, provider)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, content, request.full_url)
    except (OSError, HTTPException) as error:
        raise connection_error(error, provider) from None


def _read(response: HTTPResponse, limit: int, deadline: float, provider: str) -> bytes:
    content, expected = bytearray(), response.length
    while (expected is None or len(content) < expected) and (chunk := response.read1(_CHUNK)):
        content += chunk
        if len(content) > limit:
            raise CannotCarry(f"{provider} answered with more than {limit} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("the answer came too slowly")
    if expected is not None and len(content) < expected:
        raise ConnectionResetError("the answer ended early")
    return bytes(content)


def _settled(answer: Answer, provider: str, refusal: Callable[[Answer], ConnectorError | None] | None = None) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    if refusal is not None and (worded := refusal(answer)) is not None:
        raise worded
    raise status_error(answer.status, answer.headers, _words(answer), provider)


def _words(answer: Answer) -> str:
    """The provider's own words of an error: the usual fields of a JSON body, else its beginning."""
    try:
        found = json.loads(answer.content[:_CHUNK])
    except (ValueError, RecursionError):
        text = "" if answer.media_type == "text/html" else answer.content[:1000].decode("utf-8", "replace")
        return one_line(text)
    told = [found.get(key) for key in _WORDS] if isinstance(found, dict) else []
    return one_line("; ".join(dict.fromkeys(one for one in told if isinstance(one, str) and one)))


def _split(url: str) -> SplitResult | None:
    """The parts of an address, None for what could be read in two ways: user names, blanks, backslashes."""
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and _port(parts)
    except ValueError:
        return None
    return parts if usable else None


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _shown(url: str) -> str:
    """An address without its query, which may hold a secret."""
    return one_line(re.split(r"[?#]", url)[0], 120)
