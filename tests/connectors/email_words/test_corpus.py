"""How right we are on real mails: replies with the words that are expected of them, bounces, and mails of persons.

The floors lie a little below what was measured. Half of the files (by the digest of their names) was set aside while
the rules were written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from email.message import Message
from pathlib import Path

import pytest

from connectors.shared.email import mime
from connectors.shared.email.automatic import recognise
from connectors.shared.email.replies import split
from tests.support import corpus

# Measured: 62 of 64, 0.975. mail-parser-reply, email_reply_parser and quotequail: 19, 28 and 8 of 64.
EXACT, SIMILAR = 60, 0.96
# Measured: 312 of 315, and no person's of 112.
RECALL = 309
# Bounces with a failed or late recipient's address, and with the id of the mail that came back, of 300.
WITH_RECIPIENT, WITH_ID = 290, 255
# A mailer wrote it itself: no bounce of a server, but no person's mail either.
NO_PERSONS = {"rb-issue-368-bug.eml"}


def files(*path: str) -> list[Path]:
    return sorted(corpus.corpus_dir().joinpath("email", *path).iterdir())


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def one_space(text: str) -> str:
    return " ".join(text.split())


def test_what_was_written_is_told_from_what_was_quoted() -> None:
    exact, similar, wrong = 0, 0.0, []
    for file in (found := files("replies", "emails")):
        said = one_space(split(read(file)).visible)
        expected = one_space(read(file.parent.parent / "trimmed" / file.name))
        exact += said == expected
        similar += SequenceMatcher(None, said, expected, autojunk=False).ratio()
        wrong += [file.name] if said != expected else []
    corpus.tested(len(found), "mail replies")
    corpus.tested(exact, "mail replies exactly right")
    mean = similar / len(found)
    print(f"replies: {exact} of {len(found)} exactly, mean similarity {mean:.4f}; not: {', '.join(wrong)}")
    assert exact >= EXACT - (64 - len(found)), wrong
    assert mean >= SIMILAR


@pytest.mark.parametrize("folder", ["replies/emails", "replies-localized"])
def test_no_line_of_a_real_reply_is_lost(folder: str) -> None:
    for file in files(*folder.split("/")):
        text = read(file)
        found = split(text)
        kept = Counter(line.strip() for part in (found.visible, found.quoted) for line in part.split("\n"))
        lines = Counter(line.strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        assert not lines - kept - Counter({"": lines[""]}), file.name
        assert found.visible.strip() or not text.strip(), file.name
        corpus.tested(1, "mail replies complete")


def persons() -> Iterator[tuple[str, Message]]:
    """Mails of persons: real ones, and the words of real replies in a mail that answers an absence."""
    for file in files("not-bounces"):
        if file.name not in NO_PERSONS:
            yield file.name, mime.cut(file.read_bytes()).root.message
    head = (
        "From: Ann <ann@home.example>\nReturn-Path: <ann@home.example>\nSubject: Re: Automatic reply: failure notice\n"
        "In-Reply-To: <1@acme.example>\nContent-Type: text/plain; charset=utf-8\n\n"
    )
    for file in (*files("replies", "emails"), *files("replies-localized")):
        yield file.name, mime.cut(head.encode() + file.read_bytes()).root.message


def test_programs_mails_are_recognised_and_persons_are_not_taken_for_them() -> None:
    kinds: Counter[str] = Counter()
    recipients = ids = 0
    for file in (found := files("bounces")):
        told = recognise(mime.cut(file.read_bytes()).root.message)
        kinds[told.kind] += 1
        if told.kind == "bounce":
            recipients += any("@" in one.recipient for one in told.bounced)
            ids += bool(told.original_message_id)
    people = list(persons())
    mistaken = [name for name, message in people if recognise(message).kind]
    right = len(found) - kinds[""]
    corpus.tested(len(found), "automatic mails")
    corpus.tested(right, "automatic mails recognised")
    corpus.tested(len(people), "mails of persons")
    print(
        f"mails: recall {right} of {len(found)} ({dict(kinds)}), precision {right} of {right + len(mistaken)}, "
        f"{len(people)} mails of persons; of the bounces {recipients} name a recipient, {ids} the mail that came back"
    )
    assert mistaken == []
    assert right >= RECALL - (315 - len(found))
    assert recipients >= WITH_RECIPIENT - (315 - len(found))
    assert ids >= WITH_ID - (315 - len(found))
