"""The read API: what it tells, page by page, and the failures that an admin tries again or skips."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.services import failures
from tests.api.conftest import Api


def pages(api: Api, path: str, limit: int) -> list[Any]:
    """Everything that a list holds, read page by page; no page is longer than was asked for."""
    found: list[Any] = []
    cursor = ""
    for _ in range(100):
        mark = "&" if "?" in path else "?"
        page = api.get(f"{path}{mark}limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next"]
        if not cursor:
            return found
    raise AssertionError("the pages have no end")


def write(api: Api, number: int, *, apart: int) -> list[str]:
    """So many conversations, so many ms apart; their ids as they were made."""
    made = []
    for one in range(number):
        before = {each["id"] for each in api.house.json("conversations", "--limit", "100")}
        api.house.store(api.house.writes(f"matter {one}"))
        api.house.forward(apart)
        after = {each["id"] for each in api.house.json("conversations", "--limit", "100")}
        made += sorted(after - before)
    return made


@pytest.mark.parametrize("apart", [0, 1000])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_conversations_hold_each_once_the_newest_first(api: Api, limit: int, apart: int) -> None:
    made = write(api, 7, apart=apart)
    found = [one["id"] for one in pages(api, "/api/conversations", limit)]
    assert len(made) == 7
    assert sorted(found) == sorted(made)
    if apart:
        assert found == made[::-1]


def test_a_conversation_that_comes_while_one_reads_on_disturbs_nothing(api: Api) -> None:
    made = write(api, 4, apart=1000)
    first = api.get("/api/conversations?limit=2")
    write(api, 2, apart=1000)
    rest = api.get(f"/api/conversations?limit=5&cursor={first['next']}")
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]


def test_conversations_are_told_by_status(api: Api) -> None:
    write(api, 2, apart=1000)
    assert len(pages(api, "/api/conversations?status=new", 5)) == 2
    assert pages(api, "/api/conversations?status=solved", 5) == []


def test_a_conversation_is_told_with_messages_ticket_and_customer(api: Api) -> None:
    first = api.house.writes("the first words")
    conversation = api.house.receives(first)
    api.house.forward(1000)
    api.house.receives(api.house.writes("the second words", root=first.order))
    shown = api.get(f"/api/conversations/{conversation}")
    assert [one["text"] for one in shown["messages"]] == ["the first words", "the second words"]
    (ticket,) = api.get(f"/api/conversations/{conversation}/links")
    assert ticket["provider"] == "zendesk"
    assert api.get(f"/api/conversations/zendesk:{ticket['record']}")["summary"]["id"] == conversation
    assert api.get(f"/api/customers/{shown['summary']['customer']}")["name"] == "Anna Example"


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_of_messages_hold_each_once(api: Api, limit: int) -> None:
    first = api.house.writes("words 0")
    conversation = api.house.receives(first)
    for number in range(1, 5):
        api.house.forward(1000)
        api.house.store(api.house.writes(f"words {number}", root=first.order))
    newest = api.get(f"/api/conversations/{conversation}/messages?limit={limit}")["items"]
    assert newest[-1]["text"] == "words 4"
    found = pages(api, f"/api/conversations/{conversation}/messages", limit)
    assert sorted(one["text"] for one in found) == [f"words {number}" for number in range(5)]


def test_customers_are_listed_the_newest_first(api: Api) -> None:
    names = []
    for number in range(3):
        api.house.anna = api.house.sandbox.slack.add_user(f"Person {number}")
        api.house.receives(api.house.writes("hello"))
        api.house.forward(1000)
        names.insert(0, f"Person {number}")
    assert [one["name"] for one in pages(api, "/api/customers", 2)] == names


def test_lanes_and_failures_are_told_page_by_page(api: Api) -> None:
    api.house.deps.connections.pause(api.house.zendesk, "moving house")
    write(api, 3, apart=1000)
    lanes = pages(api, "/api/lanes", 2)
    assert [one["state"] for one in lanes] == ["paused"] * 3
    assert pages(api, f"/api/lanes?connection={api.house.slack}", 2) == []
    ids = [failures.add("delivery", f"reason {n}", "mend", api.house.deps, id=f"f{n}") for n in range(3)]
    assert [one["id"] for one in pages(api, "/api/failures", 1)] == ids


def failing(api: Api, id: str = "f1") -> str:
    body = {"v": 1, "kind": "webhook", "connection": api.house.slack, "provider": "slack", "delivery": "d1"}
    more = {"group": "g", "body": {**body, "at": api.house.deps.now(), "headers": {}}, "connection": api.house.slack}
    return failures.add("delivery", "it is no JSON", "mend the parser", api.house.deps, id=id, **more)


@pytest.mark.parametrize(("how", "told"), [("retry", "queued again"), ("skip", "left as it is")])
def test_a_failure_is_retried_or_skipped_once(api: Api, how: str, told: str) -> None:
    failure = failing(api)
    assert api.get(f"/api/failures/{failure}")["failure"]["reason"] == "it is no JSON"
    assert told in api.post(f"/api/failures/{failure}/{how}")["told"]
    again = api.call("POST", f"/api/failures/{failure}/{how}")
    assert (again.status, "not open any more" in again.json()["message"]) == (409, True)
    assert api.get("/api/failures")["items"] == []


def test_a_failure_whose_cause_is_not_mended_is_a_conflict(api: Api) -> None:
    deps = api.house.deps
    failure = failures.add("connection", "no", "mend", deps, id="connection-x", connection=api.house.zendesk)
    answer = api.call("POST", f"/api/failures/{failure}/retry")
    assert (answer.status, "still not right" in answer.json()["message"]) == (409, True)
