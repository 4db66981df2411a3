"""Counts what the books need, each in its own place: the table, the log, the sandbox's ledger, what people said."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3

from infra import prices, schema
from infra.demo import words
from infra.demo.books import Events, Facts, Passage
from infra.demo.day import Day, unmetered
from infra.demo.people import Said

Item = Mapping[str, Any]
OURS = "deskweave:"
_STATUS = {"hold": "on_hold"}
_ENDED = ("done", "skipped")


def facts(seen: Seen) -> Facts:
    """Count everything. The day must have come to rest."""
    day = seen.day
    return Facts(
        events=events(day, seen),
        passages=tuple(passage for said in day.cast.said for passage in passages(said, seen)),
        tickets={"zendesk": len(seen.ours)},
        replies_delivered=sum(bool(words.marks_in(text)) for *_, text, _ in seen.answers),
        second_tickets=tuple(_second_tickets(seen)),
        mails=tuple(f"mail about ticket {m['ticket']} to {m['to']}" for m in seen.mails),
        echoes=tuple(_echoes(day, seen)),
        unknown=tuple(f"{e['pk']} {e['sk']}" for e in seen.entries if e["state"] == "unknown"),
        unfinished=tuple(_unfinished(day, seen)),
        apart=tuple(_apart(seen)),
        dollars=prices.cost(used(day)),
    )


def look(day: Day) -> Seen:
    """Look through the end of a day."""
    return Seen(day, items(day))


def items(day: Day) -> list[Item]:
    """Every item of the table."""
    table = boto3.resource("dynamodb").Table(schema.table_name(day.runtime.stage))
    found: list[Item] = []
    with unmetered(day.runtime):
        page = table.scan()
        found += page["Items"]
        while "LastEvaluatedKey" in page:
            page = table.scan(ExclusiveStartKey=page["LastEvaluatedKey"])
            found += page["Items"]
    return found


@dataclass(frozen=True)
class Seen:
    """The end of the day, looked through once."""

    day: Day
    table: Sequence[Item]

    @cached_property
    def messages(self) -> list[Item]:
        """Messages, notes, edits and deletions; not the keys of what we wrote ourselves."""
        return [item for item in self.table if item["pk"].startswith("M#") and item["sk"] == "-" and "ours" not in item]

    @cached_property
    def entries(self) -> list[Item]:
        return [item for item in self.table if item["pk"].startswith("L#") and item["sk"].startswith("E#")]

    @cached_property
    def conversations(self) -> dict[str, Item]:
        return {item["id"]: item for item in self.table if item["pk"].startswith("C#") and item["sk"] == "-"}

    @cached_property
    def by_mark(self) -> dict[str, list[Item]]:
        found = defaultdict(list)
        for item in self.messages:
            for mark in set(words.marks_in(item["text"])):
                found[mark].append(item)
        return found

    @cached_property
    def ours(self) -> dict[int, Mapping[str, Any]]:
        """The tickets that the integration made, by the sandbox's ledger."""
        zendesk = self.day.sandbox.zendesk
        made = (effect for effect in self.day.sandbox.ledger if effect.kind == "ticket_created")
        return {
            int(one.record): zendesk.tickets[int(one.record)]
            for one in made
            if one.detail["by"] == zendesk.integration_id
        }

    @cached_property
    def comments(self) -> dict[str, list[int]]:
        """Mark -> the tickets in whose comments it stands, one for each comment."""
        found = defaultdict(list)
        for number in self.day.sandbox.zendesk.tickets:
            for comment in self.day.sandbox.zendesk.comments(number):
                for mark in set(words.marks_in(comment["plain_body"])):
                    found[mark].append(number)
        return found

    @cached_property
    def attached(self) -> list[str]:
        """The names of all files of all comments."""
        zendesk = self.day.sandbox.zendesk
        comments = (comment for number in zendesk.tickets for comment in zendesk.comments(number))
        return [file["file_name"] for comment in comments for file in comment["attachments"]]

    @cached_property
    def slack_messages(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every message in Slack, with its channel."""
        slack = self.day.sandbox.slack
        return [(channel, message) for channel in slack.channels for message in slack.messages(channel)]

    @cached_property
    def answers(self) -> list[tuple[str, str, str, list[str]]]:
        """What the bot wrote: channel, thread, text, file names."""
        bot = self.day.sandbox.slack.bot_user_id
        return [
            (
                channel,
                message.get("thread_ts", ""),
                message["text"],
                [file["name"] for file in message.get("files", ())],
            )
            for channel, message in self.slack_messages
            if message["user"] == bot
        ]

    @cached_property
    def answered(self) -> dict[str, list[tuple[str, str]]]:
        """Mark or file name -> where the bot wrote it."""
        found = defaultdict(list)
        for channel, thread, text, files in self.answers:
            for what in [*set(words.marks_in(text)), *files]:
                found[what].append((channel, thread))
        return found

    @cached_property
    def all_of_slack(self) -> str:
        """Everything that can be read in Slack, as one text."""
        slack = self.day.sandbox.slack
        files = [file.name + file.content.decode("latin-1") for file in slack.files.values()]
        return "\n".join([json.dumps(message) for _, message in self.slack_messages] + files)

    @cached_property
    def mails(self) -> list[Mapping[str, Any]]:
        return [mail for mail in self.day.sandbox.zendesk.mails if mail["ticket"] in self.ours]


def events(day: Day, seen: Seen) -> Events:
    """What came in, counted in the sandbox, in the log, in the table and in the failure list."""
    statuses = [(status, one.events) for one in day.sandbox.deliveries for _, status in one.attempts]
    statuses += [(status, 1) for status in day.stray]
    queued = {line["delivery"] for line in day.lines if line["step"] == "receive" and line.get("outcome") == "queued"}
    outcomes = [line for line in day.lines if line["step"] == "inbox" and "event" in line]
    # What came by which way is the door's word: hints of a webhook and of a poll that wait for one ticket are joined.
    told = [line for line in outcomes if line["delivery"] in queued]
    polled = [line for line in outcomes if line["delivery"] not in queued]
    links = [item for item in seen.table if item["pk"].startswith("K#") or item["sk"].startswith("H#")]
    listed = [item for item in seen.table if item["pk"].startswith("FAILURES")]
    return Events(
        received=sum(count for status, count in statuses if 200 <= status < 500),
        turned_away=sum(count for status, count in statuses if not 200 <= status < 500),
        queued=frozenset(queued),
        told=_first_told(told),
        polled=_first_told(polled),
        kept=frozenset(item["delivery"] for item in [*seen.messages, *links] if "delivery" in item),
        state_only=sum(item["sk"].startswith("H#") and item["by"] == day.zendesk for item in seen.table),
        set_aside=frozenset(item["body"]["delivery"] for item in listed if "delivery" in item.get("body", {})),
        refused=sum("refused" in line for line in day.lines),
        hinting=frozenset({day.zendesk}),
        source={line["event"]: line["connection"] for line in told},
    )


def passages(said: Said, seen: Seen) -> Iterable[Passage]:
    """The way of what one person said, and of the file that came with it."""
    mark, kind = said.mark, said.mark[0]
    records = seen.by_mark.get(mark, [])
    if kind in (words.CUSTOMER, words.EDIT):
        right = {_home(item) for item in records}
        at = [seen.day.sandbox.zendesk.tickets[number]["external_id"] for number in seen.comments.get(mark, ())]
        astray = sum(home not in right for home in at)
        yield Passage(mark, "message" if kind == words.CUSTOMER else "edit", len(records), len(at) - astray, astray)
        if said.file:
            yield Passage(said.file, "file", None, seen.attached.count(said.file))
    elif kind == words.REPLY:
        yield _answer(mark, "answer", len(records), said, seen)
        if said.file:
            yield _answer(said.file, "answer's file", None, said, seen)
    else:
        yield Passage(mark, "private note", len(records), None, seen.all_of_slack.count(mark))


def _answer(what: str, kind: str, records: int | None, said: Said, seen: Seen) -> Passage:
    places = seen.answered.get(what, [])
    arrivals = places.count((said.place, said.thread))
    return Passage(what, kind, records, arrivals, len(places) - arrivals)


def used(day: Day) -> prices.Usage:
    """What Deskweave used of AWS since everybody came in: the app's own calls, and Lambda's polling of the queues."""
    counts = day.runtime.meter.counts
    calls = {
        service: sum(n for (by, its, _), n in counts.items() if its == service and by in ("function", "poller"))
        for service in ("sqs", "s3")
    }
    puts = sum(n for (by, _, operation), n in counts.items() if by == "function" and operation == "PutObject")
    requests = sum(len(one.attempts) for one in day.sandbox.deliveries) + len(day.stray)
    return prices.Usage(
        runs={**day.runs, "api": requests},
        api_requests=requests,
        queue_requests=calls["sqs"],
        write_units=day.runtime.meter.write_units,
        read_units=day.runtime.meter.read_units,
        puts=puts,
        gets=calls["s3"] - puts,
        log_bytes=sum(len(json.dumps(line, separators=(",", ":"))) + 1 for line in day.lines),
    )


def _first_told(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    told: dict[str, str] = {}
    for line in lines:
        told.setdefault(line["event"], line["outcome"])
    return told


def _home(item: Item) -> str:
    return f"{OURS}{item['conversation']}"


def _second_tickets(seen: Seen) -> Iterable[str]:
    """A second ticket of one conversation has to be the follow-up of one that was closed."""
    first: dict[str, int] = {}
    for number, ticket in sorted(seen.ours.items()):
        before = first.setdefault(ticket["external_id"], number)
        follows = ticket["via"]["source"]["rel"] == "follow_up"
        if before != number and not follows:
            yield f"tickets {before} and {number} of {ticket['external_id']}"


def _echoes(day: Day, seen: Seen) -> Iterable[str]:
    """Our own comments among the CRM's messages, our own answers among Slack's, customers' words said by the bot."""
    by_us = {
        str(effect.detail["comment"])
        for effect in day.sandbox.ledger
        if effect.kind == "comment" and effect.detail["by"] == day.sandbox.zendesk.integration_id
    }
    for item in seen.messages:
        key = item["pk"].rpartition("#")[2]
        if item["connection"] == day.zendesk and key in by_us:
            yield f"comment {key} of ours, stored as {item['author']['role']}'s"
        if item["connection"] == day.slack and item["author"]["key"] == day.sandbox.slack.bot_user_id:
            yield f"answer {key} of ours, stored as a customer's"
    for what, places in seen.answered.items():
        if what[:2] in (f"{words.CUSTOMER}-", f"{words.EDIT}-"):
            yield f"{what}, said back in Slack {len(places)} times"


def _unfinished(day: Day, seen: Seen) -> Iterable[str]:
    yield from day.cast.gave_up
    for entry in seen.entries:
        if entry["state"] not in (*_ENDED, "unknown"):
            yield f"{entry['pk']} {entry['sk']} is {entry['state']}"
    for name, queue in day.runtime.queues.items():
        for message in queue.messages():
            yield f"message {message.id} in {name}"


def _apart(seen: Seen) -> Iterable[str]:
    """Conversations and their present ticket that do not say the same."""
    zendesk = seen.day.sandbox.zendesk
    groups = {number: name for name, number in zendesk.groups.items()}
    for head in seen.table:
        if not head["pk"].startswith("L#") or head["sk"] != "HEAD" or not head.get("record"):
            continue
        conversation, ticket = seen.conversations[head["conversation"]], seen.ours[int(head["record"])]
        here = [str(conversation[name]) for name in ("status", "priority", "team")]
        status = _STATUS.get(ticket["status"], ticket["status"])
        there = [status, ticket["priority"] or here[1], groups.get(ticket["group_id"], here[2])]
        if here != there:
            yield f"{conversation['id']} is {'/'.join(here)}, ticket {head['record']} {'/'.join(there)}"
