"""The words of Slack's blocks, for messages that carry no text of their own. https://docs.slack.dev/reference/block-kit

The result is in Slack's markup, like a message's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEEPEST = 20

_LINES = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote"})
_REFERENCES = {
    "user": ("user_id", "<@{}>"),
    "usergroup": ("usergroup_id", "<!subteam^{}>"),
    "channel": ("channel_id", "<#{}>"),
    "broadcast": ("range", "<!{}>"),
    "emoji": ("name", ":{}:"),
    "date": ("fallback", "{}"),
    "color": ("value", "{}"),
}


def text_of_blocks(blocks: object) -> str:
    """The words of a list of blocks, one line for each section; "" where there are none."""
    return "".join(_walk(blocks, 0)).strip("\n")


def _walk(node: object, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        return
    if isinstance(node, list):
        for one in node:
            yield from _walk(one, depth + 1)
    elif isinstance(node, dict):
        yield from _block(node, depth)


def _block(block: dict[str, Any], depth: int) -> Iterator[str]:
    kind = block.get("type")
    kind = kind if isinstance(kind, str) else ""
    if kind in _REFERENCES:
        key, form = _REFERENCES[kind]
        yield form.format(_escape(block[key])) if isinstance(block.get(key), str) else ""
    elif kind == "link":
        yield _link(block)
    elif kind == "text":
        yield _escape(block.get("text"))
    elif kind in ("mrkdwn", "markdown"):
        yield f"{_text(block.get('text'))}\n"
    elif kind == "plain_text":
        yield f"{_escape(block.get('text'))}\n"
    elif kind in ("image", "video"):
        yield f"{_escape(block.get('alt_text'))}\n"
    else:
        yield "• " if kind == "rich_text_section" and block.get("style") == "bullet" else ""
        for part in ("text", "fields", "elements"):
            yield from _walk(block.get(part), depth + 1)
        yield "\n" if kind in _LINES else ""


def _link(block: dict[str, Any]) -> str:
    url, label = _escape(block.get("url")), _escape(block.get("text"))
    return f"<{url}|{label}>" if label else f"<{url}>"


def _escape(value: object) -> str:
    return _text(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
