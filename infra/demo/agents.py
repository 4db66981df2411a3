"""Agents at work in Zendesk, through zenpy with their own credentials.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/ · http://docs.facetoe.com.au/zenpy.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment, Ticket, Trigger

if TYPE_CHECKING:
    from infra.sandbox import Sandbox

TAG = "deskweave"
TIMEOUT = 10


class Unreachable(Exception):
    """Zendesk cannot be worked with just now; the agent comes back later."""


class _Session(requests.Session):
    """Sends what is meant for the account's own host to the sandbox. zenpy would sleep on 429: this raises first."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.trust_env = False
        self._public = f"https://{sandbox.zendesk.subdomain}.zendesk.com/"
        self._home = f"{sandbox.zendesk.url}/"

    def send(self, request: requests.PreparedRequest, **arguments: Any) -> requests.Response:
        asked = request.url or ""
        request.url = asked.replace(self._public, self._home, 1)
        answer = super().send(request, **arguments)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Unreachable(f"Zendesk answered {answer.status_code}")
        # zenpy reads an answer by the address that it asked.
        answer.request.url = asked
        return answer


@dataclass(frozen=True)
class Agent:
    """A person who works in Zendesk: one zenpy, signed in as them. `id` is their user's in Zendesk."""

    name: str
    id: int
    zenpy: Zenpy
    sandbox: Sandbox

    desk = "zendesk"

    def reply(self, record: str, text: str, *, status: str | None = None, html: str = "") -> None:
        """Answer the customer, and set the status with it where one is given. Raises `Unreachable`."""
        said = Comment(html_body=html, public=True) if html else Comment(body=text, public=True)
        self._update(record, comment=said, **({"status": status} if status else {}))

    def note(self, record: str, text: str) -> None:
        """Write what only colleagues may read."""
        self._update(record, comment=Comment(body=text, public=False))

    def attach(self, record: str, text: str, name: str, content: bytes) -> None:
        """Answer the customer with a file."""
        import io

        with working(self.sandbox):
            upload = self.zenpy.attachments.upload(io.BytesIO(content), target_name=name)
            said = Comment(body=text, public=True, uploads=[upload.token])
            self.zenpy.tickets.update(Ticket(id=int(record), comment=said))

    def set(self, record: str, *, status: str = "", priority: str = "", team: str = "") -> None:
        """Change a ticket: its status, priority or group."""
        group = self.sandbox.zendesk.groups[team] if team else 0
        fields = {"status": status, "priority": priority, "group_id": group}
        self._update(record, **{name: value for name, value in fields.items() if value})

    def status(self, record: str) -> str:
        """A ticket's status."""
        return str(self.sandbox.zendesk.tickets[int(record)]["status"])

    def open_own_ticket(self, subject: str, text: str) -> int:
        """A ticket that came by telephone and is none of ours; returns its number."""
        with working(self.sandbox):
            made = self.zenpy.tickets.create(Ticket(subject=subject, comment=Comment(body=text, public=False)))
        return int(made.ticket.id)

    def _update(self, record: str, **fields: Any) -> None:
        with working(self.sandbox):
            self.zenpy.tickets.update(Ticket(id=int(record), **fields))


def hire(sandbox: Sandbox, name: str, group: str) -> Agent:
    """Give somebody an agent's seat in a group."""
    address = f"{name.lower().replace(' ', '.')}@desk.test"
    number, email, token = sandbox.zendesk.add_agent(name, address, group)
    return Agent(name, number, sign_in(sandbox, email, token), sandbox)


def sign_in(sandbox: Sandbox, email: str, token: str) -> Zenpy:
    """zenpy, signed in to the sandbox's account."""
    account = {"subdomain": sandbox.zendesk.subdomain, "email": email, "token": token}
    return Zenpy(**account, session=_Session(sandbox), timeout=TIMEOUT, disable_cache=True)


def mend_triggers(sandbox: Sandbox, tag: str = TAG) -> list[str]:
    """Make the triggers that write to requesters spare our tickets, through the API; returns their titles."""
    stand_in = sandbox.zendesk
    admin = sign_in(sandbox, stand_in.integration_email, stand_in.integration_token)
    mended = []
    for trigger in list(admin.triggers()):
        told = [action.to_dict() if hasattr(action, "to_dict") else action for action in trigger.actions]
        if not any(action["field"] == "notification_user" for action in told):
            continue
        conditions = _plain(trigger.conditions)
        conditions["all"].append({"field": "current_tags", "operator": "not_includes", "value": tag})
        admin.triggers.update(Trigger(id=trigger.id, conditions=conditions))
        mended.append(str(trigger.title))
    return mended


@contextmanager
def working(sandbox: Sandbox) -> Iterator[None]:
    """The faults that are armed are for Deskweave's calls, not for people's: an agent who hears nothing would send
    the same answer twice, and no software could tell it from two answers. An outage is everybody's."""
    faults = sandbox.faults
    with sandbox.world.lock:
        armed, faults.armed = faults.armed, []
    try:
        yield
    finally:
        with sandbox.world.lock:
            faults.armed = armed + faults.armed


def _plain(conditions: Any) -> dict[str, list[dict[str, Any]]]:
    told = conditions if isinstance(conditions, dict) else conditions.to_dict()
    return {
        side: [dict(one) if isinstance(one, dict) else one.to_dict() for one in told[side]] for side in ("all", "any")
    }
