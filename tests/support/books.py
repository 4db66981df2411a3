"""The books of a scenario, counted from the providers' own records and the table, never from our logs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from tests.support.scenario import Said, Scenario

THEIR_STATUS = {"hold": "on_hold"}


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
    wanted = {said: 0 if said.kind == "note" else 1 for said in seen}
    return Books(
        lost=tuple(said.mark for said, times in seen.items() if times < wanted[said]),
        doubled=tuple(said.mark for said, times in seen.items() if wanted[said] and times > 1),
        private_leaks=_leaks(scenario),
        unknown=tuple(i["pk"] for i in items if i.get("held") == "unknown"),
        failures=tuple(f"{f['kind']}: {f['reason']}" for f in scenario.failures()),
        apart=_apart(scenario, items),
        records=_records(scenario, items),
        extra=_extra(scenario),
        mails=len(scenario.zendesk.mails) + len(scenario.zendesk.verification_mails),
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


def _times(said: Said, scenario: Scenario) -> int:
    """How often something arrived on the other side."""
    match said.kind:
        case "message":
            return sum(c["plain_body"].count(said.mark) for c in ticket_comments(scenario) if c["public"])
        case "edit" | "deletion":
            return sum(c["plain_body"].count(said.mark) for c in ticket_comments(scenario) if not c["public"])
        case "file":
            return sum(f["file_name"] == said.mark for c in ticket_comments(scenario) for f in c["attachments"])
        case "reply_file":
            return sum(f["name"] == said.mark for m in slack_bot_messages(scenario) for f in m.get("files", ()))
    return sum(m["text"].count(said.mark) for m in slack_bot_messages(scenario))


def _leaks(scenario: Scenario) -> tuple[str, ...]:
    """What nobody but agents may see: their notes on Slack; our own notes about edits as public comments."""
    on_slack = "\n".join(m["text"] for m in slack_bot_messages(scenario))
    public = "\n".join(c["plain_body"] for c in ticket_comments(scenario) if c["public"])
    notes = tuple(s.mark for s in scenario.said if s.kind == "note" and s.mark in on_slack)
    edits = tuple(s.mark for s in scenario.said if s.kind == "edit" and s.mark in public + on_slack)
    told = tuple(words for words in ("NOT delivered", "edited their message") if words in public + on_slack)
    return notes + edits + told


def _apart(scenario: Scenario, items: list[dict[str, Any]]) -> tuple[str, ...]:
    """Statuses that differ, and comments that the table does not know."""
    by_key = {item["pk"]: item for item in items if item["sk"] == "-"}
    found = []
    for number, ticket in scenario.zendesk.tickets.items():
        link = by_key.get(f"K#{scenario.zendesk_id}#{number}")
        if link is None:
            found.append(f"ticket {number} has no link")
            continue
        ours = by_key[f"C#{link['conversation']}"]["status"]
        theirs = THEIR_STATUS.get(ticket["status"], ticket["status"])
        if ours != theirs:
            found.append(f"ticket {number} is {theirs}, the conversation {ours}")
        for comment in scenario.zendesk.comments(number):
            if f"M#{scenario.zendesk_id}#{comment['id']}" not in by_key:
                found.append(f"comment {comment['id']} of ticket {number} is not known")
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
    asked = Counter(s.kind for s in scenario.said)
    texts = sum(1 for m in slack_bot_messages(scenario) if m["text"])
    if texts > asked["reply"]:
        extra.append(f"{texts} messages on Slack for {asked['reply']} replies")
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
