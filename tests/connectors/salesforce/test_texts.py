"""What people write stays words: it is kept as it was, and reaches into no query and no other step."""

from __future__ import annotations

import pytest

from chalicelib.core.model import Comment, Contact, Hint
from connectors.base import Call, Rejected
from tests.connectors.salesforce.support import NOW, Org, nothing

TEXTS: list[tuple[str, str, str]] = [
    ("markup", "<b>&amp;</b>", "<b>&amp;</b>"),
    ("blanks around", "  hello \r\n there  \n", "hello \n there"),
    ("nothing", " \n", "(no text)"),
    ("nul and half a pair", "a\x00b\ud800c", "ab\ufffdc"),
    ("a quote", "it's \\' OR Id != '", "it's \\' OR Id != '"),
]


@pytest.mark.parametrize(("name", "text", "kept"), TEXTS, ids=[row[0] for row in TEXTS])
def test_a_text_stands_in_salesforce_as_it_was_written(org: Org, name: str, text: str, kept: str) -> None:
    record = org.ticket(text).record
    org.connector.add_comment(record, Comment(text, False), "", org.call("k2"))
    said, noted = sorted(org.texts(record), key=len)
    assert said == kept
    assert noted == f"{kept}\n\n[deskweave v1.k2]" or name == "blanks around"


REFERENCES = ["@{author.Name}", "@{case.id}", "@{nobody.Id}", "{author.Name}", "a@{b", "@@{author.Name}"]


@pytest.mark.parametrize("text", REFERENCES)
def test_a_customer_cannot_refer_to_what_salesforce_answers(org: Org, text: str) -> None:
    """Composite requests put earlier answers in for `@{…}`: a customer's words must stay words."""
    record = org.ticket(text).record
    org.connector.add_comment(record, Comment(text, False), "", org.call("k2"))
    for said in org.texts(record):
        assert said.replace("\u200b", "").startswith(text)
    assert org.salesforce.cases[record]["Description"].replace("\u200b", "") == text


def test_what_is_too_long_is_kept_as_far_as_salesforce_has_room(org: Org) -> None:
    long = "<é😀> " * 7_000
    record = org.ticket(long).record
    org.connector.add_comment(record, Comment(long, False), "", org.call("k2"))
    (mail,) = org.salesforce.records("EmailMessage")
    (kept,) = org.salesforce.records("CaseComment")
    assert mail["HtmlBody"].count("&lt;é😀&gt;") == 7_000
    assert mail["TextBody"].endswith("Salesforce holds no more.")
    assert kept["CommentBody"].endswith("Salesforce holds no more.\n\n[deskweave v1.k2]")
    found = org.connector.lookup("add_comment", record, "v1", org.call("k2"))
    assert found is not None and found.comments == (kept["Id"],)


INJECTIONS = [
    "@{case.id}",
    "@{step0.totalSize}",
    "' OR Id != '",
    "\\' OR Id != '",
    "x\\",
    "x' LIMIT 0 --",
    "%",
    "_",
    "it's",
    "a\nb",
    "\u00e9",
]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_no_value_gets_out_of_its_quotes(org: Org, evil: str) -> None:
    org.salesforce.duplicate_rule = "off"
    bystander = org.connector.upsert_contact(Contact("bystander", "By Stander", "by@example.com"), org.call("u0"))
    mine = org.connector.upsert_contact(Contact(evil, f"Eve {evil}", ""), org.call("u1"))
    assert mine != bystander
    assert org.connector.upsert_contact(Contact(evil, f"Eve {evil}", ""), org.call("u2")) == mine
    assert org.connector.lookup("add_comment", evil, evil, Call(evil, NOW, reference=evil)) is None
    with pytest.raises(Rejected, match="not there any more"):
        org.connector.fetch(Hint(evil), nothing)
