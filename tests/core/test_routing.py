"""Routing: ordered rules, the first match decides."""

from __future__ import annotations

import pytest

from chalicelib.core.model import Priority, Routed
from chalicelib.core.routing import BadRule, read_rules, route, write_rules

RULES = read_rules(
    [
        {"team": "Key accounts", "priority": "urgent", "tag": "vip"},
        {"team": "Billing", "words": ["invoice", "refund"], "channel": "slack"},
        {"team": "Technical", "priority": "high", "words": ["error 500"]},
        {"team": "Telephone", "channel": "voice"},
    ]
)

CASES = [
    ("slack", "my invoice is wrong", [], Routed("Billing", Priority.NORMAL, 2)),
    ("slack", "My INVOICE?", [], Routed("Billing", Priority.NORMAL, 2)),
    ("slack", "invoices are fine", [], Routed("Support", Priority.NORMAL, 0)),
    ("sms", "my invoice is wrong", [], Routed("Support", Priority.NORMAL, 0)),
    ("slack", "my invoice is wrong", ["VIP"], Routed("Key accounts", Priority.URGENT, 1)),
    ("sms", "it says Error 500.", [], Routed("Technical", Priority.HIGH, 3)),
    ("voice", "", [], Routed("Telephone", Priority.NORMAL, 4)),
    ("slack", "", [], Routed("Support", Priority.NORMAL, 0)),
]


@pytest.mark.parametrize(("channel", "text", "tags", "expected"), CASES)
def test_the_first_rule_that_matches_decides(channel: str, text: str, tags: list[str], expected: Routed) -> None:
    assert route(RULES, channel=channel, text=text, tags=tags) == expected


BAD = [
    ({"team": "x"}, "write a list"),
    ([["x"]], "rule 1: write an object"),
    ([{"team": ""}], "rule 1: a team is missing"),
    ([{"team": "x"}, {"words": ["a"]}], "rule 2: a team is missing"),
    ([{"team": "x", "word": ["a"]}], "word is not known"),
    ([{"team": "x", "words": "invoice"}], "words is a list"),
    ([{"team": "x", "words": [" "]}], "words is a list"),
    ([{"team": "x", "tag": 5}], "tag is a text"),
    ([{"team": "x", "priority": "hot"}], "'hot' is no priority; use one of low, normal, high, urgent"),
]


@pytest.mark.parametrize(("raw", "message"), BAD)
def test_a_rule_that_cannot_be_understood_says_which_and_why(raw: object, message: str) -> None:
    with pytest.raises(BadRule, match="(?s).*" + message.replace("(", r"\(")):
        read_rules(raw)


def test_rules_survive_being_written_and_read() -> None:
    assert read_rules(write_rules(RULES)) == RULES
