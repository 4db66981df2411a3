"""What both sides have to agree on in the end: tickets' states, who is who, and how far each answer has come."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

from chalicelib.core.model import DeliveryState
from infra.demo.played import Item
from infra.demo.seen import Seen

_RANKS = {state.value: rank for rank, state in enumerate(DeliveryState)}
_ZENDESK = {"hold": "on_hold"}
# Salesforce has fewer words: what its own say, and what becomes of ours there.
_CASE = {"New": "new", "Working": "open", "Escalated": "open", "On Hold": "on_hold", "Closed": "solved"}
_CASE_PRIORITY = {"Low": "low", "Medium": "normal", "High": "high"}
_AS_CASE = {"pending": "on_hold", "closed": "solved", "urgent": "high"}
_TWILIO = {
    "queued": "accepted",
    "accepted": "accepted",
    "sending": "accepted",
    "sent": "sent",
    "delivered": "delivered",
}
_TWILIO |= {"undelivered": "failed", "failed": "failed"}
_SES = {"Send": "sent", "Delivery": "delivered", "Bounce": "failed", "Complaint": "complained"}


@dataclass(frozen=True)
class People:
    """merged: who wrote by several ways and is one customer; wrong: who is not."""

    merged: int
    wrong: tuple[str, ...]


def apart(seen: Seen) -> Iterator[str]:
    """Conversations and their present tickets that do not say the same."""
    for head in seen.table:
        if not head["pk"].startswith("L#") or head["sk"] != "HEAD" or not head.get("record"):
            continue
        conversation, record = seen.conversations[head["conversation"]], str(head["record"])
        here = [str(conversation[name]) for name in ("status", "priority", "team")]
        if head["connection"] == seen.day.connected.zendesk:
            there = _zendesk(seen, record, here)
        else:
            here = [_AS_CASE.get(here[0], here[0]), _AS_CASE.get(here[1], here[1]), here[2]]
            there = _salesforce(seen, record, here)
        if here != there:
            yield f"{conversation['id']} is {'/'.join(here)}, ticket {record} {'/'.join(there)}"


def _zendesk(seen: Seen, record: str, here: list[str]) -> list[str]:
    zendesk = seen.day.sandbox.zendesk
    groups, ticket = {number: name for name, number in zendesk.groups.items()}, seen.tickets["zendesk"][record]
    status = _ZENDESK.get(ticket["status"], str(ticket["status"]))
    return [status, ticket["priority"] or here[1], groups.get(ticket["group_id"], here[2])]


def _salesforce(seen: Seen, record: str, here: list[str]) -> list[str]:
    case, org = seen.tickets["salesforce"][record], seen.day.sandbox.salesforce
    owner = next((name for name, id in org.queues.items() if id == case["OwnerId"]), here[2])
    return [_CASE[case["Status"]], _CASE_PRIORITY.get(case["Priority"] or "", here[1]), owner]


def people(seen: Seen) -> People:
    """Whether everybody is one customer whose ways are tied by verified keys, and nobody is somebody else."""
    profiles = {item["id"]: item for item in seen.table if item["pk"].startswith("P#")}
    claims = {item["pk"]: item["customer"] for item in seen.table if item["pk"].startswith("I#")}
    connected = seen.day.connected
    owners: dict[str, set[str]] = defaultdict(set)
    wrong, merged = [], 0
    for person in seen.day.cast.customers:
        keys = {connected.slack: person.user, connected.sms: person.phone, connected.ses: person.email}
        found = {of: claims[f"I#{of}#{key}"] for of, key in keys.items() if key and f"I#{of}#{key}" in claims}
        who = {_standing(customer, profiles) for customer in found.values()}
        # A profile in Slack is what ties a number to an address: who never wrote there is known by each alone.
        if len(who) > 1 and connected.slack in found:
            wrong.append(f"{person.name} is {', '.join(sorted(who))}")
        merged += len(found) > 1 and len(who) == 1
        for customer in who:
            owners[customer].add(person.name)
    wrong += [f"{customer} is {', '.join(sorted(names))}" for customer, names in owners.items() if len(names) > 1]
    return People(merged, tuple(wrong))


def _standing(customer: str, profiles: dict[str, Item]) -> str:
    while "merged_into" in profiles[customer]:
        customer = str(profiles[customer]["merged_into"])
    return customer


def progress(seen: Seen) -> Iterator[str]:
    """Sent messages of which the table does not know as much as the provider told us; a callback that never came, or
    that we never answered, told us nothing."""
    wanted = _told(seen)
    for (connection, key), recipients in wanted.items():
        kept = seen.sent.get(f"M#{connection}#{key}")
        if kept is None:
            # Skipped by a person, who found it at the provider: what the provider tells of it then is nobody's.
            if "unknown: skipped" not in seen.day.cast.resolved.values():
                yield f"{key} is not known as ours"
            continue
        have = {name: str(state) for name, state in kept.get("progress", {}).items()}
        if have != recipients:
            yield f"{key} is {have}, by the provider {recipients}"


def steps(item: Item) -> int:
    """How many changes of state at most brought a sent message where it is."""
    return sum(_RANKS[state] + 1 for state in item.get("progress", {}).values())


def _told(seen: Seen) -> dict[tuple[str, str], dict[str, str]]:
    """(connection, key) -> recipient -> how far a message has come, by the callbacks that we answered."""
    connected, found = seen.day.connected, defaultdict[tuple[str, str], dict[str, str]](dict)
    for delivery in seen.day.sandbox.deliveries:
        if delivery.kind == "forged" or not any(200 <= status < 300 for _, status in delivery.attempts):
            continue
        if delivery.provider == "twilio" and delivery.topic.startswith("status:"):
            form = {name: values[0] for name, values in parse_qs(delivery.body.decode()).items()}
            if state := _TWILIO.get(form["MessageStatus"]):
                _further(found[connected.sms, form["MessageSid"]], "-", state)
        elif delivery.provider == "ses" and delivery.topic in _SES:
            notice = json.loads(json.loads(delivery.body)["Message"])
            detail = notice[notice["eventType"].lower()]
            names = list(detail.get("recipients") or ())
            names += [one["emailAddress"] for one in detail.get("bouncedRecipients") or ()]
            for name in names or ["-"]:
                key = f"{notice['mail']['messageId']}@amazonses.com"
                _further(found[connected.ses, key], name.lower(), _SES[delivery.topic])
    return found


def _further(states: dict[str, str], recipient: str, state: str) -> None:
    if _RANKS[state] > _RANKS.get(states.get(recipient, ""), -1):
        states[recipient] = state
