"""Our own links to files: `/files/<token>`, signed, as lasting as the message that the file belongs to.

What a link leads to is decided when it is opened: to an address in the bucket that works for a few minutes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from chalicelib.aws.errors import NotFound
from chalicelib.services import settings

if TYPE_CHECKING:
    from chalicelib.bootstrap import Deps

# The secret store's name of the key that signs links: {"key": 32 random bytes in base64}.
KEY = "keys/files"
_CACHED = 300_000
_SIGNATURE = 16
_LONGEST = 1_000
_keys: WeakKeyDictionary[Deps, tuple[int, bytes]] = WeakKeyDictionary()


def link(message: str, number: int, deps: Deps) -> str:
    """The public address of a message's file; "" where the stage has no public address or no key yet.

    message  the message's pk; number the file's, from 0
    """
    public = settings.public_url(deps)
    key = _key(deps)
    return f"{public}/files/{_token(message, number, key)}" if public and key else ""


def opened(token: str, deps: Deps) -> tuple[str, int] | None:
    """The message's pk and the file's number that a link's token names; None for one that we did not sign."""
    key = _key(deps)
    if not key or len(token) > _LONGEST:
        return None
    try:
        said = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    signature, named = said[:_SIGNATURE], said[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signature(named, key)):
        return None
    message, _, number = named.decode().rpartition(" ")
    return message, int(number)


def new_key(deps: Deps) -> None:
    """Make the stage's key. Links that were signed with another one stop working."""
    deps.secrets.write(KEY, {"key": base64.b64encode(deps.random(32)).decode()})
    _keys.pop(deps, None)


def _token(message: str, number: int, key: bytes) -> str:
    named = f"{message} {number}".encode()
    return base64.urlsafe_b64encode(_signature(named, key) + named).decode().rstrip("=")


def _signature(named: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"deskweave file " + named, hashlib.sha256).digest()[:_SIGNATURE]


def _key(deps: Deps) -> bytes:
    cached = _keys.get(deps)
    if cached and 0 <= deps.now() - cached[0] < _CACHED:
        return cached[1]
    try:
        key = base64.b64decode(deps.secrets.read(KEY)["key"])
    except NotFound:
        return b""
    _keys[deps] = (deps.now(), key)
    return key
