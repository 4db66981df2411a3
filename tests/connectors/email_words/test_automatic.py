"""Which mails no person wrote, and which only look so."""

from __future__ import annotations

from email import message_from_string
from email.message import Message

import pytest

from connectors.shared.email import mime
from connectors.shared.email.automatic import Automatic, Bounced, recognise


def letter(*lines: str) -> Message:
    return message_from_string("\n".join(lines) + "\n")


PERSONS = {
    "a plain mail": {},
    "a mailing list": {
        "headers": "List-Id: <help.acme.example>\nList-Post: <mailto:help@acme.example>\nPrecedence: list"
    },
    "an old mailing list": {
        "headers": "Precedence: bulk\nX-BeenThere: help@acme.example\nList-Id: <help.acme.example>"
    },
    "a Google group": {
        "headers": "Precedence: list\nMailing-list: list help@acme.example\nX-Google-Group-Id: 12\nList-ID: <a>"
    },
    "said to be no automatic mail": {"headers": "Auto-Submitted: no\nX-Autoreply: no"},
    "said so with a comment": {"headers": "Auto-Submitted: No (a person)"},
    "asks Exchange to be silent": {"headers": "X-Auto-Response-Suppress: All"},
    "forwarded by a rule": {"headers": "X-MS-Exchange-Inbox-Rules-Loop: ann@home.example"},
    "asks about a bounce": {"subject": "Undelivered Mail Returned to Sender", "body": "What does this mean?"},
    "answers a bounce": {
        "subject": "Re: Delivery Status Notification (Failure)",
        "headers": "In-Reply-To: <a@b.example>",
    },
    "asks about automatic replies": {"subject": "Automatic reply: does not work", "body": "I am away from my desk"},
    "answers an absence": {
        "subject": "AW: Out of office: order",
        "headers": "In-Reply-To: <a@b.example>",
        "body": "You are out of the office, so who helps me?",
    },
    "tells of a delivery": {"subject": "Delivery failed: nobody rang the bell"},
    "a form of a web site": {"headers": "Auto-Submitted: auto-generated\nReply-To: bob@elsewhere.example"},
    "a form about a failed delivery": {
        "subject": "Delivery problem",
        "headers": "Auto-Submitted: auto-generated\nReply-To: bob@elsewhere.example",
    },
    "an unsubscribe link": {"headers": "List-Unsubscribe: <https://home.example/u>"},
}


def built(headers: str = "", subject: str = "Where is my order?", body: str = "Hello, where is it?") -> Message:
    given = [f"Subject: {subject}", *(headers.split("\n") if headers else ())]
    return letter("From: Ann Example <ann@home.example>", "Return-Path: <ann@home.example>", *given, "", body)


@pytest.mark.parametrize("given", PERSONS.values(), ids=PERSONS.keys())
def test_a_persons_mail_is_never_taken_for_a_programs(given: dict[str, str]) -> None:
    assert recognise(built(**given)) == Automatic()


def test_a_person_who_is_the_postmaster_may_write() -> None:
    assert recognise(letter("From: Ann <postmaster@home.example>", "Subject: Our order", "", "Hello")).kind == ""


def test_a_person_whose_firm_is_called_like_a_mail_server_may_write() -> None:
    sender = 'From: "Rapid Mail System Ltd" <ann@rapid.example>'
    assert recognise(letter(sender, "Subject: Delivery report for May", "", "Hello")).kind == ""


def test_a_bounce_that_a_person_forwards_is_the_persons() -> None:
    lines = (
        *("From: Ann <ann@home.example>", "Subject: what is this?", 'Content-Type: multipart/mixed; boundary="o"', ""),
        *("--o", "", "I got this, why?", "--o", "Content-Type: message/rfc822", "", "From: MAILER-DAEMON@a.example"),
        *('Content-Type: multipart/report; report-type=delivery-status; boundary="i"', "", "--i", "", "failed", "--i"),
        *("Content-Type: message/delivery-status", "", "Reporting-MTA: dns; a.example", ""),
        *("Final-Recipient: rfc822; x@y.example", "Action: failed", "", "--i--", "--o--"),
    )
    assert recognise(letter(*lines)) == Automatic()


