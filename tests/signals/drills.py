"""Trouble on command: for each alarm, what makes it ring, and what a person does before the runbook's commands.

A drill is a generator: up to its `yield` the trouble comes about, and it yields what the runbook's ID and CONNECTION
stand for; behind it the cause is mended, where that is outside of Deskweave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from infra.local.wire import ProcessDied
from infra.sandbox import Fault
from tests.signals.watch import Watch
from tests.support.faults import Down, Poison
from tests.support.paths import conversation, root
from tests.support.scenario import Scenario
from tests.support.wide import Wide

Words = dict[str, str]
Drill = Callable[[Watch], Iterator[Words]]
# Each drill with the alarms that it rings.
DRILLS: dict[Drill, tuple[str, ...]] = {}
OFTEN = 100_000


def drill(*alarms: str) -> Callable[[Drill], Drill]:
    def known(act: Drill) -> Drill:
        DRILLS[act] = alarms
        return act

    return known


def writes(watch: Watch, times: int, each: Callable[[], object], *, step: int = 1) -> None:
    """Somebody does something so many times, some minutes apart."""
    for _ in range(times):
        each()
        watch.run(step, step=step)


def listed(watch: Watch, kind: str = "") -> Words:
    """What the runbook's words stand for: the failure in the list."""
    found = [one for one in watch.scenario.failures() if kind in ("", one["kind"])]
    assert found, f"no failure of the kind {kind!r} is listed"
    return {"ID": found[0]["sk"], "CONNECTION": str(found[0].get("connection", ""))}


