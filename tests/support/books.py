"""The books of a scenario, counted from the providers' own records and the table, never from our logs."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from chalicelib.services import files, links
from tests.support.scenario import Said, Scenario


@dataclass(frozen=True)
class Books:
    """What does not balance; everything empty is what is wanted.

    lost           marks that should have arrived and did not; `doubled` that arrived more than once
    private_leaks  marks of notes and edits, or our own notices, that a customer can see
    unknown        lanes that wait for a person because an outcome is not known
    failures       what the failure list holds
    apart          where the two sides disagree: statuses, comments that one side does not know
    records        messages that are not stored exactly once
    extra          tickets, users or comments beyond what people did
    mails          mails of the CRM to the requester
    """

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    private_leaks: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    mails: int = 0

    def wrong(self) -> dict[str, Any]:
        """Only what does not balance."""
        return {each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name)}


def books(scenario: Scenario) -> Books:
    """Count everything."""
    items = scenario.items()
    seen = {said: _times(said, scenario) for said in scenario.said}
    return Books(
        lost=tuple(said.mark for said, times in seen.items() if min(times, default=1) < 1),
        doubled=tuple(said.mark for said, times in seen.items() if max(times, default=1) > 1),
        private_leaks=_leaks(scenario),
        unknown=tuple(i["pk"] for i in items if i.get("held") == "unknown"),
        failures=tuple(f"{f['kind']}: {f['reason']}" for f in scenario.failures()),
        apart=_apart(scenario, items),
        records=_records(scenario, items),
        extra=_extra(scenario),
        mails=sum(desk.mails() for desk in scenario.desks()),
    )


def check(scenario: Scenario, what: str = "") -> None:
    """Fail with what does not balance."""
    wrong = books(scenario).wrong()
    assert not wrong, f"{what}: {wrong}"


def slack_bot_messages(scenario: Scenario) -> list[dict[str, Any]]:
    """What we wrote on Slack, in any channel."""
    slack = scenario.slack
    return [m for channel in slack.channels for m in slack.messages(channel) if m.get("bot_id") == slack.bot_id]


def ticket_comments(scenario: Scenario) -> list[dict[str, Any]]:
    """Every comment of every ticket."""
    zendesk = scenario.zendesk
    return [comment for ticket in zendesk.tickets for comment in zendesk.comments(ticket)]


def opened(link: str, scenario: Scenario) -> bytes:
    """What an agent sees who opens our link to a file; b"" where it leads nowhere."""
    deps = scenario.deps
    named = links.opened(link.rpartition("/")[2], deps)
    with scenario.runtime.wire.acting("setup"):
        if named is None or files.open_link(link.rpartition("/")[2], deps).status != 302:
            return b""
        return files.read(*named, deps).content


def _times(said: Said, scenario: Scenario) -> list[int]:
    """How often something arrived, in each place where it has to arrive once."""
    desks = [desk.comments() for desk in scenario.desks()]
    match said.kind:
        case "message":
            return [_count(said.mark, comments, public=True) for comments in desks]
        case "edit" | "deletion" | "note":
            return [_count(said.mark, comments, public=False) for comments in desks]
        case "file":
            return [_linked(said.mark, comments, scenario) for comments in desks]
        case "reply_file":
            return [scenario.delivered_files().count(said.mark)]
    to_customer = sum(text.count(said.mark) for text in scenario.delivered())
    return [to_customer, *(_count(said.mark, comments, public=True) for comments in desks)]


# The token of a link may hold any letters, a mark's too.
_LINK = re.compile(r"https?://\S+")


def _count(mark: str, comments: list[tuple[bool, str]], *, public: bool) -> int:
    return sum(_LINK.sub("", text).count(mark) for shown, text in comments if shown is public)


def _linked(name: str, comments: list[tuple[bool, str]], scenario: Scenario) -> int:
    """How many comments show a file by a link that leads to its content."""
    named = re.compile(rf"\[file: {re.escape(name)}\] (\S+)")
    found = [link for public, text in comments if public for link in named.findall(text)]
    return sum(opened(link, scenario) == f"content of {name}".encode() for link in found)


def _leaks(scenario: Scenario) -> tuple[str, ...]:
    """What nobody but agents may see: their notes at a customer's; our own notes about edits as public comments."""
    outside = "\n".join(scenario.delivered())
    public = "\n".join(text for desk in scenario.desks() for shown, text in desk.comments() if shown)
    notes = tuple(s.mark for s in scenario.said if s.kind == "note" and s.mark in outside + public)
    edits = tuple(s.mark for s in scenario.said if s.kind == "edit" and s.mark in public + outside)
    told = tuple(words for words in ("NOT delivered", "NOT KNOWN", "edited their message") if words in public + outside)
    return notes + edits + told


