"""The books: whether everything that came in is accounted for, and whether everybody got what was said, once.

Pure: figures from facts that were counted in different places (infra/demo/count.py). Nothing balances by construction:
each figure of an identity comes from a count of its own, and whatever is missing on one side is named.

Unit: one event of one attempt at a webhook delivery that we answered. A retry, a duplicate and a forgery are deliveries
received; an attempt that we answered 5xx, or that got no answer, is not, and is counted apart (`turned_away`): it may
have been let in all the same. Mail comes by a standard queue: there it is one message that SQS took into the inbox's
queue, and every notification that SES published has to be among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

OUTCOMES = ("stored", "repeated", "ignored", "unparsed", "refused")


@dataclass(frozen=True)
class Events:
    """What came in by one provider, from four places. An event is `delivery/number`.

    received     by the sandbox's list of deliveries: events of attempts that we answered
    turned_away  attempts answered 5xx or not at all: they may have been let in all the same
    queued       by the door's log (mail: by SQS): deliveries that were let in
    told         by the inbox's log: event -> outcome, the first that was told, for webhooks
    polled       the same for what polls brought
    kept         by the table: deliveries that an item names as the one that brought it
    state_only   by the table: how many changes of a state alone were brought: by a CRM (lines of the history), or of
                 a sent message on its way (at most one a step)
    set_aside    by the failure list: deliveries kept raw there
    refused      by the metric of the door
    held         by the table: messages of which no ticket is made
    changing     whether what a delivery brings may be a change of state alone
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
    held: int = 0
    changing: bool = False


@dataclass(frozen=True)
class Passage:
    """The way of one thing that a person said, by its mark.

    kind      what it is, and where it goes: "message in zendesk", "answer", "note relayed in salesforce", ...
    records   how often it stands in our table; None where it has no record of its own
    arrivals  how often it arrived where it should: in its conversation's ticket, with its customer; None where it
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

    events           by provider
    tickets          desk -> the conversations that have a ticket there, by the desk
    conversations    those that ought to have one, by the table
    replies          channel -> answers that customers got
    files_opened     links to files that lead to what was sent, by who opens them
    merged           people who wrote by several ways and are one customer
    resolved         what a person settled: how
    second_tickets   tickets of a conversation that has another one, without a follow-up's reason
    mails            mails of a desk's own to customers of ours
    echoes           our own writing that came back as somebody's
    unknown          effects of which nobody knows whether they took place
    unfinished       effects, queue messages and agents' waits that did not come to an end
    unpublished      notifications of SES that came nowhere
    apart            conversations whose ticket says something else
    people           people who are not one customer, or not only one person's
    progress         sent messages of which we know less, or more, than the provider told
    dollars          list prices of what AWS would have charged, by item
    """

    events: Mapping[str, Events] = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()
    tickets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    conversations: frozenset[str] = frozenset()
    ticket_counts: Mapping[str, int] = field(default_factory=dict)
    replies: Mapping[str, int] = field(default_factory=dict)
    files_opened: int = 0
    merged: int = 0
    resolved: Mapping[str, int] = field(default_factory=dict)
    second_tickets: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    echoes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    progress: tuple[str, ...] = ()
    dollars: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Books:
    """The figures, and what does not balance: a sentence for each identity, with the ids.

    channels  the figures of the events, by provider; held is part of stored
    relayed   desk -> comments of the other desk that stand there, once each
    """

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
    held: int
    channels: Mapping[str, Mapping[str, int]]
    replies: Mapping[str, int]
    relayed: Mapping[str, int]
    customers_merged: int
    files_opened: int
    resolved_by_a_person: Mapping[str, int]
    wrong: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        return not self.wrong


def close(facts: Facts) -> Books:
    """Close the books over what was counted."""
    channels: dict[str, dict[str, int]] = {}
    wrong: list[str] = []
    for provider, events in facts.events.items():
        channels[provider] = _figures(provider, events, wrong)
    sums = Counter[str]()
    for figures in channels.values():
        sums.update(figures)
    lost, doubled, leaks = _astray(facts.passages)
    doubled += [*facts.second_tickets, *facts.mails]
    for desk, there in facts.tickets.items():
        if odd := sorted(there ^ facts.conversations):
            wrong.append(f"tickets in {desk} = conversations that are not held: {', '.join(odd)}")
    for name, found in (
        ("lost", lost),
        ("doubled", doubled),
        ("echoes", facts.echoes),
        ("private_leaks", leaks),
        ("unknown", facts.unknown),
        ("unfinished", facts.unfinished),
        ("published by SES, and never heard of again", facts.unpublished),
        ("both sides agree", facts.apart),
        ("one person is one customer", facts.people),
        ("what became of what we sent", facts.progress),
    ):
        if found:
            wrong.append(f"{name}: {', '.join(found)}")
    return Books(
        **{name: sums[name] for name in ("received", *OUTCOMES, "turned_away", "polls", "held")},
        tickets=dict(facts.ticket_counts),
        replies_delivered=sum(facts.replies.values()),
        lost=len(lost),
        doubled=len(doubled),
        echoes=len(facts.echoes),
        private_leaks=len(leaks),
        unknown=len(facts.unknown),
        usd_per_million_counted=_per_million(facts.dollars, sums["received"]),
        channels=channels,
        replies=dict(facts.replies),
        relayed=_relayed(facts.passages),
        customers_merged=facts.merged,
        files_opened=facts.files_opened,
        resolved_by_a_person=dict(facts.resolved),
        wrong=tuple(wrong),
    )


def _figures(provider: str, events: Events, wrong: list[str]) -> dict[str, int]:
    """One provider's figures; what does not add up is appended to `wrong`."""
    outcomes, found = _outcomes(events)
    wrong += [f"{provider}: {sentence}" for sentence in found]
    counted = Counter(outcomes.values())
    figures = {name: counted[name] for name in OUTCOMES} | {"refused": events.refused}
    # A process that dies between the queue and its answer has let in what the provider saw turned away.
    if not 0 <= sum(figures.values()) - events.received <= events.turned_away:
        sums = " + ".join(str(figures[name]) for name in OUTCOMES)
        wrong.append(f"received = {' + '.join(OUTCOMES)}: {provider} {events.received} != {sums}")
    more = {"held": events.held, "turned_away": events.turned_away, "polls": len(events.polled)}
    return {"received": events.received, **figures, **more}


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
    if missing and not events.changing:
        wrong.append(f"told as stored, but not in the table: {', '.join(sorted(missing))}")
    elif len(missing) > events.state_only:
        wrong.append(f"{len(missing)} told as a new state, {events.state_only} changes in the table: {missing}")
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


def _relayed(passages: Iterable[Passage]) -> dict[str, int]:
    """How many comments of one desk stand on the other, by that."""
    found = Counter[str]()
    for one in passages:
        if " relayed in " in one.kind and one.arrivals:
            found[one.kind.rpartition(" ")[2]] += 1
    return dict(found)


def _per_million(dollars: Mapping[str, float], received: int) -> float:
    return round(sum(dollars.values()) / received * 1_000_000, 2) if received else 0.0
