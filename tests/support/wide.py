"""A scenario with every channel and both CRMs: one person on Slack, by SMS and by mail, and agents on two desks."""

from __future__ import annotations

from typing import Any

from infra.sandbox.ses_mail import Sent
from tests.support.scenario import Said, Scenario

ADA, PHONE = "ada@example.com", "+442079460001"


class SalesforceDesk:
    """What stands in Salesforce, in the words that every desk's books use."""

    name = "case"

    def __init__(self, scenario: Wide) -> None:
        self._salesforce = scenario.sandbox.salesforce
        self.connection = scenario.salesforce_id

    def comments(self) -> list[tuple[bool, str]]:
        return [(comment["public"], comment["text"]) for comment in self._all()]

    def comment_ids(self) -> list[str]:
        return [comment["id"] for comment in self._all()]

    def statuses(self) -> dict[str, str]:
        names = {"New": "new", "Working": "open", "Escalated": "open", "On Hold": "on_hold", "Closed": "solved"}
        return {key: names[case["Status"]] for key, case in self._salesforce.cases.items()}

    def same(self, ours: str, theirs: str) -> bool:
        return {"pending": "on_hold", "closed": "solved"}.get(ours, ours) == theirs

    def mails(self) -> int:
        return len(self._salesforce.mails)

    def comments_of(self, record: str) -> list[tuple[bool, str]]:
        mine = self._salesforce.comments(record) if record in self.statuses() else []
        return [(comment["public"], comment["text"]) for comment in mine]

    def _all(self) -> list[dict[str, Any]]:
        return [comment for case in self._salesforce.cases for comment in self._salesforce.comments(case)]


class Wide(Scenario):
    """As `Scenario`, and with SMS and e-mail connected; `salesforce=True` adds the second CRM."""

    def __init__(
        self, seed: int = 1, *, duplicates: float = 0.0, batch: int = 1, salesforce: bool = True, trust: str = "yes"
    ) -> None:
        super().__init__(seed, duplicates=duplicates, batch=batch)
        self.twilio, self.ses = self.sandbox.twilio, self.sandbox.ses
        self.salesforce_too, self.trust = salesforce, trust
        self.sms_id = self.ses_id = self.salesforce_id = ""
        self.case_agent = ""

    def slack_settings(self) -> dict[str, str]:
        return super().slack_settings() | {"profile_phone": self.trust}

    def _connect(self) -> None:
        super()._connect()
        with self.runtime.wire.acting("setup"):
            self.sms_id = self.deps.connections.add("sms", self.sms_settings())
            self.ses_id = self.deps.connections.add("ses", self.ses_settings())
            if self.salesforce_too:
                self.salesforce_id = self.deps.connections.add("salesforce", self.salesforce_settings())
        self.twilio.webhook_url = self._webhook("sms", self.sms_id)
        if self.salesforce_too:
            self.sandbox.salesforce.webhook_url = self._webhook("salesforce", self.salesforce_id)
            self.case_agent = self.sandbox.salesforce.add_agent("Cleo Case", "cleo@desk.example")
        self.restart()

    def __enter__(self) -> Wide:
        super().__enter__()
        self.ses.connect(self.ses_id)
        return self

    def _webhook(self, provider: str, connection: str) -> str:
        return f"https://deskweave.example/webhooks/{provider}/{connection}"

    def sms_settings(self) -> dict[str, str]:
        twilio = self.twilio
        return {
            "account_sid": twilio.account_sid,
            "auth_token": twilio.auth_token,
            "from": twilio.number,
            "api_url": twilio.api_url,
        }

    def ses_settings(self) -> dict[str, str]:
        ses = self.ses
        return {
            "region": ses.region,
            "from_address": ses.address,
            "access_key_id": ses.access_key_id,
            "secret_access_key": ses.secret_access_key,
            "api_url": ses.api_url,
        }

    def salesforce_settings(self) -> dict[str, str]:
        salesforce = self.sandbox.salesforce
        return {
            "domain": salesforce.domain,
            "consumer_key": salesforce.consumer_key,
            "consumer_secret": salesforce.consumer_secret,
            "webhook_secret": salesforce.webhook_secret,
            "api_url": salesforce.url,
        }

    # --- what is there ------------------------------------------------------------------------------------------

    def desks(self) -> list[Any]:
        return [*super().desks(), *([SalesforceDesk(self)] if self.salesforce_too else [])]

    def delivered(self) -> list[str]:
        return [*super().delivered(), *self.texted(), *self.mailed()]

    def delivered_files(self) -> list[str]:
        by_mail = [name for sent in self.ses.sent for name, _, _ in sent.attachments]
        by_sms = [one.text.partition(": ")[0] for one in self.twilio.sent if "/files/" in one.text]
        return [*super().delivered_files(), *by_mail, *by_sms]

    def case(self, number: int = 1) -> str:
        """The id of the case that was made as the nth."""
        return list(self.sandbox.salesforce.cases)[number - 1]

    # --- what people do -----------------------------------------------------------------------------------------

    def words(self) -> str:
        """What a customer is about to say, which has to arrive once."""
        mark = self.mark("m")
        self.said.append(Said("message", mark))
        return f"words {mark}"

    def text(self, sender: str = PHONE, *, picture: bool = False) -> str:
        """Somebody texts; returns their words."""
        words = self.words()
        media = [("image/png", b"content of a picture")] if picture else []
        self.twilio.text(sender, words, media)
        return words

    def mail(self, sender: str = f"Ada Lovelace <{ADA}>", *, subject: str = "", **more: Any) -> str:
        """Somebody mails us; returns the mail's Message-ID."""
        return self.ses.mail(sender, subject or "A question", self.words(), **more)

    def answer_case(self, number: int = 1, *, status: str | None = None) -> None:
        """An agent answers the customer in Salesforce."""
        mark = self.mark("r")
        self.said.append(Said("reply", mark))
        self.sandbox.salesforce.agent_comment(self.case_agent, self.case(number), f"answer {mark}", status=status)

    def note_case(self, number: int = 1) -> None:
        """An agent writes a private note in Salesforce."""
        mark = self.mark("n")
        self.said.append(Said("note", mark))
        self.sandbox.salesforce.agent_comment(self.case_agent, self.case(number), f"between us {mark}", public=False)

    def change_case(self, number: int = 1, **change: str) -> None:
        self.sandbox.salesforce.change_case(self.case_agent, self.case(number), **change)

    def reply_by_mail(self, sent: Sent, **more: Any) -> str:
        """The customer answers a mail of ours."""
        return self.ses.reply(sent, self.words(), **more)

    def texted(self) -> list[str]:
        """What phones received, oldest first."""
        return [one.text for one in self.twilio.sent]

    def mailed(self) -> list[str]:
        """What mail boxes received, oldest first."""
        return [one.text for one in self.ses.sent]
