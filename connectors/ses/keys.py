"""Message ids as keys, and our own marks in addresses and ids.

SES writes a Message-ID of its own over ours, `<id@email.amazonses.com>` or `<id@REGION.amazonses.com>`, and tells only
`id` to the sender: all three are one key. https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

HOST = "amazonses.com"
# `conversation.call`, as `Call.reference` has it.
_REFERENCE = re.compile(r"([0-9a-z]{1,40})\.[0-9a-z]{1,40}")


def key(message_id: str) -> str:
    """A message's key, from its Message-ID with or without brackets, "" where it has none."""
    plain = "".join(message_id.split()).strip("<>")
    local, at, host = plain.rpartition("@")
    if not at:
        return plain
    host = host.lower().rstrip(".")
    return f"{local}@{HOST}" if host == HOST or host.endswith("." + HOST) else f"{local}@{host}"


def sent(ses_id: str) -> str:
    """The key of a mail that SES sent for us, from the id that it told."""
    return key(f"{ses_id}@{HOST}")


def tag(reference: str) -> str:
    """A reference as the value of a tag, which takes no dot."""
    return reference.replace(".", "_")


def reference(tagged: str) -> str:
    """The reference that a tag carries, "" where it carries none of ours."""
    plain = tagged.replace("_", ".")
    return plain if _REFERENCE.fullmatch(plain) else ""


def conversation(message_ids: Iterable[str], settings: Mapping[str, str]) -> str:
    """Our own id of a conversation, out of the first of these ids that is one that we made, `<reference@domain>`."""
    for message_id in message_ids:
        local, _, host = key(message_id).rpartition("@")
        found = _REFERENCE.fullmatch(local)
        if found and host and host == domain(settings):
            return found[1]
    return ""


def domain(settings: Mapping[str, str]) -> str:
    """The domain that our own ids end with."""
    return (settings.get("domain") or settings.get("from_address", "").rpartition("@")[2]).lower()


def ours(address: str, settings: Mapping[str, str]) -> bool:
    """Whether an address is the connection's own, with or without a token."""
    own_local, _, own_host = settings.get("from_address", "").lower().rpartition("@")
    local, _, host = address.lower().rpartition("@")
    return bool(own_local) and host == own_host and (local == own_local or local.startswith(own_local + "+"))
