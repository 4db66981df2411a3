"""Slack's files: the three-step upload, `files.info`, and downloads that want the bearer token.

https://docs.slack.dev/messaging/working-with-files/
"""

from __future__ import annotations

import json
import mimetypes
import urllib.parse
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from infra.sandbox.server import Reply, Request

if TYPE_CHECKING:
    from infra.sandbox.slack import SlackSandbox

Json = dict[str, Any]


@dataclass
class SlackFile:
    """A file and where it was shared: (channel, ts, thread_ts, when)."""

    id: str
    user: str
    name: str
    media_type: str
    content: bytes
    created: int
    title: str = ""
    length: int = -1
    uploaded: bool = True
    shares: list[tuple[str, str, str | None, int]] = field(default_factory=list)

    def share(self, channel: str, ts: str, thread_ts: str | None, now: int) -> None:
        self.shares.append((channel, ts, thread_ts, now))

    def shown(self, slack: SlackSandbox) -> Json:
        """The file object of messages and `files.info`, without its shares."""
        suffix = PurePosixPath(self.name).suffix.lstrip(".").lower() or "binary"
        path = f"{slack.team_id}-{self.id}"
        name = urllib.parse.quote(self.name, safe="")
        channels = [channel for channel, *_ in self.shares]
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.media_type,
            "filetype": suffix,
            "pretty_type": suffix.upper(),
            "user": self.user,
            "editable": False,
            "size": len(self.content),
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": any(channel.startswith("C") for channel in channels),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": f"{slack.world.url}/slack/files-pri/{path}/{name}",
            "url_private_download": f"{slack.world.url}/slack/files-pri/{path}/download/{name}",
            "permalink": f"{slack.world.url}/slack/files/{self.user}/{self.id}/{name}",
            "permalink_public": f"{slack.world.url}/slack/public/{path}",
            "has_rich_preview": False,
        }

    def shared_with(self, now: int, lag: int) -> Json:
        """The `shares` of `files.info`: public or private, channel, and the messages there."""
        result: dict[str, dict[str, list[Json]]] = {}
        for channel, ts, thread_ts, when in self.shares:
            if when + lag > now:
                continue
            entry: Json = {"reply_users": [], "reply_users_count": 0, "reply_count": 0, "ts": ts}
            if thread_ts:
                entry["thread_ts"] = thread_ts
            side = "public" if channel.startswith("C") else "private"
            result.setdefault(side, {}).setdefault(channel, []).append(entry)
        return result


def make(slack: SlackSandbox, user: str, name: str, media_type: str, content: bytes) -> SlackFile:
    number = f"F{slack.world.seed % 1000:03d}{slack.world.number('F'):07d}"
    file = SlackFile(number, user, name, media_type, content, slack.world.now() // 1000)
    slack.files[file.id] = file
    return file


def get_upload_url(slack: SlackSandbox, arguments: Json) -> Json:
    name, asked = str(arguments.get("filename") or ""), str(arguments.get("length") or "")
    if not name or not asked.isdigit() or not int(asked):
        return {"ok": False, "error": "invalid_arguments"}
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    file = make(slack, slack.bot_user_id, name, media_type, b"")
    file.uploaded, file.length = False, int(asked)
    token = slack.world.secret(f"upload-{file.id}", 40)
    return {"ok": True, "upload_url": f"{slack.world.url}/slack/upload/v1/{file.id}-{token}", "file_id": file.id}


def receive_upload(slack: SlackSandbox, request: Request) -> Reply:
    """The second step: the content itself, raw or as a form with one file, to the address of the first step."""
    file_id, _, token = request.path.rpartition("/")[2].partition("-")
    file = slack.files.get(file_id)
    if file is None or token != slack.world.secret(f"upload-{file_id}", 40):
        return Reply(404, b"Not found")
    content = _form_content(request) if "multipart/" in request.headers.get("content-type", "") else request.body
    if len(content) != file.length:
        return Reply(400, b"length mismatch")
    file.content, file.uploaded = content, True
    return Reply(200, f"OK - {len(content)}".encode(), {"Content-Type": "text/plain"})


def complete_upload(slack: SlackSandbox, arguments: Json) -> Json:
    """The third step: share. Doing it twice shares twice; who must not, asks `files.info` first."""
    asked = arguments.get("files") or []
    listed: list[Json] = json.loads(asked) if isinstance(asked, str) else asked
    files = [slack.files.get(str(each.get("id"))) for each in listed]
    known = [file for file in files if file is not None and file.uploaded]
    if not known or len(known) != len(files):
        return {"ok": False, "error": "file_not_found"}
    for file, each in zip(known, listed, strict=True):
        file.title = str(each.get("title") or file.name)
    channel, thread_ts = arguments.get("channel_id"), arguments.get("thread_ts") or None
    if channel:
        if channel not in slack.channels:
            return {"ok": False, "error": "channel_not_found"}
        from infra.sandbox import slack_api

        message = slack_api.bot_message(slack, str(arguments.get("initial_comment") or ""))
        ts = slack.store(channel, message, thread_ts, known)
        for file in known:
            slack.world.note(
                "slack", "file", file.id, channel=channel, ts=ts, thread_ts=thread_ts or "", name=file.name
            )
    return {"ok": True, "files": [file.shown(slack) for file in known]}


def info(slack: SlackSandbox, arguments: Json) -> Json:
    file = slack.files.get(str(arguments.get("file")))
    if file is None:
        return {"ok": False, "error": "file_not_found"}
    shown = file.shown(slack)
    shares = file.shared_with(slack.world.now(), slack.share_lag_ms)
    places = [channel for side in shares.values() for channel in side]
    shown |= {"shares": shares, "comments_count": 0}
    for name, prefix in (("channels", "C"), ("groups", "G"), ("ims", "D")):
        shown[name] = [place for place in places if place.startswith(prefix)]
    return {"ok": True, "file": shown, "comments": [], "response_metadata": {"next_cursor": ""}}


def download(slack: SlackSandbox, request: Request) -> Reply:
    """The content for the bot's token; a page to sign in at, by way of a redirect, for anybody else."""
    if request.headers.get("authorization") != f"Bearer {slack.bot_token}" or slack.ended:
        return Reply(302, b"", {"Location": f"{slack.world.url}/slack/login?redir={urllib.parse.quote(request.path)}"})
    file = slack.files.get(request.path.split("/")[3].partition("-")[2])
    if file is None:
        return Reply(404, b"Not found")
    return Reply(200, file.content, {"Content-Type": file.media_type})


def _form_content(request: Request) -> bytes:
    """The first part of a multipart form that has a file name, else the first part."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    parts = [part.partition(b"\r\n\r\n") for part in request.body.split(b"--" + boundary)[1:-1]]
    named = [part for part in parts if b"filename=" in part[0]] or parts
    return named[0][2].removesuffix(b"\r\n") if named else b""
