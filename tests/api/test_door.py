"""Who is let in, what is refused and how, over every route there is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

import app
from chalicelib.api.door import LARGEST_BODY, OPERATIONS, Operation
from chalicelib.services import admin_keys
from tests.api.conftest import Api, document
from tests.cli.conftest import House

ROUTES = sorted(OPERATIONS, key=lambda one: (one.path, one.method))
WRITING = [one for one in ROUTES if one.method != "GET"]
NOBODYS = "dwk_" + "a1" * 30


def named(one: Operation) -> str:
    return f"{one.method} {one.path}"


def filled(one: Operation) -> str:
    return re.sub(r"\{\w+\}", "x1", one.path)


def test_every_route_of_the_app_but_the_webhook_is_behind_the_door_and_described() -> None:
    routed = {(method, path) for path, methods in app.app.routes.items() for method in methods}
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    ours = {(method, path) for method, path in routed if not path.startswith(("/webhooks/", "/files/"))}
    assert ours == described == {(one.method, one.path) for one in ROUTES}
    assert len(ROUTES) > 20


def test_the_description_is_valid_openapi() -> None:
    assert document()["openapi"].startswith("3.1")
    validate(document())


def test_everything_that_is_no_get_needs_the_role_admin() -> None:
    assert [named(one) for one in ROUTES if one.writes is not (one.method != "GET")] == []


@pytest.mark.parametrize("one", ROUTES, ids=named)
def test_without_a_key_nothing_is_told(api: Api, one: Operation) -> None:
    for key in (None, "", NOBODYS, api.admin[:-1], api.admin + "0", api.admin.upper(), "ключ"):
        answer = api.call(one.method, filled(one), key=key)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("one", ROUTES, ids=named)
def test_where_no_key_was_ever_made_everything_is_refused(house: House, one: Operation) -> None:
    for header in ({}, {"Authorization": f"Bearer {NOBODYS}"}, {"Authorization": "Bearer a.b.c"}):
        assert house.runtime.request(one.method, filled(one), header).status == 401


@pytest.mark.parametrize("one", WRITING, ids=named)
def test_a_viewer_changes_nothing(api: Api, one: Operation) -> None:
    path = filled(one).replace("connections/x1", f"connections/{api.house.slack}")
    before = api.get("/admin/connections")
    assert api.call(one.method, path, {}, key="viewer").status == 403
    assert api.get("/admin/connections") == before


@pytest.mark.parametrize("one", [one for one in ROUTES if one.method == "GET" and "{" not in one.path], ids=named)
def test_a_viewer_reads(api: Api, one: Operation) -> None:
    assert api.call("GET", one.path, key="viewer").status == 200


def test_a_wrong_key_costs_the_same_work_as_an_unknown_one(api: Api) -> None:
    known_id = api.admin[:16] + "0" * 48
    told: list[Any] = []
    for key in (known_id, NOBODYS, "dwk_short", "x", ""):
        api.house.runtime.meter.reset()
        answer = api.call("GET", "/admin/connections", key=key)
        calls = [(call.service, call.operation) for call in api.house.runtime.meter.of(function="api")]
        told.append((answer.status, answer.body, sorted(answer.headers), calls))
    assert len(told[0][3]) == 1
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize("scheme", ["Basic {}", "bearer{}", "{}", "Token {}", "Bearer  x {}"])
def test_a_key_counts_only_as_a_bearer(api: Api, scheme: str) -> None:
    header = {"Authorization": scheme.format(api.admin)}
    assert api.call("GET", "/admin/connections", key=None, headers=header).status == 401


def test_a_revoked_key_is_nobodys_at_once(api: Api) -> None:
    assert api.call("GET", "/api/lanes", key="viewer").status == 200
    admin_keys.revoke(api.viewer[4:16], api.house.deps)
    assert api.call("GET", "/api/lanes", key="viewer").status == 401


def test_of_a_key_only_its_digest_is_kept(api: Api) -> None:
    kept = repr(api.house.deps.table.query(admin_keys.PARTITION))
    for key in (api.admin, api.viewer):
        assert key[4:16] in kept
        assert key[16:] not in kept


def test_every_answer_forbids_keeping_and_guessing(api: Api) -> None:
    for path, key in (("/admin/connections", "admin"), ("/admin/connections", None), ("/api/customers/x", "admin")):
        headers = api.call("GET", path, key=key).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["content-type"] == "application/json"


DEEP = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
BAD_BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b'{"provider": "\\ud800"}', 400),
    (b'{"provider": NaN}', 400),
    (DEEP, 400),
    (b"[]", 422),
    (b"null", 422),
    (b'"x"', 422),
    (b"{}", 422),
    (b'{"provider": "slack"}', 422),
    (b'{"provider": 1, "settings": {}}', 422),
    (b'{"provider": "slack", "settings": []}', 422),
    (b'{"provider": "slack", "settings": {"bot_token": 1}}', 422),
    (b'{"provider": "slack", "settings": {"nonsense": "x"}}', 422),
    (b'{"provider": "slack", "settings": {}, "more": 1}', 422),
    (b'{"provider": "slack", "settings": {}, "register": "yes"}', 422),
    (b'{"provider": "nobody", "settings": {}}', 422),
    (b'{"provider": "../slack", "settings": {}}', 422),
    (b'{"provider": "slack", "settings": {"bot_token": "\\u0000"}}', 422),
    (json.dumps({"provider": "zendesk", "settings": {"api_token": "x" * 15_000}}).encode(), 422),
    (json.dumps({"provider": "slack", "settings": {f"k{n}": "" for n in range(101)}}).encode(), 422),
    (b" " * (LARGEST_BODY + 1), 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES, ids=[str(body[:50]) for body, _ in BAD_BODIES])
def test_a_bad_body_is_refused_and_nothing_is_saved(api: Api, body: bytes, status: int) -> None:
    before = api.get("/admin/connections")
    answer = api.call("POST", "/admin/connections", raw=body)
    assert answer.status == status, answer.body
    assert set(answer.json()) >= {"error", "message", "mend"}
    assert api.get("/admin/connections") == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_that_is_not_json_is_an_unsupported_media_type(api: Api, kind: str) -> None:
    assert api.call("POST", "/admin/connections", {}, headers={"Content-Type": kind}).status == 415


BAD_QUERIES = [
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=x",
    "limit=1e3",
    "limit=٣",
    "limit=" + "9" * 5000,
    "cursor=x",
    "cursor=e30",
    "cursor=WzEsMl0",
    "cursor=WyJcdWQ4MDAiXQ",
    "cursor=" + "A" * 1999,
    "nonsense=1",
    "status=asap",
    "cursor=%00",
]


@pytest.mark.parametrize("query", BAD_QUERIES, ids=[query[:30] for query in BAD_QUERIES])
def test_a_bad_query_is_refused(api: Api, query: str) -> None:
    answer = api.call("GET", f"/api/conversations?{query}", key="viewer")
    assert answer.status == 400, answer.body


@pytest.mark.parametrize("place", ["messages", "links", ""])
@pytest.mark.parametrize("id", ["x1", "c" + "0" * 400, "slack:1", ":", "zendesk:", "%00", "%ff", "..", "%20"])
def test_what_is_not_there_is_not_found(api: Api, id: str, place: str) -> None:
    path = f"/api/conversations/{id}/{place}".rstrip("/")
    assert api.call("GET", path, key="viewer").status == 404


@pytest.mark.parametrize("one", [one for one in ROUTES if "{" in one.path], ids=named)
def test_an_unknown_id_is_not_found(api: Api, one: Operation) -> None:
    body = {name: {"string": "x", "object": {}}[str(one.body[name]["type"])] for name in one.needs}
    assert api.call(one.method, filled(one), body or None).status == 404
