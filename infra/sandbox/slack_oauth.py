"""Slack's consent page and the code that it gives. https://docs.slack.dev/authentication/installing-with-oauth/"""

from __future__ import annotations

import base64
import binascii
import hmac
import urllib.parse
from typing import TYPE_CHECKING, Any

from infra.sandbox.server import Reply, Request, json_reply

if TYPE_CHECKING:
    from infra.sandbox.slack import SlackSandbox

Json = dict[str, Any]
CODE_LIVES_MS = 600_000


class Consent:
    """The app's credentials, what its page knows, and the codes that wait to be redeemed.

    redirects  addresses that the app names; one that is asked for must begin with one of them
    denied     the workspace's admin presses Cancel
    rotates    the app's tokens expire, as those of an app with token rotation
    """

    def __init__(self, slack: SlackSandbox) -> None:
        self._slack, world = slack, slack.world
        self.client_id = f"{world.seed:012d}.{world.number('client-id'):013d}"
        self.client_secret = world.secret("slack-client", 32)
        self.redirects: tuple[str, ...] = ("http://127.0.0.1:", "https://")
        self.denied = False
        self.rotates = False
        self._codes: dict[str, Json] = {}

    def page(self, slack: SlackSandbox, request: Request) -> Reply:
        """What the consent page does once the admin has pressed a button: send them back, with a code or an error."""
        asked = request.query
        redirect = asked.get("redirect_uri", "")
        if request.method != "GET" or asked.get("client_id") != self.client_id or not asked.get("scope"):
            return Reply(200, b"<!DOCTYPE html><title>Something went wrong: invalid_client_id</title>", _HTML)
        if not redirect.startswith(self.redirects):
            return Reply(200, b"<!DOCTYPE html><title>redirect_uri did not match any configured URIs</title>", _HTML)
        given = {"error": "access_denied"} if self.denied else {"code": self._code(slack, redirect, asked["scope"])}
        if "state" in asked:
            given["state"] = asked["state"]
        return Reply(302, b"", {"Location": f"{redirect}?{urllib.parse.urlencode(given)}"})

    def agreed(self, address: str) -> str:
        """The code that an admin's consent at this address gives, for tests that need no browser."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        return self._code(self._slack, asked["redirect_uri"], asked["scope"])

    def access(self, slack: SlackSandbox, request: Request) -> Reply:
        """`oauth.v2.access`: the client's credentials as Basic authentication or in the form."""
        form = dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))
        client_id, client_secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        found = self._codes.get(form.get("code", ""))
        checks = (
            ("invalid_client_id", client_id == self.client_id),
            ("bad_client_secret", hmac.compare_digest(client_secret.encode(), self.client_secret.encode())),
            ("invalid_code", found is not None and slack.world.now() - found["at"] <= CODE_LIVES_MS),
            ("code_already_used", found is not None and not found["used"]),
            ("bad_redirect_uri", found is not None and found["redirect"] == form.get("redirect_uri", "")),
        )
        error = next((name for name, right in checks if not right), "")
        if error or found is None:
            return json_reply(200, {"ok": False, "error": error})
        found["used"] = True
        slack.scopes = found["scope"]
        return json_reply(200, self._granted(slack))

    def _code(self, slack: SlackSandbox, redirect: str, scope: str) -> str:
        world = slack.world
        code = f"{world.number('code')}.{world.secret(f'slack-code-{len(self._codes)}', 40)}"
        self._codes[code] = {"at": world.now(), "used": False, "redirect": redirect, "scope": scope}
        return code

    def _granted(self, slack: SlackSandbox) -> Json:
        granted: Json = {
            "ok": True,
            "access_token": slack.bot_token,
            "token_type": "bot",
            "scope": slack.scopes,
            "bot_user_id": slack.bot_user_id,
            "app_id": slack.app_id,
            "team": {"name": slack.team_name, "id": slack.team_id},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": slack.bot_user_id},
        }
        return granted | ({"expires_in": 43_200, "refresh_token": "xoxe-1-sandbox"} if self.rotates else {})


_HTML = {"Content-Type": "text/html"}


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind != "Basic":
        return None
    try:
        name, _, secret = base64.b64decode(given).decode().partition(":")
    except (ValueError, binascii.Error):
        return None
    return name, secret
