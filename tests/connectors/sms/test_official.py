"""What we send and the stand-in answers, against Twilio's own OpenAPI document (CORPUS_DIR); its SDK drives it too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from chalicelib.core.model import File, OutboundFile, OutboundMessage
from connectors.base import Rejected
from infra.sandbox import Fault, twilio_api
from infra.sandbox.server import Reply, Request
from tests.connectors.sms.support import CUSTOMER, OURS, Account
from tests.support.corpus import corpus_dir, tested

Json = dict[str, Any]
TO = {"to": CUSTOMER, "from": OURS}
# The messaging services' API has a document of its own, which the corpus lacks; the content network has none.
NOT_THERE = ("/v1/Services/", "/cdn/")


def plain(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` as JSON Schema says it; of the formats only what a pattern says is checked."""
    if isinstance(schema, list):
        return [plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: plain(value) for key, value in schema.items() if key not in ("example", "nullable", "format")}
    return {"anyOf": [kept, {"type": "null"}]} if schema.get("nullable") is True else kept


@pytest.fixture
def exchanges(account: Account) -> list[tuple[Request, Reply]]:
    """Every exchange with the stand-in, as its server saw it."""
    seen: list[tuple[Request, Reply]] = []
    server = account.sandbox._server
    assert server is not None
    inner = server._http.handle

    def handle(request: Request) -> Reply:
        reply = inner(request)
        seen.append((request, reply))
        return reply

    server._http.handle = handle
    return seen


def work(account: Account) -> None:
    """Everything the connector asks, in every form it takes."""
    twilio, sms = account.twilio, account.connector
    sms.check()
    twilio.webhook_url = ""
    sms.register()
    sms.identity()
    sms.send(OutboundMessage(TO, "Hello"), account.call("a"))
    sms.send(OutboundMessage(TO, "long words " * 300), account.call("b"))
    service = account.connect(**{"from": twilio.add_service(OURS), "mms": "yes"})
    service.send(OutboundMessage(TO, "Through the service"), account.call("c"))
    service.send(OutboundMessage({"to": CUSTOMER}, "Through it alone"), account.call("d"))
    picture = OutboundFile(TO, File("a.png", "image/png", b"1"), "https://desk.example.com/files/a")
    service.send_file(picture, account.call("e"))
    sms.send_file(picture, account.call("f"))
    account.known |= set(twilio.messages)
    sms.lookup("send", TO, account.call("g"))
    twilio.refused[CUSTOMER] = 21610
    with pytest.raises(Rejected):
        sms.send(OutboundMessage(TO, "No"), account.call("h"))


def operations() -> tuple[list[tuple[re.Pattern[str], str, Json]], Json]:
    document = json.loads((corpus_dir() / "twilio" / "twilio_api_v2010.json").read_text())
    found = []
    for path, item in document["paths"].items():
        pattern = re.compile(re.sub(r"\{[^}]+\}", r"[^/]+", path))
        found += [(pattern, name.upper(), item[name]) for name in ("get", "post", "delete") if name in item]
    return found, plain(document["components"])


def errors(schema: Json, value: Any, components: Json) -> list[str]:
    whole = {**plain(schema), "components": components}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def typed(values: Json, schemas: Json) -> Json:
    """A form's or a query's texts as the values that the document describes."""
    kinds: dict[str, Callable[[str], Any]] = {"integer": int, "boolean": "true".__eq__, "array": lambda text: [text]}
    return {name: kinds.get(schemas.get(name, {}).get("type"), str)(value) for name, value in values.items()}


def test_every_request_and_every_answer_is_one_that_twilio_documents(
    account: Account, exchanges: list[tuple[Request, Reply]]
) -> None:
    known, components = operations()
    work(account)
    seen = set()
    for request, reply in exchanges:
        path = request.path.removeprefix("/twilio")
        if path.startswith(NOT_THERE):
            continue
        matching = [one for one in known if one[0].fullmatch(path) and one[1] == request.method]
        assert len(matching) == 1, f"{request.method} {path} is not in the document"
        pattern, method, operation = matching[0]
        if request.method == "POST":
            schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
            fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            unknown = set(fields) - set(schema["properties"])
            # An empty text takes an application away: the document knows only whole SIDs.
            fields = {name: value for name, value in fields.items() if value}
            assert not errors(schema, typed(fields, schema["properties"]), components)
        else:
            asked = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
            unknown = set(request.query) - set(asked)
            for name, value in typed(dict(request.query), asked).items():
                assert not errors(asked[name], value, components)
        assert not unknown, f"{method} {path} has no {unknown}"
        if reply.status < 300:
            answer = operation["responses"][str(reply.status)]["content"]["application/json"]["schema"]
            assert not errors(answer, json.loads(reply.body), components), path
            seen.add((pattern.pattern, method))
    assert len(seen) >= 5
    tested(len(seen), "Twilio operations")


