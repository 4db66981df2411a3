"""The connector, through the real zenpy, against the sandbox: with faults, each effect exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from chalicelib.core.model import (
    Attachment,
    Comment,
    Contact,
    File,
    Hint,
    Priority,
    Role,
    Status,
    TicketChange,
    TicketChanged,
    TicketCommented,
    TicketDraft,
    Written,
)
from connectors.base import BadCredentials, Call, RecordClosed, Rejected, TryLater
from connectors.zendesk import CONNECTOR, Zendesk
from infra.sandbox import Fault, Sandbox

NOW = 1_772_442_900_000


class Account:
    """A sandbox account, a connector for it, and a clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.sandbox = Sandbox(lambda: self.now)
        self.sandbox.start()
        self.zendesk = self.sandbox.zendesk
        self.connector = self.connect()
        self.agent, *_ = self.zendesk.add_agent("Amy", "amy@acme.test", "Billing")

    def connect(self, **settings: str) -> Zendesk:
        given = {
            "subdomain": self.zendesk.subdomain,
            "email": self.zendesk.integration_email,
            "api_token": self.zendesk.integration_token,
            "webhook_secret": self.zendesk.webhook_secret,
            "api_url": self.zendesk.url,
        }
        return CONNECTOR({**given, **settings}, "c1")

    def effects(self, kind: str) -> int:
        return sum(effect.kind == kind for effect in self.sandbox.ledger)

    def reads(self) -> int:
        return sum(self.sandbox.requests.values())

    def ticket(self, text: str = "Help", **values: object) -> Written:
        customer = self.connector.upsert_contact(Contact("cust1", "Cy"), Call("u1", self.now))
        self.customer = customer
        draft = TicketDraft("v1", "Printer", customer, Comment(text, True, customer), **values)  # type: ignore[arg-type]
        return self.connector.create_ticket(draft, Call("k1", self.now))


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.connector._desk.session.close()
    account.sandbox.stop()


def nothing(keys: Sequence[str]) -> set[str]:
    return set()


def test_a_ticket_carries_what_was_decided_and_reads_back_the_same(account: Account) -> None:
    done = account.ticket(priority=Priority.URGENT, team="billing", tags=("vip",))
    ticket = account.zendesk.tickets[int(done.record)]
    assert ticket["external_id"] == "deskweave:v1"
    assert ticket["tags"] == ["deskweave", "vip"]
    assert done.state == TicketChanged(done.record, Status.NEW, Priority.URGENT, "Billing", ticket["updated_at"], NOW)
    said, changed = account.connector.fetch(Hint(done.record), nothing)
    assert changed == done.state
    assert isinstance(said, TicketCommented)
    assert (said.key, said.text, said.public, said.author.role) == (done.comments[0], "Help", True, Role.CUSTOMER)


def test_an_agents_comments_come_in_with_author_visibility_and_files(account: Account) -> None:
    record = account.ticket().record
    account.zendesk.agent_comment(account.agent, int(record), "Soon", uploads=[("a.txt", "text/plain", b"content")])
    account.zendesk.agent_comment(account.agent, int(record), "secret", public=False, status="pending")
    _, public, private, changed = account.connector.fetch(Hint(record), nothing)
    assert isinstance(public, TicketCommented) and isinstance(private, TicketCommented)
    assert (public.text, public.public, public.author.name, public.author.role) == ("Soon", True, "Amy", Role.AGENT)
    assert (private.text, private.public) == ("secret", False)
    assert isinstance(changed, TicketChanged) and changed.status is Status.PENDING
    (attachment,) = public.attachments
    assert account.connector.fetch_file(attachment, 100) == File("a.txt", "text/plain", b"content")


def test_a_file_behind_a_login_is_read_with_our_credentials(account: Account) -> None:
    account.zendesk.private_attachments = True
    record = account.ticket().record
    account.zendesk.agent_comment(account.agent, int(record), "Soon", uploads=[("a.txt", "text/plain", b"content")])
    said = account.connector.fetch(Hint(record), nothing)[1]
    assert isinstance(said, TicketCommented)
    assert account.connector.fetch_file(said.attachments[0], 100).content == b"content"


def test_a_fetch_is_two_reads_and_a_poll_is_one(account: Account) -> None:
    record = account.ticket().record
    for number in range(40):
        account.zendesk.agent_comment(account.agent, int(record), f"comment {number}")
    before = account.reads()
    account.connector.fetch(Hint(record), lambda keys: set(keys[20:]))
    assert account.reads() - before == 2
    account.now += 120_000
    page = account.connector.changes("", account.now)
    assert account.reads() - before == 3
    assert [(hint.record, hint.conversation) for hint in page.hints] == [(record, "v1")]


