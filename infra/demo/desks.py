"""Agents at work in Salesforce, in its own interface: the stand-in's methods for people.

https://help.salesforce.com/s/articleView?id=service.cases_def.htm
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.demo.agents import Unreachable

if TYPE_CHECKING:
    from infra.sandbox import Sandbox

# What agents of both desks say, in Salesforce's words.
STATUSES = {"open": "Working", "pending": "On Hold", "solved": "Closed"}
PRIORITIES = {"low": "Low", "normal": "Medium", "high": "High", "urgent": "High"}


@dataclass(frozen=True)
class CaseWorker:
    """A person who works in Salesforce. `id` is their user's there."""

    name: str
    id: str
    sandbox: Sandbox

    desk = "salesforce"

    def reply(self, record: str, text: str, *, status: str | None = None, html: str = "") -> None:
        """Answer the customer by a public comment. Raises `Unreachable`. Its comments are plain: `html` is not used."""
        self._work()
        self.sandbox.salesforce.agent_comment(self.id, record, text, status=STATUSES[status] if status else None)

    def note(self, record: str, text: str) -> None:
        """Write what only colleagues may read."""
        self._work()
        self.sandbox.salesforce.agent_comment(self.id, record, text, public=False)

    def set(self, record: str, *, status: str = "", priority: str = "", team: str = "") -> None:
        """Change a Case: its status, priority or queue."""
        self._work()
        self.sandbox.salesforce.change_case(
            self.id,
            record,
            status=STATUSES[status] if status else None,
            priority=PRIORITIES[priority] if priority else None,
            owner=team or None,
        )

    def status(self, record: str) -> str:
        """A Case's status, in the words of both desks."""
        theirs = self.sandbox.salesforce.cases[record]["Status"]
        return next((ours for ours, name in STATUSES.items() if name == theirs), str(theirs).lower())

    def _work(self) -> None:
        if self.sandbox.world.now() < self.sandbox.salesforce.outage_until:
            raise Unreachable("Salesforce is out")


def hire(sandbox: Sandbox, name: str) -> CaseWorker:
    """Give somebody a service user's licence."""
    address = f"{name.lower().replace(' ', '.')}@cases.test"
    return CaseWorker(name, sandbox.salesforce.add_agent(name, address), sandbox)
