"""The present code goes on where an older version stopped, in the middle of its work: nothing lost, nothing twice."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.services import admin_keys, failures, files, people, records
from infra.cli import main
from tests.support import books
from tests.upgrade import sample
from tests.upgrade.resumed import opened

# What 0.1 had uploaded to the ticket itself, instead of showing a link.
UPLOADED = {"0.1": ("f2x.txt",)}


@pytest.fixture(scope="module", params=sample.versions()[:-1])
def gone_on(request: pytest.FixtureRequest) -> Any:
    """A stage that has gone on until it was quiet, and in which an admin has retried what was held."""
    left = sample.load(request.param)
    with opened(left) as stage:
        stage.version, stage.left = request.param, left  # type: ignore[attr-defined]
        stage.uploads = sample.unfinished(stage, "file")  # type: ignore[attr-defined]
        stage.answers = sample.unfinished(stage, "send_file")  # type: ignore[attr-defined]
        stage.settle(hours=5)
        stage.waiting = [failure["sk"] for failure in stage.failures()]  # type: ignore[attr-defined]
        for failure in stage.waiting:  # type: ignore[attr-defined]
            with stage.runtime.wire.acting("setup"):
                failures.retry(failure, stage.deps)
        stage.settle(hours=5)
        yield stage


def test_what_was_under_way_is_done_once(gone_on: Any) -> None:
    """Due, waiting, parked, held, and called by a worker that died: each is done, and no call is made twice."""
    wrong = books.books(gone_on).wrong()
    (unreadable,) = wrong.pop("failures")
    assert unreadable.startswith("delivery: the message's channel is missing")
    (conflict,) = wrong.pop("records")
    assert conflict.startswith("conflict: ")
    assert wrong.pop("lost", ()) == UPLOADED.get(gone_on.version, ())
    assert wrong == {}


def test_a_customers_file_that_was_to_be_uploaded_is_shown_once_by_a_link_that_opens(gone_on: Any) -> None:
    assert len(gone_on.uploads) == {"0.1": 2}.get(gone_on.version, 0)
    shown = [comment["plain_body"] for comment in books.ticket_comments(gone_on)]
    for name, message, number in gone_on.uploads:
        (comment,) = [text for text in shown if f"[file: {name}]" in text]
        assert re.fullmatch(rf"\[file: {name}\] https://deskweave\.example/files/\S+", comment)
        assert files.read(message, number, gone_on.deps).content == f"content of {name}".encode()


def test_an_agents_file_that_was_not_copied_yet_is_sent_once(gone_on: Any) -> None:
    waiting = sorted(name for name, _, _ in gone_on.answers)
    assert len(waiting) == {"0.1": 2}.get(gone_on.version, len(waiting))
    assert sorted(name for name in gone_on.delivered_files() if name in waiting) == waiting


def test_a_customer_who_writes_again_is_brought_up_by_that(gone_on: Any) -> None:
    for customer in [item for item in gone_on.items() if item["pk"].startswith("P#") and "merged_into" not in item]:
        assert customer["listed"] == people.LISTED
        assert not customer["email"] or f"email:{customer['email']}" in customer["verified"]


def test_no_lane_is_left_over(gone_on: Any) -> None:
    heads = [item for item in gone_on.items() if item["sk"] == "HEAD" and not item["pk"].startswith("L#pull:")]
    assert heads and all(head["first"] == head["last"] + 1 for head in heads)
    assert not [head["pk"] for head in heads if {"call", "held", "due_pk"} & set(head)]


def test_every_queued_message_is_handled(gone_on: Any) -> None:
    queued = [message["body"] for message in gone_on.left.queues["inbox"]]
    lines = [line for line in gone_on.lines if line.get("step") == "inbox"]
    for body in queued:
        told = {line["outcome"] for line in lines if line.get("delivery") == body.get("delivery", "none")}
        if body["kind"] in ("webhook", "hint"):
            assert told and told <= {"stored", "repeated", "waits"}, body
    (state,) = [body for body in queued if body["kind"] == "state"]
    (conversation,) = [one for one in gone_on.conversations() if one["id"] == state["conversation"]]
    assert conversation["priority"] == state["change"]["priority"] == "urgent"


def test_what_a_person_had_to_see_could_be_retried(gone_on: Any) -> None:
    kinds = {item["kind"] for item in gone_on.left.table if item["pk"] == "FAILURES"}
    assert kinds == {"delivery", "message", "lane", "record", "connection", "poll"}
    assert len(gone_on.waiting) == 6 and len(gone_on.failures()) == 1


def test_no_bug_was_met(gone_on: Any) -> None:
    assert not [line for line in gone_on.lines if line.get("outcome") == "bug" or "error_type" in line]


def test_the_views_show_what_an_older_version_kept(gone_on: Any) -> None:
    conversations = _told("conversations")
    assert {one["id"] for one in conversations} <= {one["id"] for one in gone_on.conversations()}
    assert len(conversations) >= 7
    for one in conversations:
        assert _told("show", one["id"])
    assert [one["name"] for one in _asked(gone_on, "/api/customers")["items"]].count("Ada Lovelace") == 1
    assert len(_asked(gone_on, "/api/conversations")["items"]) == len(conversations)
    assert len(_told("failures")) == 1 and {one["provider"] for one in _told("connections", "list")} >= {
        "slack",
        "zendesk",
    }


def test_an_old_webhook_that_comes_again_changes_nothing(gone_on: Any) -> None:
    def counted() -> tuple[int, int, int, int]:
        messages = [item for item in gone_on.items() if item["pk"].startswith("M#") and item["sk"] == "-"]
        comments = sum(len(desk.comments()) for desk in gone_on.desks())
        return len(messages), comments, len(gone_on.delivered()), len(gone_on.zendesk.tickets)

    before = counted()
    with gone_on.runtime.wire.acting("setup"):
        bodies = [
            records.raw_delivery(item, gone_on.deps)
            for item in gone_on.records()
            if item["connection"] == gone_on.slack_id
        ]
    assert len(bodies) > 10
    for body in filter(None, bodies):
        gone_on.sandbox.send_raw("slack", body)
    gone_on.settle()
    assert counted() == before


def test_who_wrote_before_goes_on_with_the_same_conversation(gone_on: Any) -> None:
    known = {item["sk"] for item in gone_on.left.table if item["pk"].startswith("P#")}
    tickets, conversations = len(gone_on.zendesk.tickets), len(gone_on.conversations())
    gone_on.write(channel=gone_on.slack.open_direct(gone_on.customer))
    gone_on.write("1750000000.000000")
    gone_on.settle()
    assert known and len(gone_on.zendesk.tickets) == tickets
    assert len(gone_on.conversations()) == conversations
    assert {said.mark for said in gone_on.said[-2:]}.isdisjoint(books.books(gone_on).lost)


def test_tickets_and_conversations_agree_on_what_is_changed_afterwards(gone_on: Any) -> None:
    gone_on.zendesk.change_ticket(gone_on.agent, 2, status="pending")
    gone_on.zendesk.agent_comment(gone_on.agent, 2, "once more", status="solved")
    gone_on.command(priority="low")
    gone_on.settle()
    assert books.books(gone_on).apart == ()


def _asked(stage: Any, path: str) -> Any:
    """What the REST API answers to whoever may read."""
    with stage.runtime.wire.acting("setup"):
        key, _ = admin_keys.new(admin_keys.AdminRole.VIEWER, "a test", stage.deps)
    answer = stage.runtime.request("GET", path, {"Authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.body
    return answer.json()


def _told(*arguments: str) -> Any:
    ran = CliRunner().invoke(main, ["--stage", "local", *arguments, "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)
