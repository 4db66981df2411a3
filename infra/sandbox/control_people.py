"""The people of `deskweave sandbox`: made on first use, with an address and a number that nobody else has."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from infra.sandbox.control_views import Refused

if TYPE_CHECKING:
    from infra.sandbox.sandbox import Sandbox

Json = dict[str, Any]
CUSTOMERS, AGENTS = "example.com", "desk.example"


def person(sandbox: Sandbox, asked: str) -> str:
    """The Slack user of that name, made where there is none. Their profile tells their address and their number, so
    that they are one customer on every channel."""
    people, wanted = sandbox.slack.users.values(), _named(asked)
    known = next((each["id"] for each in people if not each["bot"] and _same(each["name"], wanted)), None)
    if known:
        return str(known)
    phones = {each["phone"] for each in people}
    number = next(phone for phone in (f"+44207946{n:04d}" for n in range(1, 10_000)) if phone not in phones)
    address = _email(wanted, CUSTOMERS, [each["email"] for each in people])
    return sandbox.slack.add_user(wanted, address, phone=number)


def agent(sandbox: Sandbox, asked: str) -> int:
    """The Zendesk agent of that name, made where there is none."""
    users, wanted = sandbox.zendesk.users.values(), _named(asked)
    known = next((each["id"] for each in users if each["role"] == "agent" and _same(each["name"], wanted)), None)
    taken = [each["email"] or "" for each in users]
    return int(known or sandbox.zendesk.add_agent(wanted, _email(wanted, AGENTS, taken))[0])


def worker(sandbox: Sandbox, asked: str) -> str:
    """The Salesforce user of that name, made where there is none; returns their id."""
    users, wanted = sandbox.salesforce.records("User"), _named(asked)
    known = next((each["Id"] for each in users if _same(str(each["Name"]), wanted)), None)
    taken = [str(each["Username"]) for each in users]
    return str(known or sandbox.salesforce.add_agent(wanted, _email(wanted, AGENTS, taken)))


def file(given: Json) -> tuple[str, str, bytes]:
    """A file as it was sent through the door: name, media type, content. Raises `Refused`."""
    try:
        return str(given["name"]), str(given["media_type"]), base64.b64decode(given["content"], validate=True)
    except (TypeError, KeyError, binascii.Error, ValueError) as error:
        raise Refused("a file is a name, a media_type, and its content in base64") from error


def _named(asked: str) -> str:
    words = " ".join(asked.split())
    if not words:
        raise Refused("a person needs a name")
    return words


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _email(name: str, host: str, taken: Sequence[str]) -> str:
    """An address made of the name, which nobody else has: two people must not become one in Zendesk."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    local = ".".join(re.findall(r"[a-z0-9]+", plain)) or "person"
    number = 1
    while (address := f"{local}{number if number > 1 else ''}@{host}") in taken:
        number += 1
    return address
