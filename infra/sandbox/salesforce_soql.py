"""The SOQL that Deskweave uses, honestly: SELECT, WHERE, ORDER BY, LIMIT, OFFSET, and errors for all the rest.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from infra.sandbox.salesforce_shapes import Problem, long_id

Json = dict[str, Any]
Test = Callable[[Json], bool]
Value = Callable[[Json, str], Any]
TOKEN = re.compile(
    r"\s*(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d))|(?P<text>'(?:[^'\\]|\\.)*')"
    r"|(?P<number>-?\d+)|(?P<word>[A-Za-z][\w.]*)|(?P<sign><=|>=|!=|[=<>(),]))"
)
ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
    "%": "\\%",
    "_": "\\_",
}
COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class Query:
    """A parsed query: fields, source, test, order, limit and offset. Raises `Problem` as the vendor does."""

    def __init__(self, soql: str, may_filter: Callable[[str, str], None], value: Value) -> None:
        self._tokens = _tokens(soql)
        self._value = value
        self._word("SELECT")
        self.fields = [self._name()]
        while self._is(","):
            self.fields.append(self._name())
        self._word("FROM")
        self.source = self._name()
        self._filtered = may_filter
        self.test = self._either() if self._is("WHERE") else _always
        self.order: list[tuple[str, bool]] = []
        if self._is("ORDER"):
            self._word("BY")
            self.order.append(self._sorted())
            while self._is(","):
                self.order.append(self._sorted())
        self.limit = self._number() if self._is("LIMIT") else 50_000
        self.offset = self._number() if self._is("OFFSET") else 0
        if self.offset > 2000:
            raise Problem(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        if self._tokens:
            raise _malformed(f"unexpected token: '{self._tokens[0][1]}'")

    def run(self, records: list[Json]) -> list[Json]:
        found = [record for record in records if self.test(record)]
        for field, descending in reversed(self.order):
            found.sort(key=lambda record: _key(self._value(record, field)), reverse=descending)
        return found[self.offset : self.offset + self.limit]

    def _either(self) -> Test:
        tests, word = [self._one()], ""
        while self._tokens and self._tokens[0][1].upper() in ("AND", "OR"):
            joined = self._take()[1].upper()
            if word and joined != word:
                raise _malformed(f"unexpected token: '{joined}'")  # the vendor wants brackets around a mixture
            word = joined
            tests.append(self._one())
        combine = any if word == "OR" else all
        return lambda record: combine(test(record) for test in tests)

    def _one(self) -> Test:
        if self._is("("):
            test = self._either()
            self._word(")")
            return test
        field, value = self._name(), self._value
        self._filtered(self.source, field)
        sign = self._take()[1].upper()
        if sign == "LIKE":
            pattern = _like(str(self._literal()))
            return lambda record: bool(pattern.fullmatch(str(value(record, field) or "")))
        if sign not in COMPARE:
            raise _malformed(f"unexpected token: '{sign}'")
        wanted = self._literal()
        compare = COMPARE[sign]

        def holds(record: Json) -> bool:
            actual = value(record, field)
            if sign in ("=", "!="):
                return compare(_plain(actual), _plain(wanted if wanted != "" else None))
            return actual is not None and compare(_key(actual), _key(wanted))

        return holds

    def _literal(self) -> Any:
        kind, text = self._take()
        if kind == "text":
            return re.sub(r"\\(.)", _unescaped, text[1:-1], flags=re.DOTALL)
        if kind == "time":
            return datetime.fromisoformat(text)
        if kind == "number":
            return int(text)
        named = {"TRUE": True, "FALSE": False, "NULL": None}
        if text.upper() not in named:
            raise _malformed(f"unexpected token: '{text}'")
        return named[text.upper()]

    def _sorted(self) -> tuple[str, bool]:
        return self._name(), not self._is("ASC") and self._is("DESC")

    def _number(self) -> int:
        kind, text = self._take()
        if kind != "number":
            raise _malformed(f"unexpected token: '{text}'")
        return int(text)

    def _name(self) -> str:
        kind, text = self._take()
        if kind != "word":
            raise _malformed(f"unexpected token: '{text}'")
        return text

    def _is(self, text: str) -> bool:
        found = bool(self._tokens) and self._tokens[0][1].upper() == text
        if found:
            self._take()
        return found

    def _word(self, text: str) -> None:
        if not self._is(text):
            raise _malformed(f"expecting '{text}'")

    def _take(self) -> tuple[str, str]:
        if not self._tokens:
            raise _malformed("unexpected token: <EOF>")
        return self._tokens.pop(0)


def _always(record: Json) -> bool:
    return True


def _tokens(soql: str) -> list[tuple[str, str]]:
    found, at = [], 0
    soql = soql.rstrip()
    while at < len(soql):
        token = TOKEN.match(soql, at)
        if token is None:
            raise _malformed(f"line 1:{at} no viable alternative at character '{soql[at]}'")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        at = token.end()
    return found


def _malformed(message: str) -> Problem:
    return Problem(400, "MALFORMED_QUERY", message)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] not in ESCAPES:
        raise _malformed(f"invalid string escape: \\{found[1]}")
    return ESCAPES[found[1]]


def _like(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\\%|\\_|%|_)", pattern)
    signs = {"%": ".*", "_": ".", "\\%": "%", "\\_": "_"}
    return re.compile("".join(signs.get(one, re.escape(one)) for one in parts), re.DOTALL | re.IGNORECASE)


def _plain(value: Any) -> Any:
    """Texts are compared without regard to case, ids of 15 and 18 characters alike, times as times."""
    if isinstance(value, str):
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", value):
            return datetime.fromisoformat(value)
        return long_id(value).lower()
    return value


def _key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, "")
    plain = datetime.fromisoformat(value) if isinstance(value, str) and value[10:11] == "T" else value
    return (1, plain)
