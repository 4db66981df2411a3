"""The end of a day, looked through once: the table, the desks' tickets, and what phones, mailboxes and Slack show."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3

from infra.demo import words
from infra.demo.people import DESKS, Said
from infra.demo.played import Item, Played

_LINK = re.compile(r"\[file: [^\]]*\] (\S+)")
_SENT_LINK = re.compile(r"(\S+): (https?://\S+)")
_SECONDS = 10


@dataclass(frozen=True)
class Comment:
    """A comment of a ticket. `home` is the conversation that the ticket says it is of, `ours` whether we wrote it."""

    desk: str
    record: str
    home: str
    id: str
    public: bool
    text: str
    ours: bool


@dataclass(frozen=True)
class Received:
    """What a customer got. `files` by name; `key` the provider's id of it."""

    place: str
    thread: str
    text: str
    files: Mapping[str, bytes]
    key: str


def look(day: Played) -> Seen:
    """Look through the end of a day."""
    return Seen(day, day.items())


def scanned(name: str) -> list[Item]:
    """Every item of a table."""
    table = boto3.resource("dynamodb").Table(name)
    page = table.scan()
    found: list[Item] = list(page["Items"])
    while "LastEvaluatedKey" in page:
        page = table.scan(ExclusiveStartKey=page["LastEvaluatedKey"])
        found += page["Items"]
    return found


