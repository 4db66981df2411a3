"""Salesforce Service Cloud, through simple-salesforce. https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/

This module is on the ack path: simple-salesforce, requests and the model's dataclasses are imported where they are
used. Which of Salesforce's objects carry what, and why: docs/adr/0010-salesforce-objects.md.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from connectors.base import Call, CrmConnector, Field, WebhookRequest, WebhookResponse
from connectors.salesforce import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalicelib.core import model
    from connectors.salesforce.org import Org

STATUSES = "New=new\nWorking=open\nEscalated=open\nOn Hold=on_hold\nClosed=solved"
PRIORITIES = "Low=low\nMedium=normal\nHigh=high"
NO_PASSWORD = (
    "Salesforce retires the sign-in with user name and password (its SOAP login and the OAuth flow alike): "
    "use an External Client App with client credentials, or JWT bearer with a private key (GUIDE.md, step 2)"
)
_SECRET = "[!-~]{24,200}"


class Salesforce(CrmConnector):
    """One Salesforce org: Cases, e-mails and comments on them, Contacts."""

    name = "salesforce"
    title = "Salesforce"
    fields = (
        Field(
            "domain", "My Domain host", "Setup > My Domain. login.salesforce.com and test.salesforce.com give no "
            "sign-in by client credentials: the org's own host is needed", example="acme.my.salesforce.com",
            pattern=r"[A-Za-z0-9-]{1,80}(\.sandbox|\.develop|\.scratch|\.demo|\.trailblaze|\.patch|\.free|\.stm)?"
            r"\.my\.salesforce\.com",
        ),
        Field("consumer_key", "Consumer key", "Setup > External Client App Manager > your app > Settings"),
        Field("consumer_secret", "Consumer secret", "For client credentials", secret=True, required=False),
        Field("private_key", "Private key (PEM)", "For JWT bearer, instead of a secret", secret=True, required=False),
        Field("username", "Integration user", "For JWT bearer alone: whom to sign in", required=False),
        Field(
            "webhook_secret", "Webhook secret", "Make one up, 24 characters or more; the Named Credential or the "
            "Outbound Message's address carries it", secret=True, pattern=_SECRET,
        ),
        Field("previous_webhook_secret", "Previous webhook secret", "While you change it", secret=True, required=False),
        Field(
            "key_field", "External Id field", "On Case, Contact and EmailMessage: Text(100), External ID, Unique",
            default="Deskweave_Id__c", pattern="[A-Za-z][A-Za-z0-9_]{0,60}__c",
        ),
        Field("statuses", "Statuses", "Each Case Status = one of ours; the first of one kind is written",
              default=STATUSES, required=False),
        Field("priorities", "Priorities", "Each Case Priority = one of ours", default=PRIORITIES, required=False),
        Field("queues", "Teams and queues", "For each team whose queue has another name: team=queue", required=False),
        Field("origin", "Case Origin", "What new Cases have as their origin", default="Web", required=False),
        Field("case_mails_off", "Case mails are off", "yes, once somebody has seen to it that Salesforce itself does "
              "not mail contacts (GUIDE.md, step 5); for orgs whose settings we may not read", required=False),
        Field("organization", "Organization", "Filled in by the check", required=False, pattern="00D[A-Za-z0-9]{15}"),
        Field("api_url", "API address", "Advanced: the local sandbox's", required=False, pattern=r"https?://[^\s?#]+"),
    )  # fmt: skip
    refused: ClassVar[Mapping[str, str]] = {"password": NO_PASSWORD, "security_token": NO_PASSWORD}
    capabilities = frozenset({"comments", "notes", "status", "priority", "groups", "poll", "webhooks", "follow_ups"})
    effects: ClassVar[Mapping[str, str]] = {
        "create_ticket": "key",  # unique External Ids on the Case and on its first message
        "add_comment": "lookup",  # by External Id, notes by the marker in their last line
        "update_ticket": "key",  # absolute values: to repeat it changes nothing
        "upsert_contact": "key",  # the customer's id
    }
    settle_seconds = 60

    def verify(self, request: WebhookRequest) -> None:
        hooks.verify(self.settings, request)

    def accepted(self, request: WebhookRequest) -> WebhookResponse:
        """An Outbound Message is sent again for 24 hours unless its answer says Ack."""
        return WebhookResponse(200, hooks.ACK, "text/xml") if hooks.is_xml(request.body) else WebhookResponse(200)

    def group(self, request: WebhookRequest) -> str:
        return f"ticket:{hooks.cases(request.body)[0]}"

    def parse(self, request: WebhookRequest) -> list[model.Event]:
        """Read a Flow's callout or an Outbound Message: a hint for each Case that it names."""
        from chalicelib.core.model import Hint

        return [Hint(record) for record in hooks.cases(request.body)]

    def fetch(self, hint: model.Hint, known: Callable[[Sequence[str]], set[str]]) -> list[model.Event]:
        from connectors.salesforce import read

        return read.fetch(self._begun(), hint, known)

    def changes(self, cursor: str, now: int) -> model.Page:
        from connectors.salesforce import read

        return read.changes(self._begun(), cursor, now)

    def upsert_contact(self, contact: model.Contact, call: Call) -> str:
        from connectors.salesforce import contacts

        return contacts.upsert(self._begun(), contact)

    def create_ticket(self, draft: model.TicketDraft, call: Call) -> model.Written:
        from connectors.salesforce import write

        return write.create_ticket(self._begun(), draft, call)

    def add_comment(self, record: str, comment: model.Comment, stamp: str, call: Call) -> model.Written:
        from connectors.salesforce import write

        return write.add_comment(self._begun(), record, comment, call)

    def update_ticket(self, record: str, change: model.TicketChange, call: Call) -> model.Written:
        from connectors.salesforce import write

        return write.update_ticket(self._begun(), record, change)

    def lookup(self, kind: str, record: str, conversation: str, call: Call) -> model.Written | None:
        from connectors.salesforce import write

        return write.lookup(self._begun(), record, conversation, call)

    def check(self) -> list[model.Finding]:
        from connectors.salesforce import check

        return check.findings(self.settings, self._begun, self.refused)

    def identity(self) -> dict[str, str]:
        return {"organization": self._begun().session.token().organization}

    def read_back(self, status: model.Status, priority: model.Priority) -> tuple[model.Status, model.Priority]:
        """What status and priority are once Salesforce has taken them: it may have fewer words than we."""
        words = self._org.words
        return words.status(words.their_status(status)), words.priority(words.their_priority(priority))

    def _begun(self) -> Org:
        """The org, with all the time that one call may take ahead of it."""
        self._org.session.begin()
        return self._org

    @cached_property
    def _org(self) -> Org:
        from connectors.salesforce.org import Org

        return Org(self.settings)


CONNECTOR = Salesforce
