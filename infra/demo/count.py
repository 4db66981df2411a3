"""Counts what the books need, each in its own place: the table, the log, the sandbox's ledger, what people said."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.demo import words
from infra.demo.books import Events, Facts
from infra.demo.passages import passages
from infra.demo.people import DESKS, MAIL, SLACK
from infra.demo.played import Item, Played
from infra.demo.seen import Seen, look
from infra.demo.states import apart, people, progress, steps

__all__ = ["Item", "Seen", "facts", "look"]

# The connectors' names of the sandbox's providers, where they differ.
_NAMES = {"twilio": "sms"}
STRANGERS = "strangers"
_ENDED = ("done", "skipped")


def facts(seen: Seen) -> Facts:
    """Count everything. The day must have come to rest."""
    day = seen.day
    counted = people(seen)
    return Facts(
        events=events(day, seen),
        passages=tuple(passages(seen)),
        tickets={desk: frozenset(seen.home(desk, one) for one in there) for desk, there in seen.tickets.items()},
        conversations=frozenset(id for id, one in seen.conversations.items() if not one.get("held")),
        ticket_counts={desk: len(there) for desk, there in seen.tickets.items()},
        replies=_replies(seen),
        files_opened=_files_opened(seen),
        merged=counted.merged,
        resolved=Counter(day.cast.resolved.values()),
        second_tickets=tuple(_second_tickets(seen)),
        mails=tuple(_mails(seen)),
        echoes=tuple(_echoes(seen)),
        unknown=tuple(f"{e['pk']} {e['sk']}" for e in seen.entries if e["state"] == "unknown"),
        unfinished=tuple(_unfinished(seen)),
        unpublished=tuple(_unpublished(day, seen)),
        apart=tuple(apart(seen)),
        people=counted.wrong,
        progress=tuple(progress(seen)),
        dollars=day.dollars(),
    )


def events(day: Played, seen: Seen) -> dict[str, Events]:
    """What came in by each provider, counted in the sandbox, in the log, in the table and in the failure list."""
    providers = {connection: name for name, connection in day.connected.listed().items()}
    queued = {line["delivery"]: line["connection"] for line in day.lines if _let_in(line)}
    queued |= {body["delivery"]: body["connection"] for body in day.mails}
    outcomes = [line for line in day.lines if line["step"] == "inbox" and "event" in line]
    aside: dict[str, set[str]] = {name: set() for name in providers.values()}
    for body in (
        one["body"] for one in seen.table if one["pk"].startswith("FAILURES") and "delivery" in one.get("body", {})
    ):
        aside[providers.get(body.get("connection", ""), MAIL)].add(body["delivery"])
    found = {}
    for connection, name in providers.items():
        # What came by which way is the door's word: hints of a webhook and of a poll that wait for one ticket join.
        mine = [line for line in outcomes if line.get("connection") == connection]
        received, turned_away = _received(name, day, aside[name])
        held = {id for id, one in seen.conversations.items() if one.get("held")}
        found[name] = Events(
            received=received,
            turned_away=turned_away,
            queued=frozenset(delivery for delivery, of in queued.items() if of == connection),
            told=_first_told(line for line in mine if line["delivery"] in queued),
            polled=_first_told(line for line in mine if line["delivery"] not in queued),
            kept=frozenset(_kept(connection, seen)),
            state_only=_states(name, connection, seen),
            set_aside=frozenset(aside[name]),
            refused=sum(_refused(line) == name for line in day.lines),
            held=sum(one["connection"] == connection and one["conversation"] in held for one in seen.messages),
            changing=name != SLACK,
        )
    refused = sum(_refused(line) == STRANGERS for line in day.lines)
    strange = [status for status in day.stray if 200 <= status < 500]
    return {**found, STRANGERS: Events(len(strange), len(day.stray) - len(strange), refused=refused)}


# --- events ---------------------------------------------------------------------------------------------------------


def _let_in(line: Mapping[str, Any]) -> bool:
    return line["step"] == "receive" and line.get("outcome") == "queued"


def _refused(line: Mapping[str, Any]) -> str:
    """Whose delivery the door refused, "" where the line tells of something else."""
    if "refused" not in line:
        return ""
    return STRANGERS if line.get("outcome") == "404" else str(line["provider"])


def _received(name: str, day: Played, aside: Iterable[str]) -> tuple[int, int]:
    """How many events of a provider we answered, and how many attempts we turned away."""
    ours = [one for one in day.sandbox.deliveries if _NAMES.get(one.provider, one.provider) == name]
    statuses = [(status, one.events) for one in ours for _, status in one.attempts]
    away = sum(count for status, count in statuses if not 200 <= status < 500)
    if name == MAIL:
        from_queue = {body["delivery"] for body in day.mails}
        return len(day.mails) + len(set(aside) - from_queue), away
    return sum(count for status, count in statuses if 200 <= status < 500), away


def _kept(connection: str, seen: Seen) -> Iterator[str]:
    """The deliveries of a connection that an item of the table names."""
    for item in seen.messages:
        if item["connection"] == connection:
            yield item["delivery"]
    for item in seen.table:
        if "delivery" not in item:
            continue
        if item["pk"].startswith(f"K#{connection}#") or (item["sk"].startswith("H#") and item["by"] == connection):
            yield item["delivery"]


def _states(name: str, connection: str, seen: Seen) -> int:
    if name in DESKS:
        return sum(item["sk"].startswith("H#") and item["by"] == connection for item in seen.table)
    return sum(steps(item) for pk, item in seen.sent.items() if pk.startswith(f"M#{connection}#"))


def _first_told(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    told: dict[str, str] = {}
    for line in lines:
        told.setdefault(line["event"], line["outcome"])
    return told


def _unpublished(day: Played, seen: Seen) -> Iterator[str]:
    """What SES published, and neither the inbox's queue nor the failure list has."""
    passed = {body.get("bucket") or _digest(b64decode(body["raw"])) for body in day.mails}
    for delivery in day.sandbox.deliveries:
        if delivery.provider != MAIL or delivery.topic == "raw" or not any(s == 200 for _, s in delivery.attempts):
            continue
        message = str(json.loads(delivery.body)["Message"])
        told = json.loads(message)
        place = told.get("receipt", {}).get("action", {}).get("objectKey") or _digest(message.encode())
        if place not in passed:
            yield f"{delivery.id} ({delivery.topic})"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- what should and what should not be -----------------------------------------------------------------------------


