"""Polling a CRM: what changed since the cursor becomes hints in the queue, then the cursor moves on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.errors import ConditionFailed
from chalicelib.aws.table import Update
from chalicelib.services import failures, hints, keys, signals
from chalicelib.services.records import Delivery
from connectors.base import BadCredentials, CrmConnector, Rejected, TryLater

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps


def poll(connection: str, deps: Deps) -> None:
    """Read one page of changes. The cursor moves by compare-and-set, after the page is queued; overlap is harmless."""
    state = deps.connections.state(connection)
    connector = deps.connections.open(connection)
    if connector is None or not state or state.get("paused") or int(state.get("not_before", 0)) > deps.now():
        return
    assert isinstance(connector, CrmConnector)
    kept = deps.table.get(keys.cursor(connection)) or {}
    cursor, began = kept.get("cursor", ""), deps.now()
    try:
        page = connector.changes(cursor, deps.now())
    except TryLater as error:
        wait = error.retry_after if error.retry_after is not None else 60
        deps.connections.wait(connection, deps.now() + int(wait * 1000))
        signals.provider_error("poll", error, connection, deps, took=deps.now() - began)
        return
    except BadCredentials as error:
        signals.provider_error("poll", error, connection, deps)
        hints.credentials_failed(connection, str(error), deps)
        return
    except Rejected as error:
        signals.provider_error("poll", error, connection, deps)
        failures.add(
            "poll",
            str(error),
            "mend it in the CRM; the next poll tries again by itself",
            deps,
            id=f"poll-{connection}",
            connection=connection,
            group=f"{connection} poll",
            body={"v": 1, "kind": "poll", "connection": connection},
        )
        return
    links = deps.table.get_many([(keys.link(connection, hint.record), "-") for hint in page.hints])
    news = []
    for hint in page.hints:
        link = links.get((keys.link(connection, hint.record), "-"), {})
        if hint.version and hint.version <= link.get("covered", ""):
            continue
        delivery = Delivery(connection, connector.name, deps.new_id("d"), deps.now(), source="poll")
        news.append((keys.ticket_group(connection, hint.record), hints.queued(hint, delivery)))
    deps.inbox.send_all(news)
    try:
        deps.table.update(
            Update(
                keys.cursor(connection),
                set={"cursor": page.cursor, "at": began} | ({} if page.more else {"level_at": began}),
                when={"cursor": cursor or None},
            )
        )
    except ConditionFailed:
        deps.log.step("poll", outcome="overtaken", connection=connection)
        return
    deps.log.step("poll", outcome="read", connection=connection, changed=len(news), took=deps.now() - began)
    if page.more:
        deps.inbox.send(f"{connection} poll", {"v": 1, "kind": "poll", "connection": connection})
