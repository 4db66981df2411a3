"""The account's side: what a check finds and registering mends, files, first messages, and the account's limits."""

from __future__ import annotations

import base64
from http.server import BaseHTTPRequestHandler

import pytest

from chalicelib.core.model import Attachment, Finding, MessageReceived
from connectors.base import BadCredentials, CannotCarry, Rejected, TryLater
from connectors.shared.twilio.form import RETRIES
from infra.sandbox import Fault
from tests.connectors.serving import serving
from tests.connectors.sms.support import CUSTOMER, OURS, Account, connector

FILE = "2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
HERE = "http://127.0.0.1:9/webhooks/sms/c1"


def states(findings: list[Finding]) -> dict[str, bool]:
    return {one.name: one.ok for one in findings}


def test_a_right_account_is_found_right(account: Account) -> None:
    assert states(account.connector.check()) == {"account": True, "number": True, "webhook": True}
    assert account.connector.identity() == {}


def test_each_thing_that_is_wrong_is_found_with_its_mend(account: Account) -> None:
    twilio = account.twilio
    twilio.status = "suspended"
    twilio.numbers[OURS].sms = twilio.numbers[OURS].mms = False
    twilio.webhook_url = "https://elsewhere.example.com/sms"
    found = account.connector.check()
    assert states(found) == {"account": False, "number": False, "webhook": False}
    assert all(one.mend for one in found)
    assert "elsewhere.example.com" in found[2].detail
    assert account.connector.identity() == {"mms": "no"}


def test_a_number_of_another_account_is_found(account: Account) -> None:
    account.connector = account.connect(**{"from": "+15005559999"})
    assert states(account.connector.check()) == {"account": True, "number": False}
    assert account.connector.identity() == {}


def test_another_application_that_takes_the_messages_is_found_and_put_aside(account: Account) -> None:
    account.twilio.numbers[OURS].application = "AP" + "0" * 32
    assert states(account.connector.check())["webhook"] is False
    assert states(account.connector.register()) == {"webhook": True}
    assert account.twilio.numbers[OURS].application == ""
    assert states(account.connector.check())["webhook"] is True


def test_registering_sets_the_address_with_retries_once_and_says_what_it_was(account: Account) -> None:
    account.twilio.webhook_url = "https://elsewhere.example.com/sms"
    (done,) = account.connector.register()
    assert done.ok and "elsewhere.example.com" in done.detail
    assert account.twilio.numbers[OURS].sms_url == HERE + RETRIES
    again = account.connector.register()
    assert states(again) == {"webhook": True}
    assert len([effect for effect in account.sandbox.ledger if effect.kind == "number_changed"]) == 1


def test_a_messaging_service_is_registered_as_a_whole(account: Account) -> None:
    service = account.twilio.add_service(OURS)
    account.connector = account.connect(**{"from": service})
    account.twilio.webhook_url = ""
    assert states(account.connector.check()) == {"account": True, "webhook": False}
    assert states(account.connector.register()) == {"webhook": True}
    assert states(account.connector.check()) == {"account": True, "webhook": True}
    account.twilio.text(CUSTOMER, "Hello")
    account.sandbox.deliver_due()
    assert [event.text for event in account.events if isinstance(event, MessageReceived)] == ["Hello"]


def test_a_service_that_the_account_has_not_is_found(account: Account) -> None:
    account.connector = account.connect(**{"from": "MG" + "0" * 32})
    assert states(account.connector.check()) == {"account": True, "number": False}
    assert states(account.connector.register()) == {"webhook": False}


def test_an_api_key_is_tried_and_so_is_the_token_that_signs(account: Account) -> None:
    twilio = account.twilio
    key = {"api_key": twilio.api_key, "api_secret": twilio.api_secret}
    account.connector = account.connect(**key)
    assert states(account.connector.check()) == {"account": True, "number": True, "webhook": True}
    for wrong in ({**key, "auth_token": "fixture-wrong"}, {**key, "api_secret": "fixture-wrong"}):
        with pytest.raises(BadCredentials):
            account.connect(**wrong).check()


def test_without_a_public_address_nothing_is_registered(account: Account) -> None:
    account.connector.webhook_url = ""
    (found,) = account.connector.register()
    assert not found.ok and found.mend
    assert [effect for effect in account.sandbox.ledger if effect.kind == "number_changed"] == []


def test_wrong_credentials_are_twilios_own_reason_and_the_mend(account: Account) -> None:
    account.connector = account.connect(auth_token="fixture-wrong")
    for ask in (account.connector.check, account.connector.register, account.connector.identity):
        with pytest.raises(BadCredentials, match=r"20003: Authenticate.*auth token"):
            ask()


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("+442079460000", "+442079460000"),
        ("+44 20 7946 0000", "+442079460000"),
        ("+44 (20) 7946-0000", "+442079460000"),
        ("+1.415.555.0100", "+14155550100"),
    ],
)
def test_a_first_message_goes_to_a_number_as_people_write_it(typed: str, number: str) -> None:
    assert connector().address(typed) == {"to": number, "from": OURS}
    assert connector(**{"from": "MG" + "0" * 32}).address(typed) == {"to": number}


