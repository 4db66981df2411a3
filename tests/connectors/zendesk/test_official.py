"""What we send, against Zendesk's own OpenAPI documents (CORPUS_DIR)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from chalicelib.core.model import Comment, Contact, Hint, Priority, Status, TicketChange, TicketDraft
from connectors.base import Call
from tests.connectors.zendesk.wire import Answer, Sent, ticket, wired
from tests.support.corpus import corpus_dir, tested

CALL = Call("call-1", 0)
# Zendesk's documents split by resource: these three resources are not among those of the corpus.
NOT_THERE = {"/api/v2/groups", "/api/v2/triggers", "/api/v2/webhooks"}


def answer(sent: Sent) -> Answer:
    """A little of everything: enough for each call to go through."""
    return Answer(
        body={
            "ticket": ticket(),
            "audit": {},
            "audits": [],
            "comments": [],
            "tickets": [],
            "users": [],
            "user": {"id": 1, "role": "admin"},
            "upload": {"token": "t1"},
            "groups": [{"id": 9, "name": "Billing"}],
            "triggers": [],
            "webhooks": [],
        }
    )


def everything_we_send() -> list[Sent]:
    connector, wire = wired(answer)
    comment = Comment("Help " * 20_000, True, "71", Status.OPEN)
    connector.upsert_contact(Contact("c1", "Cy", "cy@example.com"), CALL)
    connector.create_ticket(TicketDraft("v1", "Printer", "71", comment, Priority.HIGH, "billing", ("vip",), "3"), CALL)
    connector.add_comment("5", comment, "", CALL)
    connector.update_ticket("5", TicketChange(Status.ON_HOLD, Priority.LOW, ""), CALL)
    connector.lookup("create_ticket", "", "v1", CALL)
    connector.lookup("add_comment", "5", "v1", CALL)
    connector.fetch(Hint("5"), lambda keys: set())
    connector.changes("", 1_772_442_900_000)
    connector.changes("cursor:abc", 1_772_442_900_000)
    connector.check()
    return wire.sent


def plain(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it; `format` and examples are left aside."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: plain(value) for key, value in schema.items() if key not in ("example", "nullable", "format")}
    if schema.get("nullable"):
        return {"anyOf": [kept, {"type": "null"}]}
    return kept


def operations(folder: Path) -> list[tuple[re.Pattern[str], str, Any, Any]]:
    """Each documented operation: its path as a pattern, its method, its own part and its document."""
    found = []
    for file in sorted(folder.glob("*.yml")):
        document = yaml.safe_load(file.read_text())
        for path, item in document["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", r"[^/]+", path if path.startswith("/api/v2") else f"/api/v2{path}")
            found += [(re.compile(pattern), method.upper(), part, document) for method, part in item.items()]
    return found


def test_every_request_is_one_that_zendesk_documents() -> None:
    known = operations(corpus_dir() / "zendesk")
    bodies, seen = 0, set()
    for sent in everything_we_send():
        path = sent.path.removesuffix(".json")
        if path in NOT_THERE:
            continue
        matching = [one for one in known if one[0].fullmatch(path) and one[1] == sent.method]
        assert matching, f"{sent.method} {path} is in none of the documents"
        for pattern, method, operation, document in matching:
            seen.add((document["info"]["title"], pattern.pattern, method))
            content = (operation.get("requestBody") or {}).get("content") or {}
            schema = (content.get("application/json") or {}).get("schema")
            name = str((schema or {}).get("$ref", "")).rpartition("/")[2]
            if schema is None or (name and name not in document["components"]["schemas"]):
                continue
            whole = {**plain(schema), "components": plain(document["components"])}
            errors = [error.message for error in Draft202012Validator(whole).iter_errors(sent.body)]
            assert not errors, f"{sent.method} {path}: {errors}"
            bodies += 1
    assert bodies >= 3
    tested(len(seen), "Zendesk operations")


@pytest.mark.parametrize("path", sorted(NOT_THERE))
def test_what_the_corpus_lacks_is_only_read(path: str) -> None:
    assert {sent.method for sent in everything_we_send() if sent.path.removesuffix(".json") == path} == {"GET"}
