"""Tokens of an OpenID Connect issuer: what opens the door, and everything that must not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.services import admin_issuer
from chalicelib.services.admin_issuer import BadIssuer, Issuer
from infra.local.clock import VirtualClock
from infra.sandbox.server import Reply, Request, Server, json_reply
from tests.api.conftest import Api

AUDIENCE = "deskweave"
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
SHORT_RSA = rsa.generate_private_key(65537, 1024)
EC, OTHER_EC = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


def public(key: Any, kid: str, **more: str) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    )
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, **more}


@dataclass
class Provider:
    """An issuer on the loopback: its documents, and how often they were read."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    reads: int = 0
    down: bool = False

    def handle(self, request: Request) -> Reply:
        self.reads += 1
        if self.down:
            return json_reply(500, {})
        if request.path == "/.well-known/openid-configuration":
            return json_reply(200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.document})
        return json_reply(200, {"keys": self.keys})


@pytest.fixture
def provider(api: Api) -> Iterator[Provider]:
    made = Provider()
    server = Server(made.handle)
    made.url = f"http://127.0.0.1:{server.port}"
    made.keys = [public(RSA, "r1", use="sig"), public(EC, "e1"), public(SHORT_RSA, "short")]
    admin_issuer.put(Issuer(made.url, AUDIENCE), api.house.deps)
    yield made
    server.stop()


def claims(api: Api, provider: Provider, **changed: Any) -> dict[str, Any]:
    now = api.house.deps.now() // 1000
    usual = {
        "iss": provider.url,
        "aud": AUDIENCE,
        "sub": "ada",
        "iat": now,
        "exp": now + 300,
        "roles": ["deskweave-admin"],
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def signed(given: dict[str, Any], key: Any = RSA, algorithm: str = "RS256", **headers: Any) -> str:
    return jwt.encode(given, key, algorithm, headers={"kid": "r1", **headers})


def status(api: Api, token: str, method: str = "GET", path: str = "/admin/connections") -> int:
    return api.call(method, path, key=token).status


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(RSA, "RS256", "r1"), (EC, "ES256", "e1")])
@pytest.mark.parametrize(
    ("roles", "reads", "writes"),
    [
        (["deskweave-admin"], 200, 404),
        ("deskweave-admin", 200, 404),
        (["x", "deskweave-viewer"], 200, 403),
        (["deskweave"], 401, 401),
        ([], 401, 401),
        (7, 401, 401),
        ([["deskweave-admin"]], 401, 401),
        (None, 401, 401),
    ],
)
def test_a_token_of_the_issuer_opens_the_door_for_its_role(
    api: Api, provider: Provider, key: Any, algorithm: str, kid: str, roles: Any, reads: int, writes: int
) -> None:
    token = signed(claims(api, provider, roles=roles), key, algorithm, kid=kid)
    assert status(api, token) == reads
    assert status(api, token, "POST", "/api/failures/x/skip") == writes


def test_roles_are_found_in_the_claim_that_is_set(api: Api, provider: Provider) -> None:
    admin_issuer.put(Issuer(provider.url, AUDIENCE, "realm_access.roles", ("boss",), ()), api.house.deps)
    assert status(api, signed(claims(api, provider, realm_access={"roles": ["boss"]}))) == 200
    assert status(api, signed(claims(api, provider))) == 401
    admin_issuer.put(Issuer(provider.url, AUDIENCE, "https://acme.example/roles", ("boss",), ()), api.house.deps)
    assert status(api, signed(claims(api, provider, **{"https://acme.example/roles": "boss"}))) == 200


CLAIMS: list[dict[str, Any]] = [
    {"aud": "another"},
    {"aud": ["another"]},
    {"aud": None},
    {"iss": "http://127.0.0.1:1"},
    {"iss": None},
    {"exp": None},
    {"exp": "soon"},
    {"exp": True},
    {"exp": 10},
    {"late": -61},
    {"late": "nbf"},
    {"late": "iat"},
    {"nbf": "x"},
]


@pytest.mark.parametrize("changed", CLAIMS, ids=str)
def test_a_token_for_others_or_for_another_time_is_nobodys(
    api: Api, provider: Provider, changed: dict[str, Any]
) -> None:
    now = api.house.deps.now() // 1000
    if late := changed.get("late"):
        changed = {"exp": now + late} if isinstance(late, int) else {late: now + 61}
    assert status(api, signed(claims(api, provider))) == 200
    given = claims(api, provider)
    given.update(changed)
    token = jwt.api_jws.encode(
        json.dumps({name: value for name, value in given.items() if value is not None}).encode(),
        RSA,
        "RS256",
        headers={"kid": "r1"},
    )
    assert status(api, token) == 401


def test_a_minute_of_skew_is_forgiven(api: Api, provider: Provider) -> None:
    now = api.house.deps.now() // 1000
    assert status(api, signed(claims(api, provider, exp=now - 59, nbf=now + 59, iat=now + 59))) == 200


