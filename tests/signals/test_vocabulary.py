"""P6: a line says nothing but what log.py's tables allow, in one spelling, and never anybody's words or secrets."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib import log
from chalicelib.services import signals
from connectors.base import BadCredentials, CannotCarry, ConnectorError, Rejected, TryLater
from tests.signals.conftest import STRANGE, Day
from tests.support.wide import ADA, PHONE

ERRORS = ("busy", "doubtful", "unreachable", "credentials", "refused")
_ROW = re.compile(r"^\| (\w+) +\| (.*?) +\|$", re.MULTILINE)


def tables() -> tuple[set[str], dict[str, set[str]]]:
    """The fields, and each step's outcomes, as log.py's docstring has them."""
    fields, steps = (log.__doc__ or "").split("| step       |")
    outcomes = {
        step: {word for told in row.split(", ") for word in (ERRORS if told == "errors" else (told,))}
        for step, row in _ROW.findall(steps)
    }
    return {name for name, _ in _ROW.findall(fields)} - {"field"}, outcomes


def wrong(line: dict[str, Any]) -> list[str]:
    """What a line says that the tables do not have."""
    fields, outcomes = tables()
    found = [name for name in line if name not in fields and name not in log.METRICS and name != "_aws"]
    if line.get("outcome") not in outcomes.get(line["step"], ()):
        found.append(f"{line['step']} {line.get('outcome')}")
    return found


def test_every_line_of_a_day_keeps_to_the_vocabulary(day: Day) -> None:
    assert {told for line in day.lines for told in wrong(line)} == set()


def test_the_day_tells_of_every_step(day: Day) -> None:
    """So that the vocabulary is tried by what is really written."""
    _, outcomes = tables()
    assert set(outcomes) - {line["step"] for line in day.lines} == set()


def test_every_line_tells_when_and_whose(day: Day) -> None:
    assert all("at" in line or "_aws" in line for line in day.lines)
    ids = {"connection", "lane", "failure", "operation", "customer", "conversation", "delivery", "provider"}
    # Strangers have none, and a run has many.
    bare = {(line["step"], line["outcome"]) for line in day.lines if not ids & set(line)}
    assert bare <= {("clock", "ran"), ("inbox", "ended"), ("receive", "404"), ("receive", "413"), ("file", "404")}


@pytest.mark.parametrize("spoilt", [{"email": "x"}, {"outcome": "fine"}, {"step": "elsewhere"}])
def test_a_line_of_another_spelling_is_found(spoilt: dict[str, str]) -> None:
    right = {"step": "receive", "at": 1, "outcome": "handshake", "connection": "c"}
    assert wrong(right) == []
    assert wrong({**right, **spoilt})


def test_nothing_of_a_day_with_faults_tells_words_addresses_or_secrets(day: Day) -> None:
    written = "\n".join(json.dumps(line) for line in day.lines) + day.output
    words = {"words m", "answer r", "between us", "between the lines", "content of", "scan of", "a scan", "limbo"}
    people = {"Ada", "Lovelace", "Grace", ADA, PHONE, PHONE[1:], STRANGE, "example.net", "@example", "bob@"}
    assert len(day.lines) > 300
    assert sum((line["step"], line["outcome"]) == ("file", "302") for line in day.lines) > 2
    # No id of ours has this sign; the providers' ids of mails do.
    assert [line for line in day.lines if "@" in json.dumps(line)] == []
    assert len(day.secrets) > 10
    assert [word for word in sorted(words | people | day.secrets) if word in written] == []


def test_the_delivery_is_named_from_the_ack_to_the_effect(day: Day) -> None:
    acked = {line["delivery"] for line in day.lines if "acked" in line}
    stored = {line.get("delivery") for line in day.lines if (line["step"], line["outcome"]) == ("inbox", "stored")}
    done = {line["delivery"] for line in day.lines if "done" in line and "delivery" in line}
    assert len(acked & stored & done) > 5


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TryLater("429", retry_after=3), "busy"),
        (TryLater("refused the connection"), "unreachable"),
        (TryLater("500", doubtful=True, retry_after=3), "doubtful"),
        (BadCredentials("401"), "credentials"),
        (Rejected("400"), "refused"),
        (CannotCarry("too large"), ""),
    ],
)
def test_an_error_has_one_kind(error: ConnectorError, kind: str) -> None:
    assert signals.kind_of(error) == kind
    assert kind in (*ERRORS, "")
