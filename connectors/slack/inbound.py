"""Slack's text and files as plain text and attachments.

https://docs.slack.dev/messaging/formatting-message-text · https://docs.slack.dev/reference/objects/file-object
"""

from __future__ import annotations

import re
from typing import Any

from chalicelib.core.model import Attachment
from connectors.slack.blocks import text_of_blocks

Json = dict[str, Any]

LARGEST_SIZE = 2**50
GONE = "tombstone"  # the mode of a file that was deleted

_MARKUP = re.compile(r"<([^<>\n]*)>")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNSAFE_IN_NAMES = re.compile("[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]{0,80}/[A-Za-z0-9][\w.+-]{0,120}", re.ASCII)


def clean(value: object) -> str:
    """A string that can be stored anywhere: control characters dropped, half surrogates replaced; "" for no string."""
    if not isinstance(value, str):
        return ""
    value = _UNSEEN.sub("", value)
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def plain(text: str) -> str:
    """Slack's markup as plain text: references resolved where they tell a name, `&amp; &lt; &gt;` unescaped."""
    parts, end = [], 0
    for found in _MARKUP.finditer(text):
        parts += [_unescape(text[end : found.start()]), _reference(found.group(1))]
        end = found.end()
    return "".join([*parts, _unescape(text[end:])])


def words_of(message: Json) -> str:
    """What a message says: its text, else that of its blocks, else of its attachments; what it forwards is quoted."""
    shown = [one for one in _list(message.get("attachments")) if isinstance(one, dict)]
    text = plain(clean(message.get("text")))
    if not text.strip():
        text = plain(clean(text_of_blocks(message.get("blocks")))) or "\n".join(filter(None, map(_attached, shown)))
        return text.strip()
    forwarded = [_attached(one) for one in shown if one.get("is_share") is True]
    quotes = [f"> {line}" for words in forwarded for line in words.splitlines()]
    return "\n".join([text, *quotes])


def attachments(message: Json) -> tuple[Attachment, ...]:
    """The files of a message. One without an address (Slack Connect) keeps its id: it is asked for when fetched."""
    files = [one for one in _list(message.get("files")) if isinstance(one, dict)]
    one_file = message.get("file")
    if not files and isinstance(one_file, dict):
        files = [one_file]
    return tuple(_attachment(one) for one in files if clean(one.get("id")) and one.get("mode") != GONE)


def _attachment(file: Json) -> Attachment:
    key, size, media_type = clean(file["id"])[:64], file.get("size"), file.get("mimetype")
    known = isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= LARGEST_SIZE
    return Attachment(
        key=key,
        name=_file_name(file.get("name")) or _file_name(file.get("title")) or key,
        media_type=media_type
        if isinstance(media_type, str) and _MEDIA_TYPE.fullmatch(media_type)
        else "application/octet-stream",
        size=size if known and isinstance(size, int) else -1,
        url=clean(file.get("url_private_download") or file.get("url_private"))[:2000],
    )


def _file_name(value: object) -> str:
    name = re.split(r"[/\\]", _UNSAFE_IN_NAMES.sub("", clean(value)))[-1].strip()
    return "" if name in (".", "..") else name[-200:]


def _attached(attachment: Json) -> str:
    """The words of a message's attachment: a forwarded message, or an old app's card."""
    told = [clean(attachment.get(key)) for key in ("author_name", "pretext", "title", "text")]
    words = [plain(one) for one in told if one.strip()] or [plain(clean(attachment.get("fallback")))]
    return "\n".join(one for one in words if one.strip())


def _reference(inner: str) -> str:
    target, _, label = inner.partition("|")
    label = _unescape(label)
    if not target:
        return f"<{inner}>"
    match target[:1]:
        case "@":
            return f"@{label.removeprefix('@')}" if label else f"<{inner}>"
        case "#":
            return f"#{label.removeprefix('#')}" if label else f"<{target}>"
        case "!":
            return _special(target[1:], label, inner)
        case _:
            return _link(_unescape(target), label)


def _special(target: str, label: str, inner: str) -> str:
    if target in ("here", "channel", "everyone"):
        return f"@{target}"
    return label or f"<{inner}>"


def _link(url: str, label: str) -> str:
    if not label or label == url:
        return url
    scheme, _, rest = url.partition(":")
    if label == rest.removeprefix("//").rstrip("/") or label == rest.removeprefix("//"):
        return url if scheme in ("http", "https") else label
    return f"{label} ({url})"


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