def test_a_wrong_answer_would_be_seen() -> None:
    known, components = operations()
    schema = next(
        one[2]["responses"]["200"]["content"]["application/json"]["schema"]
        for one in known
        if one[0].pattern.endswith("/Messages.json") and one[1] == "GET"
    )
    assert errors(schema, {"messages": [{"sid": "SM1", "status": "posted"}]}, components)
    assert not errors(schema, {"messages": []}, components)


class Loopback(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's own HTTP client, to the sandbox in place of the Internet."""

    def __init__(self, api_url: str) -> None:
        super().__init__(timeout=10)
        self.session.trust_env = False
        self.api_url = api_url

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        return super().request(method, re.sub(r"https://\w+\.twilio\.com", self.api_url, url), *arguments, **named)


@pytest.fixture
def sdk(account: Account) -> Any:
    client = Client(account.twilio.account_sid, account.twilio.auth_token, http_client=Loopback(account.twilio.api_url))
    yield client
    client.http_client.session.close()


def test_twilios_own_sdk_works_with_the_stand_in(account: Account, sdk: Any) -> None:
    twilio = account.twilio
    made = sdk.messages.create(to=CUSTOMER, from_=OURS, body="Hello", status_callback="https://desk.example.com/x")
    assert (made.status, made.direction, made.num_segments) == ("queued", "outbound-api", "1")
    assert sdk.messages(made.sid).fetch().status == "delivered"
    inbound = twilio.text(CUSTOMER, "See", [("image/png", b"1")])
    listed = sdk.messages(inbound).media.list()
    assert [one.content_type for one in listed] == ["image/png"]
    assert sdk.messages(inbound).media(listed[0].sid).fetch().parent_sid == inbound
    for number in range(7):
        sdk.messages.create(to=CUSTOMER, from_=OURS, body=f"more {number}")
    assert [one.body for one in sdk.messages.list(to=CUSTOMER, page_size=3)][-1] == "Hello"
    number = sdk.incoming_phone_numbers.list(phone_number=OURS)[0]
    assert number.update(sms_url="https://desk.example.com/y").sms_url == "https://desk.example.com/y"
    assert sdk.api.accounts(twilio.account_sid).fetch().status == "active"
    service = sdk.messaging.v1.services(twilio.add_service(OURS))
    assert service.update(inbound_request_url="https://desk.example.com/z").inbound_request_url.endswith("/z")


REFUSED: list[tuple[Json, int]] = [
    ({"to": "", "body": "x"}, 21604),
    ({"to": "12", "body": "x"}, 21211),
    ({"body": ""}, 21602),
    ({"body": "x" * 1601}, 21617),
    ({"body": "x", "from_": "+15005551111"}, 21659),
    ({"body": "x", "from_": ""}, 21603),
    ({"body": "x", "messaging_service_sid": "MG" + "0" * 32}, 21705),
    ({"body": "x", "status_callback": "desk"}, 21609),
    ({"body": "x", "media_url": ["desk"]}, 21620),
]


@pytest.mark.parametrize(("wrong", "code"), REFUSED)
def test_what_twilio_refuses_the_stand_in_refuses_with_its_code(
    account: Account, sdk: Any, wrong: Json, code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        sdk.messages.create(**{"to": CUSTOMER, "from_": OURS, **wrong})
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert account.sandbox.ledger == [] and account.phone() == []


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("429", 429, 20429), ("500", 500, 20500), ("503", 503, 20503), ("expired_token", 401, 20003)],
)
def test_a_fault_answers_in_twilios_words(account: Account, sdk: Any, kind: str, status: int, code: int) -> None:
    account.sandbox.faults.add(Fault("twilio", kind, "POST Messages"))
    with pytest.raises(TwilioRestException) as refused:
        sdk.messages.create(to=CUSTOMER, from_=OURS, body="x")
    assert (refused.value.code, refused.value.status) == (code, status)


def test_every_refusal_of_the_stand_in_has_its_words() -> None:
    assert all(400 <= status < 600 and words for status, words in twilio_api.ERRORS.values())
