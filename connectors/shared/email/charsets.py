"""Bytes of a mail as text, whatever their label says. https://encoding.spec.whatwg.org/#names-and-labels

Labels lie: ISO-8859-1 is sent for windows-1252, `X-UNKNOWN` for anything, none for UTF-8. What cannot be told is read
as windows-1252, in which every byte is a character, so that no mail is refused for its label.
"""

from __future__ import annotations

import codecs
import re

FALLBACK = "cp1252"

# label -> the codec that also knows what is sent under that label
_MEANT = {
    "ansi": FALLBACK,
    "ascii": "utf-8",
    "big5": "cp950",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-1": FALLBACK,
    "latin1": FALLBACK,
    "latin-1": FALLBACK,
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "us-ascii": "utf-8",
    "utf8mb4": "utf-8",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
}
# Codecs of Python that are none of text in a mail; the first two take quadratic time.
_REFUSED = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
_LABEL = re.compile(r"[A-Za-z0-9][\w.:+-]{0,59}", re.ASCII)

# Control characters but tab and line feed, half characters, and the two that no queue and no XML takes.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_HALVES = re.compile("[\ud800-\udfff]")
# What turns the direction of the text around it: `invoice\u202efdp.exe` is shown as `invoiceexe.pdf`.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def decode(data: bytes, label: str = "") -> str:
    """Bytes as text: as their label says, else UTF-8, else windows-1252. Never raises."""
    for codec in (_codec(label), "utf-8"):
        if codec:
            try:
                return data.decode(codec)
            except ValueError:
                continue
    if _codec(label) not in ("", "utf-8", FALLBACK):  # mostly right: a broken character, or one that was cut in half
        return data.decode(_codec(label), "replace")
    return _mostly_utf8(data) or data.decode(FALLBACK, "replace")


def lines(text: str) -> str:
    """Text of several lines without what cannot be stored or shown; lines end in one line feed."""
    text = _BREAKS_OF_LINES.sub("\n", text)
    return _HALVES.sub("\ufffd", _UNFIT.sub("", text))


def line(text: str) -> str:
    """Text of one line: no line break survives, so that it can go into a header, a log or a table."""
    return " ".join(_HALVES.sub("\ufffd", _UNFIT.sub("", text)).split())


def untwisted(text: str) -> str:
    """Text without the marks that turn its direction."""
    return _TURNING.sub("", text)


def known(label: str) -> bool:
    """Whether a label names a charset that can be read."""
    return bool(_codec(label))


_BREAKS_OF_LINES = re.compile("\r\n|\r|\x0b|\x0c|\x85|\u2028|\u2029")


def _codec(label: str) -> str:
    """The codec that a label means, "" where it means none."""
    label = label.strip(" \t\r\n\"'").partition(" ")[0].lower()
    if not _LABEL.fullmatch(label):
        return ""
    label = _MEANT.get(label, label)
    try:
        found = codecs.lookup(label)
        b"a".decode(label)  # a `LookupError` for what is no encoding of text: zlib, hex, rot13
    except LookupError:
        return ""
    except ValueError:  # one letter alone is nothing in UTF-16
        pass
    return "" if found.name.replace("-", "_") in _REFUSED else found.name


def _mostly_utf8(data: bytes) -> str:
    """UTF-8 of which little is broken, "" for what is another charset: a mail is cut off in mid-character, too."""
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = len(data) - len(text) + broken  # about how many bytes were second and later ones of whole characters
    return text if broken and whole > 8 * broken else ""
