"""Signing in to Salesforce, and what goes wrong on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.model import Contact, Hint
from connectors.base import BadCredentials, Call, Rejected, TryLater
from connectors.salesforce import CONNECTOR, NO_PASSWORD, session
from connectors.salesforce.errors import QUOTA_WAIT, Refused, refusal
from connectors.salesforce.session import LONGEST, TOKENS
from infra.sandbox import Fault
from tests.connectors.salesforce.support import NOW, Org, nothing
from tests.connectors.serving import reply, serving
from tests.support.corpus import corpus_dir, tested

TOKEN = ("salesforce", "POST", "/services/oauth2/token")
READ = "POST /composite/query"


def key_pair() -> tuple[str, str]:
    """A private key and its public one, made now."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def test_a_session_is_shared_by_the_connectors_of_a_process(org: Org) -> None:
    record = org.ticket().record
    for _ in range(3):
        org.connect().fetch(Hint(record), nothing)
    assert org.sandbox.requests[TOKEN] == 1


def test_a_session_that_is_over_is_renewed_once_and_the_call_goes_on(org: Org) -> None:
    record = org.ticket().record
    org.now += 3 * 3_600_000
    org.connector.fetch(Hint(record), nothing)
    assert org.sandbox.requests[TOKEN] == 2


def test_a_session_that_ends_again_at_once_is_a_matter_of_credentials(org: Org) -> None:
    record = org.ticket().record
    org.sandbox.faults.add(Fault("salesforce", "expired_token", match=READ, times=2))
    with pytest.raises(BadCredentials, match="INVALID_SESSION_ID"):
        org.connector.fetch(Hint(record), nothing)
    assert org.sandbox.requests["salesforce", "POST", "/composite/query"] == 3  # the contact's, and these two


def test_a_write_under_a_session_that_is_over_has_one_effect(org: Org) -> None:
    org.contact()
    org.salesforce.expire_sessions()
    org.ticket()
    assert (org.effects("ticket_created"), org.effects("comment")) == (1, 1)


def test_a_jwt_signs_in_the_integration_user(org: Org) -> None:
    private, org.salesforce.certificate = key_pair()
    user = {"username": org.salesforce.integration_name, "consumer_secret": ""}
    connector = org.connect(private_key=private, **user)
    assert connector.identity() == {"organization": org.salesforce.organization}
    assert connector._org.me == org.salesforce.integration_id


def settings_of(case: str) -> dict[str, str]:
    private = {"consumer_secret": "", "username": "deskweave@sandbox.test"}
    return {
        "wrong key": {"consumer_key": "fixture-wrong-key"},
        "wrong secret": {"consumer_secret": "fixture-wrong-secret"},
        "another key's certificate": {"private_key": key_pair()[0], **private},
        "no PEM": {"private_key": "fixture", **private},
    }[case]


REFUSED = [
    ("wrong key", "invalid_client_id client identifier invalid"),
    ("wrong secret", "invalid_client invalid client credentials"),
    ("another key's certificate", "The certificate of the app does not fit"),
    ("no PEM", "it has to be PEM"),
]


