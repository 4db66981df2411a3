"""A short day that leaves something of every kind behind: in the table, in the queues, and half done.

It is written against what every version's own scenario has (tests/support), so that it can be played there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infra.local.wire import ProcessDied
from infra.sandbox import Fault

HOUR_MS = 3_600_000
PHONE = "+442079460001"
# Over what a queue message carries: it lies in the bucket.
_LARGE = 185_000


def play(scenario: Any) -> None:
    """Play it up to the moment at which somebody deploys."""
    _settings(scenario)
    _done(scenario)
    _odd(scenario)
    if hasattr(scenario, "ses"):
        _wide(scenario)
    _under_way(scenario)
    _queued(scenario)


def _settings(scenario: Any) -> None:
    from chalicelib.services import settings

    rules = [{"words": ["invoice"], "team": "Billing", "priority": "high"}]
    with scenario.runtime.wire.acting("setup"):
        settings.set_rules(rules, scenario.deps)


def _done(scenario: Any) -> None:
    """A matter from its first message to solved: ticket 1. A direct one, that stays open: ticket 2."""
    first = scenario.write(file=True)
    scenario.settle()
    scenario.edit(first)
    scenario.answer(1, file=True)
    scenario.note(1)
    scenario.settle()
    scenario.solve(1)
    scenario.settle()
    scenario.write(channel=scenario.slack.open_direct(scenario.customer))
    scenario.settle()
    gone = scenario.write()
    scenario.settle()
    scenario.slack.delete(scenario.channel, gone)
    scenario.settle()
    with scenario.runtime.wire.acting("setup"):
        scenario.command(priority="high")
    scenario.settle()


def _odd(scenario: Any) -> None:
    """What a person has to see: one failure of each kind, and another body under a message's key."""
    delivered = [one for one in scenario.sandbox.deliveries if one.provider == "slack" and b"words m1x" in one.body]
    scenario.sandbox.send_raw("slack", delivered[0].body.replace(b"words m1x", b"other words"))
    scenario.sandbox.send_raw("slack", b'{"type": "event_callback", "event": {"type": "message", "ts": 7}}')
    scenario.settle()
    _poisoned(scenario)
    strange = scenario.zendesk.tickets[3]
    kept, strange["status"] = strange["status"], "strange"
    scenario.zendesk.agent_comment(scenario.agent, 3, "an answer that waits", public=False)
    scenario.settle()
    strange["status"] = kept
    from chalicelib.services import failures

    with scenario.runtime.wire.acting("setup"):
        poll = {"v": 1, "kind": "poll", "connection": scenario.zendesk_id}
        failures.add(
            "poll",
            "Zendesk answered 403",
            "mend it in the CRM; the next poll tries again by itself",
            scenario.deps,
            id=f"poll-{scenario.zendesk_id}",
            connection=scenario.zendesk_id,
            group=f"{scenario.zendesk_id} poll",
            body=poll,
        )


def _poisoned(scenario: Any) -> None:
    """A message at which the inbox died three times."""
    from tests.support.faults import Poison

    poison = Poison(scenario, "")
    poison._ts = scenario.write()
    scenario.settle()
    poison.mended = True
    scenario.runtime.on_call = None


def _under_way(scenario: Any) -> None:
    """Lanes in each state in which a deployment can meet them."""
    roots = [scenario.write() for _ in range(3)]
    scenario.settle()
    doubtful, waiting, due = roots
    ticket = max(scenario.zendesk.tickets)
    _held(scenario)
    with _dying(scenario, "POST", "chat.postMessage"):
        scenario.answer(2)
        scenario.run(1)
    _thrown_out(scenario, ticket)
    with _dying(scenario, "PUT", "/tickets/"):
        scenario.write(doubtful)
        scenario.run(1)
    scenario.sandbox.faults.add(Fault("zendesk", "503", "PUT /api/v2/tickets/{id}", times=2))
    scenario.write(waiting, file=True)
    scenario.run(1)
    scenario.sandbox.faults.add(Fault("zendesk", "503", "GET /api/v2/tickets/*", times=2))
    scenario.note(2)
    scenario.run(1)
    scenario.write(due, file=True)
    _only(scenario, "inbox")