KINDS = {
    "auto-replied": ("auto-reply", {"headers": "Auto-Submitted: auto-replied"}),
    "auto-replied with parameters": (
        "auto-reply",
        {"headers": "auto-submitted: Auto-Replied; owner-email=a@b.example"},
    ),
    "nobody's return path": ("auto-reply", {"headers": "Return-Path: <>"}),
    "X-Autoreply": ("auto-reply", {"headers": "X-Autoreply: yes"}),
    "X-Autorespond": ("auto-reply", {"headers": "X-Autorespond: Where is my order?"}),
    "Precedence auto_reply": ("auto-reply", {"headers": "Precedence: auto_reply"}),
    "an iCloud vacation": ("auto-reply", {"headers": "X-Apple-Action: VACATION"}),
    "an absence of Exchange": (
        "auto-reply",
        {"subject": "Automatic reply: Your order", "headers": "X-Auto-Response-Suppress: All"},
    ),
    "generated, an absence": (
        "auto-reply",
        {"subject": "Abwesenheitsnotiz: Ihre Frage", "headers": "Auto-Submitted: auto-generated"},
    ),
    "a receipt": (
        "auto-reply",
        {"headers": 'Content-Type: multipart/report; report-type=disposition-notification; boundary="x"'},
    ),
    "generated": ("bulk", {"headers": "Auto-Submitted: auto-generated"}),
    "bulk": ("bulk", {"headers": "Precedence: bulk"}),
    "junk": ("bulk", {"headers": "Precedence: junk"}),
    "cron": ("bulk", {"headers": "X-Cron-Env: <SHELL=/bin/sh>"}),
}


@pytest.mark.parametrize(("kind", "given"), KINDS.values(), ids=KINDS.keys())
def test_a_programs_mail_is_recognised_by_its_headers(kind: str, given: dict[str, str]) -> None:
    lines = [f"Subject: {given.get('subject', 'Your order')}", *given["headers"].split("\n")]
    found = recognise(letter("From: Ann <ann@home.example>", *lines, "In-Reply-To: <1@acme.example>", "", "Thank you"))
    assert (found.kind, found.original_message_id, found.bounced) == (kind, "1@acme.example", ())
    assert found.reason


ABSENCES = (
    *(("Automatic reply: order", "I am out of the office until Monday."), ("Out of office", "I am on vacation.")),
    *(("Automatische Antwort: Bestellung", "Ich bin bis Montag im Urlaub."), ("Autosvar: Order", "Jag har semester.")),
    *(("Réponse automatique : commande", "Je suis absent jusqu'à lundi."), ("Afwezig", "Ik ben met vakantie.")),
    *(("Respuesta automática: pedido", "Estoy de vacaciones."), ("Risposta automatica: ordine", "Sono in ferie.")),
    *(("Resposta automática: pedido", "Estou de férias."), ("Automatyczna odpowiedź: pytanie", "Jestem na urlopie.")),
    *(
        ("Автоответ: заказ", "Я в отпуске."),
        ("Otomatik yanıt: sipariş", "Yıllık izindeyim."),
        ("自動応答: 注文", "休暇中です。"),
    ),
    *(
        ("自动回复: 订单", "我正在休假。"),
        ("자동 회신: 주문", "휴가 중입니다."),
        ("Automatická odpověď: dotaz", "Mám dovolenou."),
    ),
)


@pytest.mark.parametrize(("subject", "body"), ABSENCES)
def test_an_absence_needs_its_subject_its_words_and_what_it_answers(subject: str, body: str) -> None:
    sender, answered = "From: Ann <ann@home.example>", "In-Reply-To: <1@acme.example>"
    head = f"Content-Type: text/plain; charset=utf-8\nSubject: {subject}".split("\n")
    assert recognise(letter(sender, *head, answered, "", body)).kind == "auto-reply"
    assert recognise(letter(sender, *head, "", body)).kind == ""
    assert recognise(letter(sender, *head, answered, "", "xyz")).kind == ""
    assert recognise(letter(sender, head[0], "Subject: Order", answered, "", body)).kind == ""
    assert recognise(letter(sender, head[0], f"Subject: Re: {subject}", answered, "", body)).kind == ""


REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.example>
Return-Path: <>
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; ann@home.example
Action: failed
Status: 5.1.1 (no such user)
Diagnostic-Code: smtp; 550 5.1.1 <ann@home.example>: no such user

Final-Recipient: RFC822;bob@home.example
Action: delayed
Status: 4.4.1

Original-Recipient: rfc822; eve@home.example
Action: delivered
Status: 2.0.0

--b
Content-Type: message/rfc822

From: help@acme.example
Message-ID: <case.7@mail.acme.example>
Subject: Your order

