"""What a mail says, for each way in which mailers write it."""

from __future__ import annotations

import base64

import pytest

from connectors.base import CannotCarry, Unparsable
from connectors.shared.email import reading
from connectors.shared.email.bodies import unflowed

from .mails import HEAD, mail, multipart, part

PLAIN = part(b"Plain words", kind="text/plain; charset=utf-8")
HTML = part(b"<p>Rich words</p>", kind="text/html; charset=utf-8")
PDF = part(base64.encodebytes(b"%PDF-1"), kind='application/pdf; name="bill.pdf"', encoding="base64")
IMAGE = part(base64.encodebytes(b"PNG"), kind="image/png", encoding="base64", id="i1@x", disposition="inline")
SHOWING = part(b'<p>Rich <img src="cid:i1@x"> words</p>', kind="text/html")
INNER = HEAD.replace(b"Hello", b"Inner/one") + b"\r\nInner words"

TEXTS = {
    "one part": (mail(b"Words"), "Words"),
    "line ends of every kind": (mail(b"a\rb\r\nc\nd"), "a\nb\nc\nd"),
    "only carriage returns": (mail(b"Words").replace(b"\r\n", b"\r"), "Words"),
    "quoted-printable with soft breaks": (mail(b"caf=C3=\r\n=A9 =\n!=zz", encoding="Quoted-Printable"), "café !=zz"),
    "base64 with garbage": (mail(b"V29y\r\n!\xff ZHM", encoding="BASE64"), "Words"),
    "an encoding nobody knows": (mail(b"Words", encoding="x-new"), "Words"),
    "a charset nobody knows": (mail(b"caf\xc3\xa9", kind="text/plain; charset=X-UNKNOWN"), "café"),
    "eight bits without a charset": (mail(b"caf\xe9"), "café"),
    "half characters": (mail(b"a+2D0-b", kind="text/plain; charset=utf-7"), "a\ufffdb"),
    "NUL and controls": (mail(b"a\x00b\x07c\td"), "abc\td"),
    "UTF-16": (mail("Wörter".encode("utf-16"), kind="text/plain; charset=utf-16"), "Wörter"),
    "a content type that is none": (mail(b"Words", kind="text"), "Words"),
    "a byte order mark before it all": (b"\xef\xbb\xbf" + mail(b"Words"), "Words"),
    "a line of mbox before it all": (b"From joe Mon Jan 1\r\n" + mail(b"Words"), "Words"),
    "no blank line before the words": (HEAD + b"Words without a colon\r\nmore", "Words without a colon\nmore"),
    "flowed": (mail(b"one \r\ntwo\r\n more", kind="text/plain; format=flowed"), "one two\nmore"),
    "flowed without its spaces": (mail(b"on \r\ne", kind="text/plain; format=flowed; delsp=yes"), "one"),
    "HTML alone": (mail(b"<p>Rich words</p>", kind="text/html"), "Rich words"),
    "HTML that says it is plain": (mail(b"<html><body><p>Rich words</p></body></html>"), "Rich words"),
    "the plain form of two": (multipart("alternative", PLAIN, HTML, head=HEAD), "Plain words"),
    "an empty plain form": (multipart("alternative", part(b" \r\n"), HTML, head=HEAD), "Rich words"),
    "a plain form that only points to the other": (
        multipart(
            "alternative",
            part(b"Your client has no HTML."),
            part(b"<p>" + b"Rich words " * 9, kind="text/html"),
            head=HEAD,
        ),
        ("Rich words " * 9).strip(),
    ),
    "words around a picture": (multipart("mixed", part(b"One"), IMAGE, part(b"Two"), head=HEAD), "One\n\nTwo"),
    "signed": (multipart("signed", PLAIN, part(b"x", kind="application/pkcs7-signature"), head=HEAD), "Plain words"),
    "a multipart that never ends": (multipart("mixed", PLAIN, head=HEAD).removesuffix(b"--b0--\r\n"), "Plain words"),
    "a multipart without a boundary": (mail(b"Words", kind="multipart/mixed"), "Words"),
    "a multipart whose boundary never comes": (mail(b"Words", kind="multipart/mixed; boundary=b"), "Words"),
    "blanks after a boundary": (
        multipart("mixed", PLAIN, head=HEAD).replace(b"--b0\r\n", b"--b0 \t\r\n"),
        "Plain words",
    ),
    "a boundary that begins like another": (
        multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="b01"), PDF, head=HEAD),
        "Plain words",
    ),
    "a calendar beside it": (
        multipart("alternative", PLAIN, part(b"BEGIN:VCALENDAR", kind="text/calendar"), head=HEAD),
        "Plain words",
    ),
    "a file only": (HEAD + PDF, ""),
    "nothing": (mail(b""), ""),
}


@pytest.mark.parametrize(("raw", "expected"), TEXTS.values(), ids=TEXTS)
def test_a_mail_says_its_words(raw: bytes, expected: str) -> None:
    assert reading.read(raw).text == expected


