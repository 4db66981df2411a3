"""What Salesforce says, in our words: Cases, their comments and their e-mails.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

from chalicelib.core.model import Event, Hint, Page, Person, Role, TicketChanged, TicketCommented
from connectors.base import Rejected
from connectors.salesforce.hooks import long_id
from connectors.salesforce.org import Org, ask

PAGE_SIZE = 50
MOST_PAGES = 10
CHANGES = 200
LOOK_BACK = timedelta(minutes=5)  # at the first poll
OVERLAP = timedelta(minutes=2)  # what was committed late, by a transaction that began before our last poll
TIES = timedelta(minutes=2)
CUSTOMERS = {"PowerCustomerSuccess", "CustomerSuccess", "CspLitePortal", "PowerPartner", "Guest"}

_Json = dict[str, Any]
_Known = Callable[[Sequence[str]], set[str]]
_OBJECTS = ("Case", "CaseComment", "EmailMessage")


def a_case(org: Org, record: str) -> _Json:
    """The step that reads a Case's state."""
    return ask(
        "SELECT Id, Status, Priority, Owner.Name, Owner.Type, SystemModstamp, {key:literal} FROM Case WHERE Id = {id}",
        key=org.key,
        id=record,
    )


def fetch(org: Org, hint: Hint, known: _Known) -> list[Event]:
    """Read a Case, its newest comments and e-mails: one call, and one more for each page of 50 without a known one.

    At most ten pages are read. The Case first: what arrives in between is then read under the older state.
    """
    record = long_id(hint.record)
    case, found = {}, dict[str, _Json]()
    new: set[str] = set()
    for page in range(MOST_PAGES):
        steps = [_comments(record, page), _mails(org, record, page)]
        answers = org.all(*([a_case(org, record)] if page == 0 else []), *steps)
        if page == 0:
            case = _only(answers[0]["records"], record)
        rows = [row for answer in answers[-2:] for row in answer["records"]]
        theirs = {row["Id"]: row for row in rows if row["CreatedById"] != org.me and not row.get(org.key)}
        newest = sorted(theirs, key=lambda key: (theirs[key]["CreatedDate"], key), reverse=True)
        have = known(newest)
        new.update(set(newest) - _surely(have, newest, theirs, known))
        found |= theirs
        if have or not any(len(answer["records"]) == PAGE_SIZE for answer in answers[-2:]):
            break
    said = sorted((found[key] for key in new), key=lambda row: (row["CreatedDate"], row["Id"]))
    changed = state(org, case, (row["SystemModstamp"] for row in found.values()))
    return [*(_said(record, row) for row in said), changed]


def state(org: Org, case: _Json, stamps: Iterable[str] = ()) -> TicketChanged:
    """The state of a Case; raises `Rejected` on a status or priority that nobody mapped.

    stamps  when its comments and e-mails changed: Salesforce does not count those as changes of the Case
    """
    version = max((case["SystemModstamp"], *stamps))
    return TicketChanged(
        record=case["Id"],
        status=org.words.status(case["Status"]),
        priority=org.words.priority(case["Priority"]) if case.get("Priority") else None,
        team=org.team_of(case.get("Owner")),
        version=version,
        updated_at=_milliseconds(version),
    )


def changes(org: Org, cursor: str, now: int) -> Page:
    """Read what changed on Cases of ours: one call for Cases, comments and e-mails, up to 200 of each.

    The cursor is JSON, for each of the three [the newest SystemModstamp that was read, the Id where a full page ended].
    After a full page the next begins right behind it, else two minutes before: what was committed late is seen then.
    """
    first = _soql_time(datetime.fromtimestamp(now / 1000, UTC) - LOOK_BACK)
    places: list[list[str]] = json.loads(cursor) if cursor else [[first, ""]] * len(_OBJECTS)
    answers = org.all(*(_changed(org, name, *place) for name, place in zip(_OBJECTS, places, strict=True)))
    hints: dict[str, Hint] = {}
    after = []
    for name, place, answer in zip(_OBJECTS, places, answers, strict=True):
        rows = answer["records"]
        full = len(rows) == CHANGES
        after.append([max([place[0], *(_again(row) for row in rows)]), rows[-1]["Id"] if full else ""])
        for row in rows:
            case = row if name == "Case" else {"Id": row["ParentId"], **row["Parent"]}
            before = hints.get(case["Id"])
            version = max(row["SystemModstamp"], before.version if before else "")
            hints[case["Id"]] = Hint(case["Id"], conversation_of(case[org.key]), version)
    return Page(tuple(hints.values()), json.dumps(after), any(identity for _, identity in after))


