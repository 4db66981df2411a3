"""One org of Salesforce's: several things as one, queries, and its queues.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from simple_salesforce.api import Salesforce as Client
from simple_salesforce.format import format_soql

from connectors.base import Rejected, TryLater
from connectors.salesforce.errors import refusal
from connectors.salesforce.session import HEADERS, VERSION, Session, domain
from connectors.salesforce.words import Words, lines

DATA = f"/services/data/v{VERSION}/"
MADE = "@{case.id}"  # the Case that the step called `case` makes

_Json = dict[str, Any]


class Org:
    """One org: simple-salesforce, the org's words, and its queues as last read."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        host = f"{domain(settings)}.salesforce.com"
        self.session = Session((settings.get("api_url") or f"https://{host}").rstrip("/"), settings)
        self.client = Client(
            session_id="by our session", instance=host, version=VERSION, session=self.session, object_pairs_hook=None
        )
        self.key = settings.get("key_field") or "Deskweave_Id__c"
        self.origin = settings.get("origin", "")
        self.words = Words(settings)
        self.teams = dict(lines(settings.get("queues", "")))
        self.known: dict[str, tuple[str, str]] = {}

    @property
    def me(self) -> str:
        return self.session.token().user

    def all(self, *steps: _Json) -> list[Any]:
        """Do several things as one, or none of them: one call of the org's quota. Returns the bodies of the answers.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
        """
        asked = [
            {**step, "url": DATA + step["url"], "referenceId": step.get("referenceId", f"step{number}")}
            for number, step in enumerate(steps)
        ]
        body = {"allOrNone": True, "compositeRequest": asked}
        answer = self.client.restful("composite", method="POST", json=body)
        if not isinstance(answer, dict) or len(answer.get("compositeResponse") or ()) != len(steps):
            raise TryLater("Salesforce's answer was cut short or is not JSON", doubtful=True)
        answers = answer["compositeResponse"]
        failed = [(one["httpStatusCode"], one["body"]) for one in answers if one["httpStatusCode"] >= 300]
        for status, told in failed:
            errors = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
            if not errors or any(one.get("errorCode") != "PROCESSING_HALTED" for one in errors):
                raise refusal(status, errors)
        if failed:
            raise TryLater("Salesforce stopped half-way and undid it, without saying why")
        return [one["body"] for one in answers]

    def rows(self, soql: str) -> list[_Json]:
        answer: _Json = self.client.query(soql)
        return list(answer["records"])

    def describe(self, name: str) -> _Json:
        answer: _Json = self.client.restful(f"sobjects/{name}/describe") or {}
        return answer

    def queues(self, fresh: bool = False) -> dict[str, tuple[str, str]]:
        """The queues that may own a Case: id -> (label, developer name)."""
        if fresh or not self.known:
            soql = "SELECT Queue.Id, Queue.Name, Queue.DeveloperName FROM QueueSobject WHERE SobjectType = 'Case'"
            found = [row["Queue"] for row in self.rows(soql) if row.get("Queue")]
            self.known = {one["Id"]: (one["Name"], one["DeveloperName"]) for one in found}
        return self.known

    def queue_id(self, team: str) -> str:
        """The queue of a team, by the settings or by its own name. Raises `Rejected`."""
        name = next((queue for ours, queue in self.teams.items() if ours.casefold() == team.casefold()), team)
        for fresh in (False, True):
            for number, names in self.queues(fresh).items():
                if name.casefold() in (one.casefold() for one in names):
                    return number
        raise Rejected(
            f"Salesforce has no queue “{name}” for Cases for the team “{team}”: Setup > Queues > New, with Case among "
            "its objects, or map the team in the settings"
        )

    def team_of(self, owner: object) -> str:
        """The team of a Case's owner, "" where a person owns it."""
        if not isinstance(owner, dict) or owner.get("Type") != "Queue":
            return ""
        name = str(owner.get("Name") or "")
        return next((team for team, queue in self.teams.items() if queue.casefold() == name.casefold()), name)


def ask(soql: str, **values: object) -> _Json:
    """A query as a step of `Org.all`; every value is quoted, and refers to nothing."""
    return {"method": "GET", "url": "query?q=" + quote(format_soql(soql, **values), safe="")}


def of_made(step: _Json) -> _Json:
    """A query whose `MADE` is filled in by Salesforce, which reads references in plain characters alone."""
    return {**step, "url": step["url"].replace(quote(MADE, safe=""), MADE)}


def write(method: str, what: str, body: Mapping[str, object], reference: str) -> _Json:
    """A change as a step of `Org.all`; headers hold for each step alone."""
    step = {"method": method, "url": f"sobjects/{what}", "body": dict(body), "httpHeaders": HEADERS}
    return {**step, "referenceId": reference}