UU = b"See this\r\nbegin 644 a b.txt\r\n%:&5L;&\\\r\n`\r\nend\r\nBye"
RFC2231 = "attachment; filename*0*=utf-8''%e2%82; filename*1*=%ac.txt"

# what -> the mail, then each file's key, name, media type, content, and whether the HTML shows it
FILES = {
    "beside the words": (
        multipart("mixed", PLAIN, PDF, head=HEAD),
        [("2", "bill.pdf", "application/pdf", b"%PDF-1", False)],
    ),
    "a picture that the HTML shows": (
        multipart("mixed", multipart("related", SHOWING, IMAGE, boundary="b1"), PDF, head=HEAD),
        [("1.2", "image.png", "image/png", b"PNG", True), ("2", "bill.pdf", "application/pdf", b"%PDF-1", False)],
    ),
    "a picture that nothing shows": (
        multipart("mixed", PLAIN, IMAGE, head=HEAD),
        [("2", "image.png", "image/png", b"PNG", False)],
    ),
    "the mail itself": (HEAD + PDF, [("1", "bill.pdf", "application/pdf", b"%PDF-1", False)]),
    "a mail that was forwarded": (
        multipart("mixed", PLAIN, part(INNER, kind="message/rfc822"), head=HEAD),
        [("2", "Inner-one.eml", "message/rfc822", INNER, False)],
    ),
    "a digest": (
        multipart("digest", part(INNER), head=HEAD),
        [("1", "Inner-one.eml", "message/rfc822", INNER, False)],
    ),
    "a text with a name": (
        multipart("mixed", PLAIN, part(b"log", kind="text/plain; name=a.log"), head=HEAD),
        [("2", "a.log", "text/plain", b"log", False)],
    ),
    "a text that is attached": (
        multipart("mixed", PLAIN, part(b"log", disposition=RFC2231), head=HEAD),
        [("2", "€.txt", "text/plain", b"log", False)],
    ),
    "a table": (
        multipart("mixed", PLAIN, part(b"a,b", kind="text/csv"), head=HEAD),
        [("2", "table.csv", "text/csv", b"a,b", False)],
    ),
    "an invitation": (
        multipart("alternative", PLAIN, part(b"BEGIN:VCALENDAR", kind="text/calendar; method=REQUEST"), head=HEAD),
        [("2", "invitation.ics", "text/calendar", b"BEGIN:VCALENDAR", False)],
    ),
    "winmail.dat": (
        multipart("mixed", PLAIN, part(b"\x78\x9f", kind="application/ms-tnef"), head=HEAD),
        [("2", "winmail.dat", "application/ms-tnef", b"\x78\x9f", False)],
    ),
    "sealed": (
        HEAD + part(b"MIIB", kind="application/pkcs7-mime; smime-type=enveloped-data", encoding="base64"),
        [("1", "smime.p7m", "application/pkcs7-mime", b"0\x82\x01", False)],
    ),
    "uuencoded in the words": (mail(UU), [("1u1", "a b.txt", "application/octet-stream", b"hello", False)]),
    "uuencoded as a part": (
        multipart("mixed", PLAIN, part(UU[10:-5], kind="image/gif", encoding="x-uuencode"), head=HEAD),
        [("2", "image.gif", "image/gif", b"hello", False)],
    ),
    "a media type that is none": (
        multipart("mixed", PLAIN, part(b"x", kind="a/b/c; name=x"), head=HEAD),
        [("2", "x", "application/octet-stream", b"x", False)],
    ),
    "of no bytes": (
        multipart("mixed", PLAIN, part(b"", kind="image/gif; name=x.gif"), head=HEAD),
        [("2", "x.gif", "image/gif", b"", False)],
    ),
}


@pytest.mark.parametrize(("raw", "expected"), FILES.values(), ids=FILES)
def test_a_mail_lists_its_files_and_gives_them_out(
    raw: bytes, expected: list[tuple[str, str, str, bytes, bool]]
) -> None:
    found = reading.read(raw).attachments
    taken = [reading.part(raw, part.key, 1_000) for part in found]
    told = [
        (part.key, file.name, file.media_type, file.content, part.inline)
        for part, file in zip(found, taken, strict=True)
    ]
    assert told == expected
    assert [(part.name, part.size) for part in found] == [(file.name, len(file.content)) for file in taken]


def test_the_words_around_a_uuencoded_file_stay() -> None:
    assert reading.read(mail(UU)).text.split() == ["See", "this", "Bye"]


NAMES = [
    ("../../etc/passwd", "passwd"),
    (r"C:\\Users\\joe\\bill.pdf", "bill.pdf"),
    ("a\x00b.pdf", "ab.pdf"),
    ("=?utf-8?q?a=0D=0AX-Evil:_b.pdf?=", "a X-Evil_ b.pdf"),
    ("=?utf-8?b?aW52b2ljZeKArmZkcC5leGU=?=", "invoicefdp.exe"),  # turned, it would be shown as invoiceexe.pdf
    ("...", "image.gif"),
    ("con?.txt<>", "con_.txt__"),
    ("a" * 300 + ".pdf", "a" * 116 + ".pdf"),
    ("", "image.gif"),
]


