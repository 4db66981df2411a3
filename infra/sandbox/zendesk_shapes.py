"""Times, texts and errors as Zendesk writes them."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from infra.sandbox.server import Reply, json_reply

Json = dict[str, Any]
BREAKS = {"br": "\n", "p": "\n\n", "div": "\n", "li": "\n", "ul": "\n", "ol": "\n", "blockquote": "\n", "tr": "\n"}


class Problem(Exception):
    """A call that Zendesk refuses, with the status and the body of its answer."""

    def __init__(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers or {}

    def reply(self) -> Reply:
        return json_reply(self.status, self.body, self.headers)


def not_found() -> Problem:
    return Problem(404, {"error": "RecordNotFound", "description": "Not found"})


def invalid(field: str, description: str, error: str = "InvalidValue") -> Problem:
    """The 422 of a record that fails its validation."""
    details = {field: [{"description": description, "error": error}]}
    return Problem(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})


def too_many(description: str, seconds: int) -> Problem:
    body = {"error": "APIRateLimitExceeded", "description": description}
    return Problem(429, body, {"Retry-After": str(seconds)})


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iso(text: str) -> int:
    """Seconds since the epoch; raises ValueError where it is no time."""
    return int(datetime.fromisoformat(text).timestamp())


def html_of(text: str) -> str:
    """The HTML that Zendesk makes of a plain comment."""
    paragraphs = "".join(
        f'<p dir="auto">{html.escape(part, quote=False).replace(chr(10), "<br>")}</p>'
        for part in text.split("\n\n")
        if part
    )
    return f'<div class="zd-comment" dir="auto">{paragraphs}</div>'


def text_of(markup: str) -> str:
    """The plain text of an HTML comment."""
    reader = _Text()
    reader.feed(markup)
    reader.close()
    lines = [line.strip() for line in "".join(reader.parts).split("\n")]
    return "\n".join(lines).replace("\n\n\n", "\n\n").strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        if tag == "br":
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")
        if tag != "br":
            self.parts.append(BREAKS.get(tag, ""))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
