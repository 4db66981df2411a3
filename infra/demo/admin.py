"""The admin of the demo: looks through the failure list now and then, as `deskweave failures` shows it, and settles
what only a person can: whether a mail that nobody knows of left, and an answer to somebody who wants no more texts.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib import bootstrap
from chalicelib.services import failures, held, keys, lanes
from connectors.ses import keys as mail_keys
from infra.demo.people import Cast

if TYPE_CHECKING:
    from infra.local.try_it import Connected

MOST = 1_000


@dataclass(frozen=True)
class Admin:
    """Somebody with an admin's rights to Deskweave, who can look at Amazon SES and at Twilio's console.

    aside  in which they ask AWS, as in `Played`
    """

    cast: Cast
    aside: Callable[[], AbstractContextManager[None]]
    connected: Connected

    def look(self) -> int:
        """Go through the open failures; returns how many were settled."""
        deps, before = bootstrap.deps(), len(self.cast.resolved)
        with self.aside():
            for failure in failures.listed(deps, MOST):
                how = self._decision(failure) if failure["kind"] == "lane" else ""
                if how:
                    (failures.retry if how == "retried" else failures.skip)(failure["sk"], deps)
                    self.cast.resolved[failure["sk"]] = f"{failure['state']}: {how}"
        return len(self.cast.resolved) - before

    def release(self, key: str) -> bool:
        """Let the held conversation of a mail become tickets; False where the mail has not come yet."""
        deps = bootstrap.deps()
        with self.aside():
            message = deps.table.get(keys.message(self.connected.ses, key))
            if message is None:
                return False
            held.release(message["conversation"], deps)
        return True

    def _decision(self, failure: dict[str, Any]) -> str:
        """What to do about a lane that is held; "" where nobody can tell."""
        deps, lane = bootstrap.deps(), str(failure["lane"])
        head = deps.table.get(lane, keys.HEAD) or {}
        if failure["connection"] == self.connected.ses and failure["state"] == "unknown" and head.get("call"):
            reference = mail_keys.tag(f"{lanes.conversation_of(lane)}.{head['call']['id']}")
            left = any(one.tags.get("deskweave-reference") == reference for one in self.cast.sandbox.ses.sent)
            return "skipped" if left else "retried"
        entry = deps.table.get(lane, keys.entry(int(failure["first"]))) or {}
        twilio, to = self.cast.sandbox.twilio, entry.get("to", {}).get("to", "")
        if failure["connection"] == self.connected.sms and (to, twilio.number) in twilio.opted_out:
            return "skipped"
        return ""
