"""What each line of a mail's text is: words, a quotation, or what a mail program wrote over a quotation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from connectors.shared.email import replies_devices as devices
from connectors.shared.email import replies_languages as words

# Bounds on one look ahead, so that the whole is linear in the text.
MOST_LINES = 7
MOST_CHARACTERS = 500
MOST_HEADER_LINES = 40


class Kind(Enum):
    """What a line is. Attribution ("Anna wrote:"), header block and marker stand over a quotation; an end ends all."""

    EMPTY = "empty"
    TEXT = "text"
    QUOTE = "quote"
    RULE = "rule"
    ATTRIBUTION = "attribution"
    HEADERS = "headers"
    MARKER = "marker"
    ABOVE = "above"


@dataclass(frozen=True)
class Block:
    """Lines `first` to before `last`, all of one kind."""

    kind: Kind
    first: int
    last: int


# Marks that nobody sees: byte order mark, joiners, directions. A space of fixed width is a space.
_UNSEEN: dict[int, str | None] = dict.fromkeys((0xFEFF, 0x200B, 0x200C, *range(0x200E, 0x2010), *range(0x202A, 0x202F)))
_UNSEEN |= dict.fromkeys(range(0x2066, 0x206A))
_UNSEEN |= {0xA0: " ", 0x202F: " ", 0x2009: " "}

_RULE = re.compile(r"[\s\-_=~#*+—–―‐ᐧ·•─━]{2,}|ᐧ")
_ENDS = re.compile(r"[:：]\s*[*_]{0,2}$|\s-{3,}$")
_CLOCK = re.compile(r"(?<![\d.])\d{1,2}(?:\s?[:：h時시點点]\s?\d{2}|\.\d{2}(?![.\d]))")
_DAY = re.compile(r"(?<!\d)(?:19|20|25)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|[٠-٩]{4}")
_ADDRESS = re.compile(r"[<(\[][^<>()\[\]@]{0,120}[^\s<>()\[\]@]@[^\s<>()\[\]@][^<>()\[\]@]{0,120}[>)\]]")
_ADDRESS_LAST = re.compile(_ADDRESS.pattern + r"[>)\]\s\"'*_]{0,4}[:：]$")
_DATE_AND_NAME = re.compile(
    r"(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?:,?\s+\d{1,2}:\d\d(?::\d\d)?)?"
    r"(?:\s+(?:GMT|UTC)(?:[+-]\d{1,2}:?\d{0,2})?\s+[^\s<@][^<@]{0,60}(?:<[^<>@\s]+@[^<>@\s]+>)?|\s+[^<@]{1,80}<[^<>@\s]+@[^<>@\s]+>)[:：]?"
)
_BETWEEN_DASHES = re.compile(r"-{3,}\s*[^\s-][^-]{1,50}-{3,}")


def _alternatives(of: Iterable[str]) -> str:
    """One pattern for any of these, the longest first; whole words where the script has spaces between them."""
    ordered = sorted(set(of), key=len, reverse=True)
    return "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" if word[0] < "\u0e00" else re.escape(word) for word in ordered)


_WROTE = re.compile(_alternatives(words.WROTE))
_HEADER_KIND: dict[str, str] = {
    name: kind
    for kind, names in (
        ("other", words.OTHER),
        ("copy", words.COPY),
        ("to", words.TO),
        ("date", words.DATE),
        ("subject", words.SUBJECT),
        ("from", words.FROM),
    )
    for name in names
}
_HEADER = re.compile(r"[*_|]{0,2}\s?([^\W\d_][^:：*_]{0,28}?)\s{0,2}[*_]{0,2}\s?[:：][*_]{0,2}(?=\s|$|\S)")
_SENT_FROM = re.compile("|".join(re.escape(phrase).replace(r"\*", ".{0,60}") for phrase in devices.SENT_FROM))
_LINK = re.compile(r"<[^<>]*(?:>|$)|\(https?:[^()]*(?:\)|$)|[\[\]]")
# A quotation that is marked with its writer's initials: "AB> words".
_INITIALS = re.compile(r"([A-Z]{1,2})>(?:\s|$)")
_PROMPTS = frozenset({"PS"})


def seen(line: str) -> str:
    """The line as a reader sees it, without the space around it."""
    return line.translate(_UNSEEN).strip()


def classify(lines: Sequence[str]) -> list[Block]:
    """Every line in one block, in their order. One pass; looks ahead by a bounded number of lines."""
    clean = list(map(seen, lines))
    code = _code(clean)
    initials = _initials(clean)
    blocks: list[Block] = []
    at = 0
    while at < len(clean):
        if at in code:
            block = Block(Kind.TEXT, at, at + 1)
        elif at in initials:
            block = Block(Kind.QUOTE, at, at + 1)
        else:
            block = _block(clean, at, blocks)
        before = blocks[-1] if blocks else None
        if before and before.kind == block.kind and block.kind is not Kind.ATTRIBUTION:
            blocks[-1] = Block(block.kind, before.first, block.last)
        else:
            blocks.append(block)
        at = block.last
    return blocks


def _block(clean: Sequence[str], at: int, before: Sequence[Block]) -> Block:
    line = clean[at]
    if not line:
        return Block(Kind.EMPTY, at, at + 1)
    if is_quote(line):
        return Block(Kind.QUOTE, at, at + 1)
    if _RULE.fullmatch(line):
        return Block(Kind.RULE, at, at + 1)
    marked = next((block.kind for block in reversed(before) if block.kind is not Kind.EMPTY), None)
    for kind, last in (
        (Kind.ABOVE, _above(clean, at)),
        (Kind.MARKER, _marker(clean, at)),
        (Kind.HEADERS, _headers(clean, at, marked in (Kind.RULE, Kind.MARKER))),
        (Kind.ATTRIBUTION, _attribution(clean, at)),
    ):
        if last:
            return Block(kind, at, last)
    return Block(Kind.TEXT, at, at + 1)


def is_quote(line: str) -> bool:
    """Whether the line is marked as quoted: `> words` or `| words`."""
    return line[:1] == ">" or line[:2] == "| " or line == "|"


def _code(clean: Sequence[str]) -> frozenset[int]:
    """The lines between two fences of code: whatever stands there is the writer's own."""
    fences = [at for at, line in enumerate(clean) if line.startswith("```")]
    inside: set[int] = set()
    for first, last in zip(fences[::2], fences[1::2], strict=False):
        inside.update(range(first, last + 1))
    return frozenset(inside)


