"""Slack's Web API through slack_sdk, without its retries, its sleeps and its log. https://docs.slack.dev/apis/web-api/"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from connectors import http
from connectors.base import BadCredentials, TryLater
from connectors.slack import API_URL, errors

TIMEOUT = 10


@dataclass(frozen=True)
class Reply:
    """What Slack answered: the body's fields, and the headers with their names in lower case."""

    data: Mapping[str, Any]
    headers: Mapping[str, str]


def call(settings: Mapping[str, str], method: str, *, quiet: Collection[str] = (), **arguments: Any) -> Reply:
    """Call a method such as "chat.postMessage" once.

    Raises the connector errors of `errors.of_answer`; where Slack refuses with a code in `quiet` its reply is
    returned instead, with `ok` False.
    """
    try:
        response = getattr(_client(settings), method.replace(".", "_"))(**arguments)
    except SlackApiError as refused:
        data, headers = refused.response.data, _lower(refused.response.headers)
        told = data if isinstance(data, dict) else {}
        if told.get("error") in quiet:
            return Reply(told, headers)
        raise errors.of_answer(method, refused.response.status_code, headers, told) from None
    except (OSError, HTTPException) as error:
        raise http.connection_error(error, "Slack") from None
    except (AttributeError, UnicodeDecodeError, LookupError):  # how slack_sdk 3.47 fails on a body that is no object
        raise TryLater(f"Slack's answer to {method} cannot be read", doubtful=True) from None
    return Reply(response.data if isinstance(response.data, dict) else {}, _lower(response.headers))


def api_url(settings: Mapping[str, str]) -> str:
    """The address of the Web API, with its last slash."""
    return (settings.get("api_url") or API_URL).rstrip("/") + "/"


def token(settings: Mapping[str, str]) -> str:
    """The bot token. Raises `BadCredentials` for what no header could carry: the error of http.client would show it."""
    found = (settings.get("bot_token") or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", found):
        raise BadCredentials("the bot token holds characters that no token has: copy it again")
    return found


def _client(settings: Mapping[str, str]) -> WebClient:
    address = api_url(settings)
    client = WebClient(token(settings), base_url=address, timeout=TIMEOUT, retry_handlers=[], logger=_silent())
    if address.startswith("http://"):
        client.proxy = None  # the sandbox's loopback address is never behind the proxy of the environment
    return client


def _silent() -> logging.Logger:
    """A logger for the SDK, which logs bodies that it cannot read, and with them customers' words."""
    return logging.Logger("slack_sdk", logging.CRITICAL + 1)


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}
