"""Which team a new conversation goes to, and how urgent it is: ordered rules, the first match decides.

This is the only door to routing: a fuller policy takes the place of `route` behind the same signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.core.model import Priority, Routed, Rule

DEFAULT_TEAM = "Support"


class BadRule(ValueError):
    """A routing rule that cannot be understood; the message says which, and what to write instead."""


def route(rules: Sequence[Rule], *, channel: str, text: str, tags: Iterable[str]) -> Routed:
    """Decide from the channel's name, the first message's text and the customer's tags. Total and pure."""
    tagged = {tag.casefold() for tag in tags}
    for number, rule in enumerate(rules, 1):
        if rule.channel and rule.channel != channel:
            continue
        if rule.tag and rule.tag.casefold() not in tagged:
            continue
        if rule.words and not _says_one_of(text, rule.words):
            continue
        return Routed(rule.team, rule.priority or Priority.NORMAL, number)
    return Routed(DEFAULT_TEAM, Priority.NORMAL)


def _says_one_of(text: str, words: Sequence[str]) -> bool:
    pattern = "|".join(re.escape(word.casefold()) for word in words)
    return re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text.casefold()) is not None


def read_rules(raw: object) -> tuple[Rule, ...]:
    """Rules from their JSON form, a list of {team, priority?, channel?, words?, tag?}. Raises `BadRule`."""
    if not isinstance(raw, list):
        raise BadRule('write a list of rules: [{"team": "Billing", "words": ["invoice"]}]')
    return tuple(_rule(number, entry) for number, entry in enumerate(raw, 1))


def _rule(number: int, entry: Any) -> Rule:
    if not isinstance(entry, dict):
        raise BadRule(f"rule {number}: write an object with a team")
    unknown = set(entry) - {"team", "priority", "channel", "words", "tag"}
    if unknown:
        raise BadRule(
            f"rule {number}: {', '.join(sorted(unknown))} is not known; use team, priority, channel, words, tag"
        )
    team, words = entry.get("team"), entry.get("words", [])
    if not isinstance(team, str) or not team.strip():
        raise BadRule(f"rule {number}: a team is missing")
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        raise BadRule(f"rule {number}: words is a list of words")
    for key in ("channel", "tag"):
        if not isinstance(entry.get(key, ""), str):
            raise BadRule(f"rule {number}: {key} is a text")
    try:
        priority = Priority(entry["priority"]) if entry.get("priority") else None
    except ValueError:
        known = ", ".join(Priority)
        raise BadRule(f"rule {number}: {entry['priority']!r} is no priority; use one of {known}") from None
    return Rule(team.strip(), priority, entry.get("channel", ""), tuple(words), entry.get("tag", ""))


def write_rules(rules: Iterable[Rule]) -> list[dict[str, object]]:
    """The JSON form of rules, without what is not set."""
    written = []
    for rule in rules:
        entry: dict[str, object] = {"team": rule.team}
        if rule.priority:
            entry["priority"] = rule.priority.value
        if rule.channel:
            entry["channel"] = rule.channel
        if rule.words:
            entry["words"] = list(rule.words)
        if rule.tag:
            entry["tag"] = rule.tag
        written.append(entry)
    return written