@pytest.mark.parametrize(("case", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_refused_sign_in_is_told_in_salesforces_words(org: Org, case: str, words: str) -> None:
    org.salesforce.certificate = key_pair()[1]
    connector = org.connect(**settings_of(case))
    with pytest.raises(BadCredentials, match=words):
        connector.identity()
    (found,) = connector.check()
    assert not found.ok and words in found.detail


def test_an_app_without_a_run_as_user_is_told_where_to_name_one(org: Org) -> None:
    org.salesforce.client_credentials_user = False
    with pytest.raises(BadCredentials, match="Run As"):
        org.connector.identity()


@pytest.mark.parametrize("key", ["password", "security_token"])
def test_user_name_and_password_are_refused_with_the_reason(org: Org, key: str) -> None:
    (found,) = org.connect(**{key: "fixture"}).check()
    assert not found.ok and found.detail == NO_PASSWORD
    assert "retires" in CONNECTOR.refused[key]
    assert org.sandbox.requests[TOKEN] == 0


HOSTS = [
    ("acme.my.salesforce.com", True),
    ("acme--uat.sandbox.my.salesforce.com", True),
    ("acme-dev-ed.develop.my.salesforce.com", True),
    ("login.salesforce.com", False),
    ("test.salesforce.com", False),
    ("acme.my.salesforce.com.evil.example", False),
    ("evil.example/acme.my.salesforce.com", False),
    ("https://acme.my.salesforce.com", False),
    ("acme.lightning.force.com", False),
]


@pytest.mark.parametrize(("host", "good"), HOSTS)
def test_only_a_my_domain_host_is_taken(host: str, good: bool) -> None:
    (field,) = (one for one in CONNECTOR.fields if one.key == "domain")
    assert bool(re.fullmatch(field.pattern, host)) is good
    assert "login.salesforce.com" in field.help


BODY = [{"message": "No such column 'Deskweave_Id__c' on entity 'Case'.", "errorCode": "INVALID_FIELD"}]
ANSWERS: list[tuple[int, list[dict[str, Any]], type[Exception], dict[str, Any]]] = [
    (403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}], TryLater, {"scope": "connection", "doubtful": False}),
    (400, [{"errorCode": "UNABLE_TO_LOCK_ROW"}], TryLater, {"scope": "lane", "doubtful": False}),
    (400, [{"errorCode": "QUERY_TIMEOUT"}], TryLater, {"doubtful": False}),
    (503, [{"errorCode": "SERVER_UNAVAILABLE"}], TryLater, {"scope": "connection", "doubtful": True}),
    (503, [], TryLater, {"scope": "connection", "doubtful": True}),
    (500, [{"errorCode": "UNKNOWN_EXCEPTION"}], TryLater, {"scope": "lane", "doubtful": True}),
    (401, [{"errorCode": "INVALID_SESSION_ID"}], BadCredentials, {}),
    (403, [{"errorCode": "API_DISABLED_FOR_ORG"}], BadCredentials, {}),
    (302, [], BadCredentials, {}),
    (400, BODY, BadCredentials, {}),
    (404, [{"errorCode": "NOT_FOUND"}], Refused, {"codes": {"NOT_FOUND"}}),
    (404, [{"errorCode": "ENTITY_IS_DELETED"}], Refused, {"codes": {"ENTITY_IS_DELETED"}}),
    (400, [{"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No."}], Refused, {}),
    (300, [], Refused, {}),
    (400, [{}], Refused, {"codes": set()}),
]


@pytest.mark.parametrize(("status", "errors", "kind", "values"), ANSWERS)
def test_each_answer_has_its_meaning(
    status: int, errors: list[dict[str, Any]], kind: type[Exception], values: dict[str, Any]
) -> None:
    told = refusal(status, errors)
    assert type(told) is kind
    for name, value in values.items():
        assert getattr(told, name) == value


def test_a_missing_field_is_named_with_where_to_click() -> None:
    told = str(refusal(400, BODY))
    assert "make the field Deskweave_Id__c" in told and "Object Manager" in told and "Permission Sets" in told


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("429", {"scope": "connection", "doubtful": False, "retry_after": QUOTA_WAIT}),
    ("503", {"scope": "connection", "doubtful": True}),
    ("500", {"scope": "lane", "doubtful": True}),
    ("timeout_before", {"doubtful": True}),
    ("timeout_after", {"doubtful": True}),
]


