"""What is read from Salesforce: agents' words once and with their visibility, state in our words, changes by cursor."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.core.model import (
    Comment,
    Event,
    Hint,
    Page,
    Priority,
    Role,
    Status,
    TicketChanged,
    TicketCommented,
    TicketDraft,
)
from connectors.base import Rejected
from connectors.salesforce import read
from tests.connectors.salesforce.support import NOW, Org, nothing

MINUTE = 60_000


def fetched(org: Org, record: str, *have: str) -> tuple[list[TicketCommented], TicketChanged]:
    *said, changed = org.connector.fetch(Hint(record), lambda keys: set(keys) & set(have))
    assert isinstance(changed, TicketChanged)
    comments = [one for one in said if isinstance(one, TicketCommented)]
    assert len(comments) == len(said)
    return comments, changed


def test_an_agents_words_come_in_with_author_and_visibility(org: Org) -> None:
    record = org.ticket().record
    org.now += MINUTE
    public = org.salesforce.agent_comment(org.agent, record, "Soon")
    org.now += MINUTE
    private = org.salesforce.agent_comment(org.agent, record, "secret", public=False, status="On Hold")
    (said, noted), changed = fetched(org, record)
    assert (said.key, said.text, said.public, said.delivered) == (public, "Soon", True, False)
    assert (said.author.name, said.author.role, said.sent_at) == ("Amy", Role.AGENT, NOW + MINUTE)
    assert (noted.key, noted.text, noted.public) == (private, "secret", False)
    assert said.order < noted.order
    assert changed.status is Status.ON_HOLD


def test_what_we_wrote_ourselves_does_not_come_back(org: Org) -> None:
    record = org.ticket().record
    for name, comment in (
        ("k2", Comment("More", True, org.customer)),
        ("k3", Comment("On it", True, name="Zoe")),
        ("k4", Comment("for agents", False)),
    ):
        org.connector.add_comment(record, comment, "", org.call(name))
    assert fetched(org, record)[0] == []


def test_what_salesforce_mailed_itself_is_told_as_delivered(org: Org) -> None:
    record = org.ticket().record
    mail = org.salesforce.agent_mail(org.agent, record, "By mail")
    ((said,), _) = fetched(org, record)
    assert (said.key, said.text, said.public, said.delivered) == (mail, "By mail", True, True)
    assert said.author.role is Role.AGENT


def test_a_mail_that_is_still_being_written_is_nobodys_business(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.agent_mail(org.agent, record, "half a thou", draft=True)
    assert fetched(org, record)[0] == []
    assert org.connector.changes("", org.now + read.LOOK_BACK.seconds * 1000 - 1).hints[0].version == iso(org)


def iso(org: Org) -> str:
    return str(next(iter(org.salesforce.cases.values()))["SystemModstamp"])


def test_a_customers_own_mail_and_portal_comment_are_the_customers(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.customer_mail(record, "Any news?", "Cy", "cy@example.com")
    portal = org.salesforce.add_agent("Cy Portal", "cy@portal.test", "CspLitePortal")
    org.salesforce.agent_comment(portal, record, "Hello?")
    said, _ = fetched(org, record)
    told = {(one.text, one.author.role, one.author.email, one.public, one.delivered) for one in said}
    # The address of a mail's sender is nobody's word that it is theirs.
    assert told == {("Any news?", Role.CUSTOMER, "", True, False), ("Hello?", Role.CUSTOMER, "", True, False)}


def test_a_mail_with_html_alone_has_a_text(org: Org) -> None:
    record = org.ticket().record
    with org.salesforce.transaction():
        html = "<style>p {}</style><p>One &amp; two</p><p>three<br>four</p><script>alert(1)"
        fields = {"ParentId": record, "Incoming": False, "Status": "3", "HtmlBody": html}
        org.salesforce.write("EmailMessage", fields, org.agent)
    ((said,), _) = fetched(org, record)
    assert said.text == "One & two\nthree\nfour"


def test_reading_goes_back_until_it_meets_what_is_known(org: Org) -> None:
    record = org.ticket().record
    keys = []
    for number in range(120):
        org.now += 10 * MINUTE
        keys.append(org.salesforce.agent_comment(org.agent, record, f"{number}"))
    before = org.calls()
    assert [one.key for one in fetched(org, record, *keys[:100])[0]] == keys[100:]
    assert org.calls() - before == 1
    assert [one.key for one in fetched(org, record, *keys[:30])[0]] == keys[30:]
    assert org.calls() - before == 3
    assert [one.key for one in fetched(org, record)[0]] == keys


class Table:
    """`known` as the services have it: what stands behind the newest one of the last reading counts as known."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.newest = ""
        self.asked = 0

    def read(self, org: Org, record: str) -> list[Event]:
        stored, first = self.newest, True

        def known(keys: Sequence[str]) -> set[str]:
            nonlocal first
            self.asked += 1
            if first and keys:
                first, self.newest = False, keys[0]
            behind = keys.index(stored) if stored in keys else len(keys)
            return {key for key in keys[:behind] if key in self.kept} | set(keys[behind:])

        events = org.connector.fetch(Hint(record), known)
        self.kept |= {one.key for one in events if isinstance(one, TicketCommented)}
        return events