@pytest.mark.parametrize(
    "typed", ["", "020 7946 0000", "+0207946", "ann", "+44", "+44207946000000000", "+٤٤٢٠٧٩٤٦٠٠٠٠"]
)
def test_what_is_no_number_is_refused_with_the_form(typed: str) -> None:
    with pytest.raises(ValueError, match="international"):
        connector().address(typed)


def test_a_customers_picture_is_read_with_our_credentials(account: Account) -> None:
    account.twilio.text(CUSTOMER, "See", [("image/png", b"\x89PNG"), ("text/plain", b"words")])
    account.sandbox.deliver_due()
    (event,) = (one for one in account.events if isinstance(one, MessageReceived))
    files = [account.connector.fetch_file(one, 1000) for one in event.attachments]
    assert [(one.name, one.media_type, one.content) for one in files] == [
        ("image-1.png", "image/png", b"\x89PNG"),
        ("text-2.txt", "text/plain", b"words"),
    ]
    with pytest.raises(CannotCarry):
        account.connector.fetch_file(event.attachments[0], 3)
    account.connector = account.connect(auth_token="fixture-wrong")
    with pytest.raises(BadCredentials):
        account.connector.fetch_file(event.attachments[0], 1000)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.twilio.com/2010-04-01/Accounts/AC1.json",
        "https://api.twilio.com/2010-04-01/Accounts/AC1.json?x=/Accounts/AC1/Messages/MM1/Media/ME1",
        f"https://evil.example/{FILE}",
        f"http://api.twilio.com/{FILE}",
        f"https://api.twilio.com:8443/{FILE}",
        f"https://api.twilio.com@evil.example/{FILE}",
        f"https://api.twilio.com\\@evil.example/{FILE}",
        f"https://api.twilio.com.evil.example/{FILE}",
        f"https://media.twiliocdn.com/{FILE}",
        f"http://2852039166/{FILE}",
        "http://169.254.169.254/latest/meta-data",
        "https://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
        "",
    ],
)
def test_a_file_elsewhere_is_not_fetched(url: str) -> None:
    with pytest.raises(Rejected, match="Twilio"):
        connector().fetch_file(Attachment("k", "a.png", url=url), 1000)


def test_a_redirect_to_a_place_inside_is_not_followed() -> None:
    def handle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", "http://169.254.169.254/latest/meta-data")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(handle) as url, pytest.raises(Rejected, match="do not call"):
        connector(api_url=url).fetch_file(Attachment("k", "a.png", url=f"{url}{FILE}"), 1000)


def test_the_credentials_are_those_of_the_settings() -> None:
    seen: list[str] = []

    def handle(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(handle) as url:
        for settings in ({}, {"api_key": "SKfixture"}, {"api_key": "SKfixture", "api_secret": "fixture-secret"}):
            connector(api_url=url, **settings).fetch_file(Attachment("k", "a.png", url=f"{url}{FILE}"), 1000)
    pairs = [base64.b64decode(one.removeprefix("Basic ")).decode() for one in seen]
    ours = connector().settings
    assert pairs == [f"{ours['account_sid']}:{ours['auth_token']}"] * 2 + ["SKfixture:fixture-secret"]


ANSWERS = [
    (b"<html>", 200, TryLater),
    (b"[]", 200, TryLater),
    (b"", 500, TryLater),
    (b'{"code": 20500, "message": "x"}', 500, TryLater),
    (b'{"code": 20429, "message": "x"}', 429, TryLater),
    (b'{"code": 21611, "message": "queue full"}', 400, TryLater),
    (b'{"code": "x", "message": 7}', 401, BadCredentials),
    (b'{"code": 20005, "message": "suspended"}', 403, BadCredentials),
    (b'{"code": 20999, "message": "x"}', 403, BadCredentials),
    (b'{"code": 21408, "message": "x"}', 403, Rejected),
    (b"null", 404, Rejected),
    (b"[" * 10_000, 400, Rejected),
]


@pytest.mark.parametrize(("body", "status", "error"), ANSWERS)
def test_whatever_is_answered_it_is_one_of_our_errors(body: bytes, status: int, error: type[Exception]) -> None:
    def handle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with serving(handle) as url, pytest.raises(error) as raised:
        connector(api_url=url).check()
    assert "fixture-auth-token" not in str(raised.value)


def test_a_fault_of_the_account_reaches_the_check(account: Account) -> None:
    account.sandbox.faults.add(Fault("twilio", "503", "GET Accounts", retry_after=9))
    with pytest.raises(TryLater) as later:
        account.connector.check()
    assert later.value.retry_after == 9