def _initials(clean: Sequence[str]) -> frozenset[int]:
    """The lines that begin with somebody's initials as a mark of quotation: at least two with the same ones."""
    marked: dict[str, list[int]] = {}
    for at, line in enumerate(clean):
        found = _INITIALS.match(line)
        if found and found[1] not in _PROMPTS:
            marked.setdefault(found[1], []).append(at)
    return frozenset(at for lines in marked.values() if len(lines) > 1 for at in lines)


def _above(clean: Sequence[str], at: int) -> int:
    line = clean[at].casefold()
    return at + 1 if len(line) < 200 and any(phrase in line for phrase in words.ABOVE_THIS_LINE) else 0


def _marker(clean: Sequence[str], at: int) -> int:
    """Where a line such as "--- Original Message ---" ends, 0 where this is none."""
    line = clean[at]
    if len(line) > 120:
        return 0
    bare = line.strip("-_=*>—– :：\t").casefold()
    dashed = line[:2] in ("--", "==", "__", "—-", "——", "*-") or (line[:1] == "*" and line[-1:] == "*")
    if dashed or line[-1] in ":：":
        known = bare in _MARKERS or (dashed and bare.startswith(tuple(_MARKERS)))
        if known:
            return at + 1
    if not _BETWEEN_DASHES.fullmatch(line):
        return 0
    following = [near for near in clean[at + 1 : at + 4] if near][:1]
    return at + 1 if following and header_kind(following[0]) else 0


_MARKERS = frozenset(words.QUOTED_MAIL)


def header_kind(line: str) -> str:
    """Which header of a mail the line is ("from", "date", "to", ...), "" where it is none."""
    found = _HEADER.match(line[:80])
    return _HEADER_KIND.get(found[1].strip().casefold(), "") if found else ""


