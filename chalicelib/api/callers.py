"""Who calls: the holder of an admin key, or an account of the issuer. https://datatracker.ietf.org/doc/html/rfc6750"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.services import admin_keys

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps
    from chalicelib.services.admin_keys import Caller

_LONGEST = 16_384
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def caller(authorization: str, deps: Deps) -> Caller | None:
    """Whose credential the header `Authorization` holds, None where it is nobody's, whatever the reason."""
    scheme, _, given = authorization[:_LONGEST].partition(" ")
    given = given.strip() if scheme.lower() == "bearer" else ""
    if _TOKEN.fullmatch(given):
        from chalicelib.api import tokens

        return tokens.caller(given, deps)
    return admin_keys.caller(given, deps)
