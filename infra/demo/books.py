"""The books: whether everything that came in is accounted for, and whether everybody got what was said, once.

Pure: figures from facts that were counted in different places (infra/demo/count.py). Nothing balances by construction:
each figure of an identity comes from a count of its own, and whatever is missing on one side is named.

Unit: one event of one attempt at a webhook delivery that we answered. A retry, a duplicate and a forgery are deliveries
received; an attempt that we answered 5xx, or that got no answer, is not, and is counted apart (`turned_away`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Events:
    """What came in, from four places. An event is `delivery/number`.

    received     by the sandbox's list of deliveries: events of attempts that we answered
    turned_away  attempts answered 5xx or not at all
    queued       by the door's log: deliveries that were let in
    told         by the inbox's log: event -> outcome, the first that was told, for webhooks
    polled       the same for what polls brought
    kept         by the table: deliveries that an item names as the one that brought it
    state_only   by the table: how many changes of a state a CRM brought (lines of the history)
    set_aside    by the failure list: deliveries kept raw there
    refused      by the metric of the door
    hinting      connections whose deliveries are hints: what they bring may be a change of state alone
    source       event -> connection
    """

    received: int = 0
    turned_away: int = 0
    queued: frozenset[str] = frozenset()
    told: Mapping[str, str] = field(default_factory=dict)
    polled: Mapping[str, str] = field(default_factory=dict)
    kept: frozenset[str] = frozenset()
    state_only: int = 0
    set_aside: frozenset[str] = frozenset()
    refused: int = 0
    hinting: frozenset[str] = frozenset()
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Passage:
    """The way of one thing that a person said, by its mark.

    kind      message, edit, file (a customer's), answer, answer's file, private note
    records   how often it stands in our table; None where it has no record of its own
    arrivals  how often it arrived where it should: in its conversation's ticket, in its Slack thread; None where it
              should arrive nowhere
    astray    how often it arrived where it must not
    """

    mark: str
    kind: str
    records: int | None
    arrivals: int | None
    astray: int = 0


@dataclass(frozen=True)
class Facts:
    """Everything that was counted.

    second_tickets  tickets of a conversation that has another one, without a follow-up's reason
    mails           mails of Zendesk's own to customers of ours
    echoes          our own writing that came back as somebody's
    unknown         effects of which nobody knows whether they took place
    unfinished      effects, queue messages and agents' waits that did not come to an end
    apart           conversations whose ticket says something else
    dollars         list prices of what AWS would have charged, by item
    """

    events: Events = Events()
    passages: tuple[Passage, ...] = ()
    tickets: Mapping[str, int] = field(default_factory=dict)
    replies_delivered: int = 0
    second_tickets: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    echoes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    dollars: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Books:
    """The figures, and what does not balance: a sentence for each identity, with the ids."""

    received: int
    stored: int
    repeated: int
    ignored: int
    unparsed: int
    refused: int
    turned_away: int
    polls: int
    tickets: Mapping[str, int]
    replies_delivered: int
    lost: int
    doubled: int
    echoes: int
    private_leaks: int
    unknown: int
    usd_per_million_counted: float
    wrong: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        return not self.wrong


def close(facts: Facts) -> Books:
    """Close the books over what was counted."""
    outcomes, wrong = _outcomes(facts.events)
    figures = Counter(outcomes.values())
    events = facts.events
    accounted = sum(figures[name] for name in ("stored", "repeated", "ignored", "unparsed")) + events.refused
    if accounted != events.received:
        wrong.append(
            f"received = stored + repeated + ignored + unparsed + refused: {events.received} != {figures['stored']} + "
            f"{figures['repeated']} + {figures['ignored']} + {figures['unparsed']} + {events.refused}"
        )
    lost, doubled, leaks = _astray(facts.passages)
    doubled += [*facts.second_tickets, *facts.mails]
    for name, found in (
        ("lost", lost),
        ("doubled", doubled),
        ("echoes", facts.echoes),
        ("private_leaks", leaks),
        ("unknown", facts.unknown),
        ("unfinished", facts.unfinished),
        ("both sides agree", facts.apart),
    ):
        if found:
            wrong.append(f"{name}: {', '.join(found)}")
    return Books(
        received=events.received,
        stored=figures["stored"],
        repeated=figures["repeated"],
        ignored=figures["ignored"],
        unparsed=figures["unparsed"],
        refused=events.refused,
        turned_away=events.turned_away,
        polls=len(events.polled),
        tickets=dict(facts.tickets),
        replies_delivered=facts.replies_delivered,
        lost=len(lost),
        doubled=len(doubled),
        echoes=len(facts.echoes),
        private_leaks=len(leaks),
        unknown=len(facts.unknown),
        usd_per_million_counted=_per_million(facts.dollars, events.received),
        wrong=tuple(wrong),
    )


def _outcomes(events: Events) -> tuple[dict[str, str], list[str]]:
    """Each event's outcome, the table's word before the log's; and where the two contradict each other.

    A worker that died between storing and telling tells "repeated" the second time: the table knows better. What
    lies in the failure list without having been told is unparsed.
    """
    outcomes = dict(events.told)
    known = {event.partition("/")[0] for event in [*events.told, *events.polled]}
    for event in outcomes:
        if event.partition("/")[0] in events.kept:
            outcomes[event] = "stored"
    outcomes |= {f"{delivery}/0": "unparsed" for delivery in events.set_aside - known}
    wrong = []
    if unheard := sorted(events.queued - known - events.set_aside):
        wrong.append(f"let in, and never heard of again: {', '.join(unheard)}")
    if strange := sorted(events.kept - known):
        wrong.append(f"in the table, but never told: {', '.join(strange)}")
    told_stored = [event for event, outcome in outcomes.items() if outcome == "stored"]
    missing = [event for event in told_stored if event.partition("/")[0] not in events.kept]
    hints = [event for event in missing if events.source.get(event) in events.hinting]
    if gone := sorted(set(missing) - set(hints)):
        wrong.append(f"told as stored, but not in the table: {', '.join(gone)}")
    if len(hints) > events.state_only:
        wrong.append(f"{len(hints)} hints told as a new state, {events.state_only} changes in the table: {hints}")
    unparsed = {event.partition("/")[0] for event, outcome in outcomes.items() if outcome == "unparsed"}
    if unlisted := sorted(unparsed - events.set_aside):
        wrong.append(f"unparsed, but not in the failure list: {', '.join(unlisted)}")
    return outcomes, wrong


def _astray(passages: Iterable[Passage]) -> tuple[list[str], list[str], list[str]]:
    """What was lost, what was doubled, and what arrived where it must not."""
    lost, doubled, leaks = [], [], []
    for one in passages:
        if one.astray:
            leaks.append(f"{one.mark} ({one.kind}, {one.astray} times)")
        counts = [count for count in (one.records, one.arrivals) if count is not None]
        told = f"{one.mark} ({one.kind}: records {one.records}, arrivals {one.arrivals})"
        if 0 in counts:
            lost.append(told)
        if max(counts, default=0) > 1:
            doubled.append(told)
    return lost, doubled, leaks


def _per_million(dollars: Mapping[str, float], received: int) -> float:
    return round(sum(dollars.values()) / received * 1_000_000, 2) if received else 0.0
