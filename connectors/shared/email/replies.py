"""What somebody wrote in a mail, apart from what they quoted: top-posted, bottom-posted or between the quoted lines.

A decision about what is shown: nothing is thrown away. Where it is not sure, the words stay visible.
https://www.rfc-editor.org/rfc/rfc3676 (quote marks, the signature's "-- ")
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.shared.email import replies_languages as words
from connectors.shared.email.replies_lines import Block, Kind, classify, seen, sent_from

# What a mail program writes over a quotation.
HEADINGS = frozenset({Kind.ATTRIBUTION, Kind.HEADERS, Kind.MARKER})
FURNITURE = HEADINGS | {Kind.EMPTY, Kind.RULE, Kind.ABOVE}
# Words under a quotation, where others stand over it: so many lines and more are an answer, fewer a signature.
ANSWER_LINES = 7
# More lines than these say something themselves, and do not only point to what stands under them.
POINTING_LINES = 4
# So many lines under "-- ", and no more, are a signature.
SIGNATURE_LINES = 15
# Quotation under a signature under quotation: so often.
MOST_SIGNATURES = 3
# A quoted line at least this long may have been broken by a program that did not mark its rest.
BROKEN_AFTER = 60

_SIGNATURE = re.compile(r"(?:- )?(?:--|—|––|__)|_{10,}")
_GREETING = re.compile(rf"(?:{'|'.join(map(re.escape, words.GREETINGS))})(?!\w)[!.]*(?:[\s,]+\S+){{0,3}}$")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNED_END = "-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True)
class Split:
    """`visible`: the words of the mail's writer. `quoted`: the lines left out of it, in their order."""

    visible: str
    quoted: str


def split(text: str) -> Split:
    """Divide a mail's plain text into what its writer says and what it repeats.

    text  the decoded body, any line ends

    Answers between quoted lines keep the quotation that they answer. A forwarded mail without words of its own shows
    what it forwards. `visible` is empty only for a text of white space. Linear in the length of the text.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    shown = _shown(lines)
    if not any(seen(lines[at]) for at in shown):
        shown = list(range(len(lines)))
    kept = frozenset(shown)
    return Split(_text(lines, shown), _text(lines, [at for at in range(len(lines)) if at not in kept]))


def _text(lines: Sequence[str], numbers: Sequence[int]) -> str:
    """These lines, without empty ones at either end; two empty ones in a row are enough."""
    out: list[str] = []
    for at in numbers:
        line = lines[at].rstrip()
        if line or out[-2:] != ["", ""]:
            out.append(line)
    while out and not seen(out[0]):
        out.pop(0)
    while out and not seen(out[-1]):
        out.pop()
    return "\n".join(out)


def _shown(lines: Sequence[str]) -> list[int]:
    """The numbers of the lines that are shown, none where nothing is the writer's own."""
    first, last = _signed(lines)
    blocks = [Block(b.kind, b.first + first, b.last + first) for b in classify(lines[first:last])]
    blocks = list(_whole_quotes(blocks, lines))
    if not any(block.kind is Kind.TEXT for block in blocks):
        return []
    kept = _body(_without_leading(blocks), lines)
    for _ in range(MOST_SIGNATURES):
        kept = _without_end(kept, lines)
    return [at for block in kept for at in range(block.first, block.last)]


def _signed(lines: Sequence[str]) -> tuple[int, int]:
    """Where the words of a signed mail begin and end (RFC 4880 7); everything else as it is."""
    first, last = 0, len(lines)
    for at, line in enumerate(lines):
        if line.startswith(_SIGNED):
            first = next((n + 1 for n in range(at, min(at + 6, last)) if not lines[n].strip()), at + 1)
        elif line.startswith(_SIGNED_END):
            return first, at
    return first, last


def _whole_quotes(blocks: Sequence[Block], lines: Sequence[str]) -> Iterator[Block]:
    """The unmarked rest of a long quoted line belongs to the quotation."""
    for n, block in enumerate(blocks):
        between = 0 < n < len(blocks) - 1 and blocks[n - 1].kind is Kind.QUOTE is blocks[n + 1].kind
        if between and block.kind is Kind.TEXT and block.last - block.first == 1:
            above, rest = lines[block.first - 1], lines[block.first].strip()
            if len(above) >= BROKEN_AFTER and len(rest) < len(above) and not rest[:1].isupper():
                block = Block(Kind.QUOTE, block.first, block.last)
        yield block


def _without_leading(blocks: Sequence[Block]) -> Sequence[Block]:
    """Without what stands over a quotation that is the beginning of the mail.

    One quotation with its heading, and all words under it: the whole of it is left out.
    """
    start = next((n for n, block in enumerate(blocks) if block.kind not in FURNITURE), len(blocks))
    rest = blocks[start:]
    headed = any(block.kind in HEADINGS for block in blocks[:start])
    if headed and rest and rest[0].kind is Kind.QUOTE:
        following = rest[1:]
        runs = [b.kind for b in following if b.kind in (Kind.TEXT, Kind.QUOTE, *HEADINGS)]
        if runs and set(runs) == {Kind.TEXT}:
            return following
    return rest


