"""The sandbox's SOQL: it does what the vendor does with the queries that we send, and refuses what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from infra.sandbox.salesforce_api import handle
from infra.sandbox.server import Request
from tests.connectors.salesforce.support import Org


def asked(org: Org, soql: str) -> tuple[int, Any]:
    import json

    org.connector.identity()
    (token,) = list(org.salesforce.sessions)[-1:]
    headers = {"authorization": f"Bearer {token}"}
    reply = handle(org.salesforce, Request("GET", "/salesforce/services/data/v62.0/query", {"q": soql}, headers, b""))
    return reply.status, json.loads(reply.body)


@pytest.fixture
def names(org: Org) -> Org:
    org.salesforce.duplicate_rule = "off"
    with org.salesforce.transaction():
        for first, last in (("Ann", "Able"), ("Bob", "Baker"), ("Cy", "O'Hara"), (None, "100%"), ("Ann", "Zed")):
            org.salesforce.write("Contact", {"FirstName": first, "LastName": last}, org.agent)
    return org


ALL = ["Able", "Baker", "O'Hara", "100%", "Zed"]
QUERIES: list[tuple[str, list[str]]] = [
    ("", ALL),
    ("WHERE FirstName = 'ann'", ["Able", "Zed"]),
    ("WHERE FirstName != 'Ann'", ["Baker", "O'Hara", "100%"]),
    ("WHERE FirstName = null", ["100%"]),
    ("WHERE FirstName = ''", ["100%"]),
    ("WHERE LastName = 'O\\'Hara'", ["O'Hara"]),
    ("WHERE LastName LIKE '%a%'", ["Able", "Baker", "O'Hara"]),
    ("WHERE LastName LIKE '100\\%'", ["100%"]),
    ("WHERE LastName LIKE '_ed'", ["Zed"]),
    ("WHERE FirstName = 'Ann' AND LastName = 'Zed'", ["Zed"]),
    ("WHERE FirstName = 'Bob' OR LastName = 'Zed'", ["Baker", "Zed"]),
    ("WHERE FirstName = 'Ann' AND (LastName = 'Zed' OR LastName = 'Able')", ["Able", "Zed"]),
    ("WHERE SystemModstamp >= 2026-03-02T09:15:00Z", ALL),
    ("WHERE SystemModstamp > 2026-03-02T09:15:00.000Z", []),
    ("ORDER BY LastName DESC LIMIT 2", ["Zed", "O'Hara"]),
    ("ORDER BY FirstName, LastName LIMIT 2 OFFSET 1", ["Able", "Zed"]),
]


@pytest.mark.parametrize(("rest", "expected"), QUERIES, ids=[row[0] or "all" for row in QUERIES])
def test_a_query_finds_what_it_asks_for(names: Org, rest: str, expected: list[str]) -> None:
    status, told = asked(names, f"SELECT LastName FROM Contact {rest}".strip())
    assert status == 200
    assert [row["LastName"] for row in told["records"]] == expected


REFUSED = [
    ("SELECT LastName FROM Contact WHERE FirstName = 'a' AND LastName = 'b' OR Id = 'c'", "MALFORMED_QUERY"),
    ("SELECT LastName FROM Contact WHERE FirstName = 'a", "MALFORMED_QUERY"),
    ("SELECT LastName FROM Contact WHERE FirstName = 'a\\x'", "MALFORMED_QUERY"),
    ("SELECT LastName FROM Contact LIMIT x", "MALFORMED_QUERY"),
    ("SELECT LastName FROM Contact; DELETE", "MALFORMED_QUERY"),
    ("SELECT LastName FROM Contact LIMIT 1 LIMIT 2", "MALFORMED_QUERY"),
    ("SELECT Nobody FROM Contact", "INVALID_FIELD"),
    ("SELECT Id FROM Contact WHERE Nobody = 'a'", "INVALID_FIELD"),
    ("SELECT Nobody.Name FROM Contact", "INVALID_FIELD"),
    ("SELECT Id FROM Nobody", "INVALID_TYPE"),
    ("SELECT Id FROM EmailMessage WHERE TextBody = 'a'", "INVALID_FIELD"),
    ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
]


@pytest.mark.parametrize(("soql", "code"), REFUSED)
def test_a_query_that_the_vendor_refuses_is_refused(names: Org, soql: str, code: str) -> None:
    status, told = asked(names, soql)
    assert (status, told[0]["errorCode"]) == (400, code)


def test_more_than_two_thousand_records_come_in_parts(names: Org) -> None:
    with names.salesforce.transaction():
        for number in range(2_100):
            names.salesforce.write("Case", {"Subject": str(number)}, names.agent)
    _, told = asked(names, "SELECT Id FROM Case")
    assert (told["totalSize"], told["done"], len(told["records"])) == (2_100, False, 2_000)
    rest = names.connector._org.client.query_more(told["nextRecordsUrl"].rpartition("/")[2])
    assert (rest["done"], len(rest["records"])) == (True, 100)