@pytest.mark.parametrize(("kind", "values"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_on_the_wire_is_told_as_what_happens_next(org: Org, kind: str, values: dict[str, Any]) -> None:
    record = org.ticket().record
    org.sandbox.faults.add(Fault("salesforce", kind, match=READ))
    with pytest.raises(TryLater) as raised:
        org.connector.fetch(Hint(record), nothing)
    for name, value in values.items():
        assert getattr(raised.value, name) == value


def test_an_org_without_calls_left_waits_as_a_whole(org: Org) -> None:
    record = org.ticket().record
    org.salesforce.api_limit = org.salesforce.used
    with pytest.raises(TryLater, match="REQUEST_LIMIT_EXCEEDED") as raised:
        org.connector.fetch(Hint(record), nothing)
    assert raised.value.scope == "connection"


def test_a_host_that_nobody_listens_on_was_surely_not_asked(org: Org) -> None:
    connector = org.connect(api_url="http://127.0.0.1:1")
    with pytest.raises(TryLater) as raised:
        connector.fetch(Hint("500Dw0000000Q0vIAE"), nothing)
    assert not raised.value.doubtful


def test_a_call_without_time_left_is_not_begun(org: Org) -> None:
    record = org.ticket().record
    org.connector._org.session.until = 0.0
    calls = org.calls()
    with pytest.raises(TryLater) as raised:
        org.connector._org.all({"method": "GET", "url": f"sobjects/Case/{record}"})
    assert not raised.value.doubtful
    assert org.calls() == calls


def test_a_contact_and_its_case_take_less_time_than_a_lane_gives_them() -> None:
    from chalicelib.services.effects import LONGEST_CALL

    assert 2 * (LONGEST + session.CONNECT + session.READ) * 1000 < LONGEST_CALL


BROKEN: list[tuple[str, Callable[[Any], None]]] = [
    ("no JSON", reply(200, b"<html>")),
    ("an empty answer", reply(200, b"{}")),
    ("an answer that is too short", reply(200, b'{"compositeResponse": []}')),
]


@pytest.mark.parametrize(("name", "handle"), BROKEN, ids=[row[0] for row in BROKEN])
def test_an_answer_that_is_none_leaves_a_doubt(org: Org, name: str, handle: Callable[[Any], None]) -> None:
    with serving(handle) as url:
        connector = org.connect(api_url=url.rstrip("/"))
        its = connector._org.session
        TOKENS._kept[its.account] = session.Token("fixture", "00D", "005")
        with pytest.raises(TryLater) as raised:
            connector.fetch(Hint("500Dw0000000Q0vIAE"), nothing)
        its.close()
    assert raised.value.doubtful


SIGN_INS: list[tuple[str, Callable[[Any], None], type[Exception]]] = [
    ("a proxy's page", reply(200, b"<html>"), TryLater),
    ("out of order", reply(503, b"<html>"), TryLater),
    ("too many sign-ins", reply(429, b"{}"), TryLater),
    ("refused in no words", reply(403, b"<html>"), BadCredentials),
    ("sent elsewhere", reply(302, b"", Location="https://evil.example/"), BadCredentials),
    ("no session in it", reply(200, b"{}"), BadCredentials),
    ("half an answer", reply(200, b'{"acc', Content_Length="500"), TryLater),
    ("a broken packing", reply(200, b"no gzip", Content_Encoding="gzip"), TryLater),
]


@pytest.mark.parametrize(("name", "handle", "kind"), SIGN_INS, ids=[row[0] for row in SIGN_INS])
def test_a_sign_in_that_goes_wrong_is_told_as_what_happens_next(
    org: Org, name: str, handle: Callable[[Any], None], kind: type[Exception]
) -> None:
    with serving(handle) as url:
        connector = org.connect(api_url=url.rstrip("/"))
        with pytest.raises(kind):
            connector.identity()
        connector._org.session.close()


def test_credentials_go_home_alone_and_redirects_are_not_followed(org: Org) -> None:
    def elsewhere(handler: Any) -> None:
        reply(302, b"", Location="http://127.0.0.1:1/services/data/")(handler)

    with serving(elsewhere) as url:
        connector = org.connect(api_url=url.rstrip("/"))
        TOKENS._kept[connector._org.session.account] = session.Token("fixture", "00D", "005")
        with pytest.raises(BadCredentials):
            connector.fetch(Hint("500Dw0000000Q0vIAE"), nothing)
        connector._org.session.close()


@pytest.mark.parametrize(("identity", "right"), [("00DDw0000000001MAA/005Dw0000000Q0vIAE", True), ("", False)])
def test_a_sign_in_answer_of_the_sdks_own_tests_is_read_if_it_tells_whose_it_is(
    org: Org, identity: str, right: bool
) -> None:
    kept = corpus_dir() / "salesforce" / "__init____module__TOKEN_LOGIN_RESPONSE_SUCCESS.json"
    answer = json.loads(kept.read_text())
    if identity:
        answer["id"] = f"https://login.salesforce.com/id/{identity}"
    with serving(reply(200, json.dumps(answer).encode(), Content_Type="application/json")) as url:
        its = org.connect(api_url=url.rstrip("/"))._org.session
        if right:
            assert its.token() == session.Token(answer["access_token"], *identity.split("/"))
        else:
            with pytest.raises(BadCredentials, match="whose session"):
                its.token()
        its.close()
    tested(1, "salesforce")


def test_nothing_that_a_person_sees_holds_the_secret(org: Org) -> None:
    connector = org.connect(consumer_secret="fixture-wrong-secret")
    with pytest.raises(BadCredentials) as refused:
        connector.upsert_contact(Contact("c", "Cy"), Call("u", NOW))
    assert "fixture-wrong-secret" not in str(refused.value)
    with pytest.raises(Rejected, match="none of"):
        org.connect(statuses="New=fresh").fetch(Hint("500Dw0000000Q0vIAE"), nothing)