def test_a_comment_of_the_same_second_as_a_known_mail_is_not_taken_for_known(org: Org) -> None:
    record = org.ticket().record
    table = Table()
    mail = org.salesforce.agent_mail(org.agent, record, "By mail")
    table.read(org, record)
    comment = org.salesforce.agent_comment(org.agent, record, "Soon")  # its id stands before the mail's
    table.read(org, record)
    assert table.kept == {mail, comment}


def test_a_comment_that_was_committed_late_is_read_all_the_same(org: Org) -> None:
    record = org.ticket().record
    table = Table()
    org.now += 60_000
    late = org.now
    org.now += 60_000
    newer = org.salesforce.agent_comment(org.agent, record, "Second")
    table.read(org, record)
    now, org.now = org.now, late
    older = org.salesforce.agent_comment(org.agent, record, "First")
    org.now = now
    table.read(org, record)
    assert table.kept == {newer, older}


def test_at_rest_no_more_is_asked_than_once(org: Org) -> None:
    record = org.ticket().record
    table = Table()
    for _ in range(5):
        org.now += 60 * MINUTE
        org.salesforce.agent_comment(org.agent, record, "Soon")
        table.read(org, record)
    table.asked = 0
    table.read(org, record)
    assert table.asked == 2  # the page, and its newest one by itself


def test_the_version_grows_with_comments_too(org: Org) -> None:
    record = org.ticket().record
    first = fetched(org, record)[1]
    org.now += MINUTE
    org.salesforce.agent_comment(org.agent, record, "Soon")
    second = fetched(org, record)[1]
    assert second.version > first.version
    assert second.updated_at == org.now


UNMAPPED = [("Status", "Waiting", "status"), ("Priority", "Critical", "priority")]


@pytest.mark.parametrize(("field", "value", "what"), UNMAPPED)
def test_a_word_that_nobody_mapped_goes_to_a_person(org: Org, field: str, value: str, what: str) -> None:
    record = org.ticket().record
    org.salesforce.statuses["Waiting"] = False
    org.salesforce.priorities.append("Critical")
    org.salesforce.change_case(org.agent, record, **{field: value})
    with pytest.raises(Rejected, match=f"the {what} is “{value}”"):
        fetched(org, record)
    connector = org.connect(statuses="New=new\nWaiting=pending", priorities="Medium=normal\nCritical=urgent")
    changed = connector.fetch(Hint(record), nothing)[-1]
    assert isinstance(changed, TicketChanged)
    assert Status.PENDING is changed.status or changed.priority is Priority.URGENT


def test_a_case_that_a_person_owns_tells_no_team(org: Org) -> None:
    record = org.ticket(team="billing").record
    assert fetched(org, record)[1].team == "Billing"
    org.salesforce.change_case(org.agent, record, owner=org.agent)
    assert fetched(org, record)[1].team == ""


def test_a_team_is_read_under_our_name_of_it(org: Org) -> None:
    connector = org.connect(queues="money=Billing")
    record = org.ticket(team="billing").record
    changed = connector.fetch(Hint(record), nothing)[-1]
    assert isinstance(changed, TicketChanged) and changed.team == "money"


