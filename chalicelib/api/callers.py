"""Who calls: the holder of an admin key, or an account of the issuer. https://datatracker.ietf.org/doc/html/rfc6750"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from chalicelib.services import admin_keys, limits

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.admin_keys import Caller

_LONGEST = 16_384
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


class TooOften(Exception):
    """This caller failed to sign in too often; seconds until they may try again. Only the first one is logged."""

    def __init__(self, seconds: int, *, first: bool) -> None:
        super().__init__(f"too many sign-ins failed from there; try again in {seconds} s")
        self.seconds = seconds
        self.first = first


def caller(authorization: str, address: str, deps: Deps) -> Caller | None:
    """Whose credential the header `Authorization` holds, None where it is nobody's, whatever the reason.

    address  the caller's, as API Gateway tells it
    Raises `TooOften` where the same key failed ten times within a minute from there, without looking it up; and for
    what fails where thirty others did. A key that is right, and that nobody tried from there, always gets in.
    """
    scheme, _, given = authorization[:_LONGEST].partition(" ")
    given = given.strip() if scheme.lower() == "bearer" else ""
    now, limit = deps.now(), limits.of(deps)
    tried = f"{address} {admin_keys.key_id(given) or _digest(given)}"
    if limit.keys.full(tried, now):
        raise TooOften(limit.keys.seconds(now), first=limit.keys.count(tried, now) == limit.keys.most + 1)
    found = _known(given, deps)
    if found is None:
        limit.keys.count(tried, now)
        failed = limit.callers.count(address, now)
        if failed > limit.callers.most:
            raise TooOften(limit.callers.seconds(now), first=failed == limit.callers.most + 1)
    return found


def _known(given: str, deps: Deps) -> Caller | None:
    if _TOKEN.fullmatch(given):
        from chalicelib.api import tokens

        return tokens.caller(given, deps)
    return admin_keys.caller(given, deps)


def _digest(given: str) -> str:
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:12]
