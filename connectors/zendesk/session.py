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

TIMEOUT = (3.0, 10.0)  # seconds to connect, and between two bytes of the answer
GROUPS_KEPT = 300.0  # seconds
CONFLICT_SECONDS = 5.0
_TICKET = re.compile(r"/tickets/(\d+)")
_headers: ContextVar[Mapping[str, str]] = ContextVar("headers", default={})  # noqa: B039 (never changed in place)


class Refused(Rejected):
    """A 4xx answer; `code` is its HTTP status."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Conflict(TryLater):
    """409: somebody else changed the record at the same moment; nothing was applied."""


@contextmanager
def carrying(headers: Mapping[str, str]) -> Iterator[None]:
    """Send these headers with every request of this block: zenpy has no way to pass one."""
    token = _headers.set(headers)
    try:
        yield
    finally:
        _headers.reset(token)


class Session(requests.Session):
    """Sends every request to `home`, never twice, and turns what goes wrong into the contract's errors."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self.home = home
        self.trust_env = False

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Whatever host zenpy or a `next` link names, the credentials go to `home` alone."""
        parts = urlsplit(str(url))
        kwargs["headers"] = {**(kwargs.get("headers") or {}), **_headers.get()}
        kwargs["allow_redirects"] = False
        try:
            target = self.home + parts.path + (f"?{parts.query}" if parts.query else "")
            response = super().request(method, target, *args, **kwargs)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise unreachable(error) from error
        refuse(response)
        return response


def unreachable(error: requests.RequestException) -> TryLater:
    """A broken connection as `TryLater`: doubtful unless no connection was ever made."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    never_sent = isinstance(error, requests.ConnectTimeout) or type(reason).__name__ in {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
    }
    what = "could not be reached" if never_sent else "did not answer"
    return TryLater(f"Zendesk {what} ({type(error).__name__})", doubtful=not never_sent)


def refuse(response: requests.Response) -> None:
    """Raise the contract's error for every answer that is not a 2xx.

    https://developer.zendesk.com/api-reference/introduction/requests/#response-format
    """
    code, said = response.status_code, f"Zendesk answered {response.status_code}: {words(response)}"
    if code < 300:
        return
    wait = _seconds(response)
    if code == 429:
        # With account quota left it is one record's or one endpoint's own limit, and others may go on.
        left = response.headers.get("X-Rate-Limit-Remaining", "")
        raise TryLater(said, retry_after=wait, scope="lane" if left.isdigit() and int(left) > 0 else "connection")
    if code == 503 and wait is not None:
        raise TryLater(said, retry_after=wait, scope="connection")
    if code >= 500:
        raise TryLater(said, retry_after=wait, doubtful=True)
    if code == 409:
        raise Conflict(said, retry_after=CONFLICT_SECONDS)
    if code < 400:
        raise BadCredentials(f"{said}. It sends us elsewhere: is the subdomain still right?")
    if code in (401, 403):
        raise BadCredentials(f"{said}. Check the integration user, its role and its API token.")
    ticket = _TICKET.search(str(response.url)) if code == 404 else None
    gone = f"ticket {ticket.group(1)} no longer exists in Zendesk. " if ticket else ""
    raise Refused(gone + said, code)


def words(response: requests.Response) -> str:
    """Zendesk's own words: `error`, `description` and each of `details`, whichever of its shapes they have."""
    try:
        body = response.json()
    except ValueError:
        return response.reason or "no words"
    found: list[str] = []
    _collect(body, found)
    return "; ".join(dict.fromkeys(found))[:500] or response.reason or "no words"


def _collect(part: object, found: list[str], depth: int = 0) -> None:
    if isinstance(part, str):
        found.append(part)
    elif depth < 6 and isinstance(part, list):
        for one in part:
            _collect(one, found, depth + 1)
    elif depth < 6 and isinstance(part, dict):
        keys = ("error", "title", "description", "message", "detail", "details", "errors", "base")
        for key in [*(key for key in keys if key in part), *(part.keys() - set(keys) if depth else ())]:
            _collect(part[key], found, depth + 1)


def _seconds(response: requests.Response) -> float | None:
    wait = response.headers.get("Retry-After", "")
    return float(wait) if wait.isascii() and wait.isdigit() else None


def _plain(response: requests.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TryLater("Zendesk's answer was cut short or is not JSON", doubtful=True)
    return body


class Desk:
    """One account: zenpy, set up, and the account's groups.

    `home` is where the API is, `host` the account's own host name.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.host = f"{settings['subdomain']}.zendesk.com"
        self.home = (settings.get("api_url") or f"https://{self.host}").rstrip("/")
        self.session = Session(self.home)
        self.zenpy = Zenpy(
            subdomain=settings["subdomain"],
            email=settings["email"],
            token=settings["api_token"],
            session=self.session,
            timeout=TIMEOUT,
            disable_cache=True,
        )
        its = self.zenpy
        for api in (its.tickets, its.users, its.users.search, its.groups, its.triggers, its.webhooks, its.attachments):
            api._process_response = _plain
        lines = [line.partition("=") for line in settings.get("groups", "").splitlines() if "=" in line]
        self.teams = {team.strip(): group.strip() for team, _, group in lines}
        self._groups: dict[int, str] = {}
        self._groups_until = 0.0

    def pages(self, answer: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
        """Every item of a list that began with `answer`, by cursor."""
        yield from answer[key]
        while (answer.get("meta") or {}).get("has_more"):
            answer = self.zenpy.tickets._get(answer["links"]["next"])
            yield from answer[key]

    def groups(self, fresh: bool = False) -> dict[int, str]:
        """The account's groups, id to name, kept for some minutes."""
        if fresh or monotonic() > self._groups_until:
            self._groups = {group["id"]: group["name"] for group in self.pages(self.zenpy.groups(), "groups")}
            self._groups_until = monotonic() + GROUPS_KEPT
        return self._groups

    def group_name(self, team: str) -> str:
        """The name of the group that a team has by the settings; by default its own."""
        wanted = {name.casefold(): group for name, group in self.teams.items()}
        return wanted.get(team.casefold(), team)

    def group_id(self, team: str) -> int | None:
        """The group of a team; None for no team. Raises `Rejected` where Zendesk has no such group."""
        name = self.group_name(team)
        for fresh in (False, True) if team else ():
            for number, title in self.groups(fresh).items():
                if title.casefold() == name.casefold():
                    return number
        if not team:
            return None
        raise Rejected(f"Zendesk has no group “{name}” for the team “{team}”: make it, or map the team in the settings")

    def team_of(self, group: int | None, names: Mapping[int, str] | None = None) -> str:
        """Our team for a group; `names` where the answer itself brought the group along."""
        if group is None:
            return ""
        name = (names or {}).get(group) or self.groups().get(group) or self.groups(fresh=True).get(group, "")
        return next((team for team, title in self.teams.items() if title.casefold() == name.casefold()), name)
