"""Whether the work for one message grows with the conversation, with the customers, or with the connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench import account
from bench.observe import Run
from bench.stage import Stage, stage

NUMBERS = (5, 50, 200)
# A few reads more or less (a setting that is read again) are no growth.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Work:
    """What one message cost from webhook to ticket and echo: AWS calls, DynamoDB units, calls to providers.

    items   DynamoDB units by what was read or written
    """

    aws_calls: float
    write_units: float
    read_units: float
    provider_calls: float
    items: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Growth:
    """Work for a message that joins a conversation: by its number, by customers, by connections."""

    by_message: dict[int, Work]
    by_customers: dict[int, Work]
    by_connections: dict[int, Work]
    clock_calls: dict[int, int]

    @property
    def grows(self) -> list[str]:
        """What grew by more than the tolerance; nothing where all is well."""
        tables = {"message": self.by_message, "customers": self.by_customers, "connections": self.by_connections}
        return [f"{name} {n}" for name, found in tables.items() for n in grown(found)]


def grown(found: dict[int, Work]) -> list[int]:
    """The sizes at which any kind of work is more than at the smallest, by more than the tolerance."""
    smallest, *others = sorted(found)
    least = _values(found[smallest])
    return [
        size
        for size in others
        if any(now > before * (1 + TOLERANCE) for before, now in zip(least, _values(found[size]), strict=True))
    ]


def culprits(found: dict[int, Work]) -> list[str]:
    """The items whose units are more at the largest size than at the smallest, in words; nothing where all is well."""
    least, most = found[min(found)].items, found[max(found)].items
    return [
        f"{item}: {least.get(item, 0.0):.1f} units at {min(found)}, {units:.1f} at {max(found)}"
        for item, units in most.items()
        if grown(found) and units > least.get(item, 0.0) * (1 + TOLERANCE)
    ]


def growth() -> Growth:
    with stage() as at:
        by_message = _along(at)
    by_customers = {customers: _after_customers(customers - 1) for customers in (1, 200)}
    by_connections, clock_calls = {}, {}
    for connections in (1, 20):
        with stage(slacks=connections) as at:
            by_connections[connections] = _mean(_joining(at, 5))
            at.runs.clear()
            at.clock.advance(60_000)
            at.tick()
            clock_calls[connections] = sum(len(run.calls) for run in at.runs)
    return Growth(by_message, by_customers, by_connections, clock_calls)


def _along(at: Stage) -> dict[int, Work]:
    """One conversation of 200 messages: the mean work of those that end at each number."""
    slack, channel, user = next(iter(at.slack)), at.new_channel(), at.new_user()
    hook, thread = at.sandbox.zendesk.webhook_url, ""
    works: dict[int, list[Work]] = {number: [] for number in NUMBERS}
    for number in range(1, max(NUMBERS) + 1):
        wanted = next((end for end in NUMBERS if end - 3 < number <= end), None)
        # The CRM's webhooks about the messages between only cost the benchmark's time. The one before a counted message
        # comes again: it catches up with the page that was missed, which is no message's own work.
        at.sandbox.zendesk.webhook_url = hook if wanted or number + 3 in NUMBERS else ""
        before = len(at.runs)
        ts = at.write(slack, channel, user, thread)
        thread = thread or ts
        _whole_way(at)
        if wanted:
            works[wanted].append(_of(at.runs[before:]))
    return {number: _mean(found) for number, found in works.items()}


def _after_customers(more: int) -> Work:
    """The work of a joining message once so many other customers have a conversation."""
    with stage(desks=()) as at:
        slack = next(iter(at.slack))
        for _ in range(more):
            at.write(slack, at.new_channel(), at.new_user())
            at.pump()
        at.add_zendesk()
        at.clock.advance(2000)
        return _mean(_joining(at, 3))


def _joining(at: Stage, messages: int) -> list[Work]:
    slack, channel, user = next(iter(at.slack)), at.new_channel(), at.new_user()
    thread = at.write(slack, channel, user)
    _whole_way(at)
    works = []
    for _ in range(messages):
        before = len(at.runs)
        at.write(slack, channel, user, thread)
        _whole_way(at)
        works.append(_of(at.runs[before:]))
    return works


def _whole_way(at: Stage) -> None:
    """Webhook, inbox, worker, and the CRM's webhook about what we wrote."""
    at.pump()
    at.clock.advance(1000)
    while at.deliver():
        at.pump()
        at.clock.advance(1000)


def _of(runs: Sequence[Run]) -> Work:
    made = [call.call for run in runs for call in run.calls if call.call.by == "function"]
    return Work(
        len(made),
        sum(call.units.write for call in made),
        sum(call.units.read for call in made),
        sum(run.provider_calls for run in runs),
        _items(runs),
    )


def _items(runs: Sequence[Run]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in (part for run in runs for call in run.calls for part in call.parts):
        item = f"{'write' if part.units.write else 'read'} {account.kind(part)}"
        found[item] = found.get(item, 0.0) + part.units.write + part.units.read
    return found


def _mean(works: Sequence[Work]) -> Work:
    calls, write, read, provider = (
        sum(column) / len(works) for column in zip(*(_values(work) for work in works), strict=True)
    )
    names = dict.fromkeys(item for work in works for item in work.items)
    items = {item: sum(work.items.get(item, 0.0) for work in works) / len(works) for item in names}
    return Work(calls, write, read, provider, items)


def _values(work: Work) -> tuple[float, float, float, float]:
    return work.aws_calls, work.write_units, work.read_units, work.provider_calls
