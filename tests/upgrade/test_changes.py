"""Each form that changed between versions: what the older one left is carried out as it was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.model import Person
from chalicelib.services import failures, forms, keys, people, records
from chalicelib.services.connections import in_force
from chalicelib.services.records import Delivery
from tests.support import books
from tests.support.scenario import DAY_MS, Scenario
from tests.upgrade import sample
from tests.upgrade.resumed import opened


@pytest.fixture
def first() -> Iterator[Scenario]:
    """Where 0.1 stopped: one channel, one CRM, files as uploads, customers by their identities alone."""
    with opened(sample.load("0.1")) as stage:
        yield stage


@pytest.fixture
def second() -> Iterator[Scenario]:
    """Where 0.2 stopped: every channel, both CRMs."""
    with opened(sample.load("0.2")) as stage:
        yield stage


def test_a_customer_of_0_1_is_listed_and_known_by_their_address_once_brought_up(first: Scenario) -> None:
    (customer,) = [item for item in first.items() if item["pk"].startswith("P#")]
    assert "listed" not in customer and people.addresses(Person("", email=customer["email"])) == [
        "email:ada@example.com"
    ]
    assert not first.deps.table.index("listed", {"listed": people.LISTED})
    assert forms.bring_up(first.deps) == 1
    assert [key["pk"] for key in first.deps.table.index("listed", {"listed": people.LISTED})] == [customer["pk"]]
    by_mail, at = Person("ada@example.com", email="ada@example.com"), Delivery("e" * 18, "ses", "d1", first.clock())
    found = first.deps.table.get_many(people.claims(at.connection, by_mail))
    assert people.of(by_mail, at, found, first.deps)[0] == customer["id"]


def test_a_table_is_brought_up_once(first: Scenario) -> None:
    forms.bring_up(first.deps)
    reads = len(first.runtime.meter.calls)
    assert forms.bring_up(first.deps) == 0
    assert [call.operation for call in first.runtime.meter.calls[reads:]] == ["GetItem"]


def test_before_finish_a_file_is_named_without_a_link(first: Scenario) -> None:
    """`deskweave finish` tells a stage of 0.1 its public address; until then nothing fails for want of it."""
    first.deps.connections.set_public_url("")
    first.restart()
    names = [name for name, _, _ in sample.unfinished(first, "file")]
    first.run(60)
    first.settle()
    shown = [comment["plain_body"] for comment in books.ticket_comments(first)]
    assert [shown.count(f"[file: {name}]") for name in names] == [1, 1]


def test_a_connection_of_0_1_gets_its_webhooks_address(first: Scenario) -> None:
    first.deps.secrets.write(
        f"connections/{first.slack_id}", sample.load("0.1").secrets[f"connections/{first.slack_id}"]
    )
    assert "url" not in first.deps.secrets.read(f"connections/{first.slack_id}")
    assert first.deps.connections.open(first.slack_id) is not None
    assert first.deps.connections.set_public_url("https://desk.example") >= 1
    assert first.deps.secrets.read(f"connections/{first.slack_id}")["url"].startswith(
        "https://desk.example/webhooks/slack/"
    )


def test_a_delivery_of_0_2_without_its_headers_can_be_read_again(second: Scenario) -> None:
    kept = [item for item in second.records() if item["connection"] == second.slack_id and item.get("raw")]
    assert kept and not [item for item in kept if "head" in item]
    for item in kept:
        assert records.raw_head(item) == ""
        assert (item["text"].split() or ["ts"])[-1].encode() in (records.raw_delivery(item, second.deps) or b"")


def test_a_link_that_0_2_signed_opens_although_keys_may_have_predecessors_now(second: Scenario) -> None:
    assert "before" not in sample.load("0.2").secrets["keys/files"]
    (link, *_) = [
        found
        for comment in books.ticket_comments(second)
        for found in re.findall(r"\[file: f2x\.txt\] (\S+)", comment["plain_body"])
    ]
    assert books.opened(link, second) == b"content of f2x.txt"


def test_a_cursor_of_0_2_learns_when_the_crm_had_told_everything(second: Scenario) -> None:
    assert "level_at" not in (second.deps.table.get(keys.cursor(second.zendesk_id)) or {})
    second.run(120)
    assert (second.deps.table.get(keys.cursor(second.zendesk_id)) or {})["level_at"] > sample.load("0.2").about["at"]


def test_settings_of_0_2_that_name_no_end_count_for_good(second: Scenario) -> None:
    kept = sample.load("0.2").secrets[f"connections/{second.slack_id}"]
    assert "grace" not in kept
    assert in_force(kept, second.clock() + 10 * DAY_MS)[0] == kept["settings"]


@pytest.mark.parametrize("version", sample.versions())
def test_what_is_held_can_be_skipped_too(version: str) -> None:
    with opened(sample.load(version)) as stage:
        (held,) = [failure for failure in stage.failures() if failure["kind"] == "lane"]
        failures.skip(held["sk"], stage.deps)
        head: dict[str, Any] = stage.deps.table.get(held["lane"], keys.HEAD) or {}
        assert "held" not in head and head["first"] == held["last"] + 1
