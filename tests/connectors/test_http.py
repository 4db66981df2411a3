"""The shared HTTP helper against a server that misbehaves."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from connectors import http
from connectors.base import BadCredentials, CannotCarry, Rejected, TryLater
from tests.connectors.serving import reply, serving


def get(url: str, method: str = "GET", **options: Any) -> http.Answer:
    return http.call(method, url, http.Bounds(origin=url), provider="Sandbox", **options)


STATUSES = [
    (400, b'{"error": "bad_thing", "message": "Do not"}', Rejected, "400: Do not; bad_thing"),
    (404, b"gone\nreally", Rejected, "404: gone really"),
    (404, b"<html>page</html>", Rejected, "404"),
    (401, b"", BadCredentials, "401"),
    (403, b"", BadCredentials, "403"),
    (429, b"", TryLater, "429"),
    (500, b"", TryLater, "500"),
    (503, b"", TryLater, "503"),
]


@pytest.mark.parametrize("status, body, error, words", STATUSES)
def test_a_status_says_what_happens_next(status: int, body: bytes, error: type[Exception], words: str) -> None:
    with serving(reply(status, body, Retry_After="12")) as url, pytest.raises(error, match=words) as raised:
        get(url)
    if isinstance(raised.value, TryLater):
        assert raised.value.retry_after == 12
        assert raised.value.doubtful == (status != 429)


@pytest.mark.parametrize(
    "value, seconds",
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("1e9", None),
        ("\u0663", None),
        ("999999999", 86_400.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert http.retry_after(value) == seconds


def test_an_answer_above_the_limit_is_not_read_on() -> None:
    with serving(reply(200, b"x" * 1001)) as url:
        assert len(get(url, limit=1001).content) == 1001
        with pytest.raises(CannotCarry):
            get(url, limit=1000)


def test_an_answer_that_ends_early_is_doubtful() -> None:
    with serving(reply(200, b"half", Content_Length="100")) as url, pytest.raises(TryLater) as later:
        get(url)
    assert later.value.doubtful


def test_a_dropped_socket_is_doubtful_and_a_refused_one_is_not() -> None:
    def drop(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.shutdown(socket.SHUT_RDWR)

    with serving(drop) as url, pytest.raises(TryLater) as dropped:
        get(url)
    assert dropped.value.doubtful
    with pytest.raises(TryLater) as refused:
        get(url)
    assert not refused.value.doubtful


def test_an_answer_that_never_comes_times_out() -> None:
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(10)

    with serving(hang) as url, pytest.raises(TryLater) as later:
        try:
            get(url, timeout=0.2)
        finally:
            over.set()
    assert later.value.doubtful


def test_an_answer_that_drips_times_out_as_a_whole() -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    with serving(drip) as url, pytest.raises(TryLater) as later:
        try:
            get(url, timeout=0.3)
        finally:
            over.set()
    assert later.value.doubtful


def test_a_redirect_out_of_bounds_is_not_followed() -> None:
    seen: list[str] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.path)
        reply(200)(handler)

    with (
        serving(note) as other,
        serving(reply(302, Location=other)) as url,
        pytest.raises(Rejected, match="an address that we do not call"),
    ):
        get(url)
    assert seen == []


def test_the_authorization_stays_with_its_origin() -> None:
    seen: list[str | None] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        reply(200, b"there")(handler)

    class Both(http.Bounds):
        def allow(self, url: str) -> bool:
            return True

    with serving(note) as other, serving(reply(302, Location=other)) as url:
        answer = http.call("GET", url, Both(), provider="Sandbox", authorization="Bearer fixture")
    assert (answer.content, answer.url) == (b"there", other)
    assert seen == [None]


def test_a_redirect_within_its_origin_keeps_the_authorization_and_ends() -> None:
    def handle(handler: BaseHTTPRequestHandler) -> None:
        there = handler.path == "/there" and handler.headers["Authorization"] == "Bearer fixture"
        reply(*((200, b"ok") if there else (302, b"")), Location="/there")(handler)

    with serving(handle) as url:
        assert get(url, authorization="Bearer fixture").content == b"ok"
        with pytest.raises(Rejected, match="without end"):
            get(url)
        with pytest.raises(Rejected, match="302"):
            get(url, method="POST", authorization="Bearer fixture")


BOUNDS = http.Bounds(frozenset({"example.com", ".example.com"}), "http://127.0.0.1:8080/api/")
ADDRESSES = {
    "https://example.com/a?b": True,
    "https://files.example.com:443/a": True,
    "HTTPS://FILES.EXAMPLE.COM/a": True,
    "http://127.0.0.1:8080/other": True,
    "http://example.com/a": False,
    "https://example.com:444/a": False,
    "https://example.com.evil.net/": False,
    "https://notexample.com/": False,
    "https://user@example.com/": False,
    "https://example.com@evil.net/": False,
    "https://evil.net\\@example.com/": False,
    "https://ex\u0430mple.com/": False,
    "https://example.com/a b": False,
    "https://example.com/\r\nX: y": False,
    "https://example.com:99999/": False,
    "http://127.0.0.1/": False,
    "https://127.0.0.1:8080/": False,
    "http://2130706433:8080/": False,
    "http://169.254.169.254/": False,
    "https://[::1]/": False,
    "https://[": False,
    "file:///etc/passwd": False,
    "//example.com/": False,
    "": False,
}


@pytest.mark.parametrize("url, allowed", ADDRESSES.items())
def test_only_known_addresses_are_called(url: str, allowed: bool) -> None:
    assert BOUNDS.allow(url) is allowed
