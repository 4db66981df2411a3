"""The sandbox: both stand-ins behind one loopback server, with one clock, one ledger and one list of deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from infra.sandbox import (
    salesforce_api,
    salesforce_hooks,
    ses_api,
    slack_api,
    slack_events,
    twilio_api,
    twilio_hooks,
    zendesk_api,
    zendesk_hooks,
)
from infra.sandbox.deliveries import Courier, Delivery
from infra.sandbox.faults import Faults
from infra.sandbox.salesforce import SalesforceSandbox
from infra.sandbox.server import Reply, Request, Server
from infra.sandbox.ses import SesSandbox
from infra.sandbox.slack import SlackSandbox
from infra.sandbox.state import Effect, World
from infra.sandbox.twilio import TwilioSandbox
from infra.sandbox.zendesk import ZendeskSandbox

FORGERIES = ("secret", "truncated", "stale", "non-ascii")


class Sandbox:
    """Slack and Zendesk on 127.0.0.1, driven by their own SDKs.

    clock  tells the time in ms; nothing here looks at another
    seed   decides ids, secrets and chances
    """

    def __init__(self, clock: Callable[[], int], seed: int = 1) -> None:
        self.world = World(clock, seed)
        self.slack = SlackSandbox(self.world)
        self.zendesk = ZendeskSandbox(self.world)
        self.salesforce = SalesforceSandbox(self.world)
        self.twilio = TwilioSandbox(self.world)
        self.courier = Courier(self.world, {"slack": self.slack, "zendesk": self.zendesk, "twilio": self.twilio})
        self.slack.courier = self.zendesk.courier = self.courier
        self.twilio.courier = self.courier
        self.ses = SesSandbox(self.world)
        self.ses.courier, self.courier.senders["ses"] = self.courier, self.ses
        self.courier.posts["ses"] = self.ses.post
        self.courier.senders["salesforce"] = self.salesforce
        self.salesforce.courier = self.courier
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return self.world.url

    @property
    def ledger(self) -> list[Effect]:
        return self.world.ledger

    @property
    def requests(self) -> Counter[tuple[str, str, str]]:
        """API calls received, by (provider, HTTP method, Slack's method or Zendesk's path template)."""
        return self.world.requests

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def deliveries(self) -> list[Delivery]:
        return self.courier.deliveries

    def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1, on a free port where none is given."""
        if self._server is None:
            self._server = Server(self._handle, port)
            self.world.url = f"http://127.0.0.1:{self._server.port}"
            self.zendesk.rebase()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def next_due(self) -> int | None:
        """When the next delivery is due (ms), None where none waits."""
        return self.courier.next_due()

    def deliver_due(self) -> int:
        """POST every delivery that is due now; returns how many POSTs were made."""
        return self.courier.deliver_due()

    def redeliver(self, delivery_id: str, fresh_event_id: bool = False) -> Delivery:
        """Queue a delivery again, signed with the time at which it goes out; Slack's under a new event id if asked."""
        with self.world.lock:
            old = next(each for each in self.deliveries if each.id == delivery_id)
            body = slack_events.fresh_event_id(self.slack, old.body) if fresh_event_id else old.body
            return self.courier.queue(old.provider, body, old.topic, kind="replayed", events=old.events, url=old.url)

    def forge(self, provider: str, forgery: str = "") -> Delivery:
        """Queue a delivery that must be refused: `secret`, `truncated`, `stale` or `non-ascii`, in turn."""
        with self.world.lock:
            how = forgery or FORGERIES[(self.world.number("forgery") - 1) % len(FORGERIES)]
            samples: dict[str, Callable[[], bytes]] = {
                "slack": lambda: slack_events.sample(self.slack),
                "zendesk": lambda: zendesk_hooks.sample(self.zendesk),
                "salesforce": lambda: salesforce_hooks.sample(self.salesforce),
                "twilio": lambda: twilio_hooks.sample(self.twilio),
            }
            return self.courier.forge(provider, samples[provider](), "forged", how)

    def send_raw(self, provider: str, body: bytes, topic: str = "raw") -> Delivery:
        """Queue a body of one's own, rightly signed: what the receiver does with one that it cannot read."""
        with self.world.lock:
            return self.courier.queue(provider, body, topic)

    def _handle(self, request: Request) -> Reply:
        with self.world.lock:
            if request.path.startswith("/slack/"):
                return slack_api.handle(self.slack, request)
            if request.path.startswith("/zendesk/"):
                return zendesk_api.handle(self.zendesk, request)
            if request.path.startswith("/twilio/"):
                return twilio_api.handle(self.twilio, request)
            if request.path.startswith("/ses/"):
                return ses_api.handle(self.ses, request)
            if request.path.startswith("/salesforce/"):
                return salesforce_api.handle(self.salesforce, request)
            return Reply(404, b"Not found")
