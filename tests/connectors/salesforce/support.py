"""A sandbox org, a connector for it through the real simple-salesforce, and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.core.model import Comment, Contact, Priority, TicketDraft, Written
from connectors.base import Call
from connectors.salesforce import CONNECTOR, Salesforce
from connectors.salesforce.session import TOKENS
from infra.sandbox import Sandbox

NOW = 1_772_442_900_000


class Org:
    def __init__(self) -> None:
        TOKENS.clear()  # ports come again, and with them what was kept of another sandbox
        self.now = NOW
        self.sandbox = Sandbox(lambda: self.now)
        self.sandbox.start()
        self.salesforce = self.sandbox.salesforce
        self.opened: list[Salesforce] = []
        self.connector = self.connect()
        self.agent = self.salesforce.add_agent("Amy", "amy@acme.test")
        self.customer = ""

    def connect(self, **settings: str) -> Salesforce:
        given = {
            **{field.key: field.default for field in CONNECTOR.fields},
            "domain": self.salesforce.domain,
            "consumer_key": self.salesforce.consumer_key,
            "consumer_secret": self.salesforce.consumer_secret,
            "webhook_secret": self.salesforce.webhook_secret,
            "api_url": self.salesforce.url,
        }
        connector = CONNECTOR({**given, **settings}, "c1")
        self.opened.append(connector)
        return connector

    def close(self) -> None:
        for connector in self.opened:
            if "_org" in vars(connector):
                connector._org.session.close()
        self.sandbox.stop()

    def call(self, name: str, *, retry: bool = False) -> Call:
        return Call(name, NOW, self.now, retry=retry, reference=f"v1.{name}")

    def contact(self) -> str:
        self.customer = self.connector.upsert_contact(Contact("cust1", "Cy Two", "cy@example.com"), self.call("u1"))
        return self.customer

    def ticket(self, text: str = "Help", **values: Any) -> Written:
        comment = Comment(text, True, self.contact())
        draft = TicketDraft("v1", "Printer", self.customer, comment, **{"priority": Priority.NORMAL, **values})
        return self.connector.create_ticket(draft, self.call("k1"))

    def effects(self, kind: str) -> int:
        return sum(effect.kind == kind and effect.provider == "salesforce" for effect in self.sandbox.ledger)

    def calls(self) -> int:
        """API calls of the org's quota so far."""
        return self.salesforce.used

    def texts(self, record: str) -> list[str]:
        return [one["text"] for one in self.salesforce.comments(record)]


def nothing(keys: Sequence[str]) -> set[str]:
    return set()
