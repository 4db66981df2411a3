"""Real mails: none is too odd to be read, and what is read is what the standard library reads where that can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from connectors.base import Unparsable
from connectors.shared.email import bodies, mime, reading
from tests.support import corpus

FOLDERS = ("mime", "bounces", "not-bounces", "replies/emails", "replies-localized")
# The mails that are none: texts without a single header.
NO_MAIL = {"mime": {"msg_19.txt"}}
# Of these we read more: the standard library looks into every `message/*`, and drops what follows a last boundary.
DIFFERENT = {"msg_36.txt", "msg_42.txt", "lhost-bigfoot-02.eml", "lhost-postfix-01.eml", "rfc3464-35.eml"}


def mails(folder: str) -> list[Path]:
    return sorted((corpus.corpus_dir() / "email" / folder).iterdir())


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_mail_is_read_and_gives_its_files_out(folder: str) -> None:
    seen: Counter[str] = Counter()
    refused = set()
    for file in mails(folder):
        raw = file.read_bytes()
        if folder.startswith("replies"):  # these are texts; each becomes the words of a mail
            raw = b"From: joe@example.com\n\n" + raw
        try:
            found = reading.read(raw)
        except Unparsable:
            refused.add(file.name)
            continue
        sizes = [len(reading.part(raw, part.key, 50_000_000).content) for part in found.attachments]
        assert sizes == [part.size for part in found.attachments], file.name
        assert found.message_id and found.notes == (), file.name
        shown = (found.subject, found.sender[1], *(part.name for part in found.attachments))
        assert not any("\n" in text or "\r" in text or "\x00" in text for text in shown), file.name
        (found.text + found.quoted + found.html + found.subject).encode()  # no half character
        seen["read"] += 1
        seen["files"] += len(sizes)
    assert refused == NO_MAIL.get(folder, set())
    corpus.tested(seen["read"] + len(refused), f"email {folder}")


@pytest.mark.parametrize("folder", ["mime", "bounces", "not-bounces"])
def test_the_parts_of_a_real_mail_are_those_that_the_standard_library_finds(folder: str) -> None:
    for file in mails(folder):
        if file.name in NO_MAIL.get(folder, set()) | DIFFERENT:
            continue
        raw = file.read_bytes()
        tree = mime.cut(raw)
        expected = message_from_bytes(raw)
        ours, theirs = list(_pieces(tree.root)), list(_parts(expected))
        assert [piece.media_type for piece in ours] == [part.get_content_type() for part in theirs], file.name
        for piece, part in zip(ours, theirs, strict=True):
            if not part.is_multipart():
                assert _bare(bodies.content(tree, piece)) == _bare(_content(part)), file.name
        values = [(name, str(value).replace("\r", "").replace("\n", "")) for name, value in expected.raw_items()]
        assert list(tree.root.message.raw_items()) == values, file.name


def _pieces(piece: mime.Piece) -> Iterator[mime.Piece]:
    if piece.pieces and piece.media_type not in mime.REPORTS:
        for inner in piece.pieces:
            yield from _pieces(inner)
    else:
        yield piece


def _parts(message: Message) -> Iterator[Message]:
    inner = message.get_payload()
    if isinstance(inner, list) and message.get_content_type() not in mime.REPORTS:
        for part in inner:
            assert isinstance(part, Message)
            yield from _parts(part)
    else:
        yield message


def _content(message: Message) -> bytes:
    found = message.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _bare(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").strip(b"\n")