def _apart(scenario: Scenario, items: list[dict[str, Any]]) -> tuple[str, ...]:
    """Statuses that differ, and comments that the table does not know."""
    by_key = {item["pk"]: item for item in items if item["sk"] == "-"}
    found = []
    for desk in scenario.desks():
        for record, theirs in desk.statuses().items():
            link = by_key.get(f"K#{desk.connection}#{record}")
            if link is None:
                found.append(f"{desk.name} {record} has no link")
                continue
            ours = by_key[f"C#{link['conversation']}"]["status"]
            if ours != theirs and not desk.same(ours, theirs):
                found.append(f"{desk.name} {record} is {theirs}, the conversation {ours}")
        for comment in desk.comment_ids():
            if f"M#{desk.connection}#{comment}" not in by_key:
                found.append(f"{desk.name}'s comment {comment} is not known")
    return tuple(found)


def _records(scenario: Scenario, items: list[dict[str, Any]]) -> tuple[str, ...]:
    """Each person's message on Slack has one record under its own key; nothing else is a message of Slack's."""
    wanted = Counter(
        f"M#{scenario.slack_id}#{channel}:{m['ts']}"
        for channel in scenario.slack.channels
        for m in scenario.slack.messages(channel)
        if m.get("bot_id") != scenario.slack.bot_id and m.get("subtype") != "tombstone"
    )
    kept = Counter(
        i["pk"]
        for i in items
        if i["pk"].startswith(f"M#{scenario.slack_id}#") and i["sk"] == "-" and i.get("kind") == "message"
    )
    missing = tuple(f"not stored: {key}" for key in wanted - kept)
    return missing + tuple(f"conflict: {i['pk']}" for i in items if i["sk"].startswith("conflict#"))


def _extra(scenario: Scenario) -> tuple[str, ...]:
    """Tickets of one conversation, users of one customer, and messages of ours that nobody asked for."""
    ledger = scenario.sandbox.ledger
    tickets = Counter(e.detail["external_id"] for e in ledger if e.kind == "ticket_created")
    users = Counter(e.detail["external_id"] for e in ledger if e.kind == "user" and e.detail.get("created"))
    extra = [f"{n} tickets for {name}" for name, n in tickets.items() if n > 1]
    extra += [f"{n} users for {name}" for name, n in users.items() if n > 1]
    if len(scenario.desks()) > 1:
        keys = Counter(e.detail["external_id"] for e in ledger if e.kind == "case_created")
        extra += [f"{n} cases for {name}" for name, n in keys.items() if n > 1]
    asked = Counter(s.kind for s in scenario.said)
    texts = sum(1 for text in scenario.delivered() if text)
    if texts > asked["reply"] + asked["reply_file"]:
        extra.append(f"{texts} messages to customers for {asked['reply']} replies")
    return tuple(extra)


def state_hash(scenario: Scenario) -> str:
    """A digest of what people can see: messages in the provider's order, statuses, and the set of comments."""
    return hashlib.sha256(json.dumps(visible(scenario), sort_keys=True).encode()).hexdigest()


def visible(scenario: Scenario) -> dict[str, Any]:
    """What people can see, without the ids that depend on the order in which things came."""
    messages = [[r["kind"], r["sort"], r["text"], r["author"]["key"]] for r in scenario.records()]
    comments = sorted([c["public"], c["plain_body"]] for c in ticket_comments(scenario))
    return {
        "messages": messages,
        "statuses": [c["status"] for c in scenario.conversations()],
        "tickets": [t["status"] for t in scenario.zendesk.tickets.values()],
        "comments": comments,
    }
