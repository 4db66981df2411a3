"""Which of the day's conversations are worth reading."""

from __future__ import annotations

from infra.demo.played import Item
from infra.demo.seen import Seen

_SHOWN = 4


def chosen(seen: Seen, most: int = _SHOWN) -> list[str]:
    """The ids of the conversations in which most kinds of things happened on most ways, the longest first of equals."""
    by_conversation: dict[str, list[Item]] = {}
    for item in seen.messages:
        by_conversation.setdefault(item["conversation"], []).append(item)

    def interest(conversation: str) -> tuple[int, int, str]:
        messages = by_conversation[conversation]
        kinds = {(item["kind"], item.get("direction"), bool(item.get("files"))) for item in messages}
        ways = {item["connection"] for item in messages}
        return -len(kinds) - len(ways), -len(messages), conversation

    return sorted(by_conversation, key=interest)[:most]