def _headers(clean: Sequence[str], at: int, marked: bool) -> int:
    """Where the block of headers that begins here ends, 0 where none does.

    Three of them, the sender's among them; two are enough under a rule. A form that somebody filled in ("From: Paris,
    To: London") has neither an address nor a subject.
    """
    kinds: set[str] = set()
    last, gap, addresses = at, 0, False
    for here in range(at, min(at + MOST_HEADER_LINES, len(clean))):
        line = clean[here]
        kind = header_kind(line)
        if kind and (kind not in kinds or kind in ("copy", "other", "to")):
            kinds.add(kind)
            gap, last = 0, here + 1
            addresses = addresses or "@" in line
        elif here == at:
            return 0
        elif kind:
            break
        elif not line and gap == 0 and any(map(header_kind, clean[here + 1 : here + 2])):
            gap = 1
        elif line and gap < 3 and _goes_on(clean, here):
            gap += 1
            last = here + 1
        else:
            break
    own = kinds - {"other", "copy"}
    enough = "from" in own and len(own) >= (2 if marked else 3) and ("subject" in own or addresses)
    return last if enough else 0


def _goes_on(clean: Sequence[str], here: int) -> bool:
    """Whether this line is the rest of the header above it."""
    above = clean[here - 1]
    if above.endswith((",", ";", "<", "=")):
        return True
    return any(map(header_kind, clean[here + 1 : here + 3])) and bool(header_kind(above) or "@" in clean[here])


def _attribution(clean: Sequence[str], at: int) -> int:
    """Where the "On Monday, Anna wrote:" that begins here ends, 0 where none does."""
    first = clean[at]
    if len(first) > MOST_CHARACTERS or not _may_begin(first):
        return 0
    joined, blank = "", 0
    for here in range(at, min(at + MOST_LINES, len(clean))):
        line = clean[here]
        if not line:
            blank += 1
            following = next((near for near in clean[here + 1 : here + 3] if near), "")
            if blank > 2 or not following.startswith("<"):
                return 0
            continue
        if here > at and is_quote(line) and joined.count("<") <= joined.count(">"):
            return 0
        joined = f"{joined} {line}" if joined else line
        if len(joined) > MOST_CHARACTERS:
            return 0
        if _complete(joined, clean, here):
            return 0 if _begins_later(clean, at, here) else here + 1
    return 0


def _begins_later(clean: Sequence[str], at: int, here: int) -> bool:
    """Whether only the end of what stands here is an attribution, and the line before it the writer's own."""
    dated = bool(_CLOCK.search(clean[at]) or _DAY.search(clean[at]))
    for start in range(at + 1, here + 1):
        rest = " ".join(clean[start : here + 1])
        if clean[start][:1] in ("", "<") or not _complete(rest, clean, here):
            continue
        if not dated or (_CLOCK.search(rest) and _DAY.search(rest)):
            return True
    return False


def _may_begin(line: str) -> bool:
    if "@" in line or line[-1] in "<:：":
        return True
    return bool(_CLOCK.search(line) or _DAY.search(line))


def _complete(joined: str, clean: Sequence[str], here: int) -> bool:
    """Whether this is a whole attribution. A time and a day, or an address in brackets, or the quotation under it
    tell it from a sentence of the writer's own that ends in "wrote:"."""
    if _DATE_AND_NAME.fullmatch(joined):
        return True
    if not _ENDS.search(joined):
        return False
    timed = bool(_CLOCK.search(joined) and _DAY.search(joined))
    if timed and _ADDRESS_LAST.search(joined):
        return True
    if not _WROTE.search(joined.casefold()):
        return False
    if timed or _ADDRESS.search(joined):
        return True
    following = next((near for near in clean[here + 1 : here + 4] if near), "")
    return is_quote(following)


def sent_from(line: str) -> bool:
    """Whether a telephone or a mail program wrote this line under the mail."""
    bare = line.strip(" *_-.!<>()\t") if len(line) < 300 else ""
    bare = _LINK.sub("", bare).strip(" .").casefold()
    if not 0 < len(bare) < 100 or not _SENT_FROM.fullmatch(bare):
        return False
    if "," in bare and not any(word in bare for word in devices.EXCUSES):
        return False
    mine = bare.startswith(devices.MINE) and len(bare.split()) <= 5
    return mine or any(name in bare for name in devices.DEVICES)
