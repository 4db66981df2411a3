"""What stands in the sandbox, as people see it: plain data for `deskweave sandbox`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from infra.sandbox.faults import Fault

if TYPE_CHECKING:
    from infra.sandbox.salesforce import SalesforceSandbox
    from infra.sandbox.ses_mail import Sent
    from infra.sandbox.slack import SlackSandbox
    from infra.sandbox.twilio import Received
    from infra.sandbox.zendesk import ZendeskSandbox

Json = dict[str, Any]


class Refused(Exception):
    """The sandbox cannot do what was asked; the message says why, for a person."""


def escaped(text: str) -> str:
    """A text as Slack's clients send it: https://docs.slack.dev/messaging/formatting-message-text/#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def channel(slack: SlackSandbox, place: str) -> Json:
    """A channel with its messages in order of time, replies below their root.

    {id, name, messages: [{ts, user, name, bot, text, edited, deleted, files: [name], replies: [a message]}]}
    """
    roots: dict[str, Json] = {}
    for message in slack.messages(place):
        shown = _message(slack, message)
        root = roots.get(str(message.get("thread_ts", "")))
        if root is not None and root["ts"] != shown["ts"]:
            root["replies"].append(shown)
        else:
            roots[shown["ts"]] = shown
    return {"id": place, "name": channel_name(slack, slack.channels[place]), "messages": list(roots.values())}


def channel_name(slack: SlackSandbox, place: Json) -> str:
    """`#name`, or whose direct messages it has."""
    return f"#{place['name']}" if place["name"] else f"direct messages of {slack.users[place['user']]['name']}"


def thread_in(slack: SlackSandbox, ts: str, places: Iterable[str]) -> tuple[str, str]:
    """(channel, root's ts) of the thread that a message is in or may begin. Raises `Refused` where none has it."""
    found = [(place, message) for place in places if (message := slack.find(place, ts)) is not None]
    if not found:
        raise Refused(f"no message there has the ts {ts}; `deskweave sandbox slack` shows them")
    if len(found) > 1:
        names = ", ".join(channel_name(slack, slack.channels[place]) for place, _ in found)
        raise Refused(f"more than one place has a message {ts}: {names}; say which")
    place, message = found[0]
    return place, str(message.get("thread_ts") or ts)


def ticket(zendesk: ZendeskSandbox, number: int) -> Json:
    """Zendesk's own record of a ticket. Raises `Refused` where there is none."""
    found = zendesk.tickets.get(number)
    if found is None:
        numbers = ", ".join(map(str, zendesk.tickets))
        there = f"there are: {numbers}" if numbers else "there is none yet (a customer's message takes a second)"
        raise Refused(f"there is no ticket {number}; {there}")
    return found


def ticket_line(zendesk: ZendeskSandbox, one: Json) -> Json:
    """A ticket without what was said in it; `updated_at` is in Zendesk's form, UTC."""
    groups = {number: name for name, number in zendesk.groups.items()}
    return {
        "ticket": one["id"],
        "subject": one["subject"],
        "requester": _user_name(zendesk, one["requester_id"]),
        "status": one["status"],
        "priority": one["priority"] or "",
        "group": groups.get(one["group_id"], ""),
        "tags": one["tags"],
        "updated_at": one["updated_at"],
        "comments": len(zendesk.comments(one["id"])),
    }


def ticket_with_comments(zendesk: ZendeskSandbox, one: Json) -> Json:
    """A ticket, with `comments`: [{comment, at, author, role, public, text, files: [name]}], the oldest first."""
    comments = [
        {
            "comment": each["id"],
            "at": each["created_at"],
            "author": _user_name(zendesk, each["author_id"]),
            "role": zendesk.users.get(each["author_id"], {}).get("role", "system"),
            "public": each["public"],
            "text": each["plain_body"],
            "files": [attachment["file_name"] for attachment in each["attachments"]],
        }
        for each in zendesk.comments(one["id"])
    ]
    return {**ticket_line(zendesk, one), "comments": comments}


def case(org: SalesforceSandbox, asked: str) -> Json:
    """Salesforce's own record of a Case, by its number or id. Raises `Refused` where there is none."""
    for one in org.cases.values():
        if one["Id"].startswith(asked) and len(asked) >= 15:
            return one
        if asked.isdigit() and int(one["CaseNumber"]) == int(asked):
            return one
    numbers = ", ".join(str(one["CaseNumber"]) for one in org.cases.values())
    there = f"there are: {numbers}" if numbers else "there is none yet (a customer's message takes a second)"
    raise Refused(f"there is no Case {asked}; {there}")


def case_line(org: SalesforceSandbox, one: Json) -> Json:
    """A Case without what was said in it; `updated_at` is in Salesforce's form, UTC."""
    return {
        "case": one["CaseNumber"],
        "id": one["Id"],
        "subject": one["Subject"],
        "contact": str((org.find(one["ContactId"]) or {}).get("LastName") or ""),
        "status": one["Status"],
        "priority": one["Priority"] or "",
        "owner": str((org.find(one["OwnerId"]) or {}).get("Name") or ""),
        "updated_at": one["SystemModstamp"],
        "comments": len(org.comments(one["Id"])),
    }


def case_with_comments(org: SalesforceSandbox, one: Json) -> Json:
    """A Case, with `comments`: [{comment, at, author, role, public, text, files: []}], the oldest first."""
    comments = [
        {
            "comment": each["id"],
            "at": each["created_at"],
            "author": each["author"] or "Deskweave",
            "role": each["role"],
            "public": each["public"],
            "text": each["text"],
            "files": [],
        }
        for each in org.comments(one["Id"])
    ]
    return {**case_line(org, one), "comments": comments}


def received_text(one: Received, name: str) -> Json:
    """A text that a phone got; `at` in ms, `media` the addresses of its pictures."""
    return {"at": one.at, "to": one.to, "name": name, "text": one.text, "media": list(one.media)}


def received_mail(one: Sent) -> Json:
    """A mail that left; `at` in ms."""
    files = [name for name, _, _ in one.attachments]
    told = {"at": one.at, "to": list(one.to), "cc": list(one.cc), "subject": one.subject}
    return {**told, "text": one.text, "files": files, "in_reply_to": one.in_reply_to, "id": one.message_id}


def fault(one: Fault) -> Json:
    """A fault as it was armed, and how often it struck."""
    seconds = one.delay_ms // 1000 if one.kind == "delay" else one.retry_after
    return {
        "provider": one.provider,
        "kind": one.kind,
        "match": one.match,
        "times": one.times,
        "struck": one.struck,
        "seconds": seconds,
    }


def _message(slack: SlackSandbox, message: Json) -> Json:
    sender = slack.users.get(message["user"], {"name": "Slack", "bot": False})
    return {
        "ts": message["ts"],
        "user": message["user"],
        "name": sender["name"],
        "bot": bool(sender["bot"]),
        "text": _unescaped(str(message["text"])),
        "edited": "edited" in message,
        "deleted": message.get("subtype") == "tombstone",
        "files": [file["name"] for file in message.get("files", [])],
        "replies": [],
    }


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _user_name(zendesk: ZendeskSandbox, number: int) -> str:
    return str(zendesk.users[number]["name"]) if number in zendesk.users else "Zendesk"
