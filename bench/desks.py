"""A CRM of the sandbox as the benchmarks see it: its tickets, what its agents do, and which calls it received."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.stage import Stage

WRITES = ("POST", "PUT", "PATCH", "DELETE")
SIGN_IN = "/services/oauth2/token"


@dataclass(frozen=True)
class Desk:
    """One CRM.

    provider   its connector's name; the ids of tickets and agents are as the sandbox has them
    writes     whether a call (method, template) changes something there; else it is a read. A sign-in is neither
    """

    provider: str
    at: Stage
    tickets: Callable[[], Mapping[Any, Any]]
    comments: Callable[[Any], list[Any]]
    add_agent: Callable[[], Any]
    set_status: Callable[[Any, Any, str], None]
    answer: Callable[[Any, Any, str], object]
    outage: Callable[[int], object]
    writes: Callable[[str, str], bool]

    def calls(self, *, writing: bool) -> int:
        """How many writes, or reads, it has received."""
        return sum(
            count
            for (provider, method, name), count in self.at.sandbox.requests.items()
            if provider == self.provider and name != SIGN_IN and self.writes(method, name) is writing
        )


def desk(provider: str, at: Stage) -> Desk:
    """The sandbox's CRM by its connector's name. Raises `KeyError` for another."""
    return {"zendesk": _zendesk, "salesforce": _salesforce}[provider](at)


def _zendesk(at: Stage) -> Desk:
    theirs = at.sandbox.zendesk
    return Desk(
        "zendesk",
        at,
        lambda: theirs.tickets,
        theirs.comments,
        lambda: theirs.add_agent("Agent", "agent@sandbox.test")[0],
        lambda agent, ticket, status: theirs.change_ticket(agent, ticket, status=status),
        theirs.agent_comment,
        theirs.outage,
        lambda method, name: method in WRITES,
    )


def _salesforce(at: Stage) -> Desk:
    """Salesforce asks several things in one POST: a composite request that changes nothing is a read."""
    theirs = at.sandbox.salesforce
    named = {"open": "Working", "pending": "On Hold", "solved": "Closed"}
    return Desk(
        "salesforce",
        at,
        lambda: theirs.cases,
        theirs.comments,
        lambda: theirs.add_agent("Agent", "agent@sandbox.test"),
        lambda agent, ticket, status: theirs.change_case(agent, ticket, status=named[status]),
        theirs.agent_comment,
        theirs.outage,
        lambda method, name: method in WRITES and name != "/composite/query",
    )
