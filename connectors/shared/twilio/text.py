"""How long a text is for Twilio, and how it is cut. https://www.twilio.com/docs/glossary/what-sms-character-limit"""

from __future__ import annotations

import unicodedata

LONGEST = 1600  # characters of one message; counted in UTF-16, so that an emoji is not longer than Twilio takes it for
MOST_PARTS = 5
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_ESCAPED = frozenset("^{}\\[~]|€\f")
_JOINER = "\u200d"


def segments(text: str) -> int:
    """How many SMS a text makes, each charged: 160 characters of GSM-7 or 70 of UCS-2, 153 and 67 where several."""
    if set(text) <= _GSM | _GSM_ESCAPED:
        length, one, several = len(text) + sum(each in _GSM_ESCAPED for each in text), 160, 153
    else:
        length, one, several = _units(text), 70, 67
    return 1 if length <= one else -(-length // several)


def parts(text: str) -> list[str]:
    """A text as the messages that carry it, `(1/3) ` before each where there are several."""
    if _units(text) <= LONGEST:
        return [text]
    found = []
    while text:
        end = _end(text, LONGEST - len("(99/99) "))
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [f"({number}/{len(found)}) {one}" for number, one in enumerate(found, 1)]


def _end(text: str, most: int) -> int:
    """Where to cut: after the last white space that leaves three quarters, else between two characters as seen."""
    end = most - sum(ord(each) > 0xFFFF for each in text[:most])
    if end >= len(text):
        return len(text)
    blank = max(text.rfind(each, end * 3 // 4, end) for each in "\n ")
    if blank > 0:
        return blank + 1
    for at in range(end, end * 3 // 4, -1):
        if text[at - 1] != _JOINER and text[at] != _JOINER and not _clings(text[at]):
            return at
    return end


def _clings(character: str) -> bool:
    return unicodedata.combining(character) > 0 or unicodedata.category(character) in ("Mn", "Me", "Sk")


def _units(text: str) -> int:
    return len(text) + sum(ord(each) > 0xFFFF for each in text)
