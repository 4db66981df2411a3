"""Ids, times and errors as Salesforce writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from infra.sandbox.server import Reply, json_reply

Json = dict[str, Any]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Problem(Exception):
    """A call that Salesforce refuses: the status and the errors of its answer."""

    def __init__(self, status: int, code: str, message: str, fields: list[str] | None = None, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.body: list[Json] = [{"message": message, "errorCode": code, **more}]
        if fields is not None:
            self.body[0]["fields"] = fields

    def reply(self) -> Reply:
        return json_reply(self.status, self.body)


def invalid(code: str, message: str, *fields: str) -> Problem:
    return Problem(400, code, message, list(fields))


def not_found() -> Problem:
    return Problem(404, "NOT_FOUND", "The requested resource does not exist")


def deleted(status: int = 404) -> Problem:
    return Problem(status, "ENTITY_IS_DELETED", "entity is deleted", [])


def make_id(prefix: str, number: int) -> str:
    """An id of 18 characters, upper and lower case among them as the vendor's are."""
    digits = ""
    for _ in range(7):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return long_id(f"{prefix}Dw000{digits}"[:15])


def long_id(short: str) -> str:
    """The 18 characters of an id of 15 or 18; anything else as it is."""
    if len(short) not in (15, 18):
        return short
    chunks = (short[at : at + 5] for at in (0, 5, 10))
    return short[:15] + "".join(SUFFIX[sum(1 << i for i, one in enumerate(c) if "A" <= one <= "Z")] for c in chunks)


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
