"""Our own links to files: `/files/<token>`, signed, as lasting as the message that the file belongs to.

What a link leads to is decided when it is opened: to an address in the bucket that works for a few minutes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from math import inf
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from chalicelib.aws.errors import NotFound
from chalicelib.services import settings

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# The secret store's name of the keys that sign links: {"key": 32 random bytes in base64, "before": [{"key": ...,
# "until": ms, or none for as long as the messages are kept}, ...]}, newest first.
KEY = "keys/files"
MOST_BEFORE = 20
# Ms. Functions that have not seen the new key sign with the old one for five minutes.
SOON = 600_000
_CACHED = 300_000
_REREAD = 60_000
_SIGNATURE = 16
_LONGEST = 1_000


class TooManyKeys(ValueError):
    """One more would not fit into the secret store."""


class _Keys(NamedTuple):
    """read_at in ms; signing is b"" where there is no key; before are older ones, each with its end."""

    read_at: int
    signing: bytes
    before: tuple[tuple[bytes, float], ...] = ()

    def counting(self, now: int) -> list[bytes]:
        return [key for key in (self.signing, *(old for old, until in self.before if now < until)) if key]


_keys: WeakKeyDictionary[Deps, _Keys] = WeakKeyDictionary()


def link(message: str, number: int, deps: Deps) -> str:
    """The public address of a message's file; "" where the stage has no public address or no key yet.

    message  the message's pk; number the file's, from 0
    """
    public = settings.public_url(deps)
    key = _read(deps, _CACHED).signing
    return f"{public}/files/{_token(message, number, key)}" if public and key else ""


def opened(token: str, deps: Deps) -> tuple[str, int] | None:
    """The message's pk and the file's number that a link's token names; None for one that we did not sign.

    Another process may have the newer key: where nothing fits, the keys are read again, at most once a minute.
    Raises `AwsUnavailable`.
    """
    if len(token) > _LONGEST:
        return None
    try:
        said = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    signature, named = said[:_SIGNATURE], said[_SIGNATURE:]
    if not _signed(signature, named, deps, _CACHED) and not _signed(signature, named, deps, _REREAD):
        return None
    message, _, number = named.decode().rpartition(" ")
    return message, int(number)


def new_key(deps: Deps) -> None:
    """Make the stage's key. Links that were signed with another one stop working."""
    deps.secrets.write(KEY, {"key": base64.b64encode(deps.random(32)).decode()})
    _keys.pop(deps, None)


def rotate(grace: int | None, deps: Deps) -> list[int | None]:
    """Sign with a new key from now on; returns when those before end (ms; None: with their messages), newest first.

    grace  ms for which links signed with the present key still open; None for as long as their messages are kept
    Raises `NotFound` where the stage has no key yet, `TooManyKeys`.
    """
    kept, now = deps.secrets.read(KEY), deps.now()
    before = [{"key": kept["key"]} | ({} if grace is None else {"until": now + grace})]
    before += [old for old in kept.get("before", ()) if old.get("until", now + 1) > now]
    if len(before) > MOST_BEFORE:
        raise TooManyKeys(f"{MOST_BEFORE} earlier keys still open links: end them first, `links rotate --end`")
    deps.secrets.write(KEY, {"key": base64.b64encode(deps.random(32)).decode(), "before": before})
    _keys.pop(deps, None)
    return [old.get("until") for old in before]


def end_before(deps: Deps) -> int:
    """Let only links of the present key open from now on; returns how many keys that ends. Raises `NotFound`."""
    kept = deps.secrets.read(KEY)
    deps.secrets.write(KEY, {"key": kept["key"]})
    _keys.pop(deps, None)
    return len(kept.get("before", ()))


def _token(message: str, number: int, key: bytes) -> str:
    named = f"{message} {number}".encode()
    return base64.urlsafe_b64encode(_signature(named, key) + named).decode().rstrip("=")


def _signature(named: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"deskweave file " + named, hashlib.sha256).digest()[:_SIGNATURE]


def _signed(signature: bytes, named: bytes, deps: Deps, cached_for: int) -> bool:
    counting = _read(deps, cached_for).counting(deps.now())
    # All of them, so that the time does not tell which key it was.
    return any([hmac.compare_digest(signature, _signature(named, key)) for key in counting])


def _read(deps: Deps, cached_for: int) -> _Keys:
    """The keys, cached also where there is none: a stranger's links must not spend the settings store's quota."""
    cached = _keys.get(deps)
    if cached and 0 <= deps.now() - cached.read_at < (cached_for if cached.signing else _REREAD):
        return cached
    try:
        kept = deps.secrets.read(KEY)
    except NotFound:
        kept = {"key": ""}
    before = tuple((base64.b64decode(old["key"]), old.get("until", inf)) for old in kept.get("before", ()))
    _keys[deps] = _Keys(deps.now(), base64.b64decode(kept["key"]), before)
    return _keys[deps]
