"""A stand-in for one Zendesk account (https://developer.zendesk.com/api-reference/ticketing/introduction/).

Agents and the integration work through the API; the methods here are what tests and the demo do besides it.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Sequence
from typing import Any

from infra.sandbox import zendesk_hooks, zendesk_tickets, zendesk_triggers, zendesk_users
from infra.sandbox.deliveries import Answer, Courier, Delivery
from infra.sandbox.state import World
from infra.sandbox.zendesk_shapes import too_many
from infra.sandbox.zendesk_uploads import Upload, keep_upload

Json = dict[str, Any]
PROVIDER = "zendesk"
DEFAULT_GROUPS = ("Support", "Billing", "Technical")
TEN_MINUTES_MS = 600_000


class ZendeskSandbox:
    """One account.

    webhook_url         where the webhook of the shipped trigger goes; nothing is sent while it is empty
    search_lag_ms       how long search does not find what was written
    export_lag_ms       how much of the most recent past the incremental export leaves out
    account_limit       calls per minute; export_limit the same for the incremental export
    ticket_limit        updates per ten minutes, per user and ticket
    private_attachments whether a file's address wants credentials, besides its token
    mails               what the triggers mailed: at, ticket, to, subject, trigger, comment
    verification_mails  addresses that Zendesk asked to verify themselves (`skip_verify_email` prevents it)
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.courier: Courier
        self.webhook_url = ""
        self.subdomain = f"sandbox{world.seed}"
        self.webhook_id = f"01SANDBOX{world.secret('webhook-id', 17).upper()}"
        self.webhook_secret = base64.b64encode(world.secret("zendesk-signing").encode()).decode()
        self.webhook_name = "Deskweave"
        self.search_lag_ms = 60_000
        self.export_lag_ms = 60_000
        self.account_limit = 700
        self.export_limit = 10
        self.ticket_limit = 30
        self.private_attachments = False
        self.outage_until = 0
        self.users: dict[int, Json] = {}
        self.tokens: dict[str, int] = {}
        self.groups: dict[str, int] = {}
        self.tickets: dict[int, Json] = {}
        self.audits: dict[int, list[Json]] = {}
        self.uploads: dict[str, Upload] = {}
        self.mails: list[Json] = []
        self.verification_mails: list[str] = []
        self.triggers: list[Json] = []
        self.changes: dict[int, tuple[int, int]] = {}
        self.windows: dict[str, tuple[int, int]] = {}
        self.idempotent: dict[str, tuple[int, bytes, bytes]] = {}
        self._comments: dict[int, list[Json]] = {}
        self._updates: dict[tuple[int, int], deque[int]] = {}
        for name in DEFAULT_GROUPS:
            self.add_group(name)
        self.triggers += [*zendesk_triggers.defaults(self), zendesk_triggers.shipped(self)]
        self.integration_email = "deskweave@sandbox.test"
        self.integration_id, _, self.integration_token = self.add_agent("Deskweave", self.integration_email)
        self.users[self.integration_id]["role"] = "admin"

    @property
    def url(self) -> str:
        return f"{self.world.url}/zendesk"

    def add_group(self, name: str) -> int:
        with self.world.lock:
            if name not in self.groups:
                self.groups[name] = self.id("group")
            return self.groups[name]

    def add_agent(self, name: str, email: str, group: str = "Support") -> tuple[int, str, str]:
        """An agent with an API token: (user id, e-mail, token)."""
        with self.world.lock:
            user = zendesk_users.make(self, {"name": name, "email": email, "role": "agent", "verified": True})
            user["default_group_id"] = self.add_group(group)
            token = self.world.secret(f"zendesk-agent-{user['id']}", 40)
            self.tokens[f"{email}/token:{token}"] = user["id"]
            return user["id"], email, token

    def comments(self, ticket_id: int) -> list[Json]:
        """A ticket's comments, oldest first."""
        with self.world.lock:
            return list(self._comments[int(ticket_id)])

    def comment_log(self, ticket_id: int) -> list[Json]:
        return self._comments.setdefault(ticket_id, [])

    def agent_comment(
        self,
        agent_id: int,
        ticket_id: int,
        text: str = "",
        *,
        html_body: str = "",
        public: bool = True,
        status: str | None = None,
        uploads: Sequence[tuple[str, str, bytes]] = (),
    ) -> int:
        """An agent writes in Zendesk's own interface; `uploads` are (name, media type, content). The comment's id."""
        with self.world.lock:
            tokens = [keep_upload(self, name, media_type, content).token for name, media_type, content in uploads]
            comment: Json = {"html_body": html_body} if html_body else {"body": text}
            asked: Json = {"comment": {**comment, "public": public, "uploads": tokens}}
            if status is not None:
                asked["status"] = status
            zendesk_tickets.update(self, self.users[agent_id], int(ticket_id), asked, "", channel="web")
            return int(self._comments[int(ticket_id)][-1]["id"])

    def change_ticket(self, agent_id: int, ticket_id: int, **fields: Any) -> None:
        """An agent changes fields in Zendesk's own interface (status, priority, group_id, tags ...)."""
        with self.world.lock:
            zendesk_tickets.update(self, self.users[agent_id], int(ticket_id), fields, "", channel="web")

    def close_ticket(self, ticket_id: int) -> None:
        """Close a ticket for good, as the account's automation does some days after it was solved."""
        with self.world.lock:
            zendesk_tickets.update(self, None, int(ticket_id), {"status": "closed"}, "", channel="rule")

    def outage(self, until_ms: int) -> None:
        """Answer every call 503 until then."""
        self.outage_until = until_ms

    def spare(self, tag: str = "deskweave") -> None:
        """Mend the mailing triggers as `check()` tells an admin to: tickets with the tag are spared."""
        with self.world.lock:
            for trigger in self.triggers:
                condition = {"field": "current_tags", "operator": "not_includes", "value": tag}
                if zendesk_triggers.mails_requester(trigger) and condition not in trigger["conditions"]["all"]:
                    trigger["conditions"]["all"].append(condition)

    def sign(self, delivery: Delivery, now: int) -> dict[str, str]:
        return zendesk_hooks.headers(self, delivery, now)

    def retry_delay(self, delivery: Delivery, answer: Answer) -> int | None:
        return zendesk_hooks.retry_delay(delivery, answer)

    def id(self, kind: str) -> int:
        """An id beyond 32 bits, as the vendor's are; events, comments and audits share one series."""
        return 360_000_000_000 + self.world.seed % 1000 * 10_000_000 + self.world.number(f"zendesk-{kind}")

    def update_allowed(self, user: int, ticket: int) -> int:
        """Count an update against the ticket's limit; seconds to wait, 0 where it is allowed."""
        now = self.world.now()
        past = self._updates.setdefault((user, ticket), deque())
        while past and past[0] <= now - TEN_MINUTES_MS:
            past.popleft()
        if len(past) >= self.ticket_limit:
            return max(1, -(-(past[0] + TEN_MINUTES_MS - now) // 1000))
        past.append(now)
        return 0

    def count(self, name: str, limit: int) -> int:
        """Count a call in the current minute; how many are left. Refuses the one beyond the limit."""
        now = self.world.now()
        minute, used = self.windows.get(name, (0, 0))
        used = used + 1 if minute == now // 60_000 else 1
        self.windows[name] = (now // 60_000, used)
        if used > limit:
            raise too_many("Number of allowed API requests per minute exceeded", 60 - now // 1000 % 60)
        return limit - used

    def rebase(self) -> None:
        """Give every record the address at which the server now listens."""
        for kind, records in (("users", self.users), ("tickets", self.tickets)):
            for number, record in records.items():
                record["url"] = f"{self.url}/api/v2/{kind}/{number}.json"
        for trigger in self.triggers:
            trigger["url"] = f"{self.url}/api/v2/triggers/{trigger['id']}.json"

    def changed(self, ticket: int) -> None:
        """Note that a ticket changed, for the export and the search; tell the webhook."""
        self.changes[ticket] = (self.world.number("zendesk-change"), self.world.now())
        if zendesk_triggers.tells_webhook(self):
            zendesk_hooks.tell(self, self.tickets[ticket])