def forged(api: Api, provider: Provider) -> dict[str, str]:
    """Tokens that claim everything rightly and are not the issuer's."""
    right = claims(api, provider)
    pem = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    genuine = signed(right)
    head, _, tail = genuine.partition(".")
    nothing = jwt.encode(right, "", algorithm="none", headers={"kid": "r1"})
    return {
        "another key under a known name": signed(right, OTHER_RSA),
        "another curve's key under a known name": signed(right, OTHER_EC, "ES256", kid="e1"),
        "an unknown name": signed(right, kid="r2"),
        "no name where there are several": jwt.encode(right, OTHER_RSA, "RS256"),
        "no algorithm": nothing,
        "no algorithm, with a signature": nothing + "x",
        "HS256 by the public key": _hs256(right, pem),
        "another hash": signed(right, algorithm="RS512"),
        "another padding": signed(right, algorithm="PS256"),
        "the algorithm of another kind of key": signed(right, EC, "ES256", kid="r1"),
        "a short key": _short(right),
        "critical extensions": signed(right, crit=["exp"]),
        "a changed payload": f"{head}.{signed({**right, 'sub': 'eve'}).split('.')[1]}.{tail.split('.')[1]}",
        "no signature": genuine.rpartition(".")[0] + ".",
        "a key of its own": signed(right, OTHER_RSA, jwk=public(OTHER_RSA, "r1"), jku="http://127.0.0.1:1/"),
        "endless": genuine + "A" * 20_000,
        "no JSON": "AAAA.BBBB.CCCC",
        "a number for a head": "Nw.Nw.Nw",
    }


def _hs256(given: dict[str, Any], secret: bytes) -> str:
    import base64
    import hashlib
    import hmac

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    body = f"{part(json.dumps({'alg': 'HS256', 'kid': 'r1'}).encode())}.{part(json.dumps(given).encode())}"
    return f"{body}.{part(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"


def _short(given: dict[str, Any]) -> str:
    with pytest.warns(UserWarning):
        return signed(given, SHORT_RSA, kid="short")


FORGERIES = (
    "another key under a known name", "another curve's key under a known name", "an unknown name",
    "no name where there are several", "no algorithm", "no algorithm, with a signature", "HS256 by the public key",
    "another hash", "another padding", "the algorithm of another kind of key", "a short key", "critical extensions",
    "a changed payload", "no signature", "a key of its own", "endless", "no JSON", "a number for a head",
)  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_nobodys(api: Api, provider: Provider, forgery: str) -> None:
    tokens = forged(api, provider)
    assert set(tokens) == set(FORGERIES)
    assert status(api, tokens[forgery]) == 401


def test_a_tokens_key_is_read_once_and_again_when_it_may_be_new_but_not_for_every_stranger(
    api: Api, provider: Provider
) -> None:
    clock = api.house.runtime.clock
    assert isinstance(clock, VirtualClock)
    for _ in range(3):
        assert status(api, signed(claims(api, provider))) == 200
    assert provider.reads == 2
    provider.keys = [public(OTHER_RSA, "r2")]
    for _ in range(3):
        assert status(api, signed(claims(api, provider), OTHER_RSA, kid="r2")) == 401
    assert provider.reads == 2
    api.house.forward(61_000)
    for _ in range(3):
        assert status(api, signed(claims(api, provider), OTHER_RSA, kid="r2")) == 200
    assert provider.reads == 4
    assert status(api, signed(claims(api, provider))) == 401


DOCUMENTS: list[dict[str, Any]] = [
    {"issuer": "http://127.0.0.1:1"},
    {"jwks_uri": None},
    {"jwks_uri": "http://127.0.0.1:1/keys"},
    {"jwks_uri": "file:///etc/passwd"},
    {"jwks_uri": "http://169.254.169.254/keys"},
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_an_issuers_document_that_points_elsewhere_is_not_followed(
    api: Api, provider: Provider, document: dict[str, Any]
) -> None:
    provider.document = document
    assert status(api, signed(claims(api, provider))) == 401
    assert provider.reads == 1


def test_keys_are_not_taken_from_another_place_without_tls(api: Api, provider: Provider) -> None:
    other = Provider(keys=[public(OTHER_RSA, "r1")])
    server = Server(other.handle)
    provider.document = {"jwks_uri": f"http://127.0.0.1:{server.port}/keys"}
    assert status(api, signed(claims(api, provider), OTHER_RSA)) == 401
    assert other.reads == 0
    server.stop()


def test_an_issuer_that_does_not_answer_lets_nobody_in(api: Api, provider: Provider) -> None:
    provider.down = True
    assert status(api, signed(claims(api, provider))) == 401
    assert status(api, api.admin) == 200


def test_an_issuer_that_was_removed_lets_nobody_in(api: Api, provider: Provider) -> None:
    token = signed(claims(api, provider))
    assert status(api, token) == 200
    admin_issuer.remove(api.house.deps)
    assert status(api, token) == 401


@pytest.mark.parametrize(
    "address",
    ["http://login.example", "https://", "ftp://x", "https://a b", "https://x?y", "https://u@x", "http://127.0.0.2"],
)
def test_an_issuer_that_cannot_be_trusted_is_refused(api: Api, address: str) -> None:
    with pytest.raises(BadIssuer):
        admin_issuer.put(Issuer(address, AUDIENCE), api.house.deps)
    with pytest.raises(BadIssuer):
        admin_issuer.put(Issuer("https://login.example", ""), api.house.deps)


def test_a_deployed_stage_takes_no_issuer_over_http(api: Api) -> None:
    api.house.deps.stage = "prod"
    with pytest.raises(BadIssuer):
        admin_issuer.put(Issuer("http://127.0.0.1:1", AUDIENCE), api.house.deps)
