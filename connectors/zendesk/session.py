"""How we speak to Zendesk: zenpy over our own session. https://developer.zendesk.com/api-reference/introduction/

zenpy builds the requests. Its answers are taken as plain JSON, since its objects make hidden calls when an attribute is
read and its generators read on by themselves; its waiting on 429 never runs, since the session raises first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
from zenpy import Zenpy

from connectors.base import BadCredentials, Rejected, TryLater

TIMEOUT = (3.0, 10.0)  # seconds to connect, and between two bytes of the answer; both together for all of it
LARGEST = 30_000_000  # bytes of an answer
NEVER_SENT = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_TICKET = re.compile(r"/tickets/(\d+)")
_key: ContextVar[str] = ContextVar("key", default="")


class Refused(Rejected):
    """A 4xx answer; `code` is its HTTP status."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Conflict(TryLater):
    """409: somebody else changed the record at the same moment; nothing was applied."""


@contextmanager
def under(key: str) -> Iterator[None]:
    """Send every request of this block with this Idempotency-Key: zenpy has no way to pass a header."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


@contextmanager
def telling() -> Iterator[None]:
    """Tell a broken connection as `TryLater`, doubtful unless no connection was ever made."""
    try:
        yield
    except BROKEN as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        sent = not isinstance(error, requests.ConnectTimeout) and type(reason).__name__ not in NEVER_SENT
        what = "did not answer" if sent else "could not be reached"
        raise TryLater(f"Zendesk {what} ({type(error).__name__})", doubtful=sent) from error


class Session(requests.Session):
    """Sends every request to `home`, once, and turns what goes wrong into the contract's errors.

    longest  seconds that an answer may take in all
    """

    def __init__(self, home: str) -> None:
        super().__init__()
        self.home = home
        self.longest = sum(TIMEOUT)
        self.trust_env = False

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Whatever host zenpy or a link to the next page names, the credentials go to `home` alone."""
        if _key.get():
            kwargs["headers"] = {**(kwargs.get("headers") or {}), "Idempotency-Key": _key.get()}
        kwargs |= {"allow_redirects": False, "stream": True}
        until = monotonic() + self.longest
        with telling(), super().request(method, self.at_home(str(url)), *args, **kwargs) as response:
            response._content = _read(response, until)
        refuse(response)
        return response

    def at_home(self, url: str) -> str:
        parts = urlsplit(url)
        inside = parts.path + (f"?{parts.query}" if parts.query else "")
        return url if url.startswith(self.home + "/") else self.home + inside


def _read(response: requests.Response, until: float) -> bytes:
    """The whole answer. requests' own time-out is between two bytes: an answer that drips would never meet it."""
    content = bytearray()
    for chunk in response.iter_content(65_536):
        content += chunk
        if len(content) > LARGEST or monotonic() > until:
            raise TryLater("Zendesk's answer is too long or comes too slowly", doubtful=True)
    return bytes(content)


def refuse(response: requests.Response) -> None:
    """Raise the contract's error for every answer that is not a 2xx, in Zendesk's own words.

    https://developer.zendesk.com/api-reference/introduction/requests/#response-format
    """
    code = response.status_code
    if code < 300:
        return
    said = f"Zendesk answered {code}: {_words(response)}"
    header = response.headers.get("Retry-After", "")
    wait = float(header) if header.isascii() and header.isdigit() else None
    if code == 429:
        # With account quota left it is one ticket's or one endpoint's own limit, and others may go on.
        left = response.headers.get("X-Rate-Limit-Remaining", "")
        raise TryLater(said, retry_after=wait, scope="lane" if left.isdigit() and int(left) > 0 else "connection")
    if code == 503 and wait is not None:
        raise TryLater(said, retry_after=wait, scope="connection")
    if code >= 500:
        raise TryLater(said, retry_after=wait, doubtful=True)
    if code == 409:
        raise Conflict(said, retry_after=5)
    if code < 400:
        raise BadCredentials(f"{said}. It sends us elsewhere: is the subdomain still right?")
    if code in (401, 403):
        raise BadCredentials(f"{said}. Check the integration user, its role and its API token.")
    ticket = _TICKET.search(str(response.url)) if code == 404 else None
    raise Refused((f"ticket {ticket[1]} no longer exists in Zendesk. " if ticket else "") + said, code)


def _words(response: requests.Response) -> str:
    try:
        said = dict.fromkeys(_strings(response.json()))
    except (ValueError, RecursionError):
        said = {}
    return "; ".join(said)[:500] or response.reason or "no words"


def _strings(part: object) -> Iterator[str]:
    """Every text in an error's body: Zendesk has several shapes for it."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for one in part.values() if isinstance(part, dict) else part:
            yield from _strings(one)


def _plain(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TryLater("Zendesk's answer was cut short or is not JSON", doubtful=True)
    return body


class Desk:
    """One account: zenpy, and the account's groups.

    host, home  the account's own host name; where its API is
    teams       our team -> the name of its group, where the settings map it
    known       groups by id, as last read
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.host = f"{settings['subdomain']}.zendesk.com"
        self.session = Session((settings.get("api_url") or f"https://{self.host}").rstrip("/"))
        account = {"subdomain": settings["subdomain"], "email": settings["email"], "token": settings["api_token"]}
        self.zenpy = its = Zenpy(**account, session=self.session, timeout=TIMEOUT, disable_cache=True)
        for api in (its.tickets, its.users, its.users.search, its.groups, its.triggers, its.webhooks, its.attachments):
            api._process_response = _plain
        lines = [line.partition("=") for line in settings.get("groups", "").splitlines() if "=" in line]
        self.teams = {team.strip(): group.strip() for team, _, group in lines}
        self.known: dict[int, str] = {}

    def pages(self, answer: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
        """Every item of a list that began with `answer`, by cursor."""
        yield from answer[key]
        while (answer.get("meta") or {}).get("has_more"):
            answer = self.zenpy.tickets._get(answer["links"]["next"])
            yield from answer[key]

    def list_of(self, record: str, name: str, **parameters: Any) -> dict[str, Any]:
        """One page of a ticket's comments or audits; zenpy's own methods cannot sort them."""
        tickets = self.zenpy.tickets
        endpoint = getattr(tickets.endpoint, name)
        answer: dict[str, Any] = tickets._query_zendesk(
            endpoint, name, id=record, cursor_pagination=False, **parameters
        )
        return answer

    def groups(self, fresh: bool = False) -> dict[int, str]:
        if fresh or not self.known:
            self.known = {group["id"]: group["name"] for group in self.pages(self.zenpy.groups(), "groups")}
        return self.known

    def group_id(self, team: str) -> int | None:
        """The group of a team, by the settings or by its own name; None for no team. Raises `Rejected`."""
        if not team:
            return None
        name = next((group for ours, group in self.teams.items() if ours.casefold() == team.casefold()), team)
        for fresh in (False, True):
            for number, title in self.groups(fresh).items():
                if title.casefold() == name.casefold():
                    return number
        raise Rejected(f"Zendesk has no group “{name}” for the team “{team}”: make it, or map the team in the settings")

    def team_of(self, group: int | None) -> str:
        """Our team for a group: the one that the settings map to it, else the group's name."""
        if group is None:
            return ""
        name = self.known.get(group) or self.groups(fresh=True).get(group, "")
        return next((team for team, title in self.teams.items() if title.casefold() == name.casefold()), name)
