"""Carrying a conversation into a CRM: its ticket, the customer's messages as comments, notes, files and state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.aws.table import Item, Update
from chalicelib.core import wording
from chalicelib.core.model import Comment, Priority, Role, Status, TicketChange, TicketDraft, Written
from chalicelib.core.threading import AFTER_CUSTOMER
from chalicelib.services import files, forms, keys, people
from chalicelib.services.profile import contact
from chalicelib.services.work import Done, Work

TAG = "deskweave"


def carry_out(work: Work) -> Done:
    """Write the entries to the CRM in one call. Raises the connector's errors."""
    if work.op == "update_ticket":
        return _update(work)
    comment = _comment(work)
    record = work.head.get("record", "")
    if work.op == "add_comment":
        stamp = (work.deps.table.get(keys.link(work.head["connection"], record)) or {}).get("version", "")
        written = work.to_crm.add_comment(record, comment, stamp, work.call)
        done = _done(work, written, {"status": comment.status.value} if comment.status else {})
        return replace(done, entries=forms.copies(work))
    conversation = work.conversation
    draft = TicketDraft(
        conversation=conversation["id"],
        subject=conversation["subject"],
        requester=contact(conversation["customer"], work),
        comment=comment,
        priority=Priority(conversation["priority"]),
        team=conversation["team"],
        tags=(TAG,),
        follows=work.head.get("follows", "") or _followed(conversation, work),
    )
    written = work.to_crm.create_ticket(draft, work.call)
    sent = {"status": Status.NEW.value, "priority": conversation["priority"], "team": conversation["team"]}
    return _done(work, written, sent)


def lookup(work: Work, op: str) -> Done | None:
    """What an earlier attempt of this call left in the CRM."""
    found = work.to_crm.lookup(op, work.head.get("record", ""), work.head["conversation"], work.call)
    if found is None:
        return None
    sent: dict[str, str] = {}
    if op == "create_ticket":
        conversation = work.conversation
        sent = {"status": Status.NEW.value, "priority": conversation["priority"], "team": conversation["team"]}
    elif status := _status(work):
        sent = {"status": status.value}
    return _done(work, found, sent)


def _done(work: Work, written: Written, sent: dict[str, str]) -> Done:
    """The link's new snapshot is what we sent, not what came back: what the CRM's rules made of it is their change.

    It is kept in the words that the CRM has for it.
    """
    change: dict[str, Any] = {"conversation": work.head["conversation"]}
    status, priority = Status(sent.get("status", "new")), Priority(sent.get("priority", "normal"))
    taken = dict(zip(("status", "priority"), work.to_crm.read_back(status, priority), strict=True))
    change |= {f"agreed_{name}": str(taken.get(name, value)) for name, value in sent.items()}
    if written.state is not None:
        change |= {"version": written.state.version, "updated_at": written.state.updated_at}
    stands = _stands(work, written, sent)
    if stands is not None:
        change["agreed_status"] = stands.value
    link = Update(keys.link(work.head["connection"], written.record), set=change)
    return Done(written.comments, written.record, [link], stands=stands)


def _stands(work: Work, written: Written, sent: dict[str, str]) -> Status | None:
    """Whether an agent solved or parked the ticket before they could see what the customer has just written."""
    if work.op != "add_comment" or work.entries[0]["kind"] != "comment" or written.state is None or "status" in sent:
        return None
    status = written.state.status
    return status if AFTER_CUSTOMER.get(status, status) is not status else None


def _update(work: Work) -> Done:
    record = work.head.get("record", "")
    if not record:
        return Done()
    entry = work.entries[0]
    sent: dict[str, str] = {name: str(entry[name]) for name in ("status", "priority", "team") if name in entry}
    change = TicketChange(
        Status(sent["status"]) if "status" in sent else None,
        Priority(sent["priority"]) if "priority" in sent else None,
        sent.get("team"),
    )
    return _done(work, work.to_crm.update_ticket(record, change, work.call), sent)


def _comment(work: Work) -> Comment:
    kind = work.entries[0]["kind"]
    if kind == "note":
        return Comment("\n\n".join(_note(entry, work) for entry in work.entries), public=False)
    if kind == "relay":
        return _relayed(work.messages[0], work)
    author = contact(work.messages[0]["customer"], work)
    if kind == "file":
        line = _file(work.messages[0], int(work.entries[0]["file"]), work)
        return Comment(wording.comment([line]), public=True, author=author)
    if work.entries[0].get("late"):
        return Comment(wording.comment([_late(work.messages[0], work)]), public=True, author=author)
    lines = sorted(work.messages, key=lambda message: message["sort"])
    text = wording.comment([_line(message, work) for message in lines])
    return Comment(text, public=True, author=author, status=_status(work))


def _file(message: Item, number: int, work: Work) -> wording.Line:
    """A file that 0.1 meant to attach to a comment of its own."""
    return wording.Line("", message["sent_at"], "", (files.shown(message, work.deps)[number],))


def _line(message: Item, work: Work) -> wording.Line:
    shown = files.shown(message, work.deps)[: message.get("late")]
    if forms.own_comment(message, work):
        shown = ()
    return wording.Line(message["author"]["name"], message["sent_at"], message["text"], shown)


def _late(message: Item, work: Work) -> wording.Line:
    """The files of a message whose edit came first and told of none."""
    shown = files.shown(message, work.deps)[message["late"] :]
    return wording.Line(message["author"]["name"], message["sent_at"], "", shown)


def _relayed(message: Item, work: Work) -> Comment:
    """What somebody wrote in another CRM, under their name; as private as it was there."""
    author, public = message["author"], message["kind"] == "message"
    provider = work.deps.connections.state(message["connection"]).get("provider", "another desk")
    text = wording.relayed(author["name"], provider, _line(message, work), by_agent=author["role"] != Role.CUSTOMER)
    return Comment(text, public=public, name=author["name"])


def _note(entry: Item, work: Work) -> str:
    if "text" in entry:
        return str(entry["text"])
    message = next(m for m in work.messages if m["pk"] == entry["message"])
    name = people.profile(message["customer"], work.deps)["name"] or message["author"]["name"]
    if message.get("automatic"):
        return wording.automatic(name, message["automatic"], _line(message, work))
    original = work.deps.table.get(message["of"]) or message
    if message["kind"] == "deletion":
        return wording.deleted(name, original["sent_at"])
    return wording.edited(name, original["sent_at"], message["text"])


def _status(work: Work) -> Status | None:
    for entry in reversed(work.entries):
        if "status" in entry and entry["kind"] == "comment":
            return Status(entry["status"])
    return None


def _followed(conversation: Item, work: Work) -> str:
    """The ticket of the conversation that this one goes on from, where that ticket is closed for good."""
    before = conversation.get("follows", "")
    if not before:
        return ""
    conversation_key = (keys.conversation(before), "-")
    lane_key = (keys.lane(before, work.head["connection"]), keys.HEAD)
    earlier = work.deps.table.get_many([conversation_key, lane_key])
    kept, head = earlier.get(conversation_key, {}), earlier.get(lane_key, {})
    return str(head.get("record", "")) if kept.get("status") == Status.CLOSED else ""
