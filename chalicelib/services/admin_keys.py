"""Admin keys: who may read and who may write over REST. Only a digest of each is kept, under the partition ADMIN#KEYS.

A key is `dwk_`, 12 hex digits that name it and 48 random ones (192 bits) that prove it, so that a plain SHA-256 is
enough to keep it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.services.read import Unknown

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

PARTITION = "ADMIN#KEYS"
PREFIX = "dwk_"
_FORM = re.compile("dwk_([0-9a-f]{12})[0-9a-f]{48}")
# What is looked up, and compared with, where the key is not there: the work is the same.
_NO_ID, _NO_DIGEST = "0" * 12, "0" * 64


class AdminRole(StrEnum):
    """What a caller may do: a viewer reads, an admin also writes."""

    ADMIN = "admin"
    VIEWER = "viewer"


@dataclass(frozen=True)
class Caller:
    """Whoever calls the REST API. `name` is for the log: a key's id, or an account of the issuer."""

    name: str
    role: AdminRole


@dataclass(frozen=True)
class Key:
    """An admin key as it is listed; the key itself is never shown again.

    until  ms, when it ends by itself since another took its place; 0 where it does not
    """

    id: str
    role: AdminRole
    name: str
    added_at: int
    until: int = 0


class Replaced(ValueError):
    """The key was rotated already; the message says until when it works."""


def new(role: AdminRole, name: str, deps: Deps) -> tuple[str, Key]:
    """Make a key; returns it, for the only time, and how it is listed."""
    secret = deps.random(30).hex()
    key = Key(secret[:12], role, name, deps.now())
    item = {"pk": PARTITION, "sk": key.id, "role": role.value, "name": name, "at": key.added_at}
    deps.table.put({**item, "digest": _digest(PREFIX + secret)}, new=True)
    return PREFIX + secret, key


def listed(deps: Deps) -> list[Key]:
    """All keys, oldest first."""
    items = deps.table.query(PARTITION, limit=1000)
    keys = [
        Key(item["sk"], AdminRole(item["role"]), item["name"], item["at"], int(item.get("until", 0))) for item in items
    ]
    return sorted(keys, key=lambda key: (key.added_at, key.id))


def rotate(key_id: str, grace: int, deps: Deps) -> tuple[str, Key, int]:
    """Make a key in the place of another, which works for `grace` ms more.

    Returns the new key, for the only time, how it is listed, and when the old one ends. Raises `Unknown`, `Replaced`.
    """
    from chalicelib.aws.errors import ConditionFailed
    from chalicelib.aws.table import ANY, Update

    old = next((key for key in listed(deps) if key.id == key_id), None)
    if old is None:
        raise Unknown(f"there is no admin key {key_id}; `deskweave admin key list` lists them")
    if old.until:
        raise Replaced(f"another key took the place of {key_id} already; `deskweave admin key revoke` ends it now")
    made, key = new(old.role, old.name, deps)
    until = deps.now() + max(grace, 0)
    try:
        deps.table.update(Update(PARTITION, key_id, set={"until": until}, when={"digest": ANY, "until": None}))
    except ConditionFailed:
        revoke(key.id, deps)
        raise Replaced(f"somebody else replaced or revoked {key_id} at the same time: nothing was changed") from None
    return made, key, until


def revoke(key_id: str, deps: Deps) -> None:
    """Take a key away, at once. Raises `Unknown`."""
    from chalicelib.aws.table import Delete

    if key_id not in {key.id for key in listed(deps)}:
        raise Unknown(f"there is no admin key {key_id}; `deskweave admin key list` lists them")
    deps.table.delete(Delete(PARTITION, key_id))


def caller(given: str, deps: Deps) -> Caller | None:
    """Whose key this is, None where it is nobody's. One read and one comparison, whatever is given."""
    form = _FORM.fullmatch(given)
    kept = deps.table.get(PARTITION, form.group(1) if form else _NO_ID) or {}
    same = hmac.compare_digest(str(kept.get("digest", _NO_DIGEST)), _digest(given))
    ended = 0 < int(kept.get("until", 0)) <= deps.now()
    return Caller(f"key {kept['sk']}", AdminRole(kept["role"])) if same and not ended else None


def key_id(given: str) -> str:
    """The id in what was given as a key, "" for what has no such form. No secret is in it."""
    form = _FORM.fullmatch(given)
    return form.group(1) if form else ""


def _digest(key: str) -> str:
    return hashlib.sha256(b"deskweave admin key " + key.encode("utf-8", "surrogatepass")).hexdigest()
