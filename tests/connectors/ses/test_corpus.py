"""Real notifications of SES, each with its label: what it is, and what became of whose mail.

The labels were typed from reading each file. Some files of the corpus are templates whose message is a placeholder:
they cannot be read, and that is their label.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import WebhookRequest
from connectors.ses import Ses
from infra.parse import parse_file
from tests.support import corpus

Json = dict[str, Any]
LABELS: dict[str, Json] = json.loads((Path(__file__).parent / "corpus.json").read_text())


def test_every_file_of_sess_has_its_label() -> None:
    folder = corpus.corpus_dir()
    names = {f"email-webhooks/json/{one.name}" for one in (folder / "email-webhooks/json").glob("*amazon_ses*")}
    assert names | {f"aws/{one.name}" for one in (folder / "aws").glob("ses-*")} == set(LABELS)


@pytest.mark.parametrize("name", LABELS)
def test_a_real_notification_says_what_its_label_says(name: str) -> None:
    told = parse_file("ses", corpus.corpus_dir() / name)
    events = told["event"] if isinstance(told["event"], list) else [told["event"] or {}]
    assert told["outcome"] == LABELS[name]["outcome"], told["reason"]
    assert [[one["state"], one["recipient"]] for one in events if one] == LABELS[name].get("states", [])
    assert told["reason"] or told["outcome"] == "update"
    corpus.tested(1, "SES notifications")


@pytest.mark.parametrize("name", ["ses-lambda-event", "ses-s3-event", "ses-sns-event"])
def test_a_real_receipt_is_grouped_by_its_mails_own_id(name: str) -> None:
    body = (corpus.corpus_dir() / "aws" / f"{name}.json").read_bytes()
    mail = json.loads(body)["Records"][0]["ses"]["mail"]
    assert Ses({}, "").group(WebhookRequest("POST", {}, body, 0)) == mail["commonHeaders"]["messageId"].strip("<>")
    corpus.tested(1, "SES notifications")
