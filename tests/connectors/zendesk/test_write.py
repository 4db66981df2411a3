"""What is written to Zendesk: once, with the right visibility, and found again after a doubtful outcome."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.model import Comment, Contact, Priority, Status, TicketChange, TicketDraft
from connectors.base import Call, RecordClosed, Rejected, TryLater
from tests.connectors.zendesk.wire import Answer, Sent, audit, audits, scripted, ticket, wired, written

GROUPS = Answer(body={"groups": [{"id": 9, "name": "Billing"}], "meta": {"has_more": False}})
COMMENT = Comment("Hello", public=True, author="71")
DRAFT = TicketDraft("v1", "Printer", "71", COMMENT, Priority.URGENT, "billing", ("vip", "two words"), "3")
CONFLICT = Answer(409, {"error": "UpdateConflict"})
SHOWN = Answer(body={"ticket": ticket(updated_at="2026-03-02T09:20:00Z")})
UPLOADED = Answer(201, {"upload": {"token": "t1"}})
REFUSED = Answer(400, {"error": "IdempotentRequestError"})


def call(*, retry: bool = False) -> Call:
    return Call("call-1", 1_772_442_900_000, retry=retry)


def test_a_ticket_is_made_with_everything_that_routing_decided() -> None:
    connector, wire = wired(scripted(GROUPS, written("call-1", 11)))
    done = connector.create_ticket(DRAFT, call())
    assert (done.record, done.comments) == ("5", ("11",))
    assert done.state is not None and done.state.status is Status.OPEN
    sent = wire.sent[1]
    assert (sent.method, sent.path) == ("POST", "/api/v2/tickets.json")
    assert sent.headers["Idempotency-Key"] == "call-1"
    assert "Idempotency-Key" not in wire.sent[0].headers
    assert sent.body["ticket"] == {
        "subject": "Printer",
        "external_id": "deskweave:v1",
        "requester_id": 71,
        "submitter_id": 71,
        "group_id": 9,
        "priority": "urgent",
        "tags": ["deskweave", "vip", "two_words"],
        "metadata": {"deskweave_call": "call-1"},
        "via_followup_source_id": 3,
        "comment": {"body": "Hello", "html_body": "<p>Hello</p>", "public": True, "author_id": 71},
    }


def test_a_team_without_a_group_is_refused_with_what_to_do() -> None:
    connector, _ = wired(scripted(GROUPS, GROUPS))
    with pytest.raises(Rejected, match="no group “sales”"):
        connector.create_ticket(TicketDraft("v1", "Printer", "71", COMMENT, team="sales"), call())


LISTED = Answer(body={"tickets": [ticket()]})
MINE, ANOTHERS = audits(audit("call-1", 11)), audits(audit("call-0", 8))
RETRIES: list[tuple[str, list[Answer], str]] = [
    ("finding the ticket", [LISTED, MINE], "GET GET"),
    ("finding nothing, under its key", [Answer(body={"tickets": []}), written("call-1", 11)], "GET POST"),
    ("finding another call's ticket", [LISTED, ANOTHERS, written("call-1", 11)], "GET GET POST"),
    (
        "finding it once the key is refused",
        [Answer(body={"tickets": []}), REFUSED, LISTED, MINE],
        "GET POST GET GET",
    ),
]


@pytest.mark.parametrize(("name", "answers", "methods"), RETRIES, ids=[row[0] for row in RETRIES])
def test_a_repeated_creation_is_settled_by(name: str, answers: list[Answer], methods: str) -> None:
    connector, wire = wired(scripted(*answers))
    done = connector.create_ticket(TicketDraft("v1", "Printer", "71", COMMENT), call(retry=True))
    assert (done.record, done.comments) == ("5", ("11",))
    assert " ".join(sent.method for sent in wire.sent) == methods


def test_a_first_creation_that_is_refused_is_told_in_zendesks_words() -> None:
    connector, wire = wired(scripted(REFUSED))
    with pytest.raises(Rejected, match="IdempotentRequestError"):
        connector.create_ticket(TicketDraft("v1", "Printer", "71", COMMENT), call())
    assert len(wire.sent) == 1


def test_a_comment_is_added_only_to_the_ticket_as_it_was_read() -> None:
    connector, wire = wired(scripted(written("call-1", 12)))
    done = connector.add_comment("5", Comment("Hi", True, "71", status=Status.OPEN), "2026-03-02T09:15:00Z", call())
    assert done.comments == ("12",)
    assert wire.sent[0].body["ticket"] == {
        "id": 5,
        "comment": {"body": "Hi", "html_body": "<p>Hi</p>", "public": True, "author_id": 71},
        "metadata": {"deskweave_call": "call-1"},
        "safe_update": True,
        "updated_stamp": "2026-03-02T09:15:00Z",
        "status": "open",
    }


@pytest.mark.parametrize("author", ["", "71"])
def test_a_private_note_goes_out_private(author: str) -> None:
    connector, wire = wired(scripted(written("call-1", 12)))
    connector.add_comment("5", Comment("secret", False, author), "2026-03-02T09:15:00Z", call())
    assert wire.sent[0].body["ticket"]["comment"]["public"] is False


COMMENTS: list[tuple[str, bool, str, list[Answer], str]] = [
    ("no stamp: the ticket is read first", False, "", [SHOWN, written("call-1", 12)], "GET PUT"),
    ("changed meanwhile", False, "s", [CONFLICT, audits(), SHOWN, written("call-1", 12)], "PUT GET GET PUT"),
    ("changed by an attempt of ours", False, "s", [CONFLICT, audits(audit("call-1", 12)), SHOWN], "PUT GET GET"),
    ("retry of one that was applied", True, "s", [audits(audit("call-1", 12)), SHOWN], "GET GET"),
    ("retry of one that was not", True, "s", [audits(audit("call-0", 8)), written("call-1", 12)], "GET PUT"),
]


@pytest.mark.parametrize(("name", "retry", "stamp", "answers", "methods"), COMMENTS, ids=[row[0] for row in COMMENTS])
def test_a_comment_is_written_once(name: str, retry: bool, stamp: str, answers: list[Answer], methods: str) -> None:
    connector, wire = wired(scripted(*answers))
    assert connector.add_comment("5", COMMENT, stamp, call(retry=retry)).comments == ("12",)
    assert " ".join(sent.method for sent in wire.sent) == methods


def test_a_ticket_that_never_rests_is_left_for_later() -> None:
    connector, wire = wired(scripted(*[CONFLICT, audits(), SHOWN] * 3))
    with pytest.raises(TryLater) as raised:
        connector.add_comment("5", COMMENT, "s", call())
    assert (raised.value.retry_after, raised.value.doubtful) == (5, False)
    assert wire.sent[-3].body["ticket"]["updated_stamp"] == "2026-03-02T09:20:00Z"


@pytest.mark.parametrize("values", [{"status": "snoozed"}, {"group_id": 9}])
def test_a_write_that_was_applied_is_never_told_as_failed(values: dict[str, Any]) -> None:
    connector, _ = wired(scripted(written("call-1", 12, **values), Answer(429, {}, {"Retry-After": "9"})))
    done = connector.add_comment("5", COMMENT, "s", call())
    assert (done.comments, done.state) == (("12",), None)


CLOSED = {"error": "RecordInvalid", "details": {"status": [{"description": "Status: geschlossen"}]}}


@pytest.mark.parametrize(("status", "error"), [("closed", RecordClosed), ("open", Rejected)])
def test_a_closed_ticket_is_told_by_its_status_in_any_language(status: str, error: type[Rejected]) -> None:
    for write in ("add_comment", "update_ticket"):
        connector, _ = wired(scripted(Answer(422, CLOSED), Answer(body={"ticket": ticket(status=status)})))
        with pytest.raises(error, match="geschlossen") as raised:
            if write == "add_comment":
                connector.add_comment("5", COMMENT, "s", call())
            else:
                connector.update_ticket("5", TicketChange(status=Status.OPEN), call())
        assert isinstance(raised.value, RecordClosed) is (status == "closed")


CHANGES: list[tuple[TicketChange, dict[str, Any]]] = [
    (TicketChange(status=Status.ON_HOLD), {"status": "hold"}),
    (TicketChange(priority=Priority.LOW), {"priority": "low"}),
    (TicketChange(team="BILLING"), {"group_id": 9}),
    (TicketChange(team=""), {"group_id": None}),
    (TicketChange(Status.SOLVED, Priority.HIGH, "billing"), {"status": "solved", "priority": "high", "group_id": 9}),
]


@pytest.mark.parametrize(("change", "fields"), CHANGES)
def test_only_the_fields_that_are_given_are_written(change: TicketChange, fields: dict[str, Any]) -> None:
    answers = [GROUPS, written("call-1")] if change.team else [written("call-1")]
    connector, wire = wired(scripted(*answers))
    connector.update_ticket("5", change, call())
    assert wire.sent[-1].body["ticket"] == {"id": 5, "metadata": {"deskweave_call": "call-1"}, **fields}


TEXTS = [
    ("[your bank](https://evil.example)", "<p>[your bank](https://evil.example)</p>"),
    ("![](https://evil.example/pixel)", "<p>![](https://evil.example/pixel)</p>"),
    ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
    ("one\r\ntwo\nthree", "<p>one<br>two<br>three</p>"),
    ("{{ticket.comments}} {% if %}", "<p>{\u200b{ticket.comments}} {\u200b% if %}</p>"),
    ("nul\0 and \ud800", "<p>nul and \ufffd</p>"),
    ("👩‍👩‍👧 ok", "<p>👩‍👩‍👧 ok</p>"),
    ("  \n", "<p>(no text)</p>"),
]


@pytest.mark.parametrize(("text", "html"), TEXTS)
def test_a_customers_text_is_shown_as_it_was_written(text: str, html: str) -> None:
    connector, wire = wired(scripted(written("call-1", 12)))
    connector.add_comment("5", Comment(text, True), "s", call())
    assert wire.sent[0].body["ticket"]["comment"]["html_body"] == html


def test_a_text_that_is_too_long_travels_whole_as_a_file() -> None:
    text = "ü" * 40_000
    connector, wire = wired(scripted(UPLOADED, written("call-1", 12)))
    connector.add_comment("5", Comment(text, True), "s", call())
    body = wire.sent[1].body["ticket"]["comment"]
    assert len(body["body"].encode()) < 64_000
    assert body["uploads"] == ["t1"]
    assert wire.sent[0].query == {"filename": "message.txt"}


def test_the_newest_audits_are_found_even_if_zendesk_sorts_the_other_way() -> None:
    everything = [audit("call-1" if number == 240 else "", 12, number=number) for number in range(1, 251)]

    def answer(sent: Sent) -> Answer:
        if "audits" not in sent.path:
            return SHOWN
        page = int(sent.query.get("page", 1))
        return Answer(
            body={
                "audits": everything[(page - 1) * 100 : page * 100],
                "count": 250,
                "next_page": "more" if page < 3 else None,
            }
        )

    connector, wire = wired(answer)
    found = connector.lookup("add_comment", "5", "v1", call())
    assert found is not None and found.comments == ("12",)
    assert len([sent for sent in wire.sent if "audits" in sent.path]) == 3


def test_a_lookup_that_finds_nothing_says_so() -> None:
    connector, _ = wired(scripted(audits(audit("call-0", 8), audit())))
    assert connector.lookup("add_comment", "5", "v1", call()) is None


def user(**values: Any) -> dict[str, Any]:
    return {"id": 71, "role": "end-user", "external_id": None, "email": "cy@example.com", **values}


MADE = Answer(201, {"user": user(id=80)})
CY = Contact("c1", "Cy", "Cy@example.com")
CONTACTS: list[tuple[str, Contact, list[Answer], str, list[str]]] = [
    ("no address", Contact("c1", "Cy"), [MADE], "80", ["create_or_update"]),
    ("an address that nobody has", CY, [Answer(body={"users": []}), MADE], "80", ["search", "create_or_update"]),
    (
        "our own user's address",
        CY,
        [Answer(body={"users": [user(external_id="deskweave:c1")]}), MADE],
        "80",
        ["search", "create_or_update"],
    ),
    ("somebody's address", CY, [Answer(body={"users": [user()]})], "71", ["search"]),
    ("another system's user", CY, [Answer(body={"users": [user(external_id="crm-1")]})], "71", ["search"]),
    (
        "somebody who is alike only",
        CY,
        [Answer(body={"users": [user(email="cyd@example.com")]}), MADE],
        "80",
        ["search", "create_or_update"],
    ),
    (
        "an address that search shows too late",
        CY,
        [Answer(body={"users": []}), Answer(422, {}), Answer(body={"users": [user()]})],
        "71",
        ["search", "create_or_update", "search"],
    ),
    (
        "an address that search never shows",
        CY,
        [Answer(body={"users": []}), Answer(422, {}), Answer(body={"users": []}), MADE],
        "80",
        ["search", "create_or_update", "search", "create_or_update"],
    ),
]


@pytest.mark.parametrize(("name", "contact", "answers", "key", "asked"), CONTACTS, ids=[row[0] for row in CONTACTS])
def test_a_customer_becomes_one_user(
    name: str, contact: Contact, answers: list[Answer], key: str, asked: list[str]
) -> None:
    connector, wire = wired(scripted(*answers))
    assert connector.upsert_contact(contact, call()) == key
    assert [sent.path.rsplit("/", 1)[1].removesuffix(".json") for sent in wire.sent] == asked


@pytest.mark.parametrize("role", ["agent", "admin"])
def test_an_agents_address_is_left_out_so_that_the_agent_stays_one(role: str) -> None:
    connector, wire = wired(scripted(Answer(body={"users": [user(role=role)]}), MADE))
    assert connector.upsert_contact(CY, call()) == "80"
    assert wire.sent[1].body["user"] == {
        "external_id": "deskweave:c1",
        "name": "Cy",
        "role": "end-user",
        "skip_verify_email": True,
    }
