"""Walking a provider's OAuth consent from a terminal: a callback on this machine, or an address that is pasted back.

https://datatracker.ietf.org/doc/html/rfc8252#section-7.3
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from chalicelib.services.admin_connections import Consent, WrongState, same_state
from infra.local.gateway import server_thread

PATH = "/callback"
MINUTES = 5
_THANKS = b"<!DOCTYPE html><title>Deskweave</title><p>Thank you. Go back to the terminal."
_STRANGE = b"<!DOCTYPE html><title>Deskweave</title><p>This is not the answer that is waited for."


class Denied(Exception):
    """The provider sent no code; the message says why, in its own word."""


def code_of(address: str, state: str) -> str:
    """The code in the address to which the provider sent the admin, or the code alone where just that was pasted.

    Raises `WrongState` where the address answers another question, `Denied` where it brings no code.
    """
    pasted = address.strip()
    if "?" not in pasted and "=" not in pasted:
        if not pasted:
            raise Denied("nothing was pasted")
        return pasted
    told = {name: values[-1] for name, values in parse_qs(urlsplit(pasted).query or pasted).items()}
    return _code(told, state)


@contextmanager
def callback(port: int = 0, seconds: float = MINUTES * 60) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Listen on 127.0.0.1; gives the redirect's address, and what waits for the code that goes with a state.

    Waiting raises `Denied` where the provider sends an error, or nobody comes in time. Requests with another state are
    told so and not taken: another page of the browser may send them.
    """
    answers: queue.Queue[Mapping[str, str]] = queue.Queue()
    states: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            told = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            ours = parts.path == PATH and bool(states) and same_state(states[0], told.get("state", ""))
            page = _THANKS if ours else _STRANGE
            self.send_response(200 if ours else 400)
            for name, value in (("Content-Type", "text/html"), ("Referrer-Policy", "no-referrer")):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
            if ours:
                answers.put(told)

        def log_message(self, format: str, *args: object) -> None:
            """A request's address holds the code."""

    def wait(state: str) -> str:
        states[:] = [state]
        try:
            return _code(answers.get(timeout=seconds), state)
        except queue.Empty:
            raise Denied(f"nobody came back within {seconds / 60:.0f} minutes") from None

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    with server_thread(server) as url:
        yield url + PATH, wait


def walk(
    ask: Callable[[str], Consent], tell: Callable[[str], None], port: int = 0, seconds: float = MINUTES * 60
) -> tuple[str, str]:
    """Send the admin to the page that `ask` gives for a redirect; returns the code and that redirect."""
    with callback(port, seconds) as (redirect, wait):
        consent = ask(redirect)
        tell(consent.url)
        return wait(consent.state), redirect


def _code(told: Mapping[str, str], state: str) -> str:
    if not same_state(state, told.get("state", "")):
        raise WrongState("this answer belongs to another consent: begin anew, and paste the whole address")
    if not told.get("code"):
        raise Denied(f"the provider sent no code: {told.get('error', 'it says nothing more')[:100]}")
    return told["code"]
