"""What Salesforce's callouts say, and which of them are Salesforce's at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.model import Hint
from connectors.base import InvalidWebhook, Unparsable, WebhookRequest
from connectors.salesforce import CONNECTOR, Salesforce, hooks
from tests.connectors.salesforce.support import NOW

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
CASE = "500Dw0000000Q0vIAE"
SECRET, PREVIOUS = "fixture-webhook-secret-0001", "fixture-webhook-secret-0000"
BODY = json.dumps({"record": CASE}).encode()
OUTBOUND = (
    "<soapenv:Envelope><soapenv:Body><notifications><OrganizationId>{}</OrganizationId></notifications>"
    "</soapenv:Body></soapenv:Envelope>"
)


def connector(**settings: str) -> Salesforce:
    return CONNECTOR({"webhook_secret": SECRET, **settings}, "c1")


def delivery(body: bytes, headers: dict[str, str] | None = None, query: str = "") -> WebhookRequest:
    return WebhookRequest("POST", headers or {}, body, NOW, query=query)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def body_of(case: dict[str, Any]) -> bytes:
    raw: str = case["raw"] if "raw" in case else json.dumps(case["body"])
    return raw.encode()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_delivery_says_what_its_case_says(path: Path) -> None:
    case = json.loads(path.read_text())
    request = delivery(body_of(case))
    if case["expected"]["outcome"] == "unparsable":
        for ask in (connector().parse, connector().group):
            with pytest.raises(Unparsable):
                ask(request)
        return
    records = case["expected"]["records"]
    assert connector().parse(request) == [Hint(record) for record in records]
    assert connector().group(request) == f"ticket:{records[0]}"


HOSTILE = {
    "utf-16": '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
    "utf-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
    "deep": b"<a>" * 200_000,
    "deep around a case": b"<a>" * 50
    + f"<Notification><sObject><Id>{CASE}</Id></sObject></Notification>".encode()
    + b"</a>" * 50,
    "deep json": b"[" * 200_000,
    "deep object": b'{"record":' * 50_000,
    "not utf-8": b"<a>\xff</a>",
    "nul": b"<a>\x00</a>",
    "bytes": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_unparsable_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Unparsable):
        connector().parse(delivery(body))


def test_of_an_endless_outbound_message_a_hundred_cases_are_read_as_salesforce_sends_them() -> None:
    many = "".join(
        f"<Notification><sObject><Id>{hooks.long_id(f'500Dw{number:010d}')}</Id></sObject></Notification>"
        for number in range(500)
    )
    assert len(connector().parse(delivery(f"<a>{many}</a>".encode()))) == 100


OTHERS = OUTBOUND.format("00DDw0000000002MAA").encode()
OURS = OUTBOUND.format("00DDw0000000001MAA").encode()
ORG = {"organization": "00DDw0000000001MAA"}
SECRETS: list[tuple[str, bool, dict[str, str], str, bytes, dict[str, str]]] = [
    ("bearer", True, bearer(SECRET), "", BODY, {}),
    ("bearer in capitals", True, {"authorization": f"BEARER {SECRET}"}, "", BODY, {}),
    ("in the address", True, {}, f"secret={SECRET}", OURS, {}),
    ("in the address, among others", True, {}, f"a=b&secret={SECRET}", OURS, {}),
    ("previous secret", True, bearer(PREVIOUS), "", BODY, {"previous_webhook_secret": PREVIOUS}),
    ("new secret while both are set", True, bearer(SECRET), "", BODY, {"previous_webhook_secret": PREVIOUS}),
    ("our org's", True, {}, f"secret={SECRET}", OURS, ORG),
    ("our org's in 15 characters", True, {}, f"secret={SECRET}", OURS, {"organization": "00DDw0000000001"}),
    ("another org's", False, {}, f"secret={SECRET}", OTHERS, ORG),
    ("previous secret, no longer set", False, bearer(PREVIOUS), "", BODY, {}),
    ("a wrong bearer beside the right address", False, bearer(PREVIOUS), f"secret={SECRET}", BODY, {}),
    ("basic", False, {"authorization": f"Basic {SECRET}"}, "", BODY, {}),
    ("truncated", False, bearer(SECRET[:-1]), "", BODY, {}),
    ("longer", False, bearer(SECRET + "1"), "", BODY, {}),
    ("empty bearer", False, bearer(""), "", BODY, {}),
    ("empty in the address", False, {}, "secret=", BODY, {}),
    ("not ASCII", False, bearer("\u00e9" * 27), "", BODY, {}),
    ("half a character", False, bearer("\ud800" * 27), "", BODY, {}),
    ("endless", False, bearer(SECRET * 10_000), "", BODY, {}),
    ("endless address", False, {}, f"a={'b' * 10_000}&secret={SECRET}", BODY, {}),
    ("nothing", False, {}, "", BODY, {}),
    ("no secret is set", False, bearer(""), "", BODY, {"webhook_secret": ""}),
    (
        "only a previous secret is set", False, bearer(PREVIOUS), "", BODY,
        {"webhook_secret": "", "previous_webhook_secret": PREVIOUS},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "right", "headers", "query", "body", "settings"), SECRETS, ids=[r[0] for r in SECRETS]
)
def test_only_what_carries_the_secret_is_taken(
    name: str, right: bool, headers: dict[str, str], query: str, body: bytes, settings: dict[str, str]
) -> None:
    request = delivery(body, headers, query)
    if right:
        connector(**settings).verify(request)
        return
    with pytest.raises(InvalidWebhook) as refused:
        connector(**settings).verify(request)
    assert SECRET not in str(refused.value)


def test_an_outbound_message_is_acknowledged_and_a_callout_needs_no_words() -> None:
    answer = connector().accepted(delivery(OURS))
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert "<Ack>true</Ack>" in answer.body
    assert connector().accepted(delivery(BODY)).body == ""


# By the vendor's rule: each of the last three tells which of five are capitals, the first one the lowest bit.
IDS = [
    ("500Dw0000000Q0v", "500Dw0000000Q0vIAE"),
    ("001D000000IqhSL", "001D000000IqhSLIAZ"),
    ("001R00000033I6A", "001R00000033I6AIAU"),
    ("001R00000033I6AIAU", "001R00000033I6AIAU"),
    ("001R00000033I6Aiau", "001R00000033I6AIAU"),
    ("001R00000033I6AIAV", ""),
    ("001R00000033I6", ""),
    ("", ""),
]


@pytest.mark.parametrize(("given", "expected"), IDS)
def test_an_id_has_eighteen_characters_and_the_last_three_fit(given: str, expected: str) -> None:
    assert hooks.long_id(given) == expected


def test_verify_and_group_load_neither_sdk_nor_model() -> None:
    code = (
        "import sys; from connectors.salesforce import CONNECTOR; from connectors.base import *\n"
        f"c = CONNECTOR({{'webhook_secret': {SECRET!r}}}, 'c1')\n"
        f"r = WebhookRequest('POST', {bearer(SECRET)!r}, {BODY!r}, {NOW})\n"
        f"c.verify(r); assert c.group(r) == 'ticket:{CASE}'; c.accepted(r)\n"
        "heavy = {'simple_salesforce', 'requests', 'dataclasses', 'chalicelib.core.model', 'xml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
