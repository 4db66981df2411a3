"""A stand-in wire under the real zenpy: each request is recorded and answered from a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from requests.adapters import BaseAdapter

from connectors.zendesk import CONNECTOR, Zendesk

SETTINGS = {"subdomain": "acme", "email": "deskweave@acme.example", "api_token": "fixture-api-token"}


@dataclass
class Answer:
    """What the wire answers: a status and a body, or an exception raised in place of an answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


@dataclass
class Sent:
    """A request as it left: `body` is the JSON, None where there is none."""

    method: str
    url: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    timeout: Any


class Wire(BaseAdapter):
    def __init__(self, answer: Callable[[Sent], Answer]) -> None:
        super().__init__()
        self.answer = answer
        self.sent: list[Sent] = []

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, timeout: Any = None, **_: Any
    ) -> requests.Response:
        parts = urlsplit(str(request.url))
        body = json.loads(request.body) if isinstance(request.body, bytes) and request.body else None
        sent = Sent(
            str(request.method),
            str(request.url),
            parts.path,
            {key: values[0] for key, values in parse_qs(parts.query).items()},
            dict(request.headers),
            body,
            timeout,
        )
        self.sent.append(sent)
        answer = self.answer(sent)
        if answer.error:
            raise answer.error
        response = requests.Response()
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.raw = BytesIO(answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode())
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        pass


def wired(answer: Callable[[Sent], Answer], **settings: str) -> tuple[Zendesk, Wire]:
    """A connector whose every request goes to `answer`."""
    connector, wire = CONNECTOR({**SETTINGS, **settings}, "c1"), Wire(answer)
    connector._desk.session.mount("https://", wire)
    connector._desk.session.mount("http://", wire)
    return connector, wire


def scripted(*answers: Answer) -> Callable[[Sent], Answer]:
    """Answer the requests one after the other; one request too many fails the test."""
    left = list(answers)

    def answer(sent: Sent) -> Answer:
        assert left, f"one request too many: {sent.method} {sent.url}"
        return left.pop(0)

    return answer


def ticket(**values: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "status": "open",
        "priority": "high",
        "group_id": None,
        "external_id": "deskweave:v1",
        "tags": ["deskweave"],
        "updated_at": "2026-03-02T09:15:00Z",
        **values,
    }


def audit(call: str = "", *comments: int, number: int = 1) -> dict[str, Any]:
    custom = {"deskweave_call": call} if call else {}
    events = [{"id": one, "type": "Comment"} for one in comments]
    return {
        "id": number,
        "events": [*events, {"id": 1, "type": "Change"}],
        "metadata": {"system": {}, "custom": custom},
    }


def written(call: str, *comments: int, **values: Any) -> Answer:
    return Answer(body={"ticket": ticket(**values), "audit": audit(call, *comments)})


def audits(*items: dict[str, Any]) -> Answer:
    return Answer(body={"audits": list(items), "next_page": None, "count": len(items)})
