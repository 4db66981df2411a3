"""How many messages one address may be sent within an hour, so that two machines which answer each other stop."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.aws.table import Update
from chalicelib.core.threading import HOUR
from chalicelib.services.work import Work
from connectors.base import Rejected


def spend(work: Work, to: Mapping[str, str]) -> None:
    """Count a message that is about to be sent, however often it is tried. Raises `Rejected` beyond the budget."""
    budget, entry = work.to_channel.reply_budget, work.entries[0]
    if not budget or entry.get("counted"):
        return
    deps, hour = work.deps, work.deps.now() // HOUR
    pk = f"BUDGET#{work.head['connection']}#{to.get('to', '')[:500]}"
    expires = (hour + 2) * HOUR // 1000
    counted = deps.table.update(Update(pk, f"{hour:09d}", add={"sent": 1}, set={"expires_at": expires}))
    if int(counted["sent"]) > budget:
        raise Rejected(
            f"this address was sent {budget} messages within an hour already; two machines may be answering each "
            "other. Look at the conversation, then retry or skip"
        )
    deps.table.update(Update(entry["pk"], entry["sk"], set={"counted": True}))
