"""Letting the app into a workspace by Slack's consent page. https://docs.slack.dev/authentication/installing-with-oauth/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from connectors.base import BadCredentials
from connectors.slack import web
from connectors.slack.account import SCOPES
from connectors.slack.inbound import clean


def page(settings: Mapping[str, str], redirect: str, state: str) -> str:
    """The address of the consent page. Raises `BadCredentials` where the client id is missing."""
    client = _client(settings)[0]
    asked = {"client_id": client, "scope": ",".join(SCOPES), "redirect_uri": redirect, "state": state}
    return f"{web.api_url(settings).removesuffix('api/')}oauth/v2/authorize?{urlencode(asked)}"


def redeem(settings: Mapping[str, str], code: str, redirect: str) -> dict[str, str]:
    """The settings that the code of a consent gives; a code is good once, for ten minutes.

    Raises `BadCredentials` in Slack's words, and where the app's tokens expire, which Deskweave does not renew.
    https://docs.slack.dev/reference/methods/oauth.v2.access
    """
    client_id, client_secret = _client(settings)
    without_token = {**settings, "bot_token": ""}
    told = web.call(
        without_token,
        "oauth.v2.access",
        client_id=client_id,
        client_secret=client_secret,
        code=code,
        redirect_uri=redirect,
    ).data
    if told.get("expires_in") or told.get("refresh_token"):
        raise BadCredentials(
            "the app's tokens expire (token rotation is on); make an app without it: Slack cannot turn it off again"
        )
    token = clean(told.get("access_token"))
    if told.get("token_type") != "bot" or not token:
        raise BadCredentials("the consent gave no bot's token: the app needs a bot user (App Home)")
    return {
        "bot_token": token,
        "team_id": _id(told.get("team")),
        "app_id": clean(told.get("app_id")),
        "bot_user_id": clean(told.get("bot_user_id")),
    }


def _client(settings: Mapping[str, str]) -> tuple[str, str]:
    found = settings.get("client_id", "").strip(), settings.get("client_secret", "").strip()
    if not all(found):
        raise BadCredentials("for Slack's consent page client_id and client_secret are needed, else a bot_token")
    return found


def _id(value: Any) -> str:
    return clean(value.get("id")) if isinstance(value, dict) else ""
