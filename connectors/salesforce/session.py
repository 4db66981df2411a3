"""How we speak to Salesforce: simple-salesforce over our own session.

https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm
simple-salesforce signs in and builds the requests. It is given no means to renew a session by itself: ours does that,
once, and turns everything else that goes wrong into the contract's errors before simple-salesforce sees it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from simple_salesforce.login import SalesforceLogin

from connectors.base import BadCredentials, TryLater
from connectors.salesforce.errors import refusal
from connectors.salesforce.hooks import long_id

VERSION = "62.0"
TOKEN = "/services/oauth2/token"
CONNECT, READ = 3.05, 10.0  # seconds
LONGEST = 16.0  # seconds within which the requests of one call of the contract begin; two make one entry of a lane
LARGEST = 10_000_000
HEADERS = {"Sforce-Auto-Assign": "false", "Sforce-Duplicate-Rule-Header": "allowSave=true"}

_IDENTITY = re.compile(r"/id/(00D\w{12,15})/(005\w{12,15})/?$")
BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)
_NEVER_SENT = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}

_Json = dict[str, Any]


@dataclass(frozen=True)
class Token:
    """A session, and whose it is: the ids of the org and of the integration user."""

    access: str
    organization: str
    user: str


class Tokens:
    """The sessions of this process: connectors come and go with their settings' cache, sessions last for hours."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Token] = {}
        self._lock = threading.Lock()

    def get(self, session: Session, old: Token | None = None) -> Token:
        """The account's session; a new one where there is none, or where `old` is the one that we have."""
        with self._lock:
            kept = self._kept.get(session.account)
            if kept is None or kept is old:
                kept = self._kept[session.account] = session.sign_in()
            return kept

    def clear(self) -> None:
        """Forget all sessions, as a new process has none."""
        with self._lock:
            self._kept.clear()


TOKENS = Tokens()


