"""Header values of a mail: encoded words, parameters, ids, dates.

https://www.rfc-editor.org/rfc/rfc2047 https://www.rfc-editor.org/rfc/rfc2231 https://www.rfc-editor.org/rfc/rfc5322

Everything here takes a raw value as Python's `email` keeps it (8-bit bytes as half characters), never raises, and
takes time in proportion to the value's length; the standard library's own readers of parameters, encoded words and
comments are quadratic or recursive.
"""

from __future__ import annotations

import binascii
import calendar
import hashlib
import re
from email.utils import parsedate_tz
from urllib.parse import unquote_to_bytes

from . import charsets

MOST_IDS = 100  # kept of References; the first and the last ones
MOST_ID = 250  # characters of an id; a longer one is known by its digest
MOST_PADDING = 2_000  # marks of padding that base64 is cut at: several texts one after another
MADE_UP = "@missing.invalid"
_LATEST = 4_102_444_800_000  # the year 2100, in ms

_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,60})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_ID = re.compile(r"<([^<>]*)>")
_ALPHABET = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


def text(value: str) -> str:
    """A header's value for people: decoded, on one line."""
    return charsets.line(words(value))


def words(value: str) -> str:
    """A value with its encoded words decoded, wherever they stand. May hold line breaks that they had hidden.

    Adjacent words are decoded together: mailers cut a character in two.
    """
    parts: list[str] = []
    pending, label, at = b"", "", 0
    for found in _WORD.finditer(value):
        gap = value[at : found.start()]
        charset = found[1].split("*")[0]
        if gap.strip() or charset.lower() != label.lower():
            parts.append(charsets.decode(pending, label))
            pending = b""
        if gap.strip() or not (at and gap):  # blanks between two words do not count
            parts.append(eight_bit(gap))
        pending += _encoded(found[3], found[2])
        label, at = charset, found.end()
    return "".join([*parts, charsets.decode(pending, label), eight_bit(value[at:])])


def eight_bit(value: str) -> str:
    """A raw value's bytes as text: UTF-8 mostly, whatever the standard says."""
    return value if value.isascii() else charsets.decode(value.encode("utf-8", "surrogateescape"))


def parameters(value: str) -> dict[str, str]:
    """The parameters of Content-Type or Content-Disposition, names in lower case; the first of a name counts.

    Decoded for people, but for `boundary`, which is given as it stands.
    """
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for found in _PARAMETER.finditer(";" + value.partition(";")[2]):
        name, given = found[1].lower(), _unquoted(found[2])
        base, _, rest = name.partition("*")
        number = rest.rstrip("*")
        if not rest and "*" not in name:
            plain.setdefault(base, given if base == "boundary" else text(given))
        elif base and (not number or (number.isdecimal() and len(number) < 4)):
            pieces.setdefault(base, {}).setdefault(int(number or 0), (given, name.endswith("*")))
    return plain | {name: _joined(found) for name, found in pieces.items()}


def ids(value: str) -> tuple[str, ...]:
    """The message ids of a value, without brackets, each once, in order."""
    found = ["".join(given.split()) for given in _ID.findall(value)]
    if not any(found):
        found = [given.strip("<>,;") for given in value.split() if "@" in given]
    kept = list(dict.fromkeys(_id(given) for given in found if given))
    return tuple(kept if len(kept) <= MOST_IDS else [kept[0], *kept[1 - MOST_IDS :]])


def made_up(id: str) -> bool:
    """Whether an id is one of ours for want of a better one: it names no mail to anybody else."""
    return "@" not in id or id.endswith(MADE_UP)


def sent_at(value: str) -> int | None:
    """A date in ms, None where there is none that makes sense."""
    try:
        read = parsedate_tz(value[:200])
        at = (calendar.timegm((*read[:6], 0, 1, 0)) - (read[9] or 0)) * 1000 if read else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at is not None and 0 <= at < _LATEST else None


def base64(data: bytes) -> bytes:
    """Base64 with whatever stands between: line ends, spaces, garbage, padding in the middle or none at all."""
    data = data.translate(None, _ALPHABET)
    if data.count(b"=") > MOST_PADDING:
        data = data.replace(b"=", b"")
    parts = []
    for run in re.split(b"=+", data):
        whole = run[:-1] if len(run) % 4 == 1 else run
        parts.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(parts)


def _encoded(content: str, encoding: str) -> bytes:
    data = content.encode("utf-8", "surrogateescape")
    return base64(data) if encoding in "bB" else binascii.a2b_qp(data, header=True)


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value.strip('"')
    # `C:\dir\file` is sent with its backslashes bare: only those before a quote or another one are escapes
    return re.sub(r'\\(["\\])', r"\1", value[1:-1])


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """The pieces of one parameter (RFC 2231): the first of the encoded ones names the charset."""
    data, label = b"", ""
    for number in sorted(pieces):
        given, encoded = pieces[number]
        if encoded and number == min(pieces) and given.count("'") >= 2:
            label, _, given = given.split("'", 2)
        raw = given.encode("utf-8", "surrogateescape")
        data += unquote_to_bytes(raw) if encoded else raw
    return text(charsets.decode(data, label))


def _id(given: str) -> str:
    given = charsets.line(eight_bit(given))
    if len(given) <= MOST_ID and given.isascii():
        return given
    return "long." + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
