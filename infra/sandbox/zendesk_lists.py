"""Zendesk's pages, its incremental export and its search.

https://developer.zendesk.com/api-reference/introduction/pagination/
https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/
"""

from __future__ import annotations

import base64
import binascii
import shlex
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.sandbox.zendesk_shapes import Problem, iso

if TYPE_CHECKING:
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]
PAGE = 100
EXPORT_PAGE = 1000
START_TOO_RECENT = "Too recent start_time. Use a start_time older than 60 seconds"


def page(zendesk: ZendeskSandbox, path: str, query: Mapping[str, str], name: str, found: list[Json]) -> Json:
    """One page of a list, by cursor where `page[size]`, `page[after]` or `page[before]` is given, else by number."""
    address = f"{zendesk.url}{path}.json"
    if any(key.startswith("page[") for key in query):
        return _cursor_page(address, query, name, found)
    size = _size(query, "per_page")
    number = max(1, _integer(query, "page", 1))
    rest = {key: value for key, value in query.items() if key != "page"}

    def link(to: int, exists: bool) -> str | None:
        return f"{address}?{urllib.parse.urlencode({**rest, 'page': to})}" if exists else None

    return {
        name: found[(number - 1) * size : number * size],
        "count": len(found),
        "next_page": link(number + 1, number * size < len(found)),
        "previous_page": link(number - 1, number > 1),
    }


def _cursor_page(address: str, query: Mapping[str, str], name: str, found: list[Json]) -> Json:
    size = _size(query, "page[size]")
    start = _decode(query.get("page[after]", ""))[0]
    if "page[before]" in query:
        start = max(0, _decode(query["page[before]"])[0] - size)
    end = min(start + size, len(found))
    rest = {key: value for key, value in query.items() if key not in ("page[after]", "page[before]")}
    before, after = _encode(start), _encode(end)
    more = end < len(found)
    return {
        name: found[start:end],
        "meta": {"has_more": more, "after_cursor": after if end > start else None, "before_cursor": before},
        "links": {
            "prev": f"{address}?{urllib.parse.urlencode({**rest, 'page[before]': before})}" if start else None,
            "next": f"{address}?{urllib.parse.urlencode({**rest, 'page[after]': after})}" if more else None,
        },
    }


def export(zendesk: ZendeskSandbox, query: Mapping[str, str]) -> Json:
    """The cursor based export of tickets by time of change; the most recent `export_lag_ms` are left out.

    The cursor holds the number of the last change that was told, so that a page never skips one.
    """
    now = zendesk.world.now()
    if "cursor" in query:
        since, passed = _decode(query["cursor"])
    elif query.get("start_time", "").isdigit():
        since, passed = int(query["start_time"]), 0
        if since * 1000 > now - 60_000:
            raise Problem(400, {"error": "StartTimeTooRecent", "description": START_TOO_RECENT})
    else:
        raise Problem(400, {"error": "InvalidParams", "description": "start_time or cursor is missing"})
    changes = sorted((sequence, ms, number) for number, (sequence, ms) in zendesk.changes.items())
    ripe = [
        each
        for each in changes
        if each[0] > passed and each[1] // 1000 >= since and each[1] <= now - zendesk.export_lag_ms
    ]
    size = min(max(1, _integer(query, "per_page", EXPORT_PAGE)), EXPORT_PAGE)
    told = ripe[:size]
    cursor = _encode(since, told[-1][0] if told else passed)
    return {
        "tickets": [{**zendesk.tickets[number], "generated_timestamp": ms // 1000} for _, ms, number in told],
        "after_cursor": cursor,
        "after_url": f"{zendesk.url}/api/v2/incremental/tickets/cursor.json?cursor={urllib.parse.quote(cursor)}",
        "before_cursor": None,
        "before_url": None,
        "end_of_stream": len(ripe) <= size,
    }


def search(zendesk: ZendeskSandbox, query: Mapping[str, str]) -> list[Json]:
    """Tickets and users by `type:`, `external_id:`, `status:`, `tags:`, `email:` and words, as they were indexed."""
    try:
        words = shlex.split(query.get("query", ""))
    except ValueError:
        raise Problem(422, {"error": "invalid", "description": "Invalid search: unbalanced quotes"}) from None
    asked = dict(word.split(":", 1) for word in words if ":" in word)
    plain = [word.lower() for word in words if ":" not in word]
    ripe = zendesk.world.now() - zendesk.search_lag_ms
    found: list[Json] = []
    if asked.get("type", "ticket") == "ticket":
        tickets = (zendesk.tickets[number] for number, (_, ms) in zendesk.changes.items() if ms <= ripe)
        found += [{**each, "result_type": "ticket"} for each in tickets if _matches(each, asked, plain, "description")]
    if asked.get("type", "user") == "user":
        users = (user for user in zendesk.users.values() if user["updated_at"] <= iso(ripe))
        found += [{**each, "result_type": "user"} for each in users if _matches(each, asked, plain, "name")]
    return found


def _matches(record: Json, asked: Mapping[str, str], words: list[str], text: str) -> bool:
    for name, wanted in asked.items():
        if name == "type":
            continue
        actual = record.get(name)
        values = actual if isinstance(actual, list) else [actual]
        if wanted.lower() not in (str(value).lower() for value in values if value is not None):
            return False
    content = f"{record.get('subject', '')} {record.get(text, '')}".lower()
    return all(word in content for word in words)


def _size(query: Mapping[str, str], name: str) -> int:
    return min(max(1, _integer(query, name, PAGE)), PAGE)


def _integer(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    return int(value) if value.isdigit() else default


def _encode(first: int, second: int = 0) -> str:
    return base64.b64encode(f"{first}.0||{second}|".encode()).decode()


def _decode(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, 0
    try:
        first, _, second = base64.b64decode(cursor, validate=True).decode().partition(".0||")
        return int(first), int(second.rstrip("|"))
    except (binascii.Error, ValueError):
        raise Problem(400, {"error": "InvalidPaginationParameter", "description": "cursor is not valid"}) from None