def _replies(seen: Seen) -> dict[str, int]:
    """The answers that customers got, by channel, each counted once for each time."""
    counted = Counter(one.place.partition(":")[0] for one in seen.received if words.marks_in(one.text))
    return dict(sorted(counted.items()))


def _files_opened(seen: Seen) -> int:
    """How many links to files lead to what somebody sent."""
    sent = {said.content for said in seen.day.cast.said if said.file}
    # The passages have opened every link that anybody could see; those that lead nowhere are lost there.
    return sum(content in sent for content in seen.contents.values())


def _second_tickets(seen: Seen) -> Iterator[str]:
    """A second ticket of one conversation has to be the follow-up of one that was closed."""
    for desk, tickets in seen.tickets.items():
        first: dict[str, str] = {}
        for record, ticket in tickets.items():
            before = first.setdefault(seen.home(desk, record), record)
            follows = (
                ticket["via"]["source"]["rel"] == "follow_up" if desk == "zendesk" else bool(ticket.get("ParentId"))
            )
            if before != record and not follows:
                yield f"{desk} tickets {before} and {record} of {seen.home(desk, record)}"


def _mails(seen: Seen) -> Iterator[str]:
    sandbox = seen.day.sandbox
    for mail in sandbox.zendesk.mails:
        if str(mail["ticket"]) in seen.tickets["zendesk"]:
            yield f"mail about ticket {mail['ticket']} to {mail['to']}"
    for mail in sandbox.salesforce.mails:
        yield f"mail about Case {mail['case']} to {mail['to']}"


def _echoes(seen: Seen) -> Iterator[str]:
    """Our own comments among the desks' messages, our own answers among a channel's, customers' words said by us."""
    connected, sandbox = seen.day.connected, seen.day.sandbox
    by_us = {(connected.listed()[one.desk], one.id) for one in seen.comments if one.ours}
    for item in seen.messages:
        connection, key = item["connection"], item["pk"].split("#", 2)[2]
        if (connection, key) in by_us:
            yield f"comment {key} of ours, stored as {item['author']['role']}'s"
        if item["author"]["key"] in (sandbox.slack.bot_user_id, sandbox.twilio.number, sandbox.ses.address):
            yield f"answer {key} of ours, stored as a customer's"
    for mark, places in seen.answered.items():
        if mark[0] in (words.CUSTOMER, words.EDIT):
            yield f"{mark}, said back to customers {len(places)} times"


def _unfinished(seen: Seen) -> Iterator[str]:
    day = seen.day
    yield from day.cast.gave_up
    for entry in seen.entries:
        if entry["state"] not in (*_ENDED, "unknown"):
            yield f"{entry['pk']} {entry['sk']} is {entry['state']}"
    yield from day.left()
