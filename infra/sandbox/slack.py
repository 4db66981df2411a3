"""A stand-in for one Slack workspace with one installed app (https://docs.slack.dev/apis/events-api/).

People write by the methods here; the app reads and answers through the Web API, and is told by signed events.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from infra.sandbox import slack_events, slack_files, slack_oauth
from infra.sandbox.deliveries import Answer, Courier, Delivery
from infra.sandbox.state import World

Json = dict[str, Any]
PROVIDER = "slack"
RETRY_DELAYS_MS = (0, 60_000, 300_000)
DEFAULT_SCOPES = ",".join(
    (
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "users:read",
        "users:read.email",
    )
)


class SlackSandbox:
    """One workspace, one app with a bot.

    webhook_url          where events go; none are sent while it is empty
    consent              the app's page for installing it by OAuth
    scopes               what `auth.test` tells in X-OAuth-Scopes
    messages_per_second, burst   the limit of one channel (a token bucket), lenient by default
    files_by_reference   events of files from another workspace name the file only, to be asked for by `files.info`
    share_lag_ms         how long after an upload `files.info` does not yet show where the file was shared
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.courier: Courier
        self.webhook_url = ""
        self.team_id = self._id("T")
        self.team_name = "Sandbox"
        self.app_id = self._id("A")
        self.bot_id = self._id("B")
        self.bot_token = f"xoxb-sandbox-{world.secret('slack-bot')}"
        self.signing_secret = world.secret("slack-signing")
        self.verification_token = world.secret("slack-verification", 24)
        self.scopes = DEFAULT_SCOPES
        self.consent = slack_oauth.Consent(self)
        self.messages_per_second = 1.0
        self.burst = 10_000
        self.share_lag_ms = 0
        self.files_by_reference = False
        self.ended = ""
        self.users: dict[str, Json] = {}
        self.channels: dict[str, Json] = {}
        self.files: dict[str, slack_files.SlackFile] = {}
        self.buckets: dict[str, tuple[float, int]] = {}
        self._messages: dict[str, dict[str, Json]] = {}
        self._replies: dict[tuple[str, str], dict[str, Json]] = {}
        self.bot_user_id = self.add_user("deskweave", bot=True)

    @property
    def api_url(self) -> str:
        return f"{self.world.url}/slack/api/"

    def add_user(
        self, name: str, email: str = "", team_id: str | None = None, bot: bool = False, phone: str = ""
    ) -> str:
        """A member; one of another workspace (Slack Connect) where `team_id` is given."""
        with self.world.lock:
            user = self._id("U")
            team = team_id or self.team_id
            self.users[user] = {"id": user, "name": name, "email": email, "team": team, "bot": bot, "phone": phone}
            return user

    def add_channel(self, name: str, shared: bool = False) -> str:
        """A channel with the bot in it; `shared` with another workspace (Slack Connect)."""
        with self.world.lock:
            return self._channel("C", name=name, shared=shared)

    def open_direct(self, user: str) -> str:
        """The direct message channel of a user and the bot; the same each time."""
        with self.world.lock:
            for channel in self.channels.values():
                if channel["user"] == user:
                    return str(channel["id"])
            return self._channel("D", user=user)

    def post(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Sequence[tuple[str, str, bytes]] = (),
        broadcast: bool = False,
        mention: bool = False,
    ) -> str:
        """A person writes; `files` are (name, media type, content). Returns the message's ts."""
        with self.world.lock:
            if mention and f"<@{self.bot_user_id}>" not in text:
                text = f"<@{self.bot_user_id}> {text}"
            shared = [slack_files.make(self, user, *file) for file in files]
            message = self.person_message(user, text)
            if broadcast:
                message["subtype"] = "thread_broadcast"
            ts = self.store(channel, message, thread_ts, shared)
            if mention:
                slack_events.mention(self, channel, message)
            return ts

    def upload(
        self,
        user: str,
        channel: str,
        name: str,
        media_type: str,
        content: bytes,
        text: str = "",
        thread_ts: str | None = None,
    ) -> str:
        return self.post(user, channel, text, thread_ts, [(name, media_type, content)])

    def edit(self, channel: str, ts: str, text: str) -> None:
        with self.world.lock:
            message = self._messages[channel][ts]
            self.change(channel, message, text, str(message["user"]))

    def delete(self, channel: str, ts: str) -> None:
        """Take a message back. A root that has replies leaves a tombstone, told as `message_changed`."""
        with self.world.lock:
            message = self._messages[channel][ts]
            previous = self.shown(channel, message)
            if self.replies(channel, ts):
                kept = {name: message[name] for name in ("type", "ts", "thread_ts")}
                text = "This message was deleted."
                message.clear()
                message.update(kept, subtype="tombstone", text=text, user="USLACKBOT", hidden=True)
                slack_events.changed(self, channel, self.shown(channel, message), previous)
                return
            del self._messages[channel][ts]
            self._replies.get((channel, message.get("thread_ts", "")), {}).pop(ts, None)
            slack_events.deleted(self, channel, previous)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        with self.world.lock:
            message = self._messages[channel][ts]
            reactions = message.setdefault("reactions", [])
            reactions.append({"name": name, "users": [user], "count": 1})
            slack_events.reacted(self, user, channel, message, name)

    def messages(self, channel: str) -> list[Json]:
        """Everything in a channel, replies and the bot's messages included, oldest first."""
        with self.world.lock:
            return [self.shown(channel, message, metadata=True) for message in self._messages[channel].values()]

    def thread(self, channel: str, ts: str) -> list[Json]:
        """A thread, its root first."""
        with self.world.lock:
            root = self._messages[channel].get(ts)
            found = [*([root] if root else []), *self.replies(channel, ts)]
            return [self.shown(channel, message, metadata=True) for message in found]

    def uninstall(self) -> None:
        """Remove the app: one `app_uninstalled` event, then silence; calls are answered `account_inactive`."""
        self._end("account_inactive", {"type": "app_uninstalled"})

    def revoke_tokens(self) -> None:
        """Revoke the bot's token: one `tokens_revoked` event, then silence; calls are answered `token_revoked`."""
        self._end("token_revoked", {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.bot_user_id]}})

    def verify_url(self) -> bool:
        """Send the `url_verification` handshake to the webhook address now; True where it was answered rightly."""
        return slack_events.handshake(self)

    def person_message(self, user: str, text: str) -> Json:
        sender = self.users[user]
        digest = self.world.secret(f"client-{self.world.number('client')}", 32)
        message = {
            "client_msg_id": "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:])),
            "type": "message",
            "text": text,
            "user": user,
            "team": sender["team"],
            "blocks": blocks(text),
        }
        if sender["team"] != self.team_id:
            message |= {"user_team": sender["team"], "source_team": sender["team"]}
        return message

    def store(self, channel: str, message: Json, thread_ts: str | None, files: Sequence[slack_files.SlackFile]) -> str:
        """Give a message its ts, keep it, and tell the app of it (of the bot's own messages too)."""
        ts = self._ts(channel)
        message["ts"] = ts
        if thread_ts:
            root = self._messages[channel].get(thread_ts)
            message["thread_ts"] = thread_ts
            if root is not None:
                root["thread_ts"] = thread_ts
                message["parent_user_id"] = root["user"]
            self._replies.setdefault((channel, thread_ts), {})[ts] = message
        if files:
            message |= {"files": [file.id for file in files], "upload": False, "display_as_bot": False}
            message.setdefault("subtype", "file_share")
            for file in files:
                file.share(channel, ts, thread_ts, self.world.now())
        self._messages[channel][ts] = message
        slack_events.posted(self, channel, message)
        return ts

    def change(self, channel: str, message: Json, text: str, editor: str) -> None:
        previous = self.shown(channel, message)
        message |= {"text": text, "blocks": blocks(text), "edited": {"user": editor, "ts": self._ts(channel)}}
        slack_events.changed(self, channel, self.shown(channel, message), previous)

    def find(self, channel: str, ts: str) -> Json | None:
        return self._messages[channel].get(ts)

    def replies(self, channel: str, ts: str) -> list[Json]:
        """A root's replies as they are stored, oldest first."""
        return list(self._replies.get((channel, ts), {}).values())

    def stored(self, channel: str) -> list[Json]:
        """A channel's messages as they are stored, oldest first."""
        return list(self._messages[channel].values())

    def shown(self, channel: str, message: Json, metadata: bool = False) -> Json:
        """A message as the API and the events show it: with its files, its thread's counts, without its metadata."""
        shown = copy.deepcopy(message)
        if not metadata:
            shown.pop("metadata", None)
        if "files" in shown:
            shown["files"] = [self.files[file].shown(self) for file in shown["files"]]
        if shown.get("thread_ts") == shown["ts"]:
            replies = self.replies(channel, shown["ts"])
            people = list(dict.fromkeys(each["user"] for each in replies))
            shown |= {"reply_count": len(replies), "reply_users_count": len(people), "subscribed": False}
            if replies:
                shown |= {"latest_reply": replies[-1]["ts"], "reply_users": people}
        return shown

    def sign(self, delivery: Delivery, now: int) -> dict[str, str]:
        return slack_events.headers(self, delivery, now)

    def retry_delay(self, delivery: Delivery, answer: Answer) -> int | None:
        """Three more attempts: at once, after one minute, after five; none where we say X-Slack-No-Retry: 1."""
        if answer.headers.get("x-slack-no-retry") == "1" or delivery.retries >= len(RETRY_DELAYS_MS):
            return None
        return RETRY_DELAYS_MS[delivery.retries]

    def _end(self, error: str, event: Json) -> None:
        with self.world.lock:
            slack_events.ended(self, event)
            self.ended = error

    def _channel(self, prefix: str, name: str = "", shared: bool = False, user: str = "") -> str:
        channel = self._id(prefix)
        made = self.world.now() // 1000
        self.channels[channel] = {"id": channel, "name": name, "shared": shared, "user": user, "created": made}
        self._messages[channel] = {}
        return channel

    def _ts(self, channel: str) -> str:
        """The clock as Slack writes it, or just past the channel's last ts: unique even while the clock stands."""
        stamp = max(self.world.now() * 1000, int(self.channels[channel].get("stamp", 0)) + 1)
        self.channels[channel]["stamp"] = stamp
        return f"{stamp // 1_000_000:010d}.{stamp % 1_000_000:06d}"

    def _id(self, prefix: str) -> str:
        return f"{prefix}{self.world.seed % 1000:03d}{self.world.number(prefix):07d}"


def blocks(text: str) -> list[Json]:
    """The rich text block that Slack's own clients send along with a text."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "text", "elements": [section]}] if text else []