def _held(scenario: Any) -> None:
    """An answer that Slack refuses, with a file behind it."""
    place = scenario.slack.add_channel("closed-later")
    scenario.write(channel=place)
    scenario.settle()
    number = max(scenario.zendesk.tickets)
    channel = scenario.slack.channels.pop(place)
    scenario.answer(number, file=True)
    scenario.run(1)
    scenario.slack.channels[place] = channel


def _thrown_out(scenario: Any, ticket: int) -> None:
    """Slack takes the token no more: the connection is paused, and an answer waits for it."""
    token, scenario.slack.bot_token = scenario.slack.bot_token, "taken back"
    scenario.answer(ticket, file=True)
    scenario.run(1)
    scenario.slack.bot_token = token


def _wide(scenario: Any) -> None:
    """Everything that came with more channels: mail, texts, held ones, one person over all of them."""
    scenario.text()
    scenario.settle()
    scenario.mail()
    scenario.settle()
    scenario.answer(max(scenario.zendesk.tickets))
    scenario.settle()
    scenario.ses.mail("Spam <spam@example.net>", "Win", "win now", spam="FAIL")
    scenario.settle()
    from chalicelib.services import admin_keys

    with scenario.runtime.wire.acting("setup"):
        admin_keys.new(admin_keys.AdminRole.VIEWER, "a dashboard", scenario.deps)


def _queued(scenario: Any) -> None:
    """Messages of each kind, in the queues."""
    scenario.zendesk.agent_comment(scenario.agent, 1, "noted later", public=False)
    scenario.sandbox.courier.deliveries[-1].state = "dropped"
    scenario.clock.advance(90_000)
    scenario.runtime.tick()
    _only(scenario, "inbox", until=lambda: any('"kind":"hint"' in m.body for m in _messages(scenario, "inbox")))
    scenario.write()
    mark = scenario.mark("m")
    scenario.slack.post(scenario.customer, scenario.channel, f"words {mark} " + "x" * _LARGE)
    with scenario.runtime.wire.acting("setup"):
        scenario.command(priority="urgent")
    if hasattr(scenario, "ses"):
        scenario.text()
        scenario.mail(subject="In the queue")
        scenario.sandbox.deliver_due()
        _only(scenario, "mail")
        scenario.mail(subject="Not yet in the queue")
    scenario.sandbox.deliver_due()
    scenario.runtime.tick()


# --- helpers ---------------------------------------------------------------------------------------------------------


@contextmanager
def _dying(scenario: Any, method: str, part: str) -> Iterator[None]:
    """The next call of this kind is applied, and then the worker that made it dies."""
    struck = False

    def on_call(service: str, operation: str, phase: str) -> None:
        nonlocal struck
        if not struck and (service, phase) == ("http", "after") and operation.startswith(method) and part in operation:
            struck = True
            scenario.restart()
            raise ProcessDied(f"after {operation}")

    scenario.runtime.on_call = on_call
    with scenario.runtime.provider_calls():
        yield
    scenario.runtime.on_call = None
    assert struck, f"nothing called {method} {part}"


def _only(scenario: Any, function: str, until: Callable[[], bool] = lambda: False) -> None:
    """Deliver what is due, and run one function alone."""
    if function == "inbox":
        scenario.sandbox.deliver_due()
    sources = scenario.runtime._sources
    scenario.runtime._sources = {function: sources[function]}
    while not until() and scenario.runtime.pump():
        pass
    scenario.runtime._sources = sources


def _messages(scenario: Any, queue: str) -> list[Any]:
    return [*scenario.runtime.queues[queue].messages()]
