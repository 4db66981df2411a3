"""Tokens of an OpenID Connect issuer. https://openid.net/specs/openid-connect-discovery-1_0.html

Only RS256 and ES256 are taken, each with a key of its own kind out of the issuer's key set: a token that names another
algorithm, none, or a symmetric one is nobody's. Times are told by the process's own clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import jwt

from chalicelib.services import admin_issuer
from chalicelib.services.admin_keys import Caller
from connectors import http
from connectors.base import ConnectorError

if TYPE_CHECKING:
    from jwt.types import Options

    from chalicelib.bootstrap import Deps
    from chalicelib.services.admin_issuer import Issuer

LEEWAY = 60
_CACHED = 600_000
_REREAD = 60_000
_LARGEST = 1_000_000
_SMALLEST_RSA = 2048
_KEYS = {"RS256": {"kty": "RSA"}, "ES256": {"kty": "EC", "crv": "P-256"}}
# The times are checked here, by our own clock.
_OPTIONS: Options = {"require": ["exp", "iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}

Json = Mapping[str, Any]
_read: WeakKeyDictionary[Deps, tuple[int, str, list[Json]]] = WeakKeyDictionary()


def caller(token: str, deps: Deps) -> Caller | None:
    """Whose token this is, None where it is not the issuer's, not for us, not valid now, or gives no role."""
    issuer = admin_issuer.get(deps)
    if issuer is None:
        return None
    try:
        header = jwt.get_unverified_header(token)
        key = _key(header, issuer, deps)
        if key is None:
            return None
        claims = jwt.decode(
            token,
            key,
            algorithms=[header["alg"]],
            audience=issuer.audience,
            issuer=issuer.issuer,
            options=_OPTIONS,
        )
    except (jwt.PyJWTError, ConnectorError, ValueError):
        return None
    role = issuer.role(claims)
    if role is None or not _now(claims, deps.now() / 1000):
        return None
    return Caller(f"account {str(claims.get('sub', ''))[:80]}", role)


def _now(claims: Json, now: float) -> bool:
    """Whether the token is valid at this time (s)."""
    times = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    if any(isinstance(at, bool) or not isinstance(at, int | float) for at in times.values()):
        return False
    return times["exp"] > now - LEEWAY and all(times.get(name, now) <= now + LEEWAY for name in ("nbf", "iat"))


def _key(header: Json, issuer: Issuer, deps: Deps) -> Any:
    """The issuer's key that this header names, None where there is none for its algorithm."""
    wanted = _KEYS.get(str(header.get("alg")))
    if wanted is None:
        return None
    named = [one for one in _keys(issuer, deps) if _fits(one, header, wanted)]
    if not named and _reread(issuer, deps):
        named = [one for one in _keys(issuer, deps) if _fits(one, header, wanted)]
    if len(named) != 1:
        return None
    key = jwt.PyJWK(dict(named[0]), algorithm=str(header["alg"])).key
    return key if getattr(key, "key_size", 0) >= _SMALLEST_RSA or wanted["kty"] == "EC" else None


def _fits(key: Json, header: Json, wanted: Mapping[str, str]) -> bool:
    named = key.get("kid") == header["kid"] if "kid" in header else True
    usable = key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"]
    return named and usable and all(key.get(name) == value for name, value in wanted.items())


def _keys(issuer: Issuer, deps: Deps) -> list[Json]:
    kept = _read.get(deps)
    if kept is None or kept[1] != issuer.issuer or not 0 <= deps.now() - kept[0] < _CACHED:
        kept = _read[deps] = (deps.now(), issuer.issuer, _fetched(issuer))
    return kept[2]


def _reread(issuer: Issuer, deps: Deps) -> bool:
    """Forget the keys where they may be old: a key that we do not know may be new, but strangers can name any."""
    kept = _read.get(deps)
    if kept is None or deps.now() - kept[0] < _REREAD:
        return False
    del _read[deps]
    return True


def _fetched(issuer: Issuer) -> list[Json]:
    """The issuer's key set, found by its discovery document. Raises `ConnectorError`, ValueError."""
    base = issuer.issuer.rstrip("/")
    document = _json(f"{base}/.well-known/openid-configuration", base)
    if document.get("issuer") != issuer.issuer:
        raise ValueError("the discovery document is of another issuer")
    address = str(document.get("jwks_uri"))
    if urlsplit(address).scheme != "https" and not http.same_origin(address, base):
        raise ValueError("the key set must be read over https")
    keys = _json(address, address).get("keys")
    return [one for one in keys if isinstance(one, dict)] if isinstance(keys, list) else []


def _json(url: str, origin: str) -> Json:
    found = http.call("GET", url, http.Bounds(origin=origin), provider="the issuer", limit=_LARGEST, timeout=5.0).json()
    if not isinstance(found, dict):
        raise ValueError("the issuer's answer is no JSON object")
    return found
