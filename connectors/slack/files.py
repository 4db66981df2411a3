"""Files to and from Slack. https://docs.slack.dev/messaging/working-with-files/

An upload has three steps; only the last one, which shares the file, is seen by anybody. The file's id is noted between
the first and the others, so that after a doubt the file can be asked whether it was shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from chalicelib.core.model import Attachment, File, OutboundFile
from connectors import http
from connectors.base import BadCredentials, Call, CannotCarry, ConnectorError, Rejected, TryLater
from connectors.slack import errors, web
from connectors.slack.send import channel_of

HOSTS = frozenset({"slack.com", ".slack.com"})
DOWNLOAD_TIMEOUT = 20.0
UPLOAD_TIMEOUT = 20.0
NOT_SHARED = frozenset({"file_not_found", "file_deleted"})


def send_file(settings: Mapping[str, str], outbound: OutboundFile, call: Call) -> str:
    """Upload a file and share it in its thread; returns `channel:ts` where Slack tells it, else `file:` + its id."""
    channel, file = channel_of(outbound.to), outbound.file
    if not file.content:
        raise CannotCarry(f"{file.name} is empty, and Slack takes no empty files")
    with _unseen():
        place = web.call(settings, "files.getUploadURLExternal", filename=_name(file), length=len(file.content)).data
    file_id, upload_url = place.get("file_id"), place.get("upload_url")
    if not (isinstance(file_id, str) and file_id and isinstance(upload_url, str)):
        raise TryLater("Slack did not say where the file goes")
    call.note(file_id)
    with _unseen():
        _upload(settings, upload_url, file)
    thread = {"thread_ts": outbound.to["thread_ts"]} if outbound.to.get("thread_ts") else {}
    reply = web.call(
        settings,
        "files.completeUploadExternal",
        files=[{"id": file_id, "title": _name(file)}],
        channel_id=channel,
        **thread,
    )
    shared = reply.data.get("files")
    first = shared[0] if isinstance(shared, list) and shared and isinstance(shared[0], dict) else {}
    return _share(first, channel) or f"file:{file_id}"


def lookup(settings: Mapping[str, str], to: Mapping[str, str], call: Call) -> str | None:
    """The key of the message that shares the noted file, `file:` + its id where only the share is told, else None."""
    if not call.noted:
        return None
    reply = web.call(settings, "files.info", quiet=NOT_SHARED, file=call.noted)
    told = reply.data.get("file")
    file = told if isinstance(told, dict) else {}
    channel = channel_of(to)
    listed = [place for kind in ("channels", "groups", "ims") for place in file.get(kind) or ()]
    return _share(file, channel) or (f"file:{call.noted}" if channel in listed else None)


def fetch(settings: Mapping[str, str], attachment: Attachment, limit: int) -> File:
    """Read a file that a customer sent. Raises `CannotCarry` where it is larger than `limit` or not kept by Slack."""
    if attachment.size > limit:
        raise CannotCarry(f"{attachment.name} has {attachment.size} bytes, more than the {limit} that are carried")
    url = attachment.url or _address(settings, attachment.key)
    bounds = _bounds(settings)
    if not bounds.allow(url):
        raise CannotCarry(f"{attachment.name} does not lie at Slack but at {http.host(url) or 'an unknown place'}")
    try:
        answer = http.call(
            "GET",
            url,
            bounds,
            provider="Slack",
            authorization=f"Bearer {web.token(settings)}",
            limit=limit,
            timeout=DOWNLOAD_TIMEOUT,
        )
    except BadCredentials as refused:
        raise _no_access(settings, attachment) from refused
    if len(answer.content) != attachment.size and (told := _refusal(answer)):
        raise errors.of_answer("a file's download", answer.status, answer.headers, told)
    if _is_sign_in(answer, attachment, url):
        raise _no_access(settings, attachment)
    return File(attachment.name, attachment.media_type, answer.content)


def _upload(settings: Mapping[str, str], url: str, file: File) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    http.call(
        "POST", url, _bounds(settings), provider="Slack", headers=headers, body=file.content, timeout=UPLOAD_TIMEOUT
    )


@contextmanager
def _unseen() -> Iterator[None]:
    """Nobody sees an upload that was not completed: what fails before is never in doubt."""
    try:
        yield
    except TryLater as error:
        raise TryLater(str(error), retry_after=error.retry_after, scope=error.scope) from None


def _bounds(settings: Mapping[str, str]) -> http.Bounds:
    """Slack's hosts, and those below the address that the connection names (GovSlack)."""
    api_url = web.api_url(settings)
    return http.Bounds(HOSTS | {f".{http.host(api_url)}"}, api_url)


def _address(settings: Mapping[str, str], file_id: str) -> str:
    """Where a file lies that came without its address: Slack Connect tells it only when asked."""
    told = web.call(settings, "files.info", file=file_id).data.get("file")
    file = told if isinstance(told, dict) else {}
    url = file.get("url_private_download") or file.get("url_private")
    if not isinstance(url, str):
        raise Rejected("Slack does not say where the file lies: its workspace does not let the app read it")
    return url


def _is_sign_in(answer: http.Answer, attachment: Attachment, url: str) -> bool:
    """Slack answers with its sign-in page, and 200, where the token may not read a file."""
    if answer.url != url and ("redir=" in answer.url or urlsplit(answer.url).path in ("", "/")):
        return True
    return answer.media_type == "text/html" and attachment.media_type not in ("text/html", "application/xhtml+xml")


def _refusal(answer: http.Answer) -> Mapping[str, object]:
    """Slack's refusal, where it sends one instead of a file; {} where it does not."""
    if answer.media_type != "application/json":
        return {}
    try:
        told = answer.json()
    except ConnectorError:
        return {}
    return told if isinstance(told, dict) and told.get("ok") is False else {}


def _no_access(settings: Mapping[str, str], attachment: Attachment) -> ConnectorError:
    """The whole token's fault or this file's alone: the token's scopes tell."""
    granted = web.call(settings, "auth.test").headers.get("x-oauth-scopes")
    if granted is not None and "files:read" not in {scope.strip() for scope in granted.split(",")}:
        return BadCredentials("Slack does not let the app read files: add the scope files:read and install it again")
    return Rejected(f"Slack does not let the app read {attachment.name}: ask the customer to send it in the channel")


def _share(file: Mapping[str, Any], channel: str) -> str:
    """The key of the message that shares a file in a channel, "" where the file does not tell."""
    shares = file.get("shares")
    for places in shares.values() if isinstance(shares, dict) else ():
        messages = places.get(channel) if isinstance(places, dict) else None
        if isinstance(messages, list) and messages and isinstance(messages[0], dict) and messages[0].get("ts"):
            return f"{channel}:{messages[0]['ts']}"
    return ""


def _name(file: File) -> str:
    return re.sub(r"[\x00-\x1f\x7f/\\]", "_", file.name)[-200:] or "file"