@pytest.mark.parametrize(("given", "expected"), NAMES)
def test_a_files_name_is_safe_to_keep(given: str, expected: str) -> None:
    raw = multipart("mixed", PLAIN, part(b"x", kind=f'image/gif; name="{given}"'), head=HEAD)
    assert [part.name for part in reading.read(raw).attachments] == [expected]


@pytest.mark.parametrize(
    "key", ["", "0", "1.1", "3", "2.1", "2u1", "1u1", "1u", "1ux", "1u99999999999", "a", "2 ", "-1", "\x00"]
)
def test_a_file_that_is_not_there_cannot_be_taken_out(key: str) -> None:
    with pytest.raises(CannotCarry):
        reading.part(multipart("mixed", PLAIN, PDF, head=HEAD), key, 1_000)


def test_a_file_beyond_the_limit_cannot_be_taken_out() -> None:
    raw = multipart("mixed", PLAIN, PDF, head=HEAD)
    assert reading.part(raw, "2", 6).content == b"%PDF-1"
    with pytest.raises(CannotCarry, match="6 bytes"):
        reading.part(raw, "2", 5)


def test_the_headers_of_a_mail() -> None:
    found = reading.read(
        b"From: =?utf-8?q?J=C3=B6?= <Joe@Example.com>\r\nTo: Team: a@example.org, B <b@example.org>;\r\n"
        b"To: c@example.org\r\nCC: d@example.org\r\nReply-To: e@example.com\r\n"
        b"Subject: =?utf-8?q?caf=C3=A9=0D=0ABcc=3A_x?=\r\n =?utf-8?q?!?=\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        b"Message-ID: <m2@example.com>\r\nMessage-ID: <m3@example.com>\r\nIn-Reply-To: <m1@example.com>\r\n"
        b"References: <m0@example.com>\r\n\t<m1@example.com>\r\n\r\nWords"
    )
    assert (found.sender, found.senders) == (("joe@example.com", "Jö"), 1)
    assert found.to == (("a@example.org", ""), ("b@example.org", "B"), ("c@example.org", ""))
    assert (found.cc, found.reply_to, found.recipients) == ((("d@example.org", ""),), (("e@example.com", ""),), 4)
    assert (found.subject, found.sent_at) == ("café Bcc: x!", 1_700_000_000_000)
    assert (found.message_id, found.in_reply_to) == ("m2@example.com", ("m1@example.com",))
    assert (found.references, found.notes) == (("m0@example.com", "m1@example.com"), ())


SENDERS = [
    (b"From: a@example.com, b@example.com", ("a@example.com", ""), 2),
    (b"From: a@example.com\r\nFrom: b@example.com", ("a@example.com", ""), 2),
    (b"From: Nobody\r\nSender: s@example.com", ("s@example.com", ""), 1),
    (b"From: Nobody", ("", "Nobody"), 0),
    (b"From: <>", ("", "<>"), 0),
    (b"Subject: x", ("", ""), 0),
]


@pytest.mark.parametrize(("head", "sender", "senders"), SENDERS)
def test_the_sender_is_told_with_how_many_there_are(head: bytes, sender: tuple[str, str], senders: int) -> None:
    found = reading.read(head + b"\r\n\r\nWords")
    assert (found.sender, found.senders) == (sender, senders)


def test_a_mail_without_an_id_is_given_one_that_stays_the_same() -> None:
    head = b"From: joe@example.com\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    once = reading.read(head + b"\r\nWords").message_id
    again = reading.read(b"Received: from b\r\n" + head + b"\r\nWords").message_id
    other = reading.read(head + b"\r\nOther words").message_id
    assert once == again != other and once.startswith("sha256.") and once.endswith("@missing.invalid")


def test_mails_without_an_id_and_a_date_are_one_only_where_they_are_the_same_to_the_letter() -> None:
    once, other = (reading.read(b"Received: " + by + b"\r\nFrom: joe@example.com\r\n\r\nok") for by in (b"a", b"b"))
    assert once.message_id != other.message_id and (once.sent_at, other.sent_at) == (None, None)


@pytest.mark.parametrize("raw", [b"", b" \r\n\r\n ", b"Just words", b"\x00\xff" * 100, b"\r\nFrom\r\n\r\nx"])
def test_what_is_no_mail_is_refused(raw: bytes) -> None:
    with pytest.raises(Unparsable):
        reading.read(raw)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a \nb\n", "a b\n"),
        ("> a \n> b\nc", "> a b\nc"),
        ("> a \n>> b", "> a \n>> b"),
        ("a \n-- \nb", "a \n-- \nb"),
        (" >no quote", ">no quote"),
        ("a \n\nb", "a \nb"),
    ],
)
def test_flowed_lines_are_joined(text: str, expected: str) -> None:
    assert unflowed(text) == expected