class Session(requests.Session):
    """Sends every request to `home`, within the time of `begin`, and signs in again once where its session is over."""

    def __init__(self, home: str, settings: Mapping[str, str]) -> None:
        super().__init__()
        self.home = home
        self.settings = settings
        keys = ("consumer_key", "consumer_secret", "private_key", "username")
        self.account = (home, *(settings.get(key, "") for key in keys))
        self.trust_env = False
        self.usage = ""
        self.begin()

    def begin(self) -> None:
        self.until = monotonic() + LONGEST

    def token(self) -> Token:
        return TOKENS.get(self)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Whatever host simple-salesforce or an answer names, what we send goes to `home` alone."""
        url = self.home + _inside(str(url))
        if url.endswith(TOKEN):
            return self._sent(method, url, *args, **kwargs)
        token = self.token()
        for last in (False, True):
            signed = {"Authorization": f"Bearer {token.access}", **HEADERS}
            kwargs["headers"] = {**(kwargs.get("headers") or {}), **signed}
            response = self._sent(method, url, *args, **kwargs)
            if response.status_code != 401 or last:
                break
            token = TOKENS.get(self, token)
        self.usage = response.headers.get("Sforce-Limit-Info", self.usage)
        if response.status_code >= 300:
            raise refusal(response.status_code, _errors(response))
        if response.content and _json(response) is None:
            raise TryLater("Salesforce's answer was cut short or is not JSON", doubtful=True)
        return response

    def soap(self, path: str, envelope: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Ask one of the SOAP APIs, which alone tell some things; whatever it answers is given back."""
        return self._sent("POST", self.home + path, data=envelope, headers=dict(headers))

    def sign_in(self) -> Token:
        """Ask for a session. Raises `BadCredentials` in Salesforce's words."""
        its, host = self.settings, domain(self.settings)
        given: _Json = {"consumer_key": its["consumer_key"]}
        if its.get("private_key"):
            # The audience of a JWT is Salesforce's own login host; the request goes to the org's.
            audience = "test" if ".sandbox." in its["domain"].lower() else "login"
            given |= {"username": its.get("username", ""), "privatekey": its["private_key"].replace("\\n", "\n")}
            given |= {"domain": audience, "instance_url": host}
        else:
            given |= {"consumer_secret": its.get("consumer_secret", ""), "domain": host}
        self.identity = ""
        try:
            access, _ = SalesforceLogin(session=self, **given)
        except (jwt.PyJWTError, ValueError, TypeError) as error:  # a private key that is none
            raise BadCredentials(f"the private key cannot be used ({type(error).__name__}): it has to be PEM") from None
        whose = _IDENTITY.search(self.identity)
        if whose is None:
            raise BadCredentials("Salesforce does not tell whose session it gives: is the OAuth scope api there?")
        return Token(access, long_id(whose[1]), long_id(whose[2]))

    def _sent(self, method: str | bytes, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        left = self.until - monotonic()
        if left < 1:
            raise TryLater("Salesforce was too slow; it is tried again")
        kwargs |= {"timeout": (min(CONNECT, left), min(READ, left)), "allow_redirects": False, "stream": True}
        try:
            with super().request(method, url, *args, **kwargs) as response:
                response._content = self._read(response)
        except BROKEN as error:
            reason = getattr(error.args[0] if error.args else None, "reason", None)
            sent = not isinstance(error, requests.ConnectTimeout) and type(reason).__name__ not in _NEVER_SENT
            what = "did not answer" if sent else "could not be reached"
            raise TryLater(f"Salesforce {what} ({type(error).__name__})", doubtful=sent) from error
        if url.endswith(TOKEN):
            self._signed_in(response)
        return response

    def _read(self, response: requests.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_content(65_536):
            content += chunk
            if len(content) > LARGEST or monotonic() > self.until:
                raise TryLater("Salesforce's answer is too long or comes too slowly", doubtful=True)
        return bytes(content)

    def _signed_in(self, response: requests.Response) -> None:
        """Keep the address that names org and user, which simple-salesforce drops; raise unless we are signed in."""
        told = _json(response)
        if (
            response.status_code >= 500
            or response.status_code == 429
            or (response.status_code == 200 and not isinstance(told, dict))
        ):
            raise TryLater(f"Salesforce's sign-in answered {response.status_code}", scope="connection")
        if (
            response.status_code != 200
            or not isinstance(told, dict)
            or not {"access_token", "instance_url"} <= set(told)
        ):
            words = told if isinstance(told, dict) else {}
            said = " ".join(str(words[key]) for key in ("error", "error_description") if words.get(key))
            raise BadCredentials(f"Salesforce refuses the sign-in: {said or response.status_code}. {_mend(said)}")
        self.identity = str(told.get("id", ""))


def domain(settings: Mapping[str, str]) -> str:
    return settings["domain"].strip().lower().removesuffix(".salesforce.com")


def _inside(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _json(response: requests.Response) -> object:
    try:
        told: object = response.json()
    except (ValueError, RecursionError):
        return None
    return told


def _errors(response: requests.Response) -> list[_Json]:
    told = _json(response)
    return [one for one in (told if isinstance(told, list) else [told]) if isinstance(one, dict)]


def _mend(said: str) -> str:
    for words, mend in _MENDS.items():
        if words in said:
            return mend
    return "Check consumer key and secret: Setup > External Client App Manager > your app > Settings."


_MENDS = {
    "no client credentials user": "Name the user: Setup > External Client App Manager > your app > Policies > OAuth "
    "Flows > Enable Client Credentials Flow > Run As.",
    "client credentials flow": "Switch it on: Setup > External Client App Manager > your app > Settings > Flow "
    "Enablement > Enable Client Credentials Flow.",
    "request not supported on this domain": "Enter the org's own host: Setup > My Domain.",
    "user hasn't approved": "Let the user in: Setup > External Client App Manager > your app > Policies > Permitted "
    "Users: Admin approved, and its permission set.",
    "invalid assertion": "The certificate of the app does not fit the private key, or the audience is another org's.",
}
