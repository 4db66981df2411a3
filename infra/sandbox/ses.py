"""Amazon SES's stand-in: one account that sends and receives mail. https://docs.aws.amazon.com/ses/latest/dg/

It writes received mails into the stage's bucket and tells the stage's topic, by two hooks that the local run sets.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from infra.sandbox import ses_mail, ses_notices
from infra.sandbox.deliveries import Answer, Courier, Delivery
from infra.sandbox.ses_mail import File, Sent
from infra.sandbox.state import World

Json = dict[str, Any]
Put = Callable[[str, bytes], None]
Publish = Callable[[str], None]
PROVIDER = "ses"
ACCOUNT = "123456789012"


class SesSandbox:
    """One account in one region.

    address, domain     the support address, and its verified domain
    identities          name -> whether it is verified and signed by DKIM
    production          whether mail may go to anybody, or to verified addresses only; `paused`: sending is off
    send_rate           mails a second, `quota` mails in 24 hours, by recipients
    suppressed          addresses on the account's suppression list
    fates               address -> what becomes of mail to it: delivery (where none is given), bounce, soft_bounce,
                        complaint, delay, reject, nothing
    sent                what left, in order
    refused             mails from outside that no receipt rule took: (at, sender, recipient)
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.courier: Courier
        self.webhook_url = ""
        self.region = "us-east-1"
        self.domain = "desk.test"
        self.address = f"support@{self.domain}"
        self.access_key_id = f"AKIA{world.secret('ses-key', 16).upper()}"
        self.secret_access_key = world.secret("ses-secret", 40)
        # The functions' own role, as the local run has it.
        self.keys = {self.access_key_id: self.secret_access_key, "local": "local"}
        self.identities: dict[str, bool] = {self.domain: True}
        self.production = True
        self.paused = False
        self.send_rate = 14
        self.quota = 50_000
        self.outage_until = 0
        self.suppressed: set[str] = set()
        self.fates: dict[str, str] = {}
        self.sent: list[Sent] = []
        self.refused: list[tuple[int, str, str]] = []
        self.configuration_sets: dict[str, dict[str, Json]] = {}
        self.rule_sets: dict[str, list[Json]] = {}
        self.active_rule_set = ""
        self.bucket = "deskweave-local-files"
        self.topic = "deskweave-local-mail"
        self.counted: list[tuple[int, int]] = []
        self._put: Put = _nowhere
        self._publish: Publish = _nowhere

    @property
    def api_url(self) -> str:
        return f"{self.world.url}/ses/"

    @property
    def host(self) -> str:
        """What SES's Message-IDs end with."""
        return "email.amazonses.com" if self.region == "us-east-1" else f"{self.region}.amazonses.com"

    @property
    def topic_arn(self) -> str:
        return f"arn:aws:sns:{self.region}:{ACCOUNT}:{self.topic}"

    def attach(self, bucket: str, topic: str, put: Put, publish: Publish) -> None:
        """Where mails and notifications go: the stage's bucket and topic, by their names."""
        self.bucket, self.topic, self._put, self._publish = bucket, topic, put, publish
        self.webhook_url = self.topic_arn

    def connect(self, connection: str) -> None:
        """What `register` makes through the API: the configuration set with its way out, and the receipt rule."""
        with self.world.lock:
            way = {"Enabled": True, "MatchingEventTypes": list(ses_notices.TYPES)}
            way["SnsDestination"] = {"TopicArn": self.topic_arn}
            self.configuration_sets[f"deskweave-{connection}"] = {"deskweave": way}
            self.active_rule_set = self.active_rule_set or "deskweave"
            place = {"BucketName": self.bucket, "ObjectKeyPrefix": f"mail/{connection}/", "TopicArn": self.topic_arn}
            rule = {"Name": f"deskweave-{connection}", "Enabled": True, "ScanEnabled": True}
            rule |= {"Recipients": [self.address], "Actions": [{"S3Action": place}]}
            self.rule_sets.setdefault(self.active_rule_set, []).append(rule)

    # --- what people outside do ---------------------------------------------------------------------------------

    def mail(
        self,
        from_: str,
        subject: str,
        text: str,
        *,
        html: str = "",
        attachments: Sequence[File] = (),
        in_reply_to: str = "",
        references: str = "",
        cc: Sequence[str] = (),
        to: str = "",
        headers: Mapping[str, str] | None = None,
        **verdicts: str,
    ) -> str:
        """A customer mails us; returns the mail's Message-ID. `verdicts` as in `receive`; `attachments` are (name,
        media type, content)."""
        with self.world.lock:
            message_id = f"<{self.world.number('mail')}.{self.world.seed}@mail.customer.test>"
            raw = ses_mail.write(
                from_,
                to or self.address,
                subject,
                text,
                message_id=message_id,
                at=self.world.now(),
                html=html,
                cc=cc,
                attachments=attachments,
                in_reply_to=in_reply_to,
                references=references,
                headers=headers,
            )
            self.receive(raw, [to or self.address], **verdicts)
            return message_id

    def reply(self, sent: Sent, text: str, *, from_: str = "", quote: bool = True, **more: Any) -> str:
        """A customer answers a mail of ours, as their program does it; returns the answer's Message-ID."""
        under = "\n\n" + ses_mail.quoted(sent.text, self.address) if quote else ""
        subject = sent.subject if sent.subject.lower().startswith("re:") else f"Re: {sent.subject}"
        more.setdefault("to", sent.reply_to or sent.sender)
        more.setdefault("in_reply_to", sent.message_id)
        more.setdefault("references", f"{sent.references} {sent.message_id}".strip())
        return self.mail(from_ or sent.to[0], subject, text + under, **more)

    def receive(
        self,
        raw: bytes,
        recipients: Sequence[str],
        *,
        dmarc: str = "PASS",
        spam: str = "PASS",
        virus: str = "PASS",
        spf: str = "PASS",
        dkim: str = "PASS",
    ) -> None:
        """A mail server hands a mail over, as it is; the verdicts are SES's (PASS, FAIL, GRAY, PROCESSING_FAILED)."""
        verdicts = {"spam": spam, "virus": virus, "spf": spf, "dkim": dkim, "dmarc": dmarc}
        with self.world.lock:
            taken = [rule for rule in self.rule_sets.get(self.active_rule_set, ()) if takes(rule, recipients)]
            source = str(ses_mail.parsed(raw).get("From", ""))
            if not taken:
                self.refused += [(self.world.now(), source, one) for one in recipients]
                return
            for rule in taken:
                self._receive(
                    raw, recipients, rule, verdicts if rule["ScanEnabled"] else {**verdicts, "spam": "DISABLED"}
                )

    def _receive(self, raw: bytes, recipients: Sequence[str], rule: Json, verdicts: Mapping[str, str]) -> None:
        ses_id = self.world.secret(f"ses-in-{self.world.number('ses-in')}", 40)
        for action in rule["Actions"]:
            place = action.get("S3Action")
            if not place or place["BucketName"] != self.bucket or place.get("TopicArn") != self.topic_arn:
                continue
            key = f"{place.get('ObjectKeyPrefix', '').rstrip('/')}/{ses_id}"
            self._put(key, raw)
            self.world.note(PROVIDER, "received", key, "", recipients=tuple(recipients))
            notice = ses_notices.received(
                raw, ses_id, recipients, verdicts, {**place, "objectKey": key}, self.now_iso()
            )
            self.tell(notice, "Received")

    # --- what SES does ------------------------------------------------------------------------------------------

    def accept(self, raw: bytes, destination: Sequence[str], configuration_set: str, tags: Mapping[str, str]) -> Sent:
        """Send a mail that was found right: it gets its id, and its events follow."""
        number = self.world.number("ses-out")
        ses_id = f"0100{self.world.now():012x}-{self.world.secret(f'ses-{number}', 8)}-0000-{number:012x}-000000"
        left = ses_mail.sent(raw, ses_id, self.host, self.world.now(), destination, tags)
        if any(self.fates.get(one.lower()) != "reject" for one in destination):
            self.sent.append(left)
        self.world.note(PROVIDER, "message", ses_id, tags.get("deskweave-reference", ""), to=tuple(destination))
        for kind, detail, recipients in ses_notices.outcomes(self, destination):
            notice = ses_notices.event(self, left, kind, detail, configuration_set, destination, recipients)
            self.told_by(configuration_set, kind, notice)
        return left

    def told_by(self, configuration_set: str, kind: str, notice: Json) -> None:
        """Publish an event to the set's destinations that want its kind."""
        for way in self.configuration_sets.get(configuration_set, {}).values():
            wanted = kind in {ses_notices.TYPES[one] for one in way["MatchingEventTypes"]}
            if way["Enabled"] and wanted and way.get("SnsDestination", {}).get("TopicArn") == self.topic_arn:
                self.tell(notice, kind)

    def tell(self, notice: Json, topic: str) -> None:
        id = str(uuid.UUID(bytes=bytes.fromhex(self.world.secret(f"sns-{self.world.number('sns')}", 32)), version=4))
        self.courier.queue(PROVIDER, ses_notices.envelope(notice, id, self.topic_arn, self.now_iso()), topic)

    def now_iso(self) -> str:
        now = self.world.now()
        return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now % 1000:03d}Z"

    # --- what the courier needs: a notification is no HTTP request here ---------------------------------------------

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        self._publish(body.decode())
        return Answer(200)

    def sign(self, delivery: Delivery, now: int) -> dict[str, str]:
        return {}

    def retry_delay(self, delivery: Delivery, answer: Answer) -> int | None:
        return 1_000 if delivery.retries < 3 else None


def takes(rule: Json, recipients: Sequence[str]) -> bool:
    """Whether a rule's conditions match: an address, with any label; a domain; with a leading dot, those below it."""
    conditions = [str(one).lower() for one in rule.get("Recipients") or ()]
    if not rule["Enabled"]:
        return False
    for recipient in recipients:
        local, _, host = recipient.lower().rpartition("@")
        plain = f"{local.partition('+')[0]}@{host}"
        known = any(
            one in (plain, recipient.lower(), host) or (one[:1] == "." and host.endswith(one)) for one in conditions
        )
        if known or not conditions:
            return True
    return False


def _nowhere(*given: object) -> None:
    """No local run is attached: nobody hears it."""
