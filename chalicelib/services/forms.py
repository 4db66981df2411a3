"""What other versions of Deskweave wrote: older forms are carried out as they were meant, newer ones wait.

| version | form                                                 | what becomes of it                              |
|---------|------------------------------------------------------|-------------------------------------------------|
| 0.1     | entry `file` of a CRM's lane: a customer's file      | a comment with our link; the file is copied     |
| 0.1     | entry `send_file` whose file nobody has copied       | it is copied first, and sent then               |
| 0.1     | customer not listed, no claim on the e-mail address  | both, with the next message or with `finish`    |
| newer   | queue message with a `v` above `QUEUED`              | kept as a failure; `finish` handles it again    |
| newer   | entry of an unknown kind                             | its lane is held; retried once the kind is known |

A new form is read for one version before it is written: then going back one version loses nothing and holds nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.aws.table import Item, Update
from chalicelib.core.model import Person
from chalicelib.services import failures, keys, people
from chalicelib.services.lanes import Entry
from chalicelib.services.work import Done, Work
from connectors.base import Rejected

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# The newest form of a queue message (its `v`) that this version reads.
QUEUED = 1
NEWER = "a newer version of Deskweave wrote it, which this one cannot read: deploy the newer one again"
# The calls that a lane's worker can make.
OPERATIONS = frozenset({"create_ticket", "add_comment", "update_ticket", "send", "send_file", "fetch"})


# What `bring_up` does with the whole table; higher once there is more to do.
BROUGHT_UP = 1


def newer(body: Mapping[str, Any]) -> bool:
    """Whether a queue message has a form that this version does not read."""
    return int(body.get("v", 1)) > QUEUED


def set_aside(record: Mapping[str, Any], deps: Deps) -> None:
    """Keep a queue message that this version cannot read, as it came, as a failure."""
    text = str(record["body"])
    body = json.loads(text)
    group = record.get("attributes", {}).get("MessageGroupId", "")
    failures.add(
        "message",
        NEWER,
        "once the newer version is deployed, `deskweave finish` handles it again",
        deps,
        id=f"newer-{hashlib.sha256(text.encode()).hexdigest()[:20]}",
        group=f"newer {group}",
        text=text,
        newer=int(body["v"]),
        body={"v": int(body["v"]), "kind": "newer"},
    )


def check_operation(op: str) -> None:
    """Raise `Rejected` for a call that this version does not know: its lane is held, and nothing is guessed."""
    if op not in OPERATIONS:
        raise Rejected(f"it needs the call {op!r}; {NEWER}")


def retry_newer(deps: Deps) -> int:
    """Handle again what an older version set aside because it could not read it; returns how many that are."""
    waiting = [one for one in failures.listed(deps, limit=1000) if 0 < int(one.get("newer", 0)) <= QUEUED]
    for failure in waiting:
        failures.retry(failure["sk"], deps)
    return len(waiting)


def bring_up(deps: Deps) -> int:
    """Bring what older versions kept to the form of today, once for each stage; returns how many items were changed.

    Nothing waits for it: whoever writes again is brought up then. It reads the whole table.
    """
    kept = deps.table.get("SETTINGS", "forms") or {}
    if int(kept.get("brought_up", 0)) >= BROUGHT_UP:
        return 0
    older = [
        item["id"]
        for page in deps.table.scan("P#", {"listed": None, "merged_into": None}, ("id",))
        for item in page.items
    ]
    for customer in older:
        brought_up(people.profile(customer, deps), deps)
    deps.table.put({"pk": "SETTINGS", "sk": "forms", "brought_up": BROUGHT_UP, "at": deps.now()})
    return len(older)


def brought_up(customer: Item, deps: Deps) -> Item:
    """A customer as this version keeps one. What 0.1 knew of addresses it had from the workspace's own profiles."""
    if "listed" in customer:
        return customer
    since = {"listed": people.LISTED, "listed_at": customer["since"]}
    deps.table.update(Update(customer["pk"], set=since, when={"merged_into": None}))
    return people.learn(customer["id"], Person(key="", name=customer["name"], email=customer["email"]), deps)


def own_comment(message: Item, work: Work) -> bool:
    """Whether the files of a customer's message are shown by entries of their own, as 0.1 planned it."""
    if not message.get("files") or keys.files_of(message["connection"]) in message.get("lanes", ()):
        return False
    head, last = work.head, work.entries[-1]["number"]
    behind = work.deps.table.query(head["pk"], keys.entry(last + 1), keys.entry(int(head.get("last", 0))), limit=50)
    return any(entry["kind"] == "file" and entry["message"] == message["pk"] for entry in behind)


def copies(work: Work) -> list[Entry]:
    """What has to be copied because of entries of 0.1's kind `file`."""
    by_pk = {message["pk"]: message for message in work.messages} if work.op != "update_ticket" else {}
    return [
        Entry(
            keys.files_of(by_pk[entry["message"]]["connection"]),
            "fetch",
            {"message": entry["message"], "file": entry["file"]},
        )
        for entry in work.entries
        if entry["kind"] == "file"
    ]


def copied_first(message: Item, work: Work) -> Done | None:
    """For a file that nobody has asked to be copied: that it is, and is sent then. None where somebody has."""
    entry = work.entries[0]
    if work.deps.table.get(message["pk"], keys.file(int(entry["file"]))) is not None:
        return None
    then = {"target": work.head["connection"], "to": entry["to"]}
    data = {"message": message["pk"], "file": entry["file"], "then": then}
    return Done(entries=[Entry(keys.files_of(message["connection"]), "fetch", data)])