def test_a_case_that_is_gone_is_named(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.delete(org.agent, record)
    with pytest.raises(Rejected, match=f"Case {record} is not there any more"):
        fetched(org, record)
    org.salesforce.undelete(org.agent, record)
    assert fetched(org, record)[1].status is Status.NEW


def test_a_short_id_is_read_as_the_long_one(org: Org) -> None:
    record = org.ticket().record
    assert fetched(org, record[:15])[1].record == record


# --- changes -----------------------------------------------------------------------------------------------------


def test_the_first_poll_finds_what_changed_in_the_last_minutes(org: Org) -> None:
    record = org.ticket().record
    page = org.connector.changes("", org.now)
    assert page.hints == (Hint(record, "v1", iso(org)),)
    assert not page.more
    assert org.connector.changes("", org.now + 10 * MINUTE).hints == ()


def test_cases_of_others_are_not_told(org: Org) -> None:
    with org.salesforce.transaction():
        made = org.salesforce.write("Case", {"Subject": "Own"}, org.agent)
    org.salesforce.agent_comment(org.agent, made["Id"], "Soon")
    org.salesforce.agent_mail(org.agent, made["Id"], "Soon")
    assert org.connector.changes("", org.now).hints == ()


@pytest.mark.parametrize("act", ["agent_comment", "agent_mail", "change_case"])
def test_each_kind_of_change_moves_the_version_of_its_case(org: Org, act: str) -> None:
    record = org.ticket().record
    first = org.connector.changes("", org.now)
    org.now += 30 * MINUTE
    match act:
        case "change_case":
            org.salesforce.change_case(org.agent, record, status="Working")
        case _:
            getattr(org.salesforce, act)(org.agent, record, "Soon")
    (hint,) = org.connector.changes(first.cursor, org.now).hints
    assert (hint.record, hint.conversation) == (record, "v1")
    assert hint.version > first.hints[0].version
    assert hint.version == fetched(org, record)[1].version


def test_our_own_message_alone_does_not_make_a_case_newer_than_our_write_told(org: Org) -> None:
    record = org.ticket().record
    first = org.connector.changes("", org.now)
    org.now += 30 * MINUTE
    org.connector.add_comment(record, Comment("More", True, org.customer), "", org.call("k2"))
    org.connector.add_comment(record, Comment("for agents", False), "", org.call("k3"))
    again = org.connector.changes(first.cursor, org.now)
    assert [one.version for one in again.hints] == [one.version for one in first.hints]


def test_what_was_committed_late_is_seen_by_the_next_poll(org: Org) -> None:
    record = org.ticket().record
    draft = TicketDraft("v2", "Other", org.customer, Comment("Help", True, org.customer))
    other = org.connector.create_ticket(draft, org.call("k2")).record
    org.now += 10 * MINUTE
    late = org.now
    org.now += MINUTE
    org.salesforce.agent_comment(org.agent, record, "Newer")
    first = org.connector.changes("", org.now)
    assert [one.record for one in first.hints] == [record]
    now, org.now = org.now, late
    org.salesforce.agent_comment(org.agent, other, "Late")
    org.now = now
    assert {one.record for one in org.connector.changes(first.cursor, org.now).hints} == {record, other}


def drained(org: Org, cursor: str = "") -> tuple[list[Page], list[str]]:
    pages = [org.connector.changes(cursor, org.now)]
    while pages[-1].more:
        pages.append(org.connector.changes(pages[-1].cursor, org.now))
        assert len(pages) < 20
    return pages, [hint.record for page in pages for hint in page.hints]


def test_many_changes_of_one_second_are_told_page_by_page_and_each_is_told(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "CHANGES", 3)
    made = set()
    with org.salesforce.transaction():
        for number in range(10):
            fields = {"Subject": "x", "Deskweave_Id__c": f"v{number}"}
            made.add(org.salesforce.write("Case", fields, org.agent)["Id"])
    pages, records = drained(org)
    assert set(records) == made
    assert [page.more for page in pages] == [True, True, True, False]
    org.now += MINUTE
    changed = next(iter(made))
    org.salesforce.change_case(org.agent, changed, status="Working")
    assert changed in drained(org, pages[-1].cursor)[1]


def test_a_poll_while_nothing_changes_finds_nothing_newer(org: Org) -> None:
    org.ticket()
    first = org.connector.changes("", org.now)
    for _ in range(3):
        org.now += MINUTE
        page = org.connector.changes(first.cursor, org.now)
        assert (page.hints, page.cursor) == (first.hints, first.cursor)


def test_a_missed_change_of_a_long_outage_is_found(org: Org) -> None:
    record = org.ticket().record
    cursor = org.connector.changes("", org.now).cursor
    org.now += 3 * 86_400_000
    org.salesforce.agent_comment(org.agent, record, "During the outage")
    org.now += 2 * 86_400_000
    (hint,) = org.connector.changes(cursor, org.now).hints
    assert hint.record == record
