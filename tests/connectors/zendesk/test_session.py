"""What goes wrong on the wire, as the contract's errors; and that zenpy neither sleeps nor repeats."""

from __future__ import annotations

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from chalicelib.core.model import Hint, TicketChange
from connectors.base import BadCredentials, Call, ConnectorError, Rejected, TryLater
from connectors.zendesk import CONNECTOR
from tests.connectors.serving import serving
from tests.connectors.zendesk.wire import SETTINGS, Answer, scripted, ticket, wired, written

CHANGE, CALL = TicketChange(), Call("call-1", 0)
AUTHENTICATE = {"error": "Couldn't authenticate you"}
FORBIDDEN = {"error": {"title": "Forbidden", "message": "You do not have access to this page."}}
INVALID = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {"base": [{"description": "Group: is gone", "error": "InvalidValue"}]},
}
ANSWERS: list[tuple[str, Answer, type[ConnectorError], dict[str, Any], str]] = [
    (
        "account limit",
        Answer(429, {}, {"Retry-After": "37", "X-Rate-Limit-Remaining": "0"}),
        TryLater,
        {"retry_after": 37, "scope": "connection", "doubtful": False},
        "429",
    ),
    (
        "ticket limit",
        Answer(429, {}, {"Retry-After": "93", "X-Rate-Limit-Remaining": "650"}),
        TryLater,
        {"retry_after": 93, "scope": "lane", "doubtful": False},
        "429",
    ),
    ("limit without headers", Answer(429, {}), TryLater, {"retry_after": None, "scope": "connection"}, "429"),
    (
        "limit until a date",
        Answer(429, {}, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        TryLater,
        {"retry_after": None},
        "429",
    ),
    ("maintenance", Answer(503, {}, {"Retry-After": "60"}), TryLater, {"retry_after": 60, "doubtful": False}, "503"),
    ("503 without a time", Answer(503, b"<html>"), TryLater, {"retry_after": None, "doubtful": True}, "503"),
    ("500", Answer(500, {"error": "oops"}), TryLater, {"doubtful": True}, "oops"),
    ("502 with a page", Answer(502, b"<html>"), TryLater, {"doubtful": True}, "502"),
    (
        "409",
        Answer(409, {"error": "UpdateConflict"}),
        TryLater,
        {"retry_after": 5, "doubtful": False},
        "UpdateConflict",
    ),
    ("wrong token", Answer(401, AUTHENTICATE), BadCredentials, {}, "Couldn't authenticate you"),
    ("no right", Answer(403, FORBIDDEN), BadCredentials, {}, "You do not have access to this page."),
    ("redirected", Answer(302, b"", {"Location": "https://elsewhere.example/"}), BadCredentials, {}, "subdomain"),
    (
        "gone",
        Answer(404, {"error": "RecordNotFound", "description": "Not found"}),
        Rejected,
        {},
        "ticket 5 no longer exists",
    ),
    ("invalid", Answer(400, INVALID), Rejected, {}, "Group: is gone"),
    ("too large", Answer(413, b""), Rejected, {}, "413"),
    ("2xx that is not JSON", Answer(200, b"<html>"), TryLater, {"doubtful": True}, "not JSON"),
    ("2xx cut short", Answer(200, b'{"ticket":'), TryLater, {"doubtful": True}, "cut short"),
]


@pytest.mark.parametrize(("name", "answer", "error", "fields", "words"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_an_answer_becomes_the_contracts_error_at_once(
    name: str, answer: Answer, error: type[ConnectorError], fields: dict[str, Any], words: str
) -> None:
    connector, wire = wired(scripted(answer))
    started = time.monotonic()
    with pytest.raises(error) as raised:
        connector.update_ticket("5", CHANGE, CALL)
    assert len(wire.sent) == 1
    assert time.monotonic() - started < 1
    assert words in str(raised.value)
    assert SETTINGS["api_token"] not in str(raised.value)
    for key, value in fields.items():
        assert getattr(raised.value, key) == value


def broken(reason: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


BROKEN: list[tuple[str, Exception, bool]] = [
    ("connect time-out", requests.ConnectTimeout(), False),
    ("refused", broken(NewConnectionError(None, "refused")), False),  # type: ignore[arg-type]
    ("never connected", broken(ConnectTimeoutError()), False),
    ("read time-out", requests.ReadTimeout(), True),
    ("reset", requests.ConnectionError(ProtocolError("reset")), True),
    ("cut off", requests.exceptions.ChunkedEncodingError(), True),
]


@pytest.mark.parametrize(("name", "error", "doubtful"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_connection_is_doubtful_only_once_it_was_made(name: str, error: Exception, doubtful: bool) -> None:
    connector, wire = wired(scripted(Answer(error=error)))
    with pytest.raises(TryLater) as raised:
        connector.update_ticket("5", CHANGE, CALL)
    assert raised.value.doubtful is doubtful
    assert len(wire.sent) == 1


def test_every_request_has_its_time_outs_and_our_credentials() -> None:
    connector, wire = wired(scripted(written("call-1")))
    connector.update_ticket("5", CHANGE, CALL)
    (sent,) = wire.sent
    assert sent.timeout == (3.0, 10.0)
    assert sent.headers["Authorization"].startswith("Basic ")
    assert sent.url == "https://acme.zendesk.com/api/v2/tickets/5.json"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8765", "http://127.0.0.1:8765/", "http://127.0.0.1:8765/zendesk"]
)
def test_another_api_address_takes_every_request(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENPY_FORCE_NETLOC", "elsewhere.example")
    home = address.rstrip("/")
    following = {"triggers": [], "meta": {"has_more": True}, "links": {"next": f"{home}/api/v2/triggers?x=1"}}
    last = {"triggers": [], "meta": {"has_more": False}, "links": {"next": None}}
    answers = scripted(written("call-1"), Answer(body=following), Answer(body=last))
    connector, wire = wired(answers, api_url=address)
    connector.update_ticket("5", CHANGE, CALL)
    assert list(connector._desk.pages(connector._desk.zenpy.triggers(), "triggers")) == []
    assert wire.sent[0].url == f"{home}/api/v2/tickets/5.json"
    assert wire.sent[2].url == f"{home}/api/v2/triggers?x=1"


def test_a_link_to_the_next_page_cannot_carry_our_credentials_away() -> None:
    triggers = {
        "triggers": [],
        "meta": {"has_more": True},
        "links": {"next": "https://evil.example/api/v2/triggers?x=1"},
    }
    last = {"triggers": [], "meta": {"has_more": False}, "links": {"next": None}}
    connector, wire = wired(scripted(Answer(body=triggers), Answer(body=last)))
    assert list(connector._desk.pages(connector._desk.zenpy.triggers(), "triggers")) == []
    assert wire.sent[1].url == "https://acme.zendesk.com/api/v2/triggers?x=1"


def test_a_status_or_priority_that_we_do_not_know_is_refused_by_name() -> None:
    for values in ({"status": "snoozed"}, {"priority": "galactic"}):
        connector, _ = wired(scripted(Answer(body={"ticket": ticket(**values)})))
        with pytest.raises(Rejected, match=next(iter(values.values()))):
            connector.fetch(Hint("5"), lambda keys: set())


def test_an_answer_that_drips_is_given_up_as_a_whole_and_leaves_a_doubt() -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not over.wait(0.01):
                handler.wfile.write(b" " * 65_536)

    with serving(drip) as url:
        connector = CONNECTOR({**SETTINGS, "api_url": url.rstrip("/")}, "c1")
        connector._desk.session.longest = 0.05
        with pytest.raises(TryLater, match="slowly") as raised:
            try:
                connector.fetch(Hint("5"), lambda keys: set())
            finally:
                over.set()
        connector._desk.session.close()
    assert raised.value.doubtful
