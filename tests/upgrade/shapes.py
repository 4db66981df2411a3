"""The forms of what a version writes: for each kind of item and of message, the attributes and their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.upgrade.sample import Sample

# Maps whose keys are ids, names or numbers, not words of ours.
_BY_ID = frozenset({"contacts", "next", "progress", "headers", "to", "settings", "grace"})
# What a partition key begins with -> the item's kind, where the sort key does not tell more.
_KINDS = {
    "C": "conversation",
    "M": "message",
    "T": "thread",
    "I": "identity",
    "V": "verified",
    "P": "customer",
    "L": "lane",
    "K": "link",
    "TRY": "try",
    "CURSOR": "cursor",
    "BUDGET": "budget",
    "CONNECTIONS": "connection",
    "ADMIN": "admin key",
    "FAILURES": "failure",
    "SETTINGS": "settings",
}


def kind_of(item: Mapping[str, Any]) -> str:
    """What an item of the table is, in the words of chalicelib/services/keys.py."""
    pk, sk = str(item["pk"]), str(item["sk"])
    kind = _KINDS[pk.partition("#")[0]]
    if kind == "conversation" and sk.startswith("H#"):
        return "history"
    if kind == "message" and sk != "-":
        return sk.partition("#")[0]
    if kind == "message" and item.get("ours"):
        return "message of ours"
    if kind == "lane":
        part = "entry" if sk.startswith("E#") else "lane"
        return f"pull {part}" if pk.startswith("L#pull:") else f"files {part}" if ":files#" in pk else part
    if kind == "settings":
        return f"settings {sk}"
    return f"failure {item['kind']}" if kind == "failure" else kind


def forms(sample: Sample) -> dict[str, set[str]]:
    """{kind: {attribute and type}} of everything in a sample that is ours: items, messages, documents of secrets."""
    found: dict[str, set[str]] = {}
    for item in sample.table:
        found.setdefault(kind_of(item), set()).update(_paths(item, ""))
    for queue, messages in sample.queues.items():
        for message in messages if not queue.startswith("mail") else ():
            kind = f"queued {message['body'].get('kind', 'wake')}"
            found.setdefault(kind, set()).update(_paths(message["body"], ""))
    for name, document in sample.secrets.items():
        found.setdefault(f"secret {name.partition('/')[0]}", set()).update(_paths(document, ""))
    return found


def _paths(value: Mapping[str, Any], before: str) -> set[str]:
    found = set()
    for name, part in value.items():
        path = f"{before}{name}"
        inner = part if isinstance(part, dict) and "$" not in part else None
        if inner is not None and name not in _BY_ID:
            found |= _paths(inner, f"{path}.")
        elif isinstance(part, list) and part and isinstance(part[0], dict):
            found |= {one for each in part for one in _paths(each, f"{path}[].")}
        else:
            found.add(f"{path}: {_type(part)}")
    return found


def _type(value: Any) -> str:
    if isinstance(value, dict):
        return "bytes" if value.get("$") in ("bytes", "packed") else "text" if "$" in value else "map"
    return {bool: "bool", int: "number", float: "number", str: "text", list: "list"}.get(type(value), "nothing")


def documented() -> set[str]:
    """The kinds of items that the table in keys.py names."""
    from chalicelib.services import keys

    rows = re.findall(r"^\| ([a-z ]+?) *\| [A-Z]", keys.__doc__ or "", re.MULTILINE)
    return {row for row in rows if row != "item"}
