"""The failure list: everything that a person has to see, with the reason in plain words and what to do about it.

| kind       | what it is                                     | retry                        | skip             |
|------------|------------------------------------------------|------------------------------|------------------|
| delivery   | a verified delivery that could not be read     | parse and store again        | leave it kept    |
| lane       | a lane held by a failed or doubtful effect     | look it up, then do it again | go on without it |
| record     | a CRM record that could not be read or mapped  | read it again                | leave it         |
| connection | a connection paused because of its credentials | resume it                    | leave it paused  |
| poll       | a CRM that could not be polled                 | poll it again                | leave it         |
| message    | a queue message set aside: thrice tried, or dead | handle it again              | leave it kept    |
"""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.aws.errors import ConditionFailed
from chalicelib.aws.table import Item, Put
from chalicelib.services import go_live, keys, lanes

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


def entry(kind: str, reason: str, mend: str, deps: Deps, *, id: str = "", **ids: Any) -> Put:
    """The write that lists a failure. `id` makes it one and the same for the same fault, told again or not."""
    item: Item = {
        "pk": keys.FAILURES,
        "sk": id or deps.new_id("f"),
        "kind": kind,
        "reason": reason[:1000],
        "mend": mend,
        "at": deps.now(),
        "told": deps.new_id("t"),
        **{name: value for name, value in ids.items() if value not in ("", None)},
    }
    return Put(item)


def add(kind: str, reason: str, mend: str, deps: Deps, *, id: str = "", **ids: Any) -> str:
    """List a failure; returns its id."""
    put = entry(kind, reason, mend, deps, id=id, **ids)
    deps.table.put(put.item)
    deps.log.count("failure", "failures", outcome=kind, failure=put.item["sk"], connection=ids.get("connection"))
    return str(put.item["sk"])


def listed(deps: Deps, limit: int = 100) -> list[Item]:
    """The open failures, oldest first."""
    return deps.table.query(keys.FAILURES, limit=limit)


def retry(failure_id: str, deps: Deps) -> str:
    """Try again what failed; returns what was set going. Raises `LookupError` for an unknown failure."""
    failure = _open(failure_id, deps)
    told = _retried(failure, deps)
    deps.log.step("failure", outcome="retried", failure=failure_id, connection=failure.get("connection"))
    return told


def _retried(failure: Item, deps: Deps) -> str:
    match failure["kind"]:
        case "lane":
            _release(failure, deps, skip=False)
            return "the lane goes on with this entry"
        case "connection":
            return _resume(failure, deps)
    body = {**(json.loads(failure["text"]) if "text" in failure else failure["body"]), "again": True}
    if "raw" in failure:
        import base64

        body["raw"] = base64.b64encode(zlib.decompress(failure["raw"])).decode("ascii")
    deps.inbox.send(failure["group"], body)
    _resolve(failure, "tried again", deps)
    return "queued again"


def skip(failure_id: str, deps: Deps) -> str:
    """Go on without what failed; it stays kept. Raises `LookupError` for an unknown failure."""
    failure = _open(failure_id, deps)
    if failure["kind"] == "lane":
        _release(failure, deps, skip=True)
    else:
        _resolve(failure, "skipped", deps)
    deps.log.step("failure", outcome="skipped", failure=failure_id, connection=failure.get("connection"))
    return (
        "the lane goes on behind this entry" if failure["kind"] == "lane" else "left as it is; its raw form stays kept"
    )


def _open(failure_id: str, deps: Deps) -> Item:
    failure = deps.table.get(keys.FAILURES, failure_id)
    if failure is None:
        raise LookupError(f"there is no open failure {failure_id}; `deskweave failures` lists them")
    return failure


def _release(failure: Item, deps: Deps, *, skip: bool) -> None:
    try:
        lanes.release(failure["lane"], deps, skip=skip)
    except ConditionFailed:
        head = deps.table.get(failure["lane"], keys.HEAD) or {}
        if head.get("failure") == failure["sk"]:
            raise LookupError(f"{failure['sk']} is being changed by somebody else at this moment; try again") from None
        _resolve(failure, "the lane was not held any more", deps)


def _resume(failure: Item, deps: Deps) -> str:
    """Check the connection again, and let it go on if it is right now."""
    wrong = [finding for finding in go_live.go_live(failure["connection"], deps) if not finding.ok]
    if wrong:
        raise LookupError("still not right: " + "; ".join(f"{f.name}: {f.detail} {f.mend}" for f in wrong))
    _resolve(failure, "resumed", deps)
    return "the connection is right again and works"


def _resolve(failure: Item, how: str, deps: Deps) -> None:
    writes = lanes.resolved(failure["sk"], how, deps, told=failure["told"])
    if writes:
        with suppress(ConditionFailed):
            deps.table.transact(writes)
