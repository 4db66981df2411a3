"""Zendesk's uploads and attachments (https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments/)."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.sandbox.server import Reply, Request

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
HOUR_MS = 3_600_000


@dataclass
class Upload:
    """Files under one token, which a comment consumes within the hour. `contents` by the token of each file."""

    token: str
    expires: int
    attachments: list[Json] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    used: bool = False


def keep_upload(zendesk: ZendeskSandbox, name: str, media_type: str, content: bytes, token: str = "") -> Upload:
    """Keep a file under a token: a new one, or one that was given before."""
    number = zendesk.id("attachment")
    file_token = zendesk.world.secret(f"attachment-{number}", 24)
    upload = zendesk.uploads.get(token) or Upload(
        zendesk.world.secret(f"upload-{number}", 24), zendesk.world.now() + HOUR_MS
    )
    query = urllib.parse.urlencode({"name": name})
    address = f"{zendesk.url}/attachments/token/{upload.token}.{file_token}/?{query}"
    attachment: Json = {
        "url": f"{zendesk.url}/api/v2/attachments/{number}.json",
        "id": number,
        "file_name": name,
        "content_url": address,
        "mapped_content_url": address,
        "content_type": media_type,
        "size": len(content),
        "width": None,
        "height": None,
        "inline": False,
        "deleted": False,
        "malware_access_override": False,
        "malware_scan_result": "malware_not_found",
        "thumbnails": [],
    }
    upload.attachments.append(attachment)
    upload.contents[file_token] = content
    zendesk.uploads[upload.token] = upload
    return upload


def consume(zendesk: ZendeskSandbox, tokens: list[str]) -> list[Json]:
    """The attachments of some tokens. One that is unknown, used or too old brings nothing, as with the vendor."""
    found: list[Json] = []
    for token in tokens:
        upload = zendesk.uploads.get(str(token))
        if upload is not None and not upload.used and upload.expires > zendesk.world.now():
            upload.used = True
            found += upload.attachments
    return found


def download(zendesk: ZendeskSandbox, request: Request) -> Reply:
    """The content behind an attachment's address: first a redirect to the content's host, as with the vendor."""
    token, _, file_token = request.path.rstrip("/").rpartition("/")[2].partition(".")
    upload = zendesk.uploads.get(token)
    if upload is None or file_token not in upload.contents:
        return Reply(404, b"Not found")
    if request.path.startswith("/zendesk/attachments/"):
        target = f"{zendesk.url}/content/{token}.{file_token}"
        return Reply(302, b"", {"Location": target})
    position = list(upload.contents).index(file_token)
    kind = str(upload.attachments[position]["content_type"])
    return Reply(200, upload.contents[file_token], {"Content-Type": kind})
