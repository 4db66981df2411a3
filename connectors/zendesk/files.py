"""Files to and from Zendesk. https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/"""

from __future__ import annotations

from io import BytesIO
from time import monotonic
from urllib.parse import urljoin, urlsplit

import requests

from chalicelib.core.model import Attachment, File
from connectors.base import CannotCarry, Rejected, TryLater
from connectors.zendesk.session import TIMEOUT, Desk, refuse, telling

LONGEST_SECONDS = 20.0
MOST_HOPS = 4


def upload(desk: Desk, file: File) -> str:
    """Upload a file for a comment to come; returns its token. That of a call that fails expires by itself."""
    uploaded = desk.zenpy.attachments.upload(
        BytesIO(file.content),  # bytes would have to be sent as one within the time-out
        target_name=file.name,
        content_type=file.media_type,
    )
    return str(uploaded["upload"]["token"])


def fetch(desk: Desk, attachment: Attachment, limit: int) -> File:
    """Read a file from the account's own host or the one it redirects to; our credentials go to the former alone."""
    if attachment.size > limit:
        raise CannotCarry(f"{attachment.name} is larger than {limit:,} bytes")
    url, until = attachment.url, monotonic() + LONGEST_SECONDS
    with requests.Session() as session, telling():
        session.trust_env = False
        for _ in range(MOST_HOPS):
            own = _own(desk, url)
            asked = session.get(
                desk.session.at_home(url) if own else url,
                auth=desk.session.auth if own else None,
                timeout=TIMEOUT,
                stream=True,
                allow_redirects=False,
            )
            with asked as response:
                if not response.is_redirect:
                    return File(attachment.name, attachment.media_type, _read(response, attachment, limit, until))
                url = urljoin(str(response.url), response.headers["Location"])
    raise Rejected(f"{attachment.name} cannot be read: Zendesk sends us in circles")


def _own(desk: Desk, url: str) -> bool:
    """Whether an address is the account's own; raises `Rejected` where it is a stranger's."""
    parts = urlsplit(url)
    if url.startswith(desk.session.home + "/") or (parts.scheme, parts.netloc) == ("https", desk.host):
        return True
    if parts.scheme == "https" and parts.netloc.endswith(".zdusercontent.com"):
        return False
    raise Rejected(f"the file's address is not one of Zendesk's: {parts.scheme}://{parts.hostname}")


def _read(response: requests.Response, attachment: Attachment, limit: int, until: float) -> bytes:
    if response.status_code in (403, 404, 410):  # the file's own: our credentials and the ticket are all right
        raise Rejected(f"{attachment.name} cannot be read: Zendesk answered {response.status_code}")
    refuse(response)
    content = bytearray()
    for chunk in response.iter_content(65_536):
        content += chunk
        if len(content) > limit:
            raise CannotCarry(f"{attachment.name} is larger than {limit:,} bytes")
        if monotonic() > until:
            raise TryLater("Zendesk sends the file too slowly")
    return bytes(content)