def test_a_poll_goes_on_where_the_last_one_ended(account: Account) -> None:
    first = account.connector.changes("", account.now)
    record = account.ticket().record
    account.now += 61_000
    second = account.connector.changes(first.cursor, account.now)
    assert [hint.record for hint in second.hints] == [record]
    account.now += 61_000
    third = account.connector.changes(second.cursor, account.now)
    assert third.hints == ()
    account.zendesk.agent_comment(account.agent, int(record), "Soon")
    account.now += 61_000
    assert [hint.record for hint in account.connector.changes(third.cursor, account.now).hints] == [record]


def test_what_is_written_comes_back_with_the_words_it_was_written_in(account: Account) -> None:
    texts = [
        "a < b & c > d",
        "*bold* _it_ [x](https://evil.example)",
        "one\ntwo\n\nthree",
        "👩‍👩‍👧 ünï",
        "'quoted' \"text\"",
    ]
    record = account.ticket().record
    for number, text in enumerate(texts):
        account.connector.add_comment(record, Comment(text, True, account.customer), "", Call(f"k{number + 2}", NOW))
    comments = [one for one in account.connector.fetch(Hint(record), nothing) if isinstance(one, TicketCommented)]
    assert [one.text for one in comments[1:]] == texts


@pytest.mark.parametrize("public", [True, False])
def test_a_comment_keeps_its_visibility_and_status(account: Account, public: bool) -> None:
    record = account.ticket().record
    comment = Comment("More", public, account.customer, Status.OPEN)
    done = account.connector.add_comment(record, comment, "", Call("k2", NOW))
    kept = account.zendesk.comments(int(record))[-1]
    assert str(kept["id"]) == done.comments[0]
    assert kept["public"] is public
    assert kept["body"] == "More"
    assert account.zendesk.tickets[int(record)]["status"] == "open"
    assert done.state is not None and done.state.status is Status.OPEN


def create(account: Account, call: Call) -> Written:
    draft = TicketDraft("v1", "Printer", account.customer, Comment("Help", True, account.customer))
    return account.connector.create_ticket(draft, call)


def create_with_a_long_text(account: Account, call: Call) -> Written:
    comment = Comment("Help " * 20_000, True, account.customer)
    return account.connector.create_ticket(TicketDraft("v1", "Printer", account.customer, comment), call)


def add(account: Account, call: Call) -> Written:
    return account.connector.add_comment("1", Comment("More", True, account.customer), "", call)


WRITES = [
    (create, "POST /api/v2/tickets", "ticket_created"),
    (create_with_a_long_text, "POST /api/v2/tickets", "ticket_created"),
    (add, "PUT /api/v2/tickets/{id}", "comment"),
]
DOUBTFUL = ["timeout_before", "timeout_after", "500"]
LATER = [0, 6 * 60_000, 25 * 3_600_000, 8 * 86_400_000]


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("kind", DOUBTFUL)
@pytest.mark.parametrize(("write", "match", "effect"), WRITES, ids=[row[0].__name__ for row in WRITES])
def test_a_doubtful_write_that_is_repeated_has_one_effect(
    account: Account, write: Callable[[Account, Call], Written], match: str, effect: str, kind: str, later: int
) -> None:
    account.ticket()
    before = account.effects(effect)
    account.sandbox.faults.add(Fault("zendesk", kind, match=match))
    with pytest.raises(TryLater) as raised:
        write(account, Call("call-1", account.now))
    assert raised.value.doubtful
    account.now += later
    done = write(account, Call("call-1", NOW, retry=True))
    again = write(account, Call("call-1", NOW, retry=True))
    assert account.effects(effect) - before == 1
    assert done.comments == again.comments and len(done.comments) == 1


@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_refused_call_waits_as_long_as_zendesk_says(account: Account, kind: str) -> None:
    account.ticket()
    account.sandbox.faults.add(Fault("zendesk", kind, match="PUT /api/v2/tickets/{id}", retry_after=42))
    with pytest.raises(TryLater) as raised:
        add(account, Call("call-1", NOW))
    assert (raised.value.retry_after, raised.value.scope, raised.value.doubtful) == (42, "connection", False)


def test_a_tickets_own_limit_holds_its_lane_alone(account: Account) -> None:
    account.ticket()
    account.zendesk.ticket_limit = 0
    with pytest.raises(TryLater) as raised:
        add(account, Call("call-1", NOW))
    assert raised.value.scope == "lane"