@dataclass(frozen=True)
class Seen:
    """What there is at the end of the day."""

    day: Played
    table: Sequence[Item]

    # --- our table ----------------------------------------------------------------------------------------------------

    @cached_property
    def messages(self) -> list[Item]:
        """Messages, notes, edits and deletions; not the keys of what we wrote ourselves."""
        return [item for item in self.table if item["pk"].startswith("M#") and item["sk"] == "-" and "ours" not in item]

    @cached_property
    def sent(self) -> dict[str, Item]:
        """The keys of what we wrote ourselves, by pk."""
        return {item["pk"]: item for item in self.table if item["pk"].startswith("M#") and item.get("ours")}

    @cached_property
    def by_key(self) -> dict[str, Item]:
        """Messages by their pk."""
        return {item["pk"]: item for item in self.messages}

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
            for mark in words.marks_in(item["text"]):
                found[mark].append(item)
        return found

    def conversation_of(self, mark: str) -> str:
        """The conversation in which a message is kept, "" where it is in none."""
        return next((str(item["conversation"]) for item in self.by_mark.get(mark, ())), "")

    # --- the desks ----------------------------------------------------------------------------------------------------

    @cached_property
    def tickets(self) -> dict[str, dict[str, Item]]:
        """Desk -> the tickets that the integration made, by the sandbox's ledger."""
        sandbox = self.day.sandbox
        there: dict[str, Mapping[Any, Item]] = {
            "zendesk": {str(number): ticket for number, ticket in sandbox.zendesk.tickets.items()},
            "salesforce": sandbox.salesforce.cases,
        }
        found: dict[str, dict[str, Item]] = {desk: {} for desk in DESKS}
        for one in sandbox.ledger:
            if one.kind == "ticket_created" and one.detail["by"] == self.integration(one.provider):
                found[one.provider][one.record] = there[one.provider].get(one.record, {})
        return found

    def integration(self, desk: str) -> object:
        """Who we are on a desk."""
        sandbox = self.day.sandbox
        return sandbox.zendesk.integration_id if desk == "zendesk" else sandbox.salesforce.integration_id

    def home(self, desk: str, record: str) -> str:
        """The conversation that a ticket says it is of, "" for one that is none of ours."""
        ticket = self.tickets[desk].get(record, {})
        if desk == "zendesk":
            return str(ticket.get("external_id") or "").partition("deskweave:")[2]
        return str(ticket.get(self.day.sandbox.salesforce.key_field) or "").partition(".")[0]

    @cached_property
    def comments(self) -> list[Comment]:
        return [*self._zendesk_comments(), *self._case_comments()]

    @cached_property
    def commented(self) -> dict[str, list[Comment]]:
        """Mark -> the comments in which it stands, one for each time."""
        found = defaultdict(list)
        for comment in self.comments:
            for mark in words.marks_in(comment.text):
                found[mark].append(comment)
        return found

    @cached_property
    def shown_at(self) -> dict[tuple[str, str], int]:
        """When (ms) a mark first stood on a desk, by the sandbox's ledger."""
        found: dict[tuple[str, str], int] = {}
        for one in self.day.sandbox.ledger:
            if one.kind == "comment":
                for mark in words.marks_in(str(one.detail["text"])):
                    found.setdefault((one.provider, mark), one.at)
        return found

    def noted(self, phrase: str, desk: str, conversation: str) -> int:
        """How often a phrase of our own stands in a conversation's tickets on a desk."""
        return sum(
            one.text.count(phrase) for one in self.comments if (one.desk, one.home) == (desk, conversation) and one.ours
        )

    def _zendesk_comments(self) -> Iterator[Comment]:
        zendesk = self.day.sandbox.zendesk
        us = zendesk.integration_id
        by_us = {
            str(e.detail["comment"]) for e in self.day.sandbox.ledger if e.kind == "comment" and e.detail["by"] == us
        }
        for number in zendesk.tickets:
            home = self.home("zendesk", str(number))
            for one in zendesk.comments(number):
                id = str(one["id"])
                yield Comment("zendesk", str(number), home, id, one["public"], one["plain_body"], id in by_us)

    def _case_comments(self) -> Iterator[Comment]:
        org = self.day.sandbox.salesforce
        for record in org.cases:
            home = self.home("salesforce", record)
            for one in org.comments(record):
                ours = one["by"] == org.integration_id
                yield Comment("salesforce", record, home, one["id"], one["public"], one["text"], ours)

    # --- the channels ---------------------------------------------------------------------------------------------

    @cached_property
    def slack_messages(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Every message in Slack, with its channel."""
        slack = self.day.sandbox.slack
        return [(channel, message) for channel in slack.channels for message in slack.messages(channel)]

    @cached_property
    def received(self) -> list[Received]:
        """What customers got from us, on all channels."""
        return [*self._on_slack(), *self._on_phones(), *self._in_mailboxes()]

    @cached_property
    def answered(self) -> dict[str, list[tuple[str, str]]]:
        """Mark -> where customers got it."""
        found = defaultdict(list)
        for one in self.received:
            for mark in words.marks_in(one.text):
                found[mark].append((one.place, one.thread))
        return found

    @cached_property
    def all_that_customers_see(self) -> str:
        """Everything that can be read in Slack, on phones and in mailboxes, as one text."""
        slack, ses = self.day.sandbox.slack, self.day.sandbox.ses
        files = [file.name + file.content.decode("latin-1") for file in slack.files.values()]
        texts = [one.text for one in self.received] + [mail.html + mail.subject for mail in ses.sent]
        return "\n".join([json.dumps(message) for _, message in self.slack_messages] + files + texts)

    def _on_slack(self) -> Iterator[Received]:
        slack = self.day.sandbox.slack
        for channel, message in self.slack_messages:
            if message["user"] == slack.bot_user_id:
                files = {file["name"]: slack.files[file["id"]].content for file in message.get("files", ())}
                thread = message.get("thread_ts", "")
                yield Received(f"slack:{channel}", thread, message["text"], files, f"{channel}:{message['ts']}")

    def _on_phones(self) -> Iterator[Received]:
        for one in self.day.sandbox.twilio.sent:
            files = {name: self.opened(link) for name, link in _SENT_LINK.findall(one.text) if self.is_ours(link)}
            yield Received(f"sms:{one.to}", "", one.text, files, one.sid)

    def _in_mailboxes(self) -> Iterator[Received]:
        for one in self.day.sandbox.ses.sent:
            files = {name: content for name, _, content in one.attachments}
            yield Received(f"ses:{one.to[0]}", "", one.text, files, one.id)

    # --- files ------------------------------------------------------------------------------------------------------

    @cached_property
    def contents(self) -> dict[str, bytes]:
        """What stands behind the links that were opened so far."""
        return {}

    def is_ours(self, link: str) -> bool:
        return link.startswith(f"{self.day.url}/files/")

    def opened(self, link: str) -> bytes:
        """What somebody sees who opens our link in a browser; b"" where it leads nowhere."""
        if link not in self.contents:
            try:
                with self.day.aside(), urllib.request.urlopen(link, timeout=_SECONDS) as answer:
                    self.contents[link] = answer.read()
            except urllib.error.URLError:
                self.contents[link] = b""
        return self.contents[link]

    def shown(self, said: Said, desk: str, conversation: str) -> int:
        """How often a file stands in a conversation's tickets on a desk, as a link that leads to its content."""
        links = [
            link
            for one in self.comments
            if (one.desk, one.home) == (desk, conversation)
            for link in _LINK.findall(one.text)
            if self.is_ours(link)
        ]
        return sum(self.opened(link) == said.content for link in links)
