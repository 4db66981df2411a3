"""Real deliveries, each with its label: what it is, its words, and who wrote them. The labels hold no more than that.

The labels were typed from reading each file, apart from the parser, after a first draft had been taken from the
parser's own output; the two agreed. So they are no blind labelling: whoever adds a file reads it first, and labels a
person's message as one. An `update` with words is an edit (its new words) or a deletion (the words that went).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.parse import parse_file
from tests.support import corpus

LABELS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "corpus.json").read_text())


def label_of(told: dict[str, Any]) -> dict[str, str]:
    event = told["event"] or {}
    original = event.get("original", event)
    found = {"outcome": told["outcome"]}
    if "text" in original:
        found["text"] = event.get("text", original["text"])
    if "sender" in original:
        found["sender"] = original["sender"]["key"]
    return found


def test_every_file_of_the_corpus_has_its_label() -> None:
    names = {file.name for file in (corpus.corpus_dir() / "slack" / "events").iterdir()}
    assert names == set(LABELS)


@pytest.mark.parametrize("name", LABELS)
def test_a_real_delivery_says_what_its_label_says(name: str, record_property: Any) -> None:
    told = parse_file("slack", corpus.corpus_dir() / "slack" / "events" / name)
    assert label_of(told) == LABELS[name], told["reason"]
    assert told["reason"] or told["outcome"] in ("message", "update")
    record_property("corpus_items", 1)
    corpus.tested(1, "slack events")
