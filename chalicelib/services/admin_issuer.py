"""The OpenID Connect issuer whose tokens open the REST API, where one is set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from chalicelib.services.admin_keys import AdminRole

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

_KEY = ("SETTINGS", "issuer")
_ISSUER = re.compile(r"https://[^\s?#@]+|http://127\.0\.0\.1(:[0-9]+)?(/[^\s?#@]*)?")


class BadIssuer(ValueError):
    """The issuer's settings cannot work; the message says why."""


@dataclass(frozen=True)
class Issuer:
    """Whose tokens are taken, for whom they must be meant, and what gives a role.

    issuer  its address, as its tokens' `iss` spells it; audience what their `aud` must name
    claim   the claim that tells roles, a dot for each level ("realm_access.roles"); a text or a list of texts
    admins, viewers  the values of the claim that make an admin, or a viewer
    """

    issuer: str
    audience: str
    claim: str = "roles"
    admins: tuple[str, ...] = ("deskweave-admin",)
    viewers: tuple[str, ...] = ("deskweave-viewer",)

    def role(self, claims: Mapping[str, Any]) -> AdminRole | None:
        """The role that a token's claims give, None where they give none."""
        found: Any = claims
        for name in [self.claim] if self.claim in claims else self.claim.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        told = set(found if isinstance(found, list) else [found]) if _texts(found) else set()
        if told & set(self.admins):
            return AdminRole.ADMIN
        return AdminRole.VIEWER if told & set(self.viewers) else None


def get(deps: Deps) -> Issuer | None:
    """The issuer that is set, None where there is none."""
    kept = deps.table.get(*_KEY)
    if kept is None:
        return None
    return Issuer(**{one.name: _plain(kept[one.name]) for one in fields(Issuer)})


def put(issuer: Issuer, deps: Deps) -> None:
    """Take this issuer's tokens from now on, and no other's. Raises `BadIssuer`."""
    if not _ISSUER.fullmatch(issuer.issuer):
        raise BadIssuer("the issuer is an https:// address (http only for 127.0.0.1), without a query")
    if issuer.issuer.startswith("http:") and deps.stage != "local":
        raise BadIssuer("http is for the local run only: a deployed stage needs an https:// issuer")
    if not issuer.audience or not issuer.claim or not issuer.admins + issuer.viewers:
        raise BadIssuer("an audience, the claim that tells roles, and a value for admins or viewers are needed")
    pk, sk = _KEY
    deps.table.put({"pk": pk, "sk": sk, **asdict(issuer), "at": deps.now()})


def remove(deps: Deps) -> None:
    """Take no issuer's tokens any more."""
    from chalicelib.aws.table import Delete

    deps.table.delete(Delete(*_KEY))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _texts(value: object) -> bool:
    return all(isinstance(one, str) for one in value) if isinstance(value, list) else isinstance(value, str)
