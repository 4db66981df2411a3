"""What we write to Salesforce, and how it is found again (docs/adr/0010-salesforce-objects.md).

Public words are EmailMessages, each with its call's reference as unique External Id: a second one is refused by
Salesforce itself, together with everything that it was to do. Notes are unpublished CaseComments, which have no field
of ours: the reference is their last line.
https://developer.salesforce.com/docs/platform/object-reference/references/standard-objects/object-emailmessage.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from chalicelib.core.model import Comment, Status, TicketChange, TicketChanged, TicketDraft, Written
from connectors.base import Call, ConnectorError, RecordClosed, Rejected
from connectors.salesforce import read, words
from connectors.salesforce.errors import DOUBLE, GONE, Refused
from connectors.salesforce.org import MADE, Org, ask, of_made, write

INCOMING, SENT = "0", "3"  # EmailMessage.Status: new; sent. To make one that is sent sends nothing
LONGEST_SUBJECT = 255
NEWEST_NOTES = 100
NO_NAME = "Customer"

_Json = dict[str, Any]


def create_ticket(org: Org, draft: TicketDraft, call: Call) -> Written:
    """Make a Case with its first message: by upsert on our External Id, or, with a note, by create.

    Either is undone as a whole by Salesforce where this call has done it already: the message's key is taken (public),
    or the Case's is (private).
    """
    if call.retry and (found := lookup(org, "", draft.conversation, call)):
        return found
    key = f"{draft.conversation}.{draft.follows}" if draft.follows else draft.conversation
    case = _case(org, draft)
    try:
        return _create(org, draft, case, key, call, upsert=draft.comment.public)
    except Refused as refused:
        if refused.codes & GONE:
            # The Contact was merged away, or the Case that this one follows is in the recycle bin.
            case = {name: value for name, value in case.items() if name not in ("ContactId", "ParentId")}
            draft = replace(draft, comment=replace(draft.comment, name=draft.comment.name or NO_NAME))
        elif not refused.codes & DOUBLE:
            raise
        elif found := lookup(org, "", draft.conversation, call):
            return found
    return _create(org, draft, case, key, call, upsert=True)


def add_comment(org: Org, record: str, comment: Comment, call: Call) -> Written:
    """Add a message or a note, and set the status with it, in one call."""
    if call.retry and (found := lookup(org, record, "", call)):
        return found
    try:
        return _add(org, record, comment, call)
    except Refused as refused:
        if refused.codes & DOUBLE and (found := lookup(org, record, "", call)):
            return found
        if not refused.codes & GONE:
            raise
    try:
        return _add(org, record, replace(comment, name=comment.name or NO_NAME), call)
    except Refused as refused:
        if refused.codes & GONE:
            raise RecordClosed(f"Case {record} was deleted in Salesforce. {refused}") from refused
        raise


def update_ticket(org: Org, record: str, change: TicketChange) -> Written:
    """Set the fields that are given to their values, and no other: to repeat it changes nothing.

    A status that says the same in Salesforce's words already (*Escalated* is open, too) is left as it is.
    """
    fields: dict[str, object] = {}
    if change.status is not None and not _says_it(org, record, change.status):
        fields["Status"] = org.words.their_status(change.status)
    if change.priority is not None:
        fields["Priority"] = org.words.their_priority(change.priority)
    if change.team:
        fields["OwnerId"] = org.queue_id(change.team)
    steps = [write("PATCH", f"Case/{record}", fields, "case")] if fields else []
    try:
        case = org.all(*steps, read.a_case(org, record))[-1]
    except Refused as refused:
        if refused.codes & GONE:
            raise Rejected(
                f"Case {record} was deleted in Salesforce: undelete it, or skip this. {refused}"
            ) from refused
        raise
    return Written(record, state=_state(org, case["records"]))


def lookup(org: Org, record: str, conversation: str, call: Call) -> Written | None:
    """Find what `call` made: its message by External Id, its note among the newest hundred notes that we wrote.

    record  the Case, "" for one that the call was to make itself: then that of `conversation`
    """
    of, value = ("ParentId = {record}", record) if record else ("Parent.{key:literal} LIKE {like}", "")
    mails, notes, cases = org.all(
        ask(
            "SELECT Id, ParentId FROM EmailMessage WHERE {key:literal} = {reference}",
            key=org.key,
            reference=call.reference,
        ),
        ask(
            f"SELECT Id, ParentId, CommentBody FROM CaseComment WHERE {of} AND CreatedById = {{me}} "
            "ORDER BY CreatedDate DESC, Id DESC LIMIT {limit}",
            key=org.key,
            record=value,
            like=conversation + "%",
            me=org.me,
            limit=NEWEST_NOTES,
        ),
        read.a_case(org, record or "500000000000000AAA"),
    )
    marker = words.marker(call.reference)
    marked = [row for row in notes["records"] if (row.get("CommentBody") or "").rstrip().endswith(marker)]
    for row in [*mails["records"], *marked]:
        # Whether an agent had solved the Case by then decides if the message has to open it again.
        return Written(row["ParentId"], (row["Id"],), _state(org, cases["records"]))
    return None


def _case(org: Org, draft: TicketDraft) -> _Json:
    fields = {
        "Subject": words.clean(draft.subject)[:LONGEST_SUBJECT].strip() or "(no subject)",
        "Description": words.cut(words.clean(draft.comment.text), words.LONGEST_TEXT) if draft.comment.public else "",
        "Status": org.words.their_status(Status.NEW),
        "Priority": org.words.their_priority(draft.priority) if draft.priority else "",
        "Origin": org.origin,
        "ContactId": draft.requester,
        "OwnerId": org.queue_id(draft.team) if draft.team else "",
        "ParentId": draft.follows,
    }
    return {name: value for name, value in fields.items() if value}


def _create(org: Org, draft: TicketDraft, case: _Json, key: str, call: Call, *, upsert: bool) -> Written:
    first = write("PATCH", f"Case/{org.key}/{quote(key, safe='')}", case, "case")
    if not upsert:
        first = write("POST", "Case", {**case, org.key: key}, "case")
    steps = [first, *_comment(org, draft.comment, MADE, call, subject=case["Subject"])]
    *answers, read_back = org.all(*steps, of_made(read.a_case(org, MADE)))
    return Written(answers[0]["id"], (_made(steps, answers),), _state(org, read_back["records"]))


def _add(org: Org, record: str, comment: Comment, call: Call) -> Written:
    steps = _comment(org, comment, record, call)
    if comment.status is not None:
        steps.append(write("PATCH", f"Case/{record}", {"Status": org.words.their_status(comment.status)}, "status"))
    *answers, case = org.all(*steps, read.a_case(org, record))
    return Written(record, (_made(steps, answers),), _state(org, case["records"]))


def _comment(org: Org, comment: Comment, record: str, call: Call, subject: str = "") -> list[_Json]:
    """The steps that write a comment; the one that makes it is called `comment`.

    A customer's name is read from their Contact in the same call, unless it is given: their Contact is gone then.
    """
    if not comment.public:
        body = words.note_body(comment.text, words.marker(call.reference))
        note = {"ParentId": record, "CommentBody": body, "IsPublished": False}
        return [write("POST", "CaseComment", note, "comment")]
    mail = {
        "ParentId": record,
        org.key: call.reference,
        "Incoming": bool(comment.author),
        "Status": INCOMING if comment.author else SENT,
        "FromName": words.clean(comment.name)[:80] or "Deskweave",
        "MessageDate": datetime.fromtimestamp(call.started_at / 1000, UTC).isoformat(timespec="milliseconds"),
        **({"Subject": subject} if subject else {}),
        **words.mail_body(comment.text),
    }
    if not comment.author or comment.name:
        return [write("POST", "EmailMessage", mail, "comment")]
    author = {"method": "GET", "url": f"sobjects/Contact/{comment.author}?fields=Name", "referenceId": "author"}
    return [author, write("POST", "EmailMessage", {**mail, "FromName": "@{author.Name}"}, "comment")]


def _made(steps: list[_Json], answers: list[Any]) -> str:
    return next(str(a["id"]) for s, a in zip(steps, answers, strict=True) if s.get("referenceId") == "comment")


def _says_it(org: Org, record: str, status: Status) -> bool:
    if not org.words.has_several(status):
        return False
    records = org.all(read.a_case(org, record))[0]["records"]
    theirs = records[0]["Status"] if records else ""
    return org.words.statuses.get(theirs) is org.words.status(org.words.their_status(status))


def _state(org: Org, records: list[_Json]) -> TicketChanged | None:
    # The write is done: what cannot be read of its outcome must not make it look undone. The next hint tells it.
    try:
        return read.state(org, records[0]) if records else None
    except ConnectorError:
        return None
