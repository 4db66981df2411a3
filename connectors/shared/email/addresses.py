"""Addresses of a mail's headers, and tokens in them. https://www.rfc-editor.org/rfc/rfc5322#section-3.4

An address is a pair: the address in lower case, and the name, "" where none is given. Reading takes time in
proportion to the header's length: the standard library recurses at each nested parenthesis.

A token is told in an address of our own, `support+TOKEN@example.com` (https://www.rfc-editor.org/rfc/rfc5233), so that
an answer is known even from a mailer that sends neither In-Reply-To nor References.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.base import CannotCarry

from . import charsets, headers

MOST_LOCAL = 64  # characters before the @, https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.1
MOST_ADDRESS = 254
MOST_NAME = 200
MOST_READ = 4_000  # characters of one address and its name

Address = tuple[str, str]

_TOKEN = re.compile(
    r"""(?P<encoded>=\?[^?\s]{1,80}\?[bBqQ]\?[^?]*\?=)
      | <(?P<angle>[^<>]*)>
      | (?P<mark>[,;:()"])
      | (?P<blank>\s+)
      | (?P<atom>[^\s"<,;:()]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_COMMENT = re.compile(r"\\.|[()]", re.DOTALL)
_PLAIN = re.compile(r"""[^\s"(),:;<>@\[\]\\\x00-\x1f\x7f]+@[^\s"(),:;<>@\\\x00-\x1f\x7f]+""")
_FIT = re.compile(r"[a-z0-9]{1,48}")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True)
class Addresses:
    """What a header names: the first `most` addresses, and how many there were."""

    kept: tuple[Address, ...]
    count: int


def read(value: str, most: int = 100) -> Addresses:
    """The addresses of a raw header value: groups are opened, what is no address is left out. Never raises."""
    reader = _Reader(value, most)
    reader.run()
    return Addresses(tuple(reader.kept), reader.count)


def with_token(address: str, token: str) -> str:
    """`support@example.com` with `abc` as `support+abc@example.com`. Raises `CannotCarry` where it cannot be told."""
    local, at, domain = address.strip().lower().rpartition("@")
    if not _FIT.fullmatch(token) or not at or len(local) + 1 + len(token) > MOST_LOCAL:
        raise CannotCarry(f"no token of {len(token)} characters can be put into this address")
    return f"{local}+{token}@{domain}"


def token_of(address: str, base: str) -> str:
    """The token that an address carries for the address `base`, "" where it carries none."""
    local, _, domain = address.strip().lower().rpartition("@")
    base_local, _, base_domain = base.strip().lower().rpartition("@")
    token = local.removeprefix(base_local + "+")
    if not base_local or domain.rstrip(".") != base_domain.rstrip(".") or token == local or not _FIT.fullmatch(token):
        return ""
    return token


def domain_of(address: str) -> str:
    """The domain in lower case, as mail servers know it. Raises `CannotCarry` where there is none."""
    domain = address.strip().rpartition("@")[2].rstrip(".").lower()
    if len(domain) <= MOST_ADDRESS and not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            domain = ""
    if len(domain) > MOST_ADDRESS or not _DOMAIN.fullmatch(domain):
        raise CannotCarry("the address has no domain that mail can be sent to")
    return domain


def sendable(address: str) -> str:
    """An address as it may stand in a mail that we send. Raises `CannotCarry`, without naming it."""
    if not _PLAIN.fullmatch(address):
        raise CannotCarry("this is no e-mail address")
    local = address.partition("@")[0]
    if not local.isascii():
        raise CannotCarry("the part before the @ has letters that most mail servers cannot carry (SMTPUTF8)")
    whole = f"{local}@{domain_of(address)}"
    if len(local) > MOST_LOCAL or len(whole) > MOST_ADDRESS:
        raise CannotCarry(f"the address is longer than mail allows ({MOST_ADDRESS} characters)")
    return whole


class _Reader:
    """One pass over a header's value; `_name`, `_angle` and `_remark` are those of the address being read."""

    def __init__(self, value: str, most: int) -> None:
        self.kept: list[Address] = []
        self.count = 0
        self._value = value
        self._most = most
        self._comments = self._quotes = True
        self._name: list[str] = []
        self._angle: str | None = None
        self._remark = ""

    def run(self) -> None:
        at = 0
        while found := _TOKEN.match(self._value, at):
            at = found.end()
            kind, given = found.lastgroup or "", found[found.lastgroup or 0]
            if kind == "mark":
                at = self._mark(given, at)
            elif kind == "angle":
                self._angle = given
            else:
                self._name.append(" " if kind == "blank" else given)
        self._end()

    def _mark(self, mark: str, at: int) -> int:
        """Take a mark in; returns where reading goes on."""
        if mark in ",;":
            self._end()
        elif mark == ":" and self._angle is None:  # the name of a group ends
            self._clear()
        elif mark == "(" and self._comments:
            end = _end_of_comment(self._value, at)
            self._comments = end > 0  # once one never ends, they are no marks: else each is looked for to the end
            self._remark = self._remark or self._value[at : max(end - 1, at)]
            return end or at
        elif mark == '"' and self._quotes:
            quoted = _QUOTED.match(self._value, at)
            self._quotes = quoted is not None
            self._name.append(re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL) if quoted else "")
            return quoted.end() if quoted else at
        elif mark in "()":
            self._name.append(mark)
        return at

    def _end(self) -> None:
        """One address ends here."""
        shown = "".join(self._name)
        given, name = (self._angle, shown) if self._angle is not None else (shown, self._remark)
        address = _address(given)
        if address:
            self.count += 1
            if len(self.kept) < self._most:
                self.kept.append((address, _name(name or self._remark, address)))
        self._clear()

    def _clear(self) -> None:
        self._name, self._angle, self._remark = [], None, ""


def _address(given: str) -> str:
    """An address in lower case, "" where it is none. `<@relay.example:joe@example.com>` names its relays first."""
    if len(given) > MOST_READ:
        return ""
    given = charsets.untwisted(charsets.line(headers.eight_bit(given)))
    for word in (*given.split(), "".join(given.split()).rpartition(":")[2]):
        word = word.strip("'")
        if _PLAIN.fullmatch(word) and len(word) <= MOST_ADDRESS:
            return word.lower()
    return ""


def _name(given: str, address: str) -> str:
    name = charsets.untwisted(headers.text(given[:MOST_READ])).strip("'\" ")[:MOST_NAME]
    return "" if name.lower() == address else name


def _end_of_comment(value: str, at: int) -> int:
    """Where the comment that began before `at` ends, 0 where it never does."""
    depth = 1
    for found in _COMMENT.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return found.end()
    return 0
