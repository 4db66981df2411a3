"""What is read from Zendesk: state, comments, changes and files, and how many requests it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.core.model import Attachment, Hint, Priority, Role, Status, TicketChanged, TicketCommented
from connectors.base import CannotCarry, Rejected, TryLater
from connectors.zendesk import words
from tests.connectors.zendesk.wire import Answer, Sent, scripted, ticket, wired

NOW = 1_772_442_900_000
USERS = [
    {"id": 71, "name": "Cy", "role": "end-user", "email": "cy@example.com", "verified": True},
    {"id": 72, "name": "Amy", "role": "agent", "email": "amy@acme.example", "verified": False},
    {"id": 73, "name": "Ada", "role": "admin", "email": None},
]


def comment(number: int, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "author_id": 72,
        "public": True,
        "plain_body": f"plain {number}",
        "body": f"**plain** {number}",
        "html_body": f"<b>plain</b> {number}",
        "created_at": "2026-03-02T09:15:00Z",
        "attachments": [],
        **values,
    }


def desk(comments: Sequence[dict[str, Any]], **values: Any) -> Any:
    """Answer like a ticket with these comments, newest first, in pages."""

    def answer(sent: Sent) -> Answer:
        if not sent.path.endswith("/comments.json"):
            return Answer(body={"ticket": ticket(**values), "groups": [{"id": 9, "name": "Billing EMEA"}]})
        size, page = int(sent.query["per_page"]), int(sent.query["page"])
        newest = sorted(comments, key=lambda one: -one["id"])
        assert sent.query["sort_order"] == "desc"
        more = "https://acme.zendesk.com/next" if page * size < len(newest) else None
        return Answer(body={"comments": newest[(page - 1) * size : page * size], "users": USERS, "next_page": more})

    return answer


def nothing(keys: Sequence[str]) -> set[str]:
    return set()


def test_a_fetch_is_two_reads_and_tells_new_comments_oldest_first_then_the_state() -> None:
    connector, wire = wired(desk([comment(11), comment(12), comment(13)], group_id=9))
    *comments, changed = connector.fetch(Hint("5"), lambda keys: {"11"} & set(keys))
    assert [one.key for one in comments if isinstance(one, TicketCommented)] == ["12", "13"]
    assert changed == TicketChanged(
        "5", Status.OPEN, Priority.HIGH, "Billing EMEA", "2026-03-02T09:15:00Z", 1_772_442_900_000
    )
    assert [sent.path for sent in wire.sent] == ["/api/v2/tickets/5.json", "/api/v2/tickets/5/comments.json"]


@pytest.mark.parametrize(
    ("count", "known", "pages"), [(25, 0, 1), (30, 0, 1), (31, 0, 2), (95, 0, 4), (95, 60, 2), (400, 0, 10)]
)
def test_reading_goes_back_until_a_page_holds_a_known_comment(count: int, known: int, pages: int) -> None:
    connector, wire = wired(desk([comment(number) for number in range(1, count + 1)]))
    have = {str(number) for number in range(1, known + 1)}
    events = connector.fetch(Hint("5"), lambda keys: have & set(keys))
    assert len(wire.sent) == 1 + pages
    assert len(events) == min(count - known, 300) + 1


AUTHORS = [
    (71, Role.CUSTOMER, "Cy", "cy@example.com"),
    (72, Role.AGENT, "Amy", ""),
    (73, Role.AGENT, "Ada", ""),
    (-1, Role.SYSTEM, "", ""),
    (None, Role.SYSTEM, "", ""),
    (99, Role.SYSTEM, "", ""),
]


@pytest.mark.parametrize(("author", "role", "name", "email"), AUTHORS)
def test_an_author_is_a_customer_an_agent_or_the_system(author: int | None, role: Role, name: str, email: str) -> None:
    connector, _ = wired(desk([comment(11, author_id=author)]))
    said = connector.fetch(Hint("5"), nothing)[0]
    assert isinstance(said, TicketCommented)
    assert (said.author.role, said.author.name, said.author.email) == (role, name, email)


@pytest.mark.parametrize(
    ("values", "public"), [({"public": True}, True), ({"public": False}, False), ({"public": None}, False)]
)
def test_a_comment_is_public_only_if_zendesk_says_so(values: dict[str, Any], public: bool) -> None:
    connector, _ = wired(desk([comment(11, **values)]))
    said = connector.fetch(Hint("5"), nothing)[0]
    assert isinstance(said, TicketCommented)
    assert said.public is public


def test_a_comment_brings_its_text_html_files_time_and_order() -> None:
    file = {
        "id": 3,
        "file_name": "a.png",
        "content_type": "image/png",
        "size": 12,
        "content_url": "https://acme.zendesk.com/x",
    }
    connector, _ = wired(desk([comment(11, attachments=[file]), comment(9, plain_body=None, html_body=None)]))
    older, said, _ = connector.fetch(Hint("5"), nothing)
    assert isinstance(said, TicketCommented) and isinstance(older, TicketCommented)
    assert (said.text, said.html, said.sent_at) == ("plain 11", "<b>plain</b> 11", 1_772_442_900_000)
    assert said.attachments == (Attachment("3", "a.png", "image/png", 12, "https://acme.zendesk.com/x"),)
    assert (older.text, older.html) == ("**plain** 9", "")
    assert older.order < said.order


def test_the_words_for_status_and_priority_are_total_both_ways() -> None:
    assert {words.STATUS[theirs]: theirs for theirs in words.STATUS} == words.THEIR_STATUS
    assert set(words.THEIR_STATUS) == set(Status)
    assert set(words.PRIORITY.values()) == set(Priority)


def test_a_group_is_told_as_the_team_that_the_settings_map_to_it() -> None:
    connector, _ = wired(desk([], group_id=9), groups="billing = billing emea\nother=Other")
    (changed,) = connector.fetch(Hint("5"), nothing)
    assert isinstance(changed, TicketChanged)
    assert changed.team == "billing"


EXPORT = [
    ticket(id=5),
    ticket(id=6, tags=[]),
    ticket(id=7, external_id=None),
    ticket(id=8, external_id="jira-8", tags=["vip"]),
    ticket(id=5, updated_at="2026-03-02T09:16:00Z"),
]


def test_changes_are_one_read_and_leave_out_what_is_not_ours() -> None:
    connector, wire = wired(
        scripted(Answer(body={"tickets": EXPORT, "after_cursor": "MTc3+/=", "end_of_stream": False}))
    )
    page = connector.changes("", NOW)
    assert page.hints == (
        Hint("5", "v1", "2026-03-02T09:16:00Z"),
        Hint("6", "v1", "2026-03-02T09:15:00Z"),
        Hint("7", "", "2026-03-02T09:15:00Z"),
    )
    assert (page.cursor, page.more) == ("cursor:MTc3+/=", True)
    assert wire.sent[0].query == {"start_time": "1772442600"}


def test_changes_go_on_from_the_cursor_as_zendesk_wrote_it() -> None:
    connector, wire = wired(scripted(Answer(body={"tickets": [], "after_cursor": "next", "end_of_stream": True})))
    page = connector.changes("cursor:MTc3+/=", NOW)
    assert wire.sent[0].query == {"cursor": "MTc3+/="}
    assert (page.cursor, page.more) == ("cursor:next", False)


def test_an_export_without_a_cursor_is_asked_again_from_the_same_time() -> None:
    empty = Answer(body={"tickets": [], "after_cursor": None, "end_of_stream": True})
    connector, wire = wired(scripted(empty, empty))
    first = connector.changes("", NOW)
    assert connector.changes(first.cursor, NOW + 60_000).cursor == first.cursor
    assert wire.sent[0].query == wire.sent[1].query


HOSTS = [
    ("http://127.0.0.1/x", False),
    ("https://evil.example/x", False),
    ("https://acme.zendesk.com.evil.example/x", False),
    ("https://evilzdusercontent.com/x", False),
    ("http://p1.zdusercontent.com/x", False),
    ("https://acme.zendesk.com@evil.example/x", False),
    ("https://other.zendesk.com/x", False),
    ("file:///etc/passwd", False),
    ("", False),
    ("https://acme.zendesk.com/attachments/token/1/?name=a.png", True),
    ("https://p1.zdusercontent.com/attachment/1?token=2", True),
]


def files(monkeypatch: pytest.MonkeyPatch, *answers: Answer, **settings: str) -> tuple[Any, Any]:
    """A connector whose file requests, which have a session of their own, go to the stand-in wire too."""
    connector, wire = wired(scripted(*answers), **settings)
    monkeypatch.setattr("requests.sessions.HTTPAdapter", lambda: wire)
    return connector, wire


@pytest.mark.parametrize(("url", "allowed"), HOSTS)
def test_a_file_is_read_from_zendesks_own_hosts_alone(url: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    connector, wire = files(monkeypatch, Answer(body=b"content"))
    attachment = Attachment("3", "a.png", "image/png", -1, url)
    if allowed:
        assert connector.fetch_file(attachment, 100).content == b"content"
        return
    with pytest.raises(Rejected):
        connector.fetch_file(attachment, 100)
    assert not wire.sent


def test_a_redirect_to_the_file_store_does_not_carry_our_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Answer(302, b"", {"Location": "https://p1.zdusercontent.com/attachment/1?token=2"})
    connector, wire = files(monkeypatch, there, Answer(body=b"content"))
    file = connector.fetch_file(Attachment("3", "a.png", "image/png", 7, "https://acme.zendesk.com/attachments/1"), 100)
    assert file.content == b"content"
    assert ["Authorization" in sent.headers for sent in wire.sent] == [True, False]


@pytest.mark.parametrize(
    ("answers", "size", "error"),
    [
        ([], 101, CannotCarry),
        ([Answer(body=b"x" * 101)], -1, CannotCarry),
        ([Answer(404, b"")], -1, Rejected),
        ([Answer(403, b"")], -1, Rejected),
        ([Answer(302, b"", {"Location": "http://169.254.169.254/"})], -1, Rejected),
        ([Answer(302, b"", {"Location": "https://acme.zendesk.com/x"})] * 4, -1, Rejected),
        ([Answer(503, b"")], -1, TryLater),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    answers: list[Answer], size: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    connector, _ = files(monkeypatch, *answers)
    with pytest.raises(error):
        connector.fetch_file(Attachment("3", "a.png", "image/png", size, "https://acme.zendesk.com/x"), 100)
