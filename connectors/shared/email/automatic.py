"""Which mails no person wrote: bounces, complaints, answers of programs, and mail to everybody.

A person's mail that is taken for a program's is worse than a program's that is taken for a person's: one sign that a
person's mail can have as well (a subject, a mailing list's headers) is never enough.
https://www.rfc-editor.org/rfc/rfc3834 · https://www.rfc-editor.org/rfc/rfc3464 · https://www.rfc-editor.org/rfc/rfc5965
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message

from connectors.shared.email import addresses, headers
from connectors.shared.email import automatic_words as words
from connectors.shared.email.automatic_reports import Bounced, body, bounced, original_id, parts

__all__ = ["Automatic", "Bounced", "recognise"]

# An answer of a program is short.
LONGEST_ANSWER = 3_000

_PREFIX = re.compile(rf"(?:{'|'.join(words.ANSWERED)})\s?(?:\[\d+\])?\s?[:：]\s*", re.IGNORECASE)
_COPIES = {"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"}
_TAGS = re.compile(r"^(?:\[[^\]]{1,40}\]\s*)+")
_COMPLAINT = re.compile(r"complaint about message from [\d.:a-f]+$")
_NOTICE = re.compile(r'\\?"(?:notificationType|eventType)\\?"\s*:\s*\\?"(Bounce|Complaint)\\?"')


@dataclass(frozen=True)
class Automatic:
    """What a mail is.

    kind      "" a person's; "auto-reply" a program answered; "bounce" a mail came back or is late; "feedback" somebody
              complained about a mail; "bulk" written to everybody, or by a server to nobody
    reason    by which sign it was recognised, for people
    bounced   whom the returned mail did not reach; () for any other kind
    original_message_id  of the mail that it is about, without brackets, "" where it cannot be told
    """

    kind: str = ""
    reason: str = ""
    bounced: tuple[Bounced, ...] = ()
    original_message_id: str = ""


def recognise(message: Message) -> Automatic:
    """Tell whether no person wrote this mail, from its headers and the beginning of its first text. Never raises.

    A mail that a mailing list or a group handed on is a person's, whatever its Precedence says.
    """
    signs = _Signs(message)
    for kind, tell in _RULES:
        reason = tell(signs)
        if reason:
            named = bounced(message, signs.said) if kind == "bounce" else ()
            return Automatic(kind, reason, named, original_id(message, signs.said))
    return Automatic()


class _Signs:
    """What the rules look at, read once."""

    def __init__(self, message: Message) -> None:
        self._headers: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            self._headers.setdefault(name.lower(), []).append(str(value)[:2000])
        self.types = [part.get_content_type() for part in parts(message)]
        self.report = headers.parameters(self.raw("content-type")).get("report-type", "").lower()
        self.subject = headers.text(self.raw("subject")).casefold()
        self.bare_subject = _TAGS.sub("", self.subject).strip(" *\"'")
        self.answers = _PREFIX.match(self.bare_subject) is not None
        sender = headers.text(self.raw("from")).casefold()
        kept = addresses.read(self.raw("from")).kept
        self.address = kept[0][0].casefold() if kept else ""
        self.name = sender.lstrip(" \"'<(").partition("<")[0]
        self.local = re.sub(r"[-_.]", "", self.address.partition("@")[0].partition("+")[0])
        self.said = body(message)

    def raw(self, name: str) -> str:
        return next(iter(self._headers.get(name, ())), "")

    def has(self, name: str) -> bool:
        return name in self._headers

    def begins(self, table: Sequence[tuple[str, tuple[str, ...]]]) -> str:
        """The first header of the table whose value begins so."""
        for name, beginnings in table:
            for value in self._headers.get(name, ()):
                given = value.strip().casefold()
                if given not in words.NO and given.startswith(beginnings):
                    return f"{name}: {given}"[:100]
        return ""

    @property
    def submitted(self) -> str:
        """The value of Auto-Submitted, without its parameters; "" for "no"."""
        given = re.split(r"[\s;(]", self.raw("auto-submitted").strip().casefold(), maxsplit=1)[0]
        return "" if given == "no" else given

    @property
    def nobody(self) -> bool:
        """The null return path: whoever sent it wants no answer (RFC 5321 4.5.5)."""
        paths = self._headers.get("return-path", ())
        return any(re.sub(r"\s", "", path).casefold() in ("<>", "<mailer-daemon>", "mailer-daemon") for path in paths)

    @property
    def daemon(self) -> bool:
        if self.local in words.DAEMONS or any(self.local.startswith(name) for name in ("mailerdaemon", "maildaemon")):
            return True
        return not self.address and self.name.startswith(words.DAEMON_NAMES)

    @property
    def server(self) -> bool:
        """A server's own mailbox, or a sender that calls itself one: people write from a postmaster's too."""
        return self.local in words.POSTMASTERS or self.name.startswith(words.DAEMON_NAMES)

    @property
    def returned(self) -> bool:
        """Whether the subject is a bounce's own."""
        return not self.answers and self.bare_subject.startswith(words.BOUNCE_SUBJECTS)


