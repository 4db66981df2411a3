"""Mails made to hurt: refused, or stored within the caps, with work in proportion to their size. Counts, no clocks."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from connectors.base import Unparsable
from connectors.shared.email import bodies, headers, mime, reading

from .mails import HEAD, mail, multipart, part


def nested(depth: int) -> bytes:
    return (
        HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
        + b"\nin"
    )


def forwarded(depth: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\n\n" * depth + b"Subject: in\n\nin"


def parts(number: int) -> bytes:
    return multipart("mixed", *[b"\r\nx"] * number, head=HEAD)


def recipients(number: int) -> bytes:
    return HEAD + b"Cc: " + b", ".join(b"user%d@example.com" % n for n in range(number)) + b"\r\n\r\nWords"


def blocks(number: int) -> bytes:
    return multipart("report", part(b"A: b\r\n\r\n" * number, kind="message/delivery-status"), head=HEAD)


# what -> the mail, and what `notes` must say of it ("" where nothing has to be left out)
MAILS: dict[str, tuple[bytes, str]] = {
    "100,000 parts": (parts(100_000), "parts after the first 1000"),
    "999 files": (multipart("mixed", *[part(b"x", kind="image/png")] * 999, head=HEAD), "799 more files"),
    "999 uuencoded files": (mail(b"begin 644 a\r\n`\r\nend\r\n" * 999), "799 more files"),
    "depth 1,000": (nested(1_000), "deeper than 30"),
    "depth 1,000 of forwarded mails": (forwarded(1_000), "deeper than 30"),
    "2,000 parentheses": (b"From: " + b"(" * 2_000 + b" <joe@example.com>\r\n\r\nWords", ""),
    "2,000 closed parentheses": (b"From: " + b"(" * 2_000 + b")" * 2_000 + b" <joe@example.com>\r\n\r\nWords", ""),
    "10,000 recipients": (recipients(10_000), "100 of 10000 recipients"),
    "10,000 headers": (HEAD + b"X-A: b\r\n" * 10_000 + b"\r\nWords", "headers after the first 1000"),
    "a header of 2 MB": (HEAD + b"X-A: " + b"x" * 2_000_000 + b"\r\n\r\nWords", "headers beyond 1000000 bytes"),
    "a header that never ends": (HEAD + b"X-A: b\r\n c\r\n" * 200_000, "headers beyond 1000000 bytes"),
    "a line of 20 MB": (mail(b"x" * 20_000_000), "first 2000000 bytes"),
    "20 MB of soft breaks": (mail(b"=\r\n" * 6_700_000, encoding="quoted-printable"), ""),
    "20 MB of padding": (mail(b"=a" * 10_000_000, encoding="base64"), "first 2000000 bytes"),
    "20 MB of near boundaries": (mail(b"--bX\n" * 4_000_000, kind="multipart/mixed; boundary=b"), "boundaries after"),
    "20 MB of line ends": (mail(b"\n" * 20_000_000), "first 2000000 bytes"),
    "100,000 blocks of a report": (blocks(100_000), "parts after the first 1000"),
    "a text that outgrows what is kept": (mail(b"words " * 100_000), "first 100000 characters"),
    "HTML that outgrows what is kept": (mail(b"<p>word</p>" * 100_000, kind="text/html"), "characters of its HTML"),
}


@pytest.mark.parametrize(("raw", "note"), MAILS.values(), ids=MAILS)
def test_a_hostile_mail_is_stored_within_the_caps(raw: bytes, note: str) -> None:
    found = reading.read(raw)
    assert len(found.text) <= reading.MOST_TEXT and len(found.quoted) <= reading.MOST_TEXT
    assert len(found.html) <= reading.MOST_HTML and len(found.subject) <= reading.MOST_SUBJECT
    assert len(found.attachments) <= bodies.MOST_FILES
    assert len(found.to) <= reading.MOST_RECIPIENTS and len(found.cc) <= reading.MOST_RECIPIENTS
    assert note in "; ".join(found.notes) if note else found.notes == ()


@pytest.mark.parametrize("raw", [raw for raw, _ in MAILS.values()], ids=MAILS)
def test_a_hostile_mail_is_cut_in_a_bounded_number_of_steps(raw: bytes) -> None:
    tree = mime.cut(raw)
    assert tree.looked_at <= mime.MOST_PARTS and tree.steps <= mime.MOST_STEPS
    assert _depth(tree.root) <= mime.MOST_DEPTH
    assert len(tree.root.message.keys()) <= mime.MOST_HEADERS
    assert all(len(value) <= mime.MOST_HEADER_BYTES for _, value in tree.root.message.raw_items())


def _depth(piece: mime.Piece) -> int:
    return 1 + max(map(_depth, piece.pieces)) if piece.pieces else 0


def test_parentheses_do_not_hide_the_sender() -> None:
    assert [reading.read(MAILS[name][0]).sender[0] for name in ("2,000 parentheses", "2,000 closed parentheses")] == [
        "joe@example.com",
        "joe@example.com",
    ]


def test_a_mail_beyond_the_largest_is_refused() -> None:
    with pytest.raises(Unparsable, match="bytes"):
        reading.read(HEAD + b"\r\n" + bytes(mime.MOST_BYTES))


# Shapes whose work is measured at two sizes, both below the caps.
GROWING: dict[str, Callable[[int], bytes]] = {
    "parts": lambda n: parts(n // 10),
    "headers": lambda n: HEAD + b"X-A: b\r\n" * (n // 10) + b"\r\n",
    "folded": lambda n: HEAD + b"X-A: b\r\n" + b" c\r\n" * n + b"\r\n",
    "recipients": recipients,
    "parentheses": lambda n: b"From: " + b"(" * n + b"\r\n\r\nx",
    "closed parentheses": lambda n: b"From: " + b"()" * n + b"\r\n\r\nx",
    "quotes that never close": lambda n: b"From: " + b'"\\' * n + b"\r\n\r\nx",
    "angles": lambda n: b"From: " + b"<" * n + b"\r\n\r\nx",
    "encoded words": lambda n: b"From: x@y.z\r\nSubject: " + b"=?utf-8?q?a?= " * (n // 10) + b"\r\n\r\nx",
    "encoded words that never end": lambda n: b"Subject: " + b"=?a?b?" * n + b"\r\n\r\nx",
    "parameters": lambda n: HEAD + b"Content-Type: text/plain" + b'; a*1="b' * n + b"\r\n\r\nx",
    "references": lambda n: HEAD + b"References: " + b"<a@b> " * n + b"\r\n\r\nx",
    "flowed": lambda n: mail(b"a \r\n" * n, kind="text/plain; format=flowed"),
    "uuencoded": lambda n: mail(b"begin 644 a\r\n" * n),
    "near boundaries": lambda n: mail(b"--bX\n" * n, kind="multipart/mixed; boundary=b"),
    "blocks": lambda n: blocks(n // 10),
}


@pytest.mark.parametrize("make", GROWING.values(), ids=GROWING)
def test_four_times_the_mail_is_at_most_about_four_times_the_work(make: Callable[[int], bytes]) -> None:
    small, large = (_lines_run(mime_and_headers, make(n)) for n in (1_500, 6_000))
    assert large < 5 * small + 2_000


def mime_and_headers(raw: bytes) -> None:
    """All of reading but the words of replies and HTML, which have tests of their own."""
    tree = mime.cut(raw)
    bodies.contents(tree)
    for name in ("from", "cc"):
        reading._addresses(tree, name)
    headers.text(mime.first(tree.root.message, "subject"))
    headers.ids(mime.first(tree.root.message, "references"))


def _lines_run(run: Callable[[bytes], None], raw: bytes) -> int:
    """How many lines of Python a run takes: the same on every machine."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run(raw)
    finally:
        sys.settrace(before)
    return count


LARGE = {
    "one file": lambda: multipart("mixed", part(b"QUFB" * 3_000_000, kind="image/png", encoding="base64"), head=HEAD),
    "one line": lambda: mail(b"x" * 12_000_000),
    "eight bits": lambda: mail(b"\xff" * 12_000_000),
    "soft breaks": lambda: mail(b"=\r\n" * 4_000_000, encoding="quoted-printable"),
    "many parts": lambda: parts(1_000_000),
    "two hundred files": lambda: multipart(
        "mixed", *[part(b"QUFB" * 15_000, kind="image/png", encoding="base64")] * 200, head=HEAD
    ),
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_reading_a_large_mail_takes_at_most_four_times_its_size(make: Callable[[], bytes]) -> None:
    raw = make()
    tracemalloc.start()
    try:
        mime_and_headers(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 3 * len(raw)  # the mail itself makes four