@drill("lost")
def deliveries_stay_in_the_queue(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    queue = scenario.runtime.queues["inbox"]
    # No mapping feeds the function: messages come, and nobody takes them.
    taken, queue.ready = queue.ready, lambda: False  # type: ignore[method-assign]
    writes(watch, 15, lambda: [scenario.write(root(scenario)) for _ in range(2)], step=2)
    yield {}
    queue.ready = taken  # type: ignore[method-assign]


@drill("unavailable", "api-5xx")
def the_queue_cannot_be_reached(watch: Watch) -> Iterator[Words]:
    down = Down(watch.scenario, "sqs", "SendMessage")
    told = b'{"type": "event_callback", "event": {"type": "unknown"}}'
    writes(watch, 5, lambda: watch.scenario.sandbox.send_raw("slack", told), step=3)
    yield {}
    down.mended = True


@drill("repairs")
def webhooks_do_not_come(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    scenario.write(channel=scenario.slack.add_channel("more"))
    watch.run(1)
    hook, scenario.zendesk.webhook_url = scenario.zendesk.webhook_url, ""
    writes(watch, 15, lambda: (scenario.note(1), scenario.note(2)), step=2)
    yield {"CONNECTION": scenario.zendesk_id}
    scenario.zendesk.webhook_url = hook


@drill("oldest-lane", "poll-lag")
def a_crm_is_away(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    scenario.zendesk.outage(scenario.clock() + 70 * 60_000)
    scenario.write(root(scenario))
    watch.run(70, step=5)
    yield {}
    watch.run(15, step=5)


@drill("provider-errors")
def a_crm_fails_many_calls(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    scenario.zendesk.outage(scenario.clock() + 15 * 60_000)
    for _ in range(8):
        scenario.write(channel=scenario.slack.add_channel("more"))
    watch.run(15)
    yield {}


@drill("inbox-late", "inbox-errors")
def the_table_fails_the_inbox(watch: Watch) -> Iterator[Words]:
    watch.scenario.write()
    down = Down(watch.scenario, "dynamodb", "BatchGetItem")
    watch.run(26, step=2, ticking=False)
    yield {}
    down.mended = True


@drill("effects-late", "effects-errors")
def the_table_fails_the_effects(watch: Watch) -> Iterator[Words]:
    conversation(watch.scenario)
    watch.scenario.write(root(watch.scenario))
    down = Down(watch.scenario, "dynamodb", "UpdateItem")
    # The queue hides what failed for a quarter of an hour: it fails again at 30 minutes.
    watch.run(32, step=2, ticking=False)
    yield {}
    down.mended = True


@drill("mail-late", "mail-errors")
def the_queue_fails_the_mail_function(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    assert isinstance(scenario, Wide)
    down = Down(scenario, "sqs")
    scenario.mail()
    watch.run(26, step=2, ticking=False)
    yield {}
    down.mended = True


@drill("clock-errors")
def the_table_fails_the_clock(watch: Watch) -> Iterator[Words]:
    down = Down(watch.scenario, "dynamodb", "Query")
    watch.run(3)
    yield {}
    down.mended = True


@drill("api-errors")
def the_api_function_dies(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario

    def dies(service: str, operation: str, phase: str) -> None:
        if operation == "SendMessage" and phase == "before":
            raise ProcessDied("out of memory")

    scenario.runtime.on_call = dies
    scenario.write()
    watch.run(1)
    yield {}
    scenario.runtime.on_call = None


@drill("clock-stopped")
def nobody_starts_the_clock(watch: Watch) -> Iterator[Words]:
    watch.run(10, step=5, ticking=False)
    yield {}


@drill("throttled", "concurrency")
def the_account_is_full(watch: Watch) -> Iterator[Words]:
    """The local run has no such limit: AWS's own figures are given."""
    for _ in range(3):
        watch.add("AWS/Lambda", "Throttles", 4)
        watch.add("AWS/Lambda", "ConcurrentExecutions", 990)
        watch.run(4, step=4)
    yield {}


@drill("bugs")
def the_code_meets_what_it_does_not_expect(watch: Watch) -> Iterator[Words]:
    from chalicelib.services import inbox

    scenario = watch.scenario
    right = inbox.KINDS["webhook"]

    def wrong(body: object, deps: object) -> inbox.Line:
        raise RuntimeError("what the customer wrote")

    inbox.KINDS["webhook"] = wrong
    try:
        scenario.write()
        watch.run(1)
        yield {}
    finally:
        inbox.KINDS["webhook"] = right


@drill("inbox-dead-letters")
def a_delivery_is_given_up(watch: Watch) -> Iterator[Words]:
    _given_up(watch, "inbox", watch.scenario.write)
    watch.run(1, ticking=False)
    yield {}


@drill("effects-dead-letters")
def a_wake_up_is_given_up(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    scenario.write(root(scenario))
    scenario.sandbox.deliver_due()
    assert scenario.runtime.pump()
    _given_up(watch, "effects", lambda: None)
    watch.run(1, ticking=False)
    yield {}


@drill("mail-dead-letters")
def a_mail_is_given_up(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    assert isinstance(scenario, Wide)
    _given_up(watch, "mail", scenario.mail)
    watch.run(1, ticking=False)
    yield {}


def _given_up(watch: Watch, name: str, act: Callable[[], object]) -> None:
    """Let the queue give up what an act brings into it."""
    act()
    watch.scenario.sandbox.deliver_due()
    queue, dead = watch.scenario.runtime.queues[name], watch.scenario.runtime.queues[f"{name}-dead"]
    taken = queue.receive(10)
    assert taken
    for message in taken:
        dead.send(message.body, message.group if dead.fifo else None, message.id if dead.fifo else None)
        queue.delete(message.receipt)


@drill("failures-message")
def a_message_kills_its_worker(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    poison = Poison(scenario, scenario.write())
    while not scenario.failures():
        watch.run(5)
    yield {}
    poison.mended = True


@drill("failures-delivery")
def a_webhook_has_a_form_that_nobody_knows(watch: Watch) -> Iterator[Words]:
    watch.scenario.sandbox.send_raw("slack", b"[1, 2]")
    watch.run(1)
    yield listed(watch, "delivery")


@drill("failures-record")
def a_ticket_has_a_status_that_nobody_knows(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    scenario.answer()
    scenario.zendesk.tickets[1]["status"] = "limbo"
    watch.run(1)
    yield listed(watch, "record")
    scenario.zendesk.tickets[1]["status"] = "open"


@drill("failures-poll")
def a_cursor_is_refused(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    watch.run(1)
    with scenario.runtime.wire.acting("setup"):
        kept = scenario.deps.table.get(f"CURSOR#{scenario.zendesk_id}")
        assert kept is not None
        scenario.deps.table.put({**kept, "cursor": "cursor:nonsense"})
    watch.run(2)
    yield listed(watch, "poll")
    with scenario.runtime.wire.acting("setup"):
        scenario.deps.table.put(kept)


@drill("failures-connection", "paused")
def a_token_is_revoked(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    scenario.sandbox.faults.add(Fault("slack", "expired_token", times=OFTEN))
    scenario.answer()
    watch.run(1)
    yield listed(watch, "connection")
    scenario.sandbox.faults.clear()


@drill("failures-failed")
def a_channel_is_gone(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    conversation(scenario)
    channel = scenario.slack.channels.pop(scenario.channel)
    scenario.answer()
    watch.run(1)
    yield listed(watch, "lane")
    scenario.slack.channels[scenario.channel] = channel


@drill("failures-unknown")
def a_mail_may_have_left(watch: Watch) -> Iterator[Words]:
    scenario = watch.scenario
    assert isinstance(scenario, Wide)
    scenario.sandbox.salesforce.spare()
    scenario.mail()
    watch.run(2)
    scenario.sandbox.faults.add(Fault("ses", "timeout_before", "*"))
    scenario.answer()
    while not scenario.failures():
        watch.run(1)
    yield listed(watch, "lane")


def scenario_for(act: Drill) -> Scenario:
    """The smallest house in which a drill can be played."""
    mail = act in (the_queue_fails_the_mail_function, a_mail_is_given_up, a_mail_may_have_left)
    return Wide(salesforce=False) if mail else Scenario()