def _feedback(signs: _Signs) -> str:
    if "message/feedback-report" in signs.types or signs.report == "feedback-report":
        return "a feedback report (RFC 5965)"
    if _COMPLAINT.match(signs.subject) and signs.address.endswith("@hotmail.com"):
        return "a complaint report of Outlook.com"
    return "a complaint notice of Amazon SES" if _notice(signs) == "Complaint" else ""


def _notice(signs: _Signs) -> str:
    if not signs.address.endswith("@sns.amazonaws.com"):
        return ""
    found = _NOTICE.search(signs.said)
    return found[1] if found else ""


def _bounce(signs: _Signs) -> str:
    machine = signs.nobody or (bool(signs.submitted) and not _on_behalf(signs))
    status = any(kind.endswith("delivery-status") for kind in signs.types)
    if (
        (signs.report or "delivery-status") == "delivery-status"
        and "multipart/report" in signs.types
        and (status or machine or signs.daemon or signs.server)
    ):
        return "a delivery report (RFC 3464)"
    if signs.daemon and not signs.answers:
        return "its sender is a mail server"
    if signs.has("x-failed-recipients"):
        return "it names failed recipients"
    if signs.server and (signs.returned or status or machine) and not signs.answers:
        return "its sender is a mail server's mailbox and it says that a mail came back"
    if signs.nobody and not signs.answers and _COPIES & set(signs.types):
        return "it wants no answer and holds a mail that came back"
    if (machine or (status and not signs.address)) and (signs.returned or status):
        return "it wants no answer and says that a mail came back"
    return "a bounce notice of Amazon SES" if _notice(signs) == "Bounce" else ""


def _answer(signs: _Signs) -> str:
    if signs.report == "disposition-notification" or "message/disposition-notification" in signs.types:
        return "a receipt (RFC 8098)"
    if signs.submitted in ("auto-replied", "auto-notified"):
        return f"auto-submitted: {signs.submitted}"
    told = signs.begins(words.ANSWER_HEADERS)
    if told:
        return told
    if signs.submitted and not _on_behalf(signs) and _says_answer(signs):
        return f"auto-submitted: {signs.submitted}, and its subject"
    if signs.nobody:
        return "the null return path"
    return _absent(signs)


def _says_answer(signs: _Signs) -> bool:
    return not signs.answers and signs.bare_subject.startswith(words.ANSWER_SUBJECTS)


def _absent(signs: _Signs) -> str:
    """A subject that programs write, and with it a header that they write too, or an absence told in few words."""
    if not _says_answer(signs):
        return ""
    if signs.has("x-auto-response-suppress") or signs.begins(words.BULK_HEADERS):
        return "its subject and a header of automatic mail"
    said = signs.said.casefold()
    if signs.has("in-reply-to") and len(said) < LONGEST_ANSWER and any(word in said for word in words.ABSENCE_WORDS):
        return "its subject, what it answers and its words"
    return ""


def _bulk(signs: _Signs) -> str:
    if any(signs.has(name) for name in words.LIST_HEADERS):
        return ""
    told = signs.begins(words.BULK_HEADERS)
    if told:
        return told
    if signs.submitted and not _on_behalf(signs):
        return f"auto-submitted: {signs.submitted}"
    return ""


def _on_behalf(signs: _Signs) -> bool:
    """A form on a web site hands on what a person wrote: an answer goes to somebody else than the program."""
    kept = addresses.read(signs.raw("reply-to")).kept
    return any(address.casefold() != signs.address for address, _ in kept)


_RULES: tuple[tuple[str, Callable[[_Signs], str]], ...] = (
    ("feedback", _feedback),
    ("bounce", _bounce),
    ("auto-reply", _answer),
    ("bulk", _bulk),
)
