"""A mail that we send is read by everybody as it was meant, by our own reader and by the standard library."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.model import File
from connectors.base import CannotCarry
from connectors.shared.email import composing, reading

GIVEN: dict[str, Any] = {
    "sender": ("support@example.org", "Example Support"),
    "to": [("joe@example.com", "Joe Doe")],
    "subject": "Re: Hello",
    "text": "An answer.",
    "message_id": "c1.k1@example.org",
    "sent_at": 1_700_000_000_123,
}
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


def compose(**given: Any) -> bytes:
    return composing.compose(**{**GIVEN, **given})


def test_an_answer_says_all_that_it_was_given() -> None:
    raw = compose(
        html="<p>An <b>answer</b>.</p>",
        cc=[("ann@example.net", "Änn, B"), ("bob@example.net", "")],
        in_reply_to="m2@example.com",
        references=["m1@example.com", "m2@example.com"],
        reply_to="support+k3x7@example.org",
        files=[
            File("Röchnung 1.pdf", "application/pdf", b"%PDF"),
            File("mail.eml", "message/rfc822", b"From: x\r\n\r\ny"),
        ],
    )
    found = reading.read(raw)
    assert (found.sender, found.to) == (GIVEN["sender"], tuple(GIVEN["to"]))
    assert found.cc == (("ann@example.net", "Änn, B"), ("bob@example.net", ""))
    assert (found.subject, found.text, found.sent_at) == ("Re: Hello", "An answer.", 1_700_000_000_000)
    assert (found.message_id, found.in_reply_to) == ("c1.k1@example.org", ("m2@example.com",))
    assert found.references == ("m1@example.com", "m2@example.com")
    assert found.reply_to == (("support+k3x7@example.org", ""),)
    assert "<p>An <b>answer</b>.</p>" in found.html
    files = [reading.part(raw, part.key, 100) for part in found.attachments]
    assert files == [
        File("Röchnung 1.pdf", "application/pdf", b"%PDF"),
        File("mail.eml", "application/octet-stream", b"From: x\r\n\r\ny"),
    ]


def test_the_standard_library_reads_it_the_same_way_and_finds_nothing_wrong() -> None:
    raw = compose(
        subject="Grüße " * 30,
        text="Wörter\n" * 50,
        to=[("joe@example.com", 'Jöe (at) "work", Doe')],
        files=[File("Röchnung.pdf" * 8, "application/pdf", b"%PDF" * 999)],
    )
    found = message_from_bytes(raw, policy=policy.default)
    parts = list(found.walk())
    assert [defect for part in parts for defect in part.defects] == []
    assert found["subject"] == ("Grüße " * 30).strip()
    assert found["to"].addresses[0].display_name == 'Jöe (at) "work", Doe'
    assert [part.get_content_type() for part in parts] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    assert parts[2].get_content().replace("\r\n", "\n") == "Wörter\n" * 50
    assert parts[4].get_filename() == "Röchnung.pdf" * 8
    assert parts[4].get_content() == b"%PDF" * 999


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_value_opens_a_header_and_every_line_is_short(subject: str, name: str, text: str, file: str) -> None:
    plain = message_from_bytes(compose(files=[File("x", "a/b", b"x")]))
    raw = compose(subject=f"s{subject}", to=[("joe@example.com", name)], text=text, files=[File(file, "a/b", b"x")])
    found = message_from_bytes(raw)
    assert found.keys() == plain.keys()
    assert raw.isascii() and all(len(line) <= composing.MOST_LINE for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert [part.get_content_type() for part in found.walk()] == [part.get_content_type() for part in plain.walk()]
    assert reading.read(raw).to[0][0] == "joe@example.com"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"]), min_size=1, max_size=250))
def test_a_subject_comes_back_as_it_was(subject: str) -> None:
    assert reading.read(compose(subject=subject)).subject == " ".join(subject.split())


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a line of 5,000 letters: " + "x" * 5_000,
        "日本語の文章\n" * 20,
        "From here\n.\n..\nFrom there",
        "trailing blanks  \nand = signs =20\n\ttabs\t\nend",
        "one\n--=_0123\ntwo",
    ],
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    raw = compose(text=text)
    found = message_from_bytes(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= composing.MOST_LINE
    assert isinstance(content := found.get_payload(0).get_payload(decode=True), bytes)  # type: ignore[union-attr]
    assert content.decode().replace("\r\n", "\n") == text


def test_a_boundary_that_stands_in_the_text_is_not_taken() -> None:
    taken = message_from_bytes(compose()).get_boundary()
    raw = compose(text=f"--{taken}--\nwords")
    assert reading.read(raw).text.endswith("words") and message_from_bytes(raw).get_boundary() != taken


def test_html_is_made_safe_and_each_form_stands_in_for_the_other() -> None:
    raw = compose(text="", html='<p onclick="x">Rich<script>x</script></p>')
    assert b"onclick" not in raw and b"script" not in raw
    assert reading.read(raw).text == "Rich"
    assert "<p>Plain &lt;b&gt;</p>" in reading.read(compose(text="Plain <b>", html="<br>")).html


def test_an_automatic_answer_says_so_and_a_persons_does_not() -> None:
    marked = message_from_bytes(compose(automatic=True))
    assert (marked["Auto-Submitted"], marked["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert message_from_bytes(compose())["Auto-Submitted"] is None


def test_of_many_references_the_first_and_the_last_go_out_and_none_that_we_made_up() -> None:
    references = [f"m{n}@example.com" for n in range(100)] + [
        "long.abc",
        "sha256.abc@missing.invalid",
        "a b@c",
        "<x@y>",
    ]
    found = reading.read(compose(references=references, in_reply_to="m99@example.com")).references
    assert found == ("m0@example.com", *(f"m{n}@example.com" for n in range(81, 100)))
    assert message_from_bytes(compose(in_reply_to="sha256.abc@missing.invalid"))["In-Reply-To"] is None


def test_the_same_answer_is_the_same_mail() -> None:
    assert compose(files=[File("a", "b/c", b"d")]) == compose(files=[File("a", "b/c", b"d")])


REFUSED: list[dict[str, Any]] = [
    {"to": []},
    {"to": [("jö@example.com", "")]},
    {"cc": [("joe@example.com\r\nBcc: x@example.com", "")]},
    {"sender": ("support", "")},
    {"reply_to": "support@example.org>, x@example.com"},
    {"message_id": "a@b>\r\nBcc: <x@y"},
    {"message_id": "nothing"},
    {"files": [File("a", "b/c", bytes(30_000_000))]},
]


@pytest.mark.parametrize("given", REFUSED, ids=lambda given: next(iter(given)))
def test_what_mail_cannot_carry_is_refused_before_it_is_sent(given: dict[str, Any]) -> None:
    with pytest.raises(CannotCarry):
        compose(**given)


SUBJECTS = [
    ("Hello", "Re: Hello"),
    ("Re: Hello", "Re: Hello"),
    ("RE: re : Re[2]: AW: Hello", "Re: Hello"),
    ("SV: VS: Antw: Odp: Hello", "Re: Hello"),
    ("回复：Hello", "Re: Hello"),
    ("Fwd: Hello", "Re: Fwd: Hello"),
    ("Re: Fwd: Re: Hello", "Re: Fwd: Re: Hello"),
    ("Rechnung: 3", "Re: Rechnung: 3"),
    ("Re-opened: x", "Re: Re-opened: x"),
    ("", "Re:"),
    ("Re:", "Re:"),
    ("a\r\nBcc: x", "Re: a Bcc: x"),
]


@pytest.mark.parametrize(("subject", "expected"), SUBJECTS)
def test_an_answers_subject_has_one_re(subject: str, expected: str) -> None:
    assert composing.answer_subject(subject) == expected
