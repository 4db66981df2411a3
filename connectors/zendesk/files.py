"""Files to and from Zendesk. https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from time import monotonic
from urllib.parse import quote, urljoin, urlsplit

import requests

from chalicelib.core.model import Attachment, File
from connectors.base import CannotCarry, Rejected, TryLater
from connectors.zendesk.session import TIMEOUT, Desk, refuse, unreachable
from connectors.zendesk.words import clean

LARGEST = 50 * 1024 * 1024
LONGEST_SECONDS = 20.0
MOST_REDIRECTS = 3
CHUNK = 65_536


def upload(desk: Desk, files: Sequence[File]) -> list[str]:
    """Upload files for a comment to come; returns their tokens. Those of a call that fails expire by themselves."""
    for file in files:
        if len(file.content) > LARGEST:
            raise CannotCarry(f"{file.name} has {len(file.content):,} bytes; Zendesk takes {LARGEST:,} at most")
    return [
        desk.zenpy.attachments.upload(
            BytesIO(file.content),  # bytes would have to be sent within the time-out as one
            target_name=quote(clean(file.name) or "file", safe=""),
            content_type=file.media_type if file.media_type.isascii() and file.media_type.isprintable() else None,
        )["upload"]["token"]
        for file in files
    ]


def fetch(desk: Desk, attachment: Attachment, limit: int) -> File:
    """Read a file from the account's own host or the one it redirects to; our credentials go to the former alone."""
    too_large = CannotCarry(f"{attachment.name} is larger than {limit:,} bytes")
    if attachment.size > limit:
        raise too_large
    until, url = monotonic() + LONGEST_SECONDS, attachment.url
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(MOST_REDIRECTS + 1):
            address, own = _allowed(desk, url)
            try:
                with session.get(
                    address,
                    auth=desk.session.auth if own else None,
                    timeout=TIMEOUT,
                    stream=True,
                    allow_redirects=False,
                ) as response:
                    if response.is_redirect:
                        url = urljoin(address, response.headers["Location"])
                        continue
                    if response.status_code < 300:
                        return File(attachment.name, attachment.media_type, _read(response, limit, until, too_large))
                    if response.status_code not in (401, 429) and response.status_code < 500:
                        raise Rejected(f"{attachment.name} cannot be read: Zendesk answered {response.status_code}")
                    refuse(response)
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                raise unreachable(error) from error
    raise Rejected(f"{attachment.name} cannot be read: Zendesk redirects us in circles")


def _read(response: requests.Response, limit: int, until: float, too_large: CannotCarry) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(CHUNK):
        content += chunk
        if len(content) > limit:
            raise too_large
        if monotonic() > until:
            raise TryLater("Zendesk sends the file too slowly")
    return bytes(content)


def _allowed(desk: Desk, url: str) -> tuple[str, bool]:
    """The address to read, and whether it is the account's own; raises `Rejected` for a stranger's."""
    parts, home = urlsplit(url), urlsplit(desk.home)
    if (parts.scheme, parts.netloc) in {("https", desk.host), (home.scheme, home.netloc)}:
        return desk.home + parts.path + (f"?{parts.query}" if parts.query else ""), True
    if parts.scheme == "https" and parts.netloc.endswith(".zdusercontent.com"):
        return url, False
    raise Rejected(f"the file's address is not one of Zendesk's: {parts.scheme}://{parts.hostname}")
