"""Some of the day's conversations, as a person would want to read them: who, where, when, what, and whether it came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.demo.count import Item, Seen
from infra.demo.day import Day

_SHOWN = 4


@dataclass(frozen=True)
class Line:
    """One line of a conversation: when (as people write it), who, what kind it is, the text, and what became of it."""

    at: str
    who: str
    kind: str
    text: str
    fate: str


@dataclass(frozen=True)
class Shown:
    """A conversation to be read."""

    id: str
    subject: str
    customer: str
    where: str
    here: str
    there: str
    lines: tuple[Line, ...]


def chosen(seen: Seen, most: int = _SHOWN) -> list[Shown]:
    """The conversations in which most kinds of things happened, longest first among equals."""
    by_conversation: dict[str, list[Item]] = {}
    for item in seen.messages:
        by_conversation.setdefault(item["conversation"], []).append(item)

    def interest(pair: tuple[str, list[Item]]) -> tuple[int, int, str]:
        kinds = {(item["kind"], item.get("direction"), bool(item.get("files"))) for item in pair[1]}
        return -len(kinds), -len(pair[1]), pair[0]

    best = sorted(by_conversation.items(), key=interest)[:most]
    return [_shown(seen, seen.conversations[number], messages) for number, messages in best]


def _shown(seen: Seen, conversation: Item, messages: list[Item]) -> Shown:
    day = seen.day
    customer = next(item for item in seen.table if item["pk"] == f"P#{conversation['customer']}")
    heads = {item["connection"]: item for item in seen.table if _is_head_of(item, conversation["id"])}
    entries = _entries(seen, conversation["id"])
    record = str(heads.get(day.zendesk, {}).get("record", ""))
    ticket = day.sandbox.zendesk.tickets.get(int(record)) if record else None
    tickets = [number for number, one in seen.ours.items() if one["external_id"].endswith(conversation["id"])]
    there = f"Zendesk ticket {', '.join(f'#{number}' for number in sorted(tickets))}: "
    there += f"{ticket['status']}, {ticket['priority'] or 'no priority'}" if ticket else "none yet"
    here = f"{conversation['status']}, {conversation['priority']}, team {conversation['team']}"
    lines = [_line(day, item, entries.get(item["pk"], [])) for item in sorted(messages, key=lambda item: item["sort"])]
    channel = day.sandbox.slack.channels[conversation["reply_to"]["to"]["channel"]]
    where = f"Slack #{channel['name']}" + (" (shared)" if channel["shared"] else "")
    where = "Slack, direct message" if channel["user"] else where
    return Shown(
        conversation["id"], _readable(day, conversation["subject"]), customer["name"], where, here, there, tuple(lines)
    )


def _line(day: Day, item: Item, entries: Iterable[Item]) -> Line:
    kind = item["kind"] if item.get("direction") != "out" else "answer"
    files = [f"[{file['name']}]" for file in item.get("files", ())]
    text = " ".join([_readable(day, item["text"]), *files]).strip()
    return Line(
        at=clock(int(item["sent_at"])),
        who=_name(day, item),
        kind={"note": "private note", "message": "writes"}.get(kind, kind),
        text=text or "(the message above)",
        fate="stays inside" if kind == "note" else _fate(list(entries), "Slack" if kind == "answer" else "Zendesk"),
    )


def _fate(entries: list[Item], to: str) -> str:
    if not entries:
        return ""
    left = [entry for entry in entries if entry["state"] != "done"]
    if left:
        return f"NOT in {to}: {left[0]['state']}. {left[0].get('reason', '')}"
    return f"in {to} {clock(max(int(entry['done_at']) for entry in entries))}"


def _readable(day: Day, text: str) -> str:
    """On one line, and with the app's name in place of Slack's number for it."""
    return text.replace(f"<@{day.sandbox.slack.bot_user_id}>", "@Deskweave").replace("\n", " / ")


def _name(day: Day, item: Item) -> str:
    author: Mapping[str, Any] = item["author"]
    user = day.sandbox.slack.users.get(str(author["key"]))
    return str(author["name"] or (user or {}).get("name") or author["key"])


def _entries(seen: Seen, conversation: str) -> dict[str, list[Item]]:
    """Message -> its entries in the ledger."""
    found: dict[str, list[Item]] = {}
    for entry in seen.entries:
        if entry["pk"].startswith(f"L#{conversation}#") and "message" in entry:
            found.setdefault(entry["message"], []).append(entry)
    return found


def _is_head_of(item: Item, conversation: str) -> bool:
    return bool(item["pk"].startswith(f"L#{conversation}#") and item["sk"] == "HEAD")


def clock(ms: int) -> str:
    """The time of day, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S")
