"""Mails that tell what became of ours: bounces and complaints, where no event of SES's tells it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.model import DeliveryUpdated, Event, Ignored, MessageReceived
from tests.connectors.ses.support import SES_ID, connector, mail, received

Json = dict[str, Any]
OURS = f"<{SES_ID}@email.amazonses.com>"


def bounce(original: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    """A delivery status notification as RFC 3464 has it."""
    copy = (
        f"From: support@desk.test\r\nSubject: Re: Hi\r\nMessage-ID: {original}\r\n" if original else "Subject: Hi\r\n"
    )
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; Ada@example.org\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{copy}\r\n--b--"
    )
    headers = {
        "From": "Mail Delivery Subsystem <MAILER-DAEMON@mx.example.org>",
        "Subject": "Undelivered Mail Returned to Sender",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
    }
    return mail(headers, body)


def complaint(original: str) -> bytes:
    """A feedback report as RFC 5965 has it."""
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        "User-Agent: Loop/1\r\nVersion: 1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: support@desk.test\r\nMessage-ID: {original}\r\n\r\nx\r\n--b--"
    )
    kind = 'multipart/report; report-type=feedback-report; boundary="b"'
    return mail({"From": "fbl@example.org", "MIME-Version": "1.0", "Content-Type": kind}, body)


def parsed(raw: bytes) -> list[Event]:
    return connector().parse(received(raw))


def test_a_bounce_of_ours_is_a_failure_of_that_mail() -> None:
    (event,) = parsed(bounce(OURS))
    assert isinstance(event, DeliveryUpdated)
    assert (event.key, event.state, event.recipient) == (f"{SES_ID}@amazonses.com", "failed", "ada@example.org")
    assert "user unknown" in event.reason


def test_a_mail_that_is_late_has_not_failed() -> None:
    (event,) = parsed(bounce(OURS, "delayed", "4.4.1"))
    assert isinstance(event, DeliveryUpdated)
    assert event.state == "sent"


def test_a_bounce_that_quotes_our_own_id_names_the_call() -> None:
    (event,) = parsed(bounce("<c0abc.k1def@desk.test>"))
    assert isinstance(event, DeliveryUpdated)
    assert event.reference == "c0abc.k1def"


def test_a_bounce_of_somebody_elses_mail_is_passed_over() -> None:
    assert parsed(bounce("<x@elsewhere.test>")) == [Ignored("a bounce of a mail that we did not send")]


def test_a_bounce_that_does_not_say_of_what_is_shown() -> None:
    (event,) = parsed(bounce(""))
    assert isinstance(event, MessageReceived)
    assert event.automatic == "bounce"


def test_a_complaint_about_ours_is_one_about_that_mail() -> None:
    (event,) = parsed(complaint(OURS))
    assert isinstance(event, DeliveryUpdated)
    assert (event.key, event.state) == (f"{SES_ID}@amazonses.com", "complained")


@pytest.mark.parametrize(
    ("headers", "automatic"),
    [
        ({"Auto-Submitted": "auto-replied", "Subject": "Out of office: Hi"}, "auto-reply"),
        ({"Auto-Submitted": "no", "Subject": "Hi"}, ""),
        ({"Precedence": "bulk", "List-Unsubscribe": "<https://n.test/u>", "Subject": "News"}, "bulk"),
    ],
)
def test_a_programs_mail_is_marked(headers: Json, automatic: str) -> None:
    (event,) = parsed(mail(headers))
    assert isinstance(event, MessageReceived)
    assert event.automatic == automatic
