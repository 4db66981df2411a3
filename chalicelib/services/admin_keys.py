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
    """An admin key as it is listed; the key itself is never shown again."""

    id: str
    role: AdminRole
    name: str
    added_at: int


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
    keys = [Key(item["sk"], AdminRole(item["role"]), item["name"], item["at"]) for item in items]
    return sorted(keys, key=lambda key: (key.added_at, key.id))


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
    return Caller(f"key {kept['sk']}", AdminRole(kept["role"])) if same else None


def _digest(key: str) -> str:
    return hashlib.sha256(b"deskweave admin key " + key.encode("utf-8", "surrogatepass")).hexdigest()
