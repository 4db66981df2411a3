"""Slack's error codes as our errors, each with what to do. https://docs.slack.dev/reference/methods (Errors)"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors import http
from connectors.base import BadCredentials, ConnectorError, Rejected, TryLater

TOKEN = "install the app again and give this connection its new bot token"
SCOPE = "add the scope to the app, install it again, and give this connection its new bot token"

BAD_CREDENTIALS: dict[str, str] = {
    "access_denied": "the workspace does not let the app act: ask its admin",
    "account_inactive": f"the app was removed from the workspace: {TOKEN}",
    "bad_client_secret": "the client secret is wrong: copy it from Basic Information, App Credentials",
    "bad_redirect_uri": "add this redirect address to the app: OAuth & Permissions, Redirect URLs",
    "code_already_used": "this code was used before: begin the consent anew",
    "ekm_access_denied": "the workspace's admins have suspended access to its messages",
    "invalid_auth": f"the bot token is wrong, or this address may not use it: {TOKEN}",
    "invalid_client_id": "the client id is wrong: copy it from Basic Information, App Credentials",
    "invalid_code": "the code is wrong or older than ten minutes: begin the consent anew",
    "missing_scope": SCOPE,
    "not_allowed_token_type": "this is no bot token: take the one that begins with xoxb-",
    "not_authed": "no bot token was sent: give this connection its bot token",
    "org_login_required": "the workspace is moving into an organisation: wait, then install the app again",
    "team_access_not_granted": "the app was not given this workspace: ask the organisation's admin",
    "token_expired": f"the bot token has expired: {TOKEN}",
    "token_revoked": f"the bot token was revoked: {TOKEN}",
    "two_factor_setup_required": "the workspace demands two-factor sign-in of the app's owner",
}

TRY_LATER: dict[str, bool] = {  # the value tells whether the call may have been applied
    "fatal_error": True,
    "internal_error": True,
    "rate_limited": False,
    "ratelimited": False,
    "request_timeout": False,
    "service_unavailable": True,
    "team_added_to_org": False,
}

REJECTED: dict[str, str] = {
    "as_user_not_supported": "the token is no bot's: take the one that begins with xoxb-",
    "cannot_reply_to_message": "this message takes no replies: write to the customer in another way",
    "channel_not_found": "the channel is gone, or the app is not in it: invite the app with /invite",
    "file_deleted": "the file was deleted in Slack",
    "file_not_found": "the file is gone, or the app may not see it",
    "file_uploads_disabled": "the workspace allows no uploads: ask its admin",
    "file_uploads_except_images_disabled": "the workspace allows no uploads but images: ask its admin",
    "invalid_blocks": "Slack does not take this form of message",
    "invalid_thread_ts": "the thread is gone: write to the customer in another way",
    "is_archived": "the channel was archived: take it out of the archive, or write in another channel",
    "message_limit_exceeded": "the workspace has reached its plan's limit of messages",
    "metadata_too_large": "the message's metadata is too large for Slack",
    "msg_blocks_too_long": "the message is too long for Slack: send it in parts",
    "msg_too_long": "the message is too long for Slack: send it in parts, or as a file",
    "no_permission": "the app may not do this here: invite it to the channel with /invite",
    "no_text": "the message is empty",
    "not_in_channel": "the app is not in the channel: invite it with /invite",
    "restricted_action": "the workspace's settings let the app write nothing here: ask its admin",
    "restricted_action_non_threadable_channel": "the channel's settings allow no threads: ask its admin",
    "restricted_action_read_only_channel": "the channel is read only: ask its admin",
    "restricted_action_thread_locked": "the thread is locked: ask the channel's admin",
    "restricted_action_thread_only_channel": "the channel's settings allow only threads: ask its admin",
    "slack_connect_file_upload_sharing_blocked": "the other workspace takes no files: send a link instead",
    "thread_not_found": "the thread is gone: write to the customer in another way",
    "user_not_found": "the user is gone, or the app may not see them",
    "user_not_visible": "the app may not see this user",
}

CODE = re.compile(r"[a-z][a-z0-9_]{0,80}")  # slack_sdk puts a body that is no JSON where the code belongs
CHANNEL_LIMITED = frozenset({"chat.postMessage"})  # one message a second, for each channel


def of_answer(method: str, status: int, headers: Mapping[str, str], data: Mapping[str, object]) -> ConnectorError:
    """What Slack's refusal means. `headers` in lower case; `data` the answer's body, {} where it is no object."""
    code = data.get("error")
    code = code if isinstance(code, str) and CODE.fullmatch(code) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        scope = "lane" if method in CHANNEL_LIMITED else "connection"
        wait = http.retry_after(headers.get("retry-after", ""))
        return TryLater(f"Slack asks us to slow down ({method})", retry_after=wait, scope=scope)
    if code in BAD_CREDENTIALS:
        return BadCredentials(f"Slack says {code}{_scopes(data)}: {BAD_CREDENTIALS[code]}")
    if code in TRY_LATER:
        return TryLater(f"Slack says {code} ({method})", doubtful=TRY_LATER[code])
    if status != 200:
        return http.status_error(status, headers, code, "Slack")
    if data.get("ok") is not False or not code:
        return TryLater(f"Slack's answer to {method} cannot be read", doubtful=True)
    mend = f": {REJECTED[code]}" if code in REJECTED else f" ({method})"
    return Rejected(f"Slack says {code}{mend}")


def _scopes(data: Mapping[str, object]) -> str:
    needed = data.get("needed")
    return f" (needed: {http.one_line(needed, 200)})" if isinstance(needed, str) and needed else ""
