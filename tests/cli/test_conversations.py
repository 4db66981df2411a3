"""`deskweave conversations`, `show` and `status` over what the real services stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.model import Attachment, MessageDeleted, MessageEdited, MessageReceived
from tests.cli.conftest import House


def edit(of: MessageReceived, text: str, kind: type = MessageEdited) -> Any:
    given = {"text": text} if kind is MessageEdited else {}
    return kind(key=f"{of.key}:edit", of=of.key, sent_at=of.sent_at + 5_000, order=of.order, original=of, **given)


def test_a_conversation_is_listed_with_customer_ticket_and_team(house: House) -> None:
    conversation = house.receives(house.writes("Where is my order?"))
    found = house.newest()
    assert found == {
        "id": conversation,
        "customer": found["customer"],
        "customer_name": "Anna Example",
        "channel": "slack",
        "subject": "Where is my order?",
        "status": "new",
        "team": "Support",
        "priority": "normal",
        "opened_at": house.deps.now(),
        "last_message_at": house.deps.now(),
        "tickets": [
            {
                "connection": house.zendesk,
                "provider": "zendesk",
                "record": found["tickets"][0]["record"],
                "status": "new",
                "priority": "normal",
                "team": "Support",
            }
        ],
        "waiting": 0,
        "held": 0,
        "marked": "",
    }
    shown = house.run("conversations").stdout
    assert all(part in shown for part in (conversation, "Anna Example", "slack", "Where is my order?", "zendesk:"))


def test_the_newest_conversation_comes_first_and_the_limit_holds(house: House) -> None:
    for text in ("first", "second", "third"):
        house.receives(house.writes(text))
        house.forward(60_000)
    assert [one["subject"] for one in house.json("conversations")] == ["third", "second", "first"]
    assert [one["subject"] for one in house.json("conversations", "--limit", "2")] == ["third", "second"]


def test_conversations_are_listed_by_status(house: House) -> None:
    conversation = house.receives(house.writes("hello"))
    house.run("status", conversation, "solved")
    house.runtime.pump_until_quiet()
    assert [one["id"] for one in house.json("conversations", "--status", "solved")] == [conversation]
    assert house.json("conversations", "--status", "new") == []
    assert house.run("conversations", "--status", "new").stdout == "No conversations.\n"


def test_work_that_is_not_carried_out_is_marked_in_the_list(house: House) -> None:
    house.store(house.writes("hello"))
    assert house.newest()["waiting"] == 1
    assert "1 waiting" in house.run("conversations").stdout


def test_a_conversation_is_shown_with_both_sides_and_what_was_delivered(house: House) -> None:
    conversation = house.receives(house.writes("Where is my order?"))
    record = house.newest()["tickets"][0]["record"]
    house.forward(60_000)
    house.agent(record, "It is on its way.")
    house.forward(60_000)
    house.agent(record, "A difficult one.", public=False)
    question, answer, note = house.json("show", conversation)["messages"]

    assert (question["author"], question["role"], question["kind"]) == ("Anna Example", "customer", "message")
    assert [(one["provider"], one["what"], one["state"]) for one in question["deliveries"]] == [
        ("zendesk", "comment", "done")
    ]
    assert (answer["author"], answer["role"], answer["text"]) == ("Bob Agent", "agent", "It is on its way.")
    assert [(one["provider"], one["what"], one["state"]) for one in answer["deliveries"]] == [("slack", "send", "done")]
    assert (note["kind"], note["deliveries"]) == ("note", [])

    shown = house.run("show", conversation).stdout
    assert "→ slack reply: delivered" in shown
    assert "private note" in shown
    assert f"new in zendesk ticket {record}" in shown
    assert shown.index("Where is my order?") < shown.index("It is on its way.") < shown.index("A difficult one.")


def test_messages_are_shown_in_the_order_of_the_providers_time(house: House) -> None:
    late = house.writes("second")
    conversation = house.receives(late)
    early = replace(house.writes("first", root=late.order), sent_at=late.sent_at - 60_000, order="0")
    house.receives(early)
    assert [line["text"] for line in house.json("show", conversation)["messages"]] == ["first", "second"]


@pytest.mark.parametrize(("kind", "text", "told"), [(MessageEdited, "blue", "edited"), (MessageDeleted, "", "deleted")])
def test_an_edit_or_deletion_stands_beside_its_original(house: House, kind: type, text: str, told: str) -> None:
    original = house.writes("red")
    conversation = house.receives(original, edit(original, text, kind))
    (line,) = house.json("show", conversation)["messages"]
    assert line["text"] == "red"
    (amendment,) = line["amendments"]
    assert (amendment["kind"], amendment["text"]) == (told.removesuffix("ed").replace("delet", "deletion"), text)
    assert [(one["what"], one["state"]) for one in amendment["deliveries"]] == [("note", "done")]
    assert told in house.run("show", conversation).stdout


def test_another_text_under_the_same_id_is_told_as_a_conflict(house: House) -> None:
    message = house.writes("one")
    conversation = house.receives(message, replace(message, text="another"))
    (line,) = house.json("show", conversation)["messages"]
    assert (line["text"], line["conflicts"]) == ("one", 1)
    assert "another text under the same id" in house.run("show", conversation).stdout


def test_a_file_is_named_with_its_own_delivery(house: House, attachment: Attachment) -> None:
    conversation = house.receives(house.writes("see this", attachments=(attachment,)))
    (line,) = house.json("show", conversation)["messages"]
    assert line["files"] == ["scan.pdf"]
    carried = {(one["what"], one["detail"]) for one in line["deliveries"]}
    assert carried == {("fetch", "scan.pdf"), ("comment", "")}


def test_what_waits_for_a_paused_connection_says_so(house: House) -> None:
    house.run("connections", "pause", house.zendesk, "--reason", "moving house")
    conversation = house.receives(house.writes("hello"))
    (delivery,) = house.json("show", conversation)["messages"][0]["deliveries"]
    assert (delivery["state"], delivery["reason"]) == ("paused", "moving house")
    assert "paused" in house.run("show", conversation).stdout


def test_a_reply_that_failed_is_shown_with_the_providers_reason(house: House) -> None:
    message = house.writes("hello")
    conversation = house.receives(replace(message, reply_to={**message.reply_to, "thread_ts": "1.000001"}))
    house.forward(1_000)
    house.agent(house.newest()["tickets"][0]["record"], "an answer")
    shown = house.json("show", conversation)
    (delivery,) = shown["messages"][1]["deliveries"]
    assert delivery["state"] == "failed"
    assert "thread_not_found" in delivery["reason"]
    assert shown["summary"]["held"] == 1
    assert [one["what"] for one in shown["besides"]] == ["note"]


def test_a_change_of_status_stands_in_the_timeline(house: House) -> None:
    conversation = house.receives(house.writes("hello"))
    assert house.json("status", conversation, "pending")["asked"] is True
    house.runtime.pump_until_quiet()
    shown = house.json("show", conversation)
    assert [(change["by"], change["fields"]) for change in shown["changes"]] == [
        ("admin", {"status": ["new", "pending"]})
    ]
    assert shown["summary"]["tickets"][0]["status"] == "pending"
    assert "status new → pending (by admin)" in house.run("show", conversation).stdout


def test_a_status_that_it_has_already_asks_for_nothing(house: House) -> None:
    conversation = house.receives(house.writes("hello"))
    house.run("status", conversation, "open")
    house.runtime.pump_until_quiet()
    assert house.json("status", conversation, "open") == {
        "conversation": conversation,
        "was": "open",
        "status": "open",
        "asked": False,
    }
    assert house.runtime.pump() is None


def test_a_conversation_is_found_by_its_ticket(house: House) -> None:
    conversation = house.receives(house.writes("hello"))
    record = house.newest()["tickets"][0]["record"]
    for given in (f"zendesk:{record}", f"{house.zendesk}:{record}"):
        assert house.json("show", given)["summary"]["id"] == conversation


def test_the_newest_messages_are_shown_within_the_limit(house: House) -> None:
    first = house.writes("first")
    conversation = house.receives(first)
    for text in ("second", "third"):
        house.forward(1_000)
        house.receives(house.writes(text, root=first.order))
    shown = house.json("show", conversation, "--limit", "2")
    assert ([line["text"] for line in shown["messages"]], shown["earlier"]) == (["second", "third"], True)
    assert "earlier messages are left out" in house.run("show", conversation, "--limit", "2").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "c404"), "there is no conversation c404; `deskweave conversations` lists them"),
        (("show", "zendesk:404"), "no conversation is linked to zendesk ticket 404"),
        (("show", "nobody:1"), "there is no conversation nobody:1"),
        (("status", "c404", "open"), "there is no conversation c404"),
        (("customers", "show", "p404"), "there is no customer p404"),
        (("customers", "tag", "p404", "vip"), "there is no customer p404"),
        (("connections", "show", "x"), "there is no connection x; `deskweave connections list` lists them"),
        (("connections", "check", "x"), "there is no connection x"),
        (("connections", "pause", "x"), "there is no connection x"),
        (("connections", "resume", "x"), "there is no connection x"),
        (("failures", "show", "f404"), "there is no failure f404; `deskweave failures` lists the open ones"),
    ],
)
def test_an_unknown_id_is_told_with_what_to_do(house: House, arguments: tuple[str, ...], told: str) -> None:
    result = house.run(*arguments)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stdout == ""


def test_what_a_customer_writes_neither_steers_the_terminal_nor_counts_as_markup(house: House) -> None:
    conversation = house.receives(house.writes("a\x1b]0;title\x07b [bold]c[/bold] \u202ed"))
    for arguments in (("show", conversation), ("conversations",)):
        shown = house.run(*arguments).stdout
        assert not set(shown) & set("\x1b\x07\u202e")
        assert "[bold]c[/bold]" in shown


def test_json_goes_to_a_file_where_one_is_named(house: House, tmp_path: Any) -> None:
    conversation = house.receives(house.writes("hello"))
    target = tmp_path / "list.json"
    result = house.run("conversations", "--json", str(target))
    assert (result.exit_code, result.stdout) == (0, "")
    assert conversation in target.read_text()


def test_an_id_that_json_took_for_its_file_is_told(house: House) -> None:
    result = house.run("show", "--json", "c1234")
    assert result.exit_code == 2
    assert "`--json` took 'c1234' as its FILE; write --json last" in result.stderr