def test_a_comment_on_a_ticket_that_changed_meanwhile_is_added_after_a_look(account: Account) -> None:
    done = account.ticket()
    assert done.state is not None
    account.now += 5_000
    account.zendesk.agent_comment(account.agent, int(done.record), "Soon")
    comment = Comment("More", True, account.customer)
    account.connector.add_comment(done.record, comment, done.state.version, Call("call-1", account.now))
    assert [one["body"] for one in account.zendesk.comments(int(done.record))] == ["Help", "Soon", "More"]


def test_an_earlier_attempt_under_the_same_call_is_found_by_the_conflict(account: Account) -> None:
    done = account.ticket()
    assert done.state is not None
    account.now += 5_000
    comment = Comment("More", True, account.customer)
    for _ in range(2):
        account.connector.add_comment(done.record, comment, done.state.version, Call("call-1", account.now))
    assert [one["body"] for one in account.zendesk.comments(int(done.record))] == ["Help", "More"]


def test_a_closed_ticket_says_so_and_a_follow_up_takes_its_place(account: Account) -> None:
    record = account.ticket().record
    account.zendesk.close_ticket(int(record))
    with pytest.raises(RecordClosed):
        add(account, Call("call-1", NOW))
    with pytest.raises(RecordClosed):
        account.connector.update_ticket(record, TicketChange(status=Status.OPEN), Call("call-2", NOW))
    comment = Comment("Again", True, account.customer)
    draft = TicketDraft("v1", "Printer", account.customer, comment, follows=record)
    account.connector.create_ticket(draft, Call("call-3", NOW))
    assert account.zendesk.tickets[int(record)]["followup_ids"] == [2]


def test_a_ticket_that_is_gone_is_named(account: Account) -> None:
    with pytest.raises(Rejected, match="ticket 404 no longer exists"):
        account.connector.fetch(Hint("404"), nothing)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CLOSED])
@pytest.mark.parametrize("priority", list(Priority))
def test_a_change_reads_back_as_it_was_made(account: Account, status: Status, priority: Priority) -> None:
    record = account.ticket().record
    done = account.connector.update_ticket(record, TicketChange(status, priority, "technical"), Call("call-1", NOW))
    assert done.state is not None
    assert (done.state.status, done.state.priority, done.state.team) == (status, priority, "Technical")


def test_one_customer_is_one_user_and_is_sent_no_mail(account: Account) -> None:
    keys = {
        account.connector.upsert_contact(contact, Call("u", NOW))
        for contact in (Contact("c1", "Cy"), Contact("c1", "Cyd"), Contact("c1", "Cyd", "cy@example.com"))
    }
    (key,) = keys
    user = account.zendesk.users[int(key)]
    assert (user["name"], user["email"], user["external_id"]) == ("Cyd", "cy@example.com", "deskweave:c1")
    assert account.zendesk.verification_mails == []


def test_an_address_that_is_somebodys_is_used_and_an_agents_is_not(account: Account) -> None:
    first = account.connector.upsert_contact(Contact("c1", "Cy", "cy@example.com"), Call("u", NOW))
    assert account.connector.upsert_contact(Contact("c2", "Cy", "CY@example.com"), Call("u", NOW)) == first
    third = account.connector.upsert_contact(Contact("c3", "Amy", "amy@acme.test"), Call("u", NOW))
    assert third != str(account.agent)
    assert account.zendesk.users[account.agent]["role"] == "agent"
    assert account.zendesk.users[int(third)]["email"] is None


def test_check_is_red_on_a_default_account_and_green_once_it_is_mended(account: Account) -> None:
    red = [finding for finding in account.connector.check() if not finding.ok]
    assert [finding.name for finding in red] == [
        "Webhook",
        "Trigger “Notify requester and CCs of received request”",
        "Trigger “Notify requester and CCs of comment update”",
    ]
    assert all(finding.mend for finding in red)
    account.zendesk.webhook_url = "http://127.0.0.1:1/webhooks/zendesk/c1"
    account.zendesk.spare()
    assert all(finding.ok for finding in account.connector.check())


def test_a_wrong_token_is_told_in_zendesks_words(account: Account) -> None:
    connector = account.connect(api_token="fixture-wrong-token")
    (found,) = connector.check()
    assert "Couldn't authenticate you" in found.detail
    with pytest.raises(BadCredentials, match="Couldn't authenticate you"):
        connector.fetch(Hint("1"), nothing)
    connector._desk.session.close()


def test_a_file_that_is_not_there_is_no_reason_to_pause_the_account(account: Account) -> None:
    with pytest.raises(Rejected):
        account.connector.fetch_file(Attachment("1", "a", url=f"{account.zendesk.url}/attachments/token/x.y/"), 10)