def _body(blocks: Sequence[Block], lines: Sequence[str]) -> list[Block]:
    """Up to the first heading of a quotation; over it where the writer answers between the lines."""
    end = next((n for n, block in enumerate(blocks) if block.kind is Kind.ABOVE), len(blocks))
    answered = _answered(blocks[:end], lines)
    out: list[Block] = []
    said: list[Block] = []
    for block, has_answer in zip(blocks[:end], answered, strict=True):
        if block.kind not in HEADINGS:
            out.append(block)
            said += [block] if block.kind is Kind.TEXT else []
        elif said and not (has_answer is True or (has_answer is None and _only_greets(said, lines))):
            return list(blocks[:end]) if _speaks_of_below(said, lines) else out
    return out


def _answered(blocks: Sequence[Block], lines: Sequence[str]) -> list[bool | None]:
    """For each heading whether the words under it are the writer's: between marked lines, or many after the last.

    None where they are only if nothing else was said: a few words after the last marked line. One pass, from below.
    """
    last_quote = max((n for n, block in enumerate(blocks) if block.kind is Kind.QUOTE), default=-1)
    tail = [at for b in blocks[last_quote + 1 :] if b.kind is Kind.TEXT for at in range(b.first, b.last)]
    tail = _without_signature(lines, tail)
    if _is_footer(lines, tail):
        tail = []
    below: bool | None = len(tail) >= ANSWER_LINES or (None if tail else False)
    answered: list[bool | None] = []
    within, first = False, Kind.TEXT
    for n in range(len(blocks) - 1, -1, -1):
        kind = blocks[n].kind
        answered.append((within or below) if first is Kind.QUOTE else False)
        within = within or (kind is Kind.TEXT and n < last_quote)
        first = first if kind in FURNITURE else kind
    return answered[::-1]


def _speaks_of_below(said: Sequence[Block], lines: Sequence[str]) -> bool:
    """Whether the few words over a quotation point to it: "See my answers below", "Voir ci-dessous"."""
    numbers = [at for block in said for at in range(block.first, block.last)]
    if len(numbers) > POINTING_LINES:
        return False
    return any(phrase in lines[at].casefold() for at in numbers for phrase in words.SEE_BELOW)


def _only_greets(said: Sequence[Block], lines: Sequence[str]) -> bool:
    """Whether nothing stands over the quotation but "Hello Anna,"."""
    if len(said) > 1 or said[0].last - said[0].first > 1:
        return False
    line = seen(lines[said[0].first]).casefold()
    return len(line) < 60 and (line.endswith((",", "，", "،", "、")) or _GREETING.match(line) is not None)


def _is_footer(lines: Sequence[str], numbers: Sequence[int]) -> bool:
    """Whether a mailing list wrote these lines."""
    return any(word in lines[at].casefold() for at in numbers[:20] for word in words.LIST_FOOTER)


def _without_end(blocks: Sequence[Block], lines: Sequence[str]) -> list[Block]:
    """Without quotation, rules and headings after the last words, nor the signature."""
    last = max((n for n, block in enumerate(blocks) if block.kind is Kind.TEXT), default=-1)
    numbers = [at for block in blocks[: last + 1] for at in range(block.first, block.last)]
    end = 1 + max(_without_signature(lines, numbers), default=-1)
    return [Block(b.kind, b.first, min(b.last, end)) for b in blocks[: last + 1] if b.first < end]


def _without_signature(lines: Sequence[str], numbers: Sequence[int]) -> list[int]:
    """Without the signature under "-- ", what a telephone wrote, and a list's footer."""
    kept = list(numbers)
    while kept:
        line = seen(lines[kept[-1]])
        if not line or _is_rule(line) or sent_from(line):
            kept.pop()
            continue
        cut = _signature_at(lines, kept)
        if not cut:
            return kept
        del kept[cut:]
    return kept


def _is_rule(line: str) -> bool:
    return (len(line) > 1 and not line.strip("-_=~#*+—–―─━ ")) or line == "ᐧ"


def _signature_at(lines: Sequence[str], kept: Sequence[int]) -> int:
    """Where in `kept` the signature begins, 0 where there is none or where it would be all."""
    beneath = 0
    for n in range(len(kept) - 1, 0, -1):
        line = seen(lines[kept[n]])
        if line.startswith("```"):
            return 0
        if _SIGNATURE.fullmatch(line):
            return n
        if len(line) > 20 and _is_rule(line) and _is_footer(lines, kept[n + 1 :]):
            return n
        beneath += bool(line)
        if beneath > SIGNATURE_LINES:
            return 0
    return 0
