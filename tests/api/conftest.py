"""The REST API through chalice's own gateway, over the sandbox's Slack and Zendesk; every answer is held to OpenAPI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
import pytest

from chalicelib.services import admin_keys
from infra.local.gateway import Response
from tests.cli.conftest import House, attachment, house

__all__ = ["attachment", "house"]


@cache
def document() -> dict[str, Any]:
    import app  # noqa: F401
    from chalicelib.api import openapi

    return openapi.document()


def template(path: str) -> str:
    """The described path that a request's path belongs to."""
    bare = path.partition("?")[0]
    fitting = [known for known in document()["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), bare)]
    assert len(fitting) == 1, f"{bare} is described by {fitting}"
    return str(fitting[0])


@dataclass
class Api:
    """Requests with a key of each role. `call` fails where an answer is none that the description tells."""

    house: House
    admin: str
    viewer: str

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        key: str | None = "admin",
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Response:
        given = {"admin": self.admin, "viewer": self.viewer}.get(key or "", key)
        sent = {"Authorization": f"Bearer {given}"} if given is not None else {}
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        if content:
            sent["Content-Type"] = "application/json"
        answer = self.house.runtime.request(method, path, {**sent, **(headers or {})}, content)
        conforms(method, path, answer)
        return answer

    def get(self, path: str, key: str = "viewer") -> Any:
        answer = self.call("GET", path, key=key)
        assert answer.status == 200, answer.body
        return answer.json()

    def post(self, path: str, body: object = None, status: int = 200) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status == status, answer.body
        return answer.json()


def conforms(method: str, path: str, answer: Response) -> None:
    described = document()["paths"][template(path)][method.lower()]["responses"]
    assert str(answer.status) in described, f"{method} {path} answered {answer.status}: {answer.body!r}"
    schema = described[str(answer.status)]["content"]["application/json"]["schema"]
    whole = {**schema, "components": document()["components"]}
    jsonschema.Draft202012Validator(whole).validate(answer.json())


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    roles = admin_keys.AdminRole
    yield Api(house, *(admin_keys.new(role, "test", house.deps)[0] for role in (roles.ADMIN, roles.VIEWER)))