def conversation_of(key: object) -> str:
    """The conversation that an External Id names; a follow-up's has the Case that it follows behind a dot."""
    return str(key or "").partition(".")[0]


def _only(records: list[_Json], record: str) -> _Json:
    if not records:
        raise Rejected(f"Case {record} is not there any more, or not shared with the integration user")
    return records[0]


def _surely(have: set[str], newest: list[str], rows: dict[str, _Json], known: _Known) -> set[str]:
    """Those of `have` that we surely have: what is about as old as the newest one is asked for by itself.

    `known` takes what stands behind a known one for known. Here that may be wrong: comments and e-mails of one second
    stand in no order, and a long transaction makes something older visible later.
    """
    if not newest:
        return have
    since = _when(rows[newest[0]]["CreatedDate"]) - TIES
    doubtful = [key for key in newest if key in have and _when(rows[key]["CreatedDate"]) >= since]
    return have - {key for key in doubtful if not known([key])}


def _comments(record: str, page: int) -> _Json:
    return ask(
        "SELECT Id, CommentBody, IsPublished, CreatedById, CreatedBy.Name, CreatedBy.UserType, CreatedDate, "
        "SystemModstamp FROM CaseComment WHERE ParentId = {id} ORDER BY CreatedDate DESC, Id DESC "
        "LIMIT {limit} OFFSET {offset}",
        id=record,
        limit=PAGE_SIZE,
        offset=page * PAGE_SIZE,
    )


def _mails(org: Org, record: str, page: int) -> _Json:
    """The e-mails that neither we made nor somebody still writes (5 is a draft)."""
    return ask(
        "SELECT Id, Incoming, Status, TextBody, HtmlBody, FromName, FromAddress, CreatedById, CreatedBy.Name, "
        "CreatedDate, SystemModstamp FROM EmailMessage WHERE ParentId = {id} AND {key:literal} = null "
        "AND Status != '5' ORDER BY CreatedDate DESC, Id DESC LIMIT {limit} OFFSET {offset}",
        id=record,
        key=org.key,
        limit=PAGE_SIZE,
        offset=page * PAGE_SIZE,
    )


def _changed(org: Org, name: str, stamp: str, identity: str) -> _Json:
    key = org.key if name == "Case" else f"Parent.{org.key}"
    fields = ["Id", "SystemModstamp", key] + ([] if name == "Case" else ["ParentId"])
    since = f"SystemModstamp >= {_soql_time(_when(stamp) - OVERLAP)}"
    if identity:
        since = f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {{identity}}))"
    ours = " AND CreatedById != {me}" if name == "CaseComment" else ""
    ours = f" AND {org.key} = null AND Status != '5'" if name == "EmailMessage" else ours
    soql = f"SELECT {', '.join(fields)} FROM {name} WHERE {key} != null AND {since}{ours} ORDER BY SystemModstamp, Id"
    return ask(soql + " LIMIT {limit}", identity=identity, me=org.me, limit=CHANGES)


def _said(record: str, row: _Json) -> TicketCommented:
    """A comment, or an e-mail. What an agent mailed from Salesforce has reached the customer: it is not sent again."""
    by, mailed = row.get("CreatedBy") or {}, False
    if "CommentBody" in row:
        role = Role.CUSTOMER if by.get("UserType") in CUSTOMERS else Role.AGENT
        author = Person(row["CreatedById"], by.get("Name") or "", role=role)
        text, html, public = row.get("CommentBody") or "", "", row.get("IsPublished") is True
    else:
        text, html, public = row.get("TextBody") or "", row.get("HtmlBody") or "", True
        text = text or _plain(html)
        author = Person(row["CreatedById"], by.get("Name") or "", role=Role.AGENT)
        if row.get("Incoming") is True:
            sender = row.get("FromAddress") or row["CreatedById"]
            author = Person(sender, row.get("FromName") or "", role=Role.CUSTOMER)
        else:
            mailed = True
    sent_at = _milliseconds(row["CreatedDate"])
    order = f"{sent_at:015d}{row['Id']}"
    return TicketCommented(record, row["Id"], author, public, text, sent_at, order, html, delivered=mailed)


def _plain(html: str) -> str:
    """A text to read, of an e-mail that has HTML alone."""
    import re

    text = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|\Z)", "", html)
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"(?i)<br\b[^>]*>|</(p|div|tr|li|h[1-6])>", "\n", text))).strip()


def _when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def _milliseconds(stamp: str) -> int:
    return int(_when(stamp).timestamp() * 1000)


def _soql_time(when: datetime) -> str:
    """A time as SOQL wants it: in UTC, unquoted, with milliseconds."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def _again(row: _Json) -> str:
    return _soql_time(_when(row["SystemModstamp"]))
