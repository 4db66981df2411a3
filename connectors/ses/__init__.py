"""E-mail through Amazon SES: receipt rules in, the v2 API out. https://docs.aws.amazon.com/ses/latest/dg/

There is no webhook: SES puts each mail into the stage's bucket and tells an SNS topic, which feeds the `mail` function.
The SDK is imported when a call is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.base import ChannelConnector, Field, InvalidWebhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.model import Attachment, Event, File, Finding, OutboundFile, OutboundMessage
    from connectors.base import Call, WebhookRequest

ADDRESS = r"[A-Za-z0-9.!#$%&'*/=?^_`{|}~-]{1,40}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"


class Ses(ChannelConnector):
    """A support address whose mail goes through Amazon SES."""

    name = "ses"
    title = "E-mail (Amazon SES)"
    fields = (
        Field(
            "region",
            "AWS region",
            "The region in which SES receives your mail; the stage's own.",
            pattern=r"[a-z]{2}(-[a-z]+)+-[0-9]",
            example="eu-west-1",
        ),
        Field(
            "from_address",
            "Support address",
            "The address that customers write to, without a plus sign; answers come from it.",
            pattern=ADDRESS,
            example="support@example.com",
        ),
        Field("from_name", "Sender's name", "What customers see beside it.", required=False, example="Support"),
        Field(
            "domain",
            "Domain",
            "The verified domain, where it is not the one behind the address's @.",
            required=False,
            pattern=r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+",
            example="example.com",
        ),
        Field(
            "configuration_set",
            "Configuration set",
            "Advanced: a set of your own. Empty: the connection gets one of its own.",
            required=False,
            pattern=r"[A-Za-z0-9_-]{1,64}",
        ),
        Field(
            "access_key_id",
            "Access key id",
            "Only where SES belongs to another account. Empty: the functions' own role.",
            required=False,
            pattern=r"[A-Z0-9]{16,128}",
        ),
        Field("secret_access_key", "Secret access key", "The secret of that access key.", secret=True, required=False),
        Field(
            "topic_arn",
            "SNS topic",
            "Advanced: the stage's mail topic, where SES belongs to another account.",
            required=False,
            pattern=r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+",
        ),
        Field("bucket", "Bucket", "Advanced: the stage's bucket. Empty: the stage's own name.", required=False),
        Field(
            "api_url",
            "API address",
            "Advanced: another address of SES's API, for the sandbox.",
            required=False,
            pattern=r"https://\S+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?/\S*",
        ),
    )
    capabilities = frozenset({"threads", "files", "replies", "subjects", "copies", "delivery", "register"})
    # SES has no idempotency key and no search: its Send event carries our reference.
    effects = {"send": "echo", "send_file": "echo"}  # noqa: RUF012  the contract declares it as a ClassVar
    settle_seconds = 600
    keep_headers = ("x-deskweave-receipt",)
    reply_budget = 20

    def verify(self, request: WebhookRequest) -> None:
        raise InvalidWebhook("SES calls no webhook: its mail comes by the stage's own topic")

    def group(self, request: WebhookRequest) -> str:
        """Of a notification, whether it brings a mail or tells of one."""
        from connectors.ses import notices

        return notices.group(notices.read(request.body), self.settings)

    def parse(self, request: WebhookRequest) -> list[Event]:
        from connectors.ses import parse

        return parse.events(request, self.settings)

    def extract(self, raw: bytes, attachment: Attachment, limit: int) -> File:
        from connectors.shared.email import reading

        return reading.part(raw, attachment.key, limit)

    def address(self, to: str) -> dict[str, str]:
        from connectors.ses import send

        return send.address(to)

    def send(self, message: OutboundMessage, call: Call) -> str:
        from connectors.ses import send

        return send.send(self.settings, self.connection, message, call)

    def send_file(self, outbound: OutboundFile, call: Call) -> str:
        from connectors.ses import send

        return send.send_file(self.settings, self.connection, outbound, call)

    def lookup(self, kind: str, to: Mapping[str, str], call: Call) -> str | None:
        """SES cannot be asked what it sent: the Send event settles a doubt."""
        return None

    def check(self) -> list[Finding]:
        from connectors.ses import setup

        return setup.check(self.settings, self.connection)

    def register(self) -> list[Finding]:
        from connectors.ses import setup

        return setup.register(self.settings, self.connection)


CONNECTOR = Ses
