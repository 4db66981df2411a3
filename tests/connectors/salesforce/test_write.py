"""What is written to Salesforce: once, with the right visibility, and found again after a doubtful outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.core.model import (
    Comment,
    Contact,
    Hint,
    Priority,
    Status,
    TicketChange,
    TicketChanged,
    TicketDraft,
    Written,
)
from connectors.base import BadCredentials, Call, RecordClosed, Rejected, TryLater
from infra.sandbox import Fault
from tests.connectors.salesforce.support import NOW, Org, nothing


def test_a_case_carries_what_was_decided_and_reads_back_the_same(org: Org) -> None:
    done = org.ticket(priority=Priority.HIGH, team="billing")
    case = org.salesforce.cases[done.record]
    assert (case["Deskweave_Id__c"], case["Subject"], case["Description"]) == ("v1", "Printer", "Help")
    assert (case["ContactId"], case["Origin"], case["Status"]) == (org.customer, "Web", "New")
    assert case["OwnerId"] == org.salesforce.queues["Billing"]
    stamp = case["SystemModstamp"]
    assert done.state == TicketChanged(done.record, Status.NEW, Priority.HIGH, "Billing", stamp, NOW)
    assert org.connector.fetch(Hint(done.record), nothing) == [done.state]


def test_a_customers_words_are_an_incoming_mail_of_theirs_and_an_agents_are_not(org: Org) -> None:
    record = org.ticket().record
    org.connector.add_comment(record, Comment("More", True, org.customer), "", org.call("k2"))
    org.connector.add_comment(record, Comment("On it", True, name="Zoe"), "", org.call("k3"))
    org.connector.add_comment(record, Comment("for agents", False), "", org.call("k4"))
    org.connector.add_comment(record, Comment("by nobody", True), "", org.call("k5"))
    rows = [one for name in ("EmailMessage", "CaseComment") for one in org.salesforce.records(name)]
    told = [
        (one.get("TextBody") or one["CommentBody"], one.get("Incoming"), one.get("Status"), one.get("FromName"))
        for one in rows
    ]
    assert told == [
        ("Help", True, "0", "Cy Two"),
        ("More", True, "0", "Cy Two"),
        ("On it", False, "3", "Zoe"),
        ("by nobody", False, "3", "Deskweave"),
        ("for agents\n\n[deskweave v1.k4]", None, None, None),
    ]
    assert rows[-1]["IsPublished"] is False
    assert [one["Deskweave_Id__c"] for one in rows[:-1]] == ["v1.k1", "v1.k2", "v1.k3", "v1.k5"]
    assert org.salesforce.mails == []


def test_each_write_is_one_call_of_the_orgs_quota(org: Org) -> None:
    record = org.ticket(team="billing").record
    costs = []
    for write in (
        lambda: org.connector.add_comment(
            record, Comment("a", True, org.customer, status=Status.OPEN), "", org.call("a")
        ),
        lambda: org.connector.add_comment(record, Comment("b", False), "", org.call("b")),
        lambda: org.connector.update_ticket(
            record, TicketChange(Status.SOLVED, Priority.LOW, "billing"), org.call("c")
        ),
        lambda: org.connector.fetch(Hint(record), nothing),
        lambda: org.connector.changes("", org.now),
    ):
        before = org.calls()
        write()
        costs.append(org.calls() - before)
    assert costs == [1, 1, 1, 1, 1]


def test_the_orgs_assignment_rule_does_not_take_our_cases(org: Org) -> None:
    org.salesforce.assignment_queue = "Technical"
    record = org.ticket(team="billing").record
    org.connector.update_ticket(record, TicketChange(status=Status.OPEN), org.call("c"))
    assert org.salesforce.cases[record]["OwnerId"] == org.salesforce.queues["Billing"]


def create(org: Org, call: Call) -> Written:
    draft = TicketDraft("v1", "Printer", org.customer, Comment("Help", True, org.customer))
    return org.connector.create_ticket(draft, call)


def create_with_a_note(org: Org, call: Call) -> Written:
    return org.connector.create_ticket(TicketDraft("v1", "Printer", org.customer, Comment("Help", False)), call)


def add(org: Org, call: Call) -> Written:
    return org.connector.add_comment(the_case(org), Comment("More", True, org.customer), "", call)


def add_with_a_status(org: Org, call: Call) -> Written:
    comment = Comment("More", True, org.customer, status=Status.OPEN)
    return org.connector.add_comment(the_case(org), comment, "", call)


def note(org: Org, call: Call) -> Written:
    return org.connector.add_comment(the_case(org), Comment("for agents", False), "", call)


def the_case(org: Org) -> str:
    return next(iter(org.salesforce.cases))


WRITES: list[tuple[Callable[[Org, Call], Written], str]] = [
    (create, "POST /composite/Case+EmailMessage"),
    (create_with_a_note, "POST /composite/Case+CaseComment"),
    (add, "POST /composite/EmailMessage"),
    (add_with_a_status, "POST /composite/EmailMessage+Case"),
    (note, "POST /composite/CaseComment"),
]
LATER = [0, 6 * 60_000, 25 * 3_600_000, 8 * 86_400_000]


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500", "503"])
@pytest.mark.parametrize(("write", "match"), WRITES, ids=[row[0].__name__ for row in WRITES])
def test_a_doubtful_write_that_is_repeated_has_one_effect(
    org: Org, write: Callable[[Org, Call], Written], match: str, kind: str, later: int
) -> None:
    org.contact()
    if not write.__name__.startswith("create"):
        org.ticket()
    before = org.effects("comment"), org.effects("ticket_created")
    org.sandbox.faults.add(Fault("salesforce", kind, match=match))
    with pytest.raises(TryLater) as raised:
        write(org, org.call("k9"))
    assert raised.value.doubtful
    org.now += later
    done = write(org, org.call("k9", retry=True))
    again = write(org, org.call("k9", retry=True))
    assert org.effects("comment") - before[0] == 1
    assert org.effects("ticket_created") - before[1] == write.__name__.startswith("create")
    assert (done.record, done.comments) == (again.record, again.comments)
    assert len(done.comments) == 1


@pytest.mark.parametrize("write", [create, create_with_a_note, add, add_with_a_status])
def test_a_write_that_arrives_twice_is_refused_by_its_key_and_undone_as_a_whole(
    org: Org, write: Callable[[Org, Call], Written]
) -> None:
    org.contact()
    if not write.__name__.startswith("create"):
        org.ticket()
    first = write(org, org.call("k9"))
    org.now += 5_000
    org.salesforce.change_case(org.agent, first.record, status="On Hold")
    second = write(org, org.call("k9"))
    assert (first.record, first.comments) == (second.record, second.comments)
    assert org.salesforce.cases[first.record]["Status"] == "On Hold"


def test_what_a_call_made_is_found_by_its_id_alone(org: Org) -> None:
    done = org.ticket()
    kept = org.connector.add_comment(done.record, Comment("for agents", False), "", org.call("k2"))
    assert org.connector.lookup("create_ticket", "", "v1", org.call("k1")) == Written(done.record, done.comments)
    found = org.connector.lookup("add_comment", done.record, "v1", org.call("k2"))
    assert found is not None and found.comments == kept.comments
    assert found.state is not None and found.state.status is Status.NEW
    for kind, record in (("create_ticket", ""), ("add_comment", done.record)):
        assert org.connector.lookup(kind, record, "v1", org.call("k3")) is None


def test_a_note_that_only_quotes_a_marker_is_not_taken_for_the_calls(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.agent_comment(org.agent, record, "[deskweave v1.k2]")
    org.connector.add_comment(record, Comment("see [deskweave v1.k2] above", False), "", org.call("k3"))
    assert org.connector.lookup("add_comment", record, "v1", org.call("k2")) is None


def test_a_locked_case_is_tried_again_and_nothing_of_the_write_stays(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.locked[record] = 1
    with pytest.raises(TryLater, match="UNABLE_TO_LOCK_ROW") as raised:
        add_with_a_status(org, org.call("k9"))
    assert (raised.value.doubtful, raised.value.scope) == (False, "lane")
    assert org.texts(record) == ["Help"]
    add_with_a_status(org, org.call("k9"))
    assert org.texts(record) == ["Help", "More"]


def test_a_contact_that_was_merged_away_keeps_no_message_back(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.delete(org.agent, org.customer)
    add(org, org.call("k2"))
    draft = TicketDraft("v2", "Printer", org.customer, Comment("Other", True, org.customer))
    other = org.connector.create_ticket(draft, org.call("k3")).record
    told = [(one["ParentId"], one["TextBody"], one["FromName"]) for one in org.salesforce.records("EmailMessage")]
    assert told == [(record, "Help", "Cy Two"), (record, "More", "Customer"), (other, "Other", "Customer")]
    assert all(one["Incoming"] for one in org.salesforce.records("EmailMessage"))


def test_a_write_whose_outcome_has_a_word_that_nobody_mapped_is_done_all_the_same(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.statuses["Waiting"] = False
    org.salesforce.change_case(org.agent, record, status="Waiting")
    done = add(org, org.call("k2"))
    assert (len(done.comments), done.state) == (1, None)


def test_a_case_that_we_may_not_read_after_the_write_was_written_all_the_same(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.unreadable.add(record)
    done = add(org, org.call("k2"))
    assert (len(done.comments), done.state) == (1, None)
    assert org.texts(record) == ["Help", "More"]


@pytest.mark.parametrize("write", [add, note])
def test_words_for_a_deleted_case_go_to_a_case_that_follows(org: Org, write: Callable[[Org, Call], Written]) -> None:
    record = org.ticket().record
    org.salesforce.delete(org.agent, record)
    with pytest.raises(RecordClosed):
        org.connector.add_comment(record, Comment("More", write is add, ""), "", org.call("k2"))
    draft = TicketDraft("v1", "Printer", org.customer, Comment("More", True, org.customer), follows=record)
    done = org.connector.create_ticket(draft, org.call("k3"))
    assert done.record != record
    assert org.salesforce.cases[done.record]["ParentId"] is None
    assert org.connector.changes("", org.now).hints[0].conversation == "v1"


def test_a_case_that_follows_another_hangs_on_it_and_has_a_key_of_its_own(org: Org) -> None:
    record = org.ticket().record
    draft = TicketDraft("v1", "Printer", org.customer, Comment("Again", True, org.customer), follows=record)
    done = org.connector.create_ticket(draft, org.call("k3"))
    case = org.salesforce.cases[done.record]
    assert (case["ParentId"], case["Deskweave_Id__c"]) == (record, f"v1.{record}")
    found = org.connector.lookup("create_ticket", "", "v1", org.call("k3"))
    assert found is not None and found.record == done.record


def test_a_change_of_a_deleted_case_is_refused_for_good(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.delete(org.agent, record)
    with pytest.raises(Rejected, match="undelete it") as refused:
        org.connector.update_ticket(record, TicketChange(status=Status.SOLVED), org.call("k2"))
    assert not isinstance(refused.value, RecordClosed)


def test_a_closed_case_can_be_written_to_and_says_that_it_is_closed(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.close_case(org.agent, record)
    done = add(org, org.call("k2"))
    assert done.state is not None and done.state.status is Status.SOLVED


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("priority", list(Priority))
def test_a_change_reads_back_as_read_back_says(org: Org, status: Status, priority: Priority) -> None:
    record = org.ticket().record
    done = org.connector.update_ticket(record, TicketChange(status, priority, "technical"), org.call("k2"))
    assert done.state is not None
    assert (done.state.status, done.state.priority) == org.connector.read_back(status, priority)
    assert done.state.team == "Technical"


def test_an_escalated_case_that_is_told_to_be_open_stays_escalated(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.change_case(org.agent, record, status="Escalated")
    org.connector.update_ticket(record, TicketChange(status=Status.OPEN), org.call("k2"))
    assert org.salesforce.cases[record]["Status"] == "Escalated"
    org.connector.update_ticket(record, TicketChange(status=Status.ON_HOLD), org.call("k3"))
    org.connector.update_ticket(record, TicketChange(status=Status.OPEN), org.call("k4"))
    assert org.salesforce.cases[record]["Status"] == "Working"


def test_only_the_fields_that_are_given_are_written(org: Org) -> None:
    record = org.ticket(team="billing").record
    org.salesforce.change_case(org.agent, record, Description="An agent's own words", priority="Low")
    org.connector.update_ticket(record, TicketChange(status=Status.SOLVED), org.call("k2"))
    case = org.salesforce.cases[record]
    assert (case["Priority"], case["Description"], case["Subject"]) == ("Low", "An agent's own words", "Printer")
    changed = [one.detail["fields"] for one in org.sandbox.ledger if one.kind == "ticket_changed"][-1]
    assert changed == {"Status": "Closed"}


def test_a_team_without_a_queue_is_refused_with_what_to_do(org: Org) -> None:
    with pytest.raises(Rejected, match=r"no queue “sales”.*Setup > Queues > New"):
        org.ticket(team="sales")


def test_a_team_goes_to_the_queue_that_the_settings_or_its_developer_name_say(org: Org) -> None:
    org.salesforce.add_queue("Billing EMEA")
    connector = org.connect(queues="billing=Billing_EMEA")
    customer = connector.upsert_contact(Contact("cust1", "Cy Two"), org.call("u"))
    draft = TicketDraft("v1", "Printer", customer, Comment("Help", True, customer), team="Billing")
    done = connector.create_ticket(draft, org.call("k1"))
    assert org.salesforce.cases[done.record]["OwnerId"] == org.salesforce.queues["Billing EMEA"]


def test_an_org_without_our_field_is_a_matter_for_the_admin(org: Org) -> None:
    org.contact()
    org.salesforce.without_key.add("EmailMessage")
    with pytest.raises(BadCredentials, match="make the field Deskweave_Id__c"):
        create(org, org.call("k1"))
    assert org.salesforce.cases == {}
