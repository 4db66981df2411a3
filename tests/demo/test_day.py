"""The demo plays any seed and any number of customers, and its books balance."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib import bootstrap
from chalicelib.services import read
from infra.commands.demo import as_json, demo, exit_code
from infra.demo import books, conversation, count
from infra.demo.day import opened

KEYS = {
    "seed",
    "customers",
    "received",
    "stored",
    "repeated",
    "ignored",
    "unparsed",
    "refused",
    "polls",
    "tickets",
    "replies_delivered",
    "lost",
    "doubled",
    "echoes",
    "private_leaks",
    "unknown",
    "held",
    "channels",
    "replies",
    "relayed",
    "customers_merged",
    "files_opened",
    "resolved_by_a_person",
    "usd_per_million_counted",
    "balanced",
    "seconds",
}


@functools.cache
def played(seed: int, customers: int) -> dict[str, Any]:
    """What `--json` writes for a day, and how its conversations read."""
    told: list[str] = []
    with opened(seed, customers, told.append) as day:
        day.play()
        seen = count.look(day)
        closed = books.close(count.facts(seen))
        shown = [read.conversation(chosen, bootstrap.deps()) for chosen in conversation.chosen(seen)]
        print(f"seed {seed}, {customers} customers: {day.seconds:.0f} seconds")
    return {**as_json(closed, seed, customers, day.seconds), "shown": shown, "told": told, "code": exit_code(closed)}


@pytest.mark.parametrize(
    ("seed", "customers"),
    [(1, 1), pytest.param(3, 3, marks=pytest.mark.slow)],
)
def test_the_books_balance(seed: int, customers: int) -> None:
    figures = played(seed, customers)
    assert figures["does_not_balance"] == []
    assert figures["balanced"]
    assert figures["code"] == 0
    outcomes = [figures[name] for name in ("stored", "repeated", "ignored", "unparsed", "refused")]
    assert all(outcomes), "a day in which one kind of event did not happen shows little"
    assert sum(outcomes) == figures["received"]
    assert set(figures["channels"]) == {"slack", "sms", "ses", "zendesk", "salesforce", "strangers"}
    assert all(channel["received"] for channel in figures["channels"].values())
    assert figures["tickets"]["zendesk"] >= figures["tickets"]["salesforce"] >= 6
    assert figures["replies"]["ses"] >= 5
    assert figures["replies"]["sms"] >= 1
    assert sum(figures["replies"].values()) == figures["replies_delivered"]
    assert all(figures["relayed"][desk] for desk in ("zendesk", "salesforce"))
    assert figures["held"] == 3, "spam, a virus and a newsletter"
    assert figures["resolved_by_a_person"]["failed: skipped"] == 1, "the answer to who wrote STOP"
    assert figures["unknown"] == 0
    assert figures["usd_per_million_counted"] > 3.5


@pytest.mark.slow
def test_the_books_balance_for_the_seed_of_this_run(seed: int) -> None:
    assert played(seed, 2)["does_not_balance"] == []


def test_the_admin_is_told_of_the_mails_that_zendesk_would_send() -> None:
    told = played(1, 1)["told"]
    refused = [line for line in told if "Zendesk NOT live" in line]
    assert len(refused) == 2
    assert all("Tags / Contains none of the following / deskweave" in line for line in refused)
    assert any("Zendesk checked again" in line for line in told[told.index(refused[-1]) :])


def test_the_admin_is_told_of_the_mails_that_salesforce_would_send() -> None:
    told = played(1, 1)["told"]
    (refused,) = [line for line in told if "Salesforce NOT live" in line]
    assert "Support Settings" in refused
    assert any("Salesforce checked again" in line for line in told[told.index(refused) :])


def test_conversations_can_be_read() -> None:
    for shown in played(1, 1)["shown"]:
        assert shown.summary.customer_name
        assert shown.summary.channel in ("slack", "sms", "ses")
        assert {ticket.provider for ticket in shown.summary.tickets} == {"zendesk", "salesforce"}
        assert all(line.author and line.sent_at for line in shown.messages)
        carried = [entry for line in shown.messages for entry in line.deliveries]
        assert carried
        assert {entry.state for entry in carried} <= {"done", "skipped"}


@pytest.mark.slow
def test_other_seeds_are_other_days() -> None:
    days = [played(1, 1), played(5, 1)]
    assert len({json.dumps(day["shown"], default=str) for day in days}) == 2


@pytest.mark.slow
def test_the_command_writes_its_books_alone_to_standard_output(tmp_path: Path) -> None:
    ran = CliRunner().invoke(demo, ["--seed", "1", "--customers", "1", "--json", "-"])
    assert ran.exit_code == 0, ran.output
    figures = json.loads(ran.stdout)
    assert set(figures) >= KEYS
    before = {name: value for name, value in played(1, 1).items() if name in KEYS - {"seconds"}}
    assert {name: figures[name] for name in before} == before, "the same seed is the same day"
    assert "The books balance." in ran.stderr


def test_books_that_do_not_balance_end_the_command_with_1() -> None:
    closed = books.close(books.Facts(unknown=("an entry",)))
    assert exit_code(closed) == 1
    assert as_json(closed, 1, 1, 0.0)["balanced"] is False
