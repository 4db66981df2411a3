"""A stand-in for one Salesforce org (https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/).

The integration works through the API; the methods here are what agents, customers and the admin do besides it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infra.sandbox import salesforce_hooks, salesforce_records
from infra.sandbox.deliveries import Answer, Courier, Delivery
from infra.sandbox.salesforce_hooks import FLOW
from infra.sandbox.salesforce_shapes import iso, long_id, make_id
from infra.sandbox.state import World

Json = dict[str, Any]
DEFAULT_QUEUES = ("Support", "Billing", "Technical")
STATUSES = {"New": False, "Working": False, "Escalated": False, "On Hold": False, "Closed": True}
PRIORITIES = ("High", "Medium", "Low")
MAIL_STATUSES = ("0", "1", "2", "3", "4", "5")
HOUR_MS = 3_600_000
ROLES = {"Standard": "agent", "CspLitePortal": "end-user"}


class SalesforceSandbox:
    """One org, as it is when an admin has followed the guide up to its own mails.

    webhook_url     where callouts go; nothing is sent while it is empty
    webhook_kind    "flow" (a Flow's HTTP callout) or "outbound" (an Outbound Message)
    statuses        Case Status -> whether it is a closed one
    without_key     objects that lack the External Id field; `key_unique` whether it is unique
    hidden          objects that the integration user may not see; `unreadable` records that it may write alone
    locked          how often a write of a record is refused because of its lock, by id
    duplicate_rule  of Contacts: "off", "alert" or "block"
    assignment_queue  the active assignment rule's queue, which takes every Case that is not sent without it
    api_limit       calls in 24 hours; `session_ms` how long a session lasts
    notify_contact  whether a public comment is mailed to the Case's Contact: Salesforce's own setting
    mails           what the org mailed: at, case, to, comment
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.courier: Courier
        self.webhook_url = ""
        self.webhook_kind = FLOW
        self.webhook_secret = world.secret("salesforce-webhook", 40)
        self.consumer_key = f"3MVG9{world.secret('consumer-key', 40)}"
        self.consumer_secret = world.secret("consumer-secret", 40).upper()
        self.certificate = ""
        self.domain = f"sandbox{world.seed}.my.salesforce.com"
        self.organization = make_id("00D", world.seed)
        self.key_field = "Deskweave_Id__c"
        self.key_unique = True
        self.statuses = dict(STATUSES)
        self.priorities = list(PRIORITIES)
        self.without_key: set[str] = set()
        self.hidden: set[str] = set()
        self.unreadable: set[str] = set()
        self.locked: dict[str, int] = {}
        self.duplicate_rule = "alert"
        self.assignment_queue = "Support"
        self.client_credentials_user = True
        self.may_read_settings = True
        self.notify_contact = True
        self.api_limit, self.used = 100_000, 0
        self.session_ms = 2 * HOUR_MS
        self.outage_until = 0
        self.mails: list[Json] = []
        self.sessions: dict[str, tuple[str, int]] = {}
        self.queues: dict[str, str] = {}
        self.cursors: dict[str, list[Json]] = {}
        self._store: dict[str, Json] = {}
        self._undo: list[tuple[str, Json | None]] = []
        self._told: list[tuple[str, str, str, Json]] = []
        self._touched: dict[str, None] = {}
        self.integration_name = "deskweave@sandbox.test"
        self.integration_id = self._add("User", Name="Deskweave", Username=self.integration_name, UserType="Standard")
        for name in DEFAULT_QUEUES:
            self.add_queue(name)

    @property
    def url(self) -> str:
        return f"{self.world.url}/salesforce"

    # --- what stands in the org --------------------------------------------------------------------------------

    @property
    def cases(self) -> dict[str, Json]:
        """The Cases that are not deleted, by id."""
        return {one["Id"]: one for one in self.records("Case")}

    @property
    def contacts(self) -> dict[str, Json]:
        return {one["Id"]: one for one in self.records("Contact")}

    def records(self, name: str) -> list[Json]:
        """An object's records, oldest first, without the deleted ones."""
        if name == "CaseStatus":
            return [{"attributes": {"type": name}, "ApiName": k, "IsClosed": v} for k, v in self.statuses.items()]
        return [one for one in self._store.values() if one["attributes"]["type"] == name and not one["IsDeleted"]]

    def comments(self, case: str) -> list[Json]:
        """A Case's comments and e-mails, oldest first: id, kind, author, role, public, text, created_at, key."""
        with self.world.lock:
            rows = self.records("CaseComment") + self.records("EmailMessage")
            found = [self._comment(row) for row in rows if row["ParentId"] == long_id(case)]
            return sorted(found, key=lambda one: (one["created_at"], one["id"]))

    def find(self, identity: object) -> Json | None:
        return self._store.get(long_id(str(identity)))

    def number(self, name: str) -> int:
        return self.world.seed % 1000 * 100_000 + self.world.number(f"salesforce-{name}")

    def picklist(self, name: str, field: str) -> tuple[str, ...] | None:
        """The values that a restricted picklist takes, None for other fields."""
        lists = {
            ("Case", "Status"): tuple(self.statuses),
            ("Case", "Priority"): tuple(self.priorities),
            ("EmailMessage", "Status"): MAIL_STATUSES,
        }
        return lists.get((name, field))

    # --- people ------------------------------------------------------------------------------------------------

    def add_queue(self, name: str) -> str:
        with self.world.lock:
            if name not in self.queues:
                developer_name = "".join(one if one.isalnum() else "_" for one in name)
                self.queues[name] = self._add("Group", Name=name, DeveloperName=developer_name, Type="Queue")
                self._add("QueueSobject", QueueId=self.queues[name], SobjectType="Case")
            return self.queues[name]

    def add_agent(self, name: str, email: str, kind: str = "Standard") -> str:
        """A user (`kind` "CspLitePortal": a customer's portal user); returns their id."""
        with self.world.lock:
            return self._add("User", Name=name, Username=email, UserType=kind)

    def agent_comment(self, agent: str, case: str, text: str, *, public: bool = True, status: str | None = None) -> str:
        """An agent comments in Salesforce's own interface; returns the comment's id."""
        with self.world.lock, self.transaction():
            fields = {"ParentId": case, "CommentBody": text, "IsPublished": public}
            made = self.write("CaseComment", fields, agent)
            if status is not None:
                self.write("Case", {"Status": status}, agent, case)
            return str(made["Id"])

    def agent_mail(self, agent: str, case: str, text: str, *, draft: bool = False) -> str:
        """An agent uses Salesforce's own e-mail action: Salesforce mails the customer itself."""
        with self.world.lock, self.transaction():
            mail = {"ParentId": case, "Incoming": False, "Status": "5" if draft else "3", "HtmlBody": f"<p>{text}</p>"}
            made = self.write("EmailMessage", {**mail, "TextBody": text, "FromName": self._name(agent)}, agent)
            if not draft:
                self._mail(case, made["Id"])
            return str(made["Id"])

    def customer_mail(self, case: str, text: str, name: str = "Cy", email: str = "cy@example.com") -> str:
        """A customer's mail that Salesforce's own Email-to-Case took in."""
        with self.world.lock, self.transaction():
            mail = {"ParentId": case, "Incoming": True, "Status": "0", "FromName": name, "FromAddress": email}
            user = self.add_agent("Automated Process", "autoproc@sandbox.test", "AutomatedProcess")
            return str(self.write("EmailMessage", {**mail, "TextBody": text}, user)["Id"])

    def change_case(
        self,
        agent: str,
        case: str,
        *,
        status: str | None = None,
        priority: str | None = None,
        owner: str | None = None,
        **fields: Any,
    ) -> None:
        """An agent changes a Case in Salesforce's own interface; `owner` is a queue's name or anybody's id."""
        named = {"Status": status, "Priority": priority, "OwnerId": self.queues.get(owner or "", owner)}
        with self.world.lock, self.transaction():
            changed = {**{name: value for name, value in named.items() if value is not None}, **fields}
            self.write("Case", changed, agent, case)

    def close_case(self, agent: str, case: str) -> None:
        self.change_case(agent, case, status=next(name for name, closed in self.statuses.items() if closed))

    def edit_comment(self, agent: str, comment: str, text: str) -> None:
        with self.world.lock, self.transaction():
            self.write("CaseComment", {"CommentBody": text}, agent, comment)

    def delete(self, agent: str, record: str) -> None:
        """Move a record to the recycle bin, with all that hangs on it; `undelete` brings it back."""
        self._bin(agent, record, away=True)

    def undelete(self, agent: str, record: str) -> None:
        self._bin(agent, record, away=False)

    def spare(self) -> None:
        """Switch Salesforce's own mails off, as `check()` tells an admin to."""
        self.notify_contact = False

    def outage(self, until_ms: int) -> None:
        """Answer every call 503 until then."""
        self.outage_until = until_ms

    def expire_sessions(self) -> None:
        self.sessions.clear()

    # --- transactions ------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what fails leaves no record, no entry in the ledger, no mail and no callout."""
        mails = len(self.mails)
        try:
            yield
        except BaseException:
            for identity, before in reversed(self._undo):
                if before is None:
                    del self._store[identity]
                else:
                    self._store[identity] = before
            del self.mails[mails:]
            raise
        else:
            for kind, record, key, detail in self._told:
                self.world.note("salesforce", kind, record, key, **detail)
            if self._touched:
                salesforce_hooks.tell(self, list(self._touched))
        finally:
            self._undo, self._told, self._touched = [], [], {}

    def put(self, record: Json) -> None:
        self._undo.append((record["Id"], self._store.get(record["Id"])))
        self._store[record["Id"]] = record

    def write(self, name: str, fields: Json, user: str, identity: str = "", headers: Json | None = None) -> Json:
        """Make a record, or change the one with this id, and note what follows. Inside of a transaction."""
        before = salesforce_records.by_id(self, name, identity) if identity else None
        headers = {"sforce-auto-assign": "false"} if headers is None else headers
        after = salesforce_records.save(self, name, fields, user, before, headers)
        if after is not before:
            self._note(name, before, after, user)
        return after

    # --- as the courier needs it -------------------------------------------------------------------------------

    def sign(self, delivery: Delivery, now: int) -> dict[str, str]:
        return salesforce_hooks.headers(self, delivery, now)

    def retry_delay(self, delivery: Delivery, answer: Answer) -> int | None:
        return salesforce_hooks.retry_delay(self, delivery)

    def _note(self, name: str, before: Json | None, after: Json, user: str) -> None:
        key = str(after.get(self.key_field) or "")
        if name == "Contact":
            self._tell("user", after["Id"], created=before is None, external_id=key)
        elif name == "Case":
            self._touched[after["Id"]] = None
            if before is None:
                self._tell("ticket_created", after["Id"], by=user, external_id=key)
            else:
                skipped = {"SystemModstamp", "LastModifiedDate", "LastModifiedById", "IsClosed"}
                changed = {k: v for k, v in after.items() if before[k] != v and k not in skipped}
                self._tell("ticket_changed", after["Id"], by=user, fields=changed)
        elif name in ("CaseComment", "EmailMessage"):
            self._touched[after["ParentId"]] = None
            if before is None:
                said = self._comment(after)
                told = {one: said[one] for one in ("public", "role", "author", "text")}
                self._tell("comment", after["ParentId"], key, comment=after["Id"], by=user, files=[], **told)
            if name == "CaseComment" and after["IsPublished"] and self.notify_contact:
                self._mail(after["ParentId"], after["Id"])

    def _tell(self, kind: str, record: str, key: str = "", **detail: Any) -> None:
        self._told.append((kind, record, key, detail))

    def _mail(self, case: str, comment: str) -> None:
        contact = self.find((self.find(case) or {}).get("ContactId"))
        if contact and contact["Email"]:
            self.mails.append({"at": self.world.now(), "case": case, "to": contact["Email"], "comment": comment})

    def _comment(self, row: Json) -> Json:
        kind = row["attributes"]["type"]
        user = self.find(row["CreatedById"]) or {}
        ours = user.get("Id") == self.integration_id
        role = "admin" if ours else ROLES.get(str(user.get("UserType")), "system")
        if row.get("Incoming"):
            role = "end-user"
        return {
            "id": row["Id"],
            "kind": kind,
            "author": row.get("FromName") if kind == "EmailMessage" else user.get("Name"),
            "role": role,
            "by": row["CreatedById"],
            "public": row["IsPublished"] if kind == "CaseComment" else True,
            "text": row.get("CommentBody") or row.get("TextBody") or "",
            "created_at": row["CreatedDate"],
            "key": row.get(self.key_field) or "",
        }

    def _bin(self, agent: str, record: str, *, away: bool) -> None:
        with self.world.lock, self.transaction():
            identity = long_id(record)
            now = iso(self.world.now())
            for one in list(self._store.values()):
                if identity in (one["Id"], one.get("ParentId") if one["attributes"]["type"] != "Case" else ""):
                    stamped = {"SystemModstamp": now, "LastModifiedById": agent}
                    self.put({**one, **stamped, "IsDeleted": away})
            self._tell("deleted" if away else "undeleted", identity, by=agent)

    def _name(self, user: str) -> str:
        return str((self.find(user) or {}).get("Name") or "")

    def _add(self, name: str, **values: Any) -> str:
        """A record of the setup, which no call may make."""
        now = iso(self.world.now())
        identity = make_id(salesforce_records.OBJECTS[name][0], self.number(name))
        own = {"attributes": {"type": name}, "Id": identity, "IsDeleted": False, "CreatedDate": now}
        self._store[identity] = {**own, "SystemModstamp": now, **values}
        return identity