Words
--b--
"""
REPORTED = (
    Bounced("ann@home.example", "5.1.1", "550 5.1.1 <ann@home.example>: no such user", True),
    Bounced("bob@home.example", "4.4.1", "4.4.1", False),
    Bounced("eve@home.example", "2.0.0", "2.0.0", False),
)


def test_a_delivery_report_names_each_recipient_and_the_mail_that_came_back() -> None:
    found = recognise(message_from_string(REPORT))
    assert (found.kind, found.bounced, found.original_message_id) == ("bounce", REPORTED, "case.7@mail.acme.example")


def test_a_mail_that_was_cut_by_our_own_reader_says_the_same() -> None:
    assert recognise(mime.cut(REPORT.encode()).root.message) == recognise(message_from_string(REPORT))


def test_a_report_whose_copy_is_headers_only_names_the_mail() -> None:
    told = REPORT.replace("message/rfc822", "text/rfc822-headers")
    assert recognise(message_from_string(told)).original_message_id == "case.7@mail.acme.example"


WRITTEN = {
    "Exim": (
        ("From: Mail Delivery System <Mailer-Daemon@mx.example>", "Subject: Mail delivery failed", "", "The following"),
        (
            "address(es) failed:",
            "",
            "  ann@home.example",
            "    SMTP error: 550 5.1.1 unknown user",
            "",
            "------ This is a copy of the message.",
        ),
        Bounced("ann@home.example", "5.1.1", "ann@home.example SMTP error: 550 5.1.1 unknown user", True),
    ),
    "qmail": (
        ("From: MAILER-DAEMON@mx.example", "Subject: failure notice", "", "Hi. This is the qmail-send program.", ""),
        ("<ann@home.example>:", "Sorry, no mailbox here by that name. (#5.1.1)", "", "--- Below this line is a copy"),
        Bounced("ann@home.example", "5.1.1", "<ann@home.example>: Sorry, no mailbox here by that name. (#5.1.1)", True),
    ),
    "failed recipients": (
        ("From: Machine <m@mx.example>", "X-Failed-Recipients: ann@home.example", "Subject: x", "", "It did not work."),
        ("Sorry.",),
        Bounced("ann@home.example", "", "It did not work. Sorry.", True),
    ),
    "late": (
        (
            "From: Mailer-Daemon@mx.example",
            "Subject: Warning: message delayed 24 hours",
            "",
            "It has not been delivered",
        ),
        (
            "yet to:",
            "",
            "  ann@home.example",
        ),
        Bounced("ann@home.example", "", "ann@home.example", False),
    ),
    "a server's mailbox": (
        ("From: Postmaster <postmaster@mx.example>", "Subject: Undeliverable: Your order", "", "No such mailbox:"),
        ("ann@home.example",),
        Bounced("ann@home.example", "", "ann@home.example", True),
    ),
}


@pytest.mark.parametrize(("head", "rest", "expected"), WRITTEN.values(), ids=WRITTEN.keys())
def test_a_bounce_in_words_names_its_recipient(head: tuple[str, ...], rest: tuple[str, ...], expected: Bounced) -> None:
    copy = ("Return-Path: <help@acme.example>", "Message-ID: <case.7@mail.acme.example>", "To: eve@other.example")
    found = recognise(letter(*head, *rest, "", *copy))
    assert (found.kind, found.bounced) == ("bounce", (expected,))
    assert found.original_message_id == "case.7@mail.acme.example"


def test_a_complaint_is_feedback() -> None:
    lines = (
        *(
            "From: fbl@isp.example",
            "Subject: complaint",
            "Content-Type: multipart/report; report-type=feedback-report;",
        ),
        *(' boundary="b"', "", "--b", "", "A complaint.", "--b", "Content-Type: message/feedback-report", ""),
        *("Feedback-Type: abuse", "User-Agent: x/1", "Version: 1", "", "--b", "Content-Type: message/rfc822", ""),
        *("From: help@acme.example", "Message-ID: <case.7@mail.acme.example>", "", "Words", "--b--"),
    )
    found = recognise(letter(*lines))
    assert (found.kind, found.original_message_id, found.bounced) == ("feedback", "case.7@mail.acme.example", ())


STRANGE = (
    *(
        "",
        "\n\n",
        "From:",
        "Subject: =?x?q?\n\nx",
        "Content-Type: multipart/report\n\n--",
        "Content-Type: a/b/c; =\n\n",
    ),
    *(
        "From: " + "(" * 2000 + "\n\n",
        "Auto-Submitted:\nReturn-Path:\nPrecedence:\n\n",
        "From: \udcff@\udcff\n\n\udcff",
    ),
    *("Content-Type: text/plain; charset=nothing\n\n\udce4", "Content-Transfer-Encoding: base64\n\nZ===Z"),
    *("From: MAILER-DAEMON\nContent-Type: message/delivery-status\n\n", "Content-Type: message/rfc822\n\n"),
)


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_nothing_raises(text: str) -> None:
    assert recognise(message_from_string(text)).kind in ("", "bounce")


def test_a_report_of_many_recipients_is_read_within_its_bounds() -> None:
    blocks = "".join(
        f"Final-Recipient: rfc822; p{n}@home.example\nAction: failed\nStatus: 5.0.0\n\n" for n in range(5000)
    )
    text = REPORT.replace(
        "Final-Recipient: rfc822; ann@home.example\n", blocks + "Final-Recipient: rfc822; ann@h.example\n"
    )
    assert len(recognise(message_from_string(text)).bounced) == 100
