"""Mails that were damaged on their way: whatever is cut, doubled or overwritten, reading ends and says something."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from connectors.base import CannotCarry, Unparsable
from connectors.shared.email import reading

from .mails import HEAD, multipart, part

WHOLE = multipart(
    "mixed",
    multipart(
        "alternative",
        part(b"caf=C3=A9 =\r\n> quoted", kind="text/plain; charset=utf-8; format=flowed", encoding="quoted-printable"),
        multipart(
            "related",
            part(b'<p>Rich <img src="cid:i@x"></p>', kind="text/html; charset=iso-8859-1"),
            part(
                base64.encodebytes(b"PNG"),
                kind="image/png; name*0*=utf-8''%e2; name*1*=%82%ac",
                encoding="base64",
                id="i@x",
            ),
            boundary="b2",
        ),
        boundary="b1",
    ),
    part(b"Final-Recipient: rfc822; a@b\r\n\r\nStatus: 5.1.1\r\n", kind="message/delivery-status"),
    part(b"From: a@b\r\nSubject: =?utf-8?b?Y2Fmw6k=?=\r\n\r\nInner", kind="message/rfc822"),
    part(b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n"),
    head=HEAD + b'Cc: "A, B" (c (d)) <a@b.example>, Team: e@f.example;\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n',
)
BYTES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"\r\n", b"\n", b"--b0", b"--b1--", b"\x00", b"=?", b"?=", b'"', b"(", b"<", b";", b":", b"=", b"\xff"]
    )
    | st.sampled_from(
        [b"\r\n\r\n", b"charset=utf-16", b"charset=idna", b"message/rfc822", b"multipart/mixed", b"; boundary=b0"]
    ),
)
DAMAGE = st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 20), BYTES), min_size=1, max_size=8)


@given(DAMAGE)
def test_a_damaged_mail_is_read_or_refused_and_its_files_come_out(damage: list[tuple[int, int, bytes]]) -> None:
    raw = WHOLE
    for at, gone, put in damage:
        raw = raw[:at] + put + raw[at + gone :]
    check(raw)


@given(st.integers(0, len(WHOLE)))
def test_a_mail_that_was_cut_off_is_read_or_refused(at: int) -> None:
    check(WHOLE[:at])


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    check(tail)
    check(b"Subject: " + tail)
    check(b"From: " + tail)
    check(b"Date: " + tail)
    check(b"A: b\nContent-Type: " + tail)
    check(b"A: b\nContent-Type: text/plain; charset=" + tail)
    check(b"A: b\nContent-Type: application/x; name*=" + tail)


def check(raw: bytes) -> None:
    try:
        found = reading.read(raw)
    except Unparsable:
        return
    assert found.message_id
    for shown in (found.text, found.quoted, found.html, found.subject, found.sender[1], found.message_id):
        shown.encode()
        assert "\x00" not in shown and "\r" not in shown
    for listed in found.attachments:
        listed.name.encode()
        assert "\n" not in listed.name and "/" not in listed.name and listed.name
        try:
            assert len(reading.part(raw, listed.key, 1_000_000).content) == listed.size
        except CannotCarry as refused:
            raise AssertionError(f"{listed.key} is listed and not there") from refused
