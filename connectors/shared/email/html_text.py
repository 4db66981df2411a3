"""A mail's HTML as plain text, with its quotations marked the way plain mail marks them.

https://www.rfc-editor.org/rfc/rfc3676#section-4.5 (`>`) · https://html.spec.whatwg.org/multipage/rendering.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connectors.shared.email.html_tags import Tag, Text, tokens
from connectors.shared.email.replies_lines import MOST_LINES, Kind, classify, seen

# Quotations and lists that lie deeper in each other are shown as if this deep.
MOST_DEEP = 12
# What `replies.split` knows as the beginning of a quotation.
MARKER = "-----Original Message-----"

NO_GAP = MOST_DEEP + 1

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "pre", "dl", "blockquote"})
LINES = frozenset(
    {"div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "center", "address", "form", "caption"}
    | {"fieldset", "figure", "figcaption", "main", "nav", "aside", "body", "html", "details", "summary"}
)
# Classes and ids: the line over a quotation ("On Monday, Anna wrote:").
ATTRIBUTIONS = frozenset({"gmail_attr", "moz-cite-prefix", "moz-forward-container"})
# From here on everything is quoted: Outlook, Outlook on the web, for Mac and for telephones, Yahoo, Proton, Zoho.
QUOTED_FROM_HERE = frozenset(
    {"divrplyfwdmsg", "x_divrplyfwdmsg", "olk_src_body_section", "mail-editor-reference-message-container"}
    | {"ms-outlook-mobile-reference-message", "yahoo_quoted", "protonmail_quote", "zmail_extra", "hotmail_quote"}
)
# The line that Outlook for Windows draws over the headers of the mail that it quotes.
_OUTLOOK_LINE = re.compile(r"border-top:\s*solid\s*#(?:e1e1e1|b5c4df)", re.IGNORECASE)
_HIDDEN = re.compile(r"display:\s*none|visibility:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_TARGET = re.compile(r"(?:https?|mailto|tel):[^\s<>\x00-\x20]{1,2000}", re.IGNORECASE)
_SCHEME = re.compile(r"^(?:https?://(?:www\.)?|mailto:|tel:)", re.IGNORECASE)


def text_of(html: str) -> str:
    """The words of an HTML body as plain text.

    A link stands as its words, with its target behind them where that is another: `our shop <https://shop.example>`.
    Lists keep their points and numbers; a table's row is one line. What is quoted begins with `> `, or stands under a
    marker that `replies.split` knows. Scripts, styles and what is not displayed are left out. No HTML raises, and the
    work is linear in its length.
    """
    page = _Page()
    for token in tokens(html):
        if isinstance(token, Text):
            page.add(token.words)
        elif token.name in VOID:
            page.void(token)
        elif token.closes:
            page.close(token.name)
        else:
            page.open(token)
    return page.text()


@dataclass(frozen=True)
class _Open:
    """An open element, and what is done when it ends."""

    name: str
    ends: Callable[[], None] | None = None


class _Page:
    """The lines so far, and what is open."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._words: list[str] = []
        self._stack: list[_Open] = []
        self._within: dict[str, int] = {}
        self._lists: list[int] = []
        self._point = ""
        self._hidden = 0
        self._gap = NO_GAP

    def text(self) -> str:
        """Everything, once the last tag was read."""
        while self._stack:
            self._end(self._stack.pop())
        self._break()
        return "\n".join(self._lines).strip("\n")

    def add(self, words: str) -> None:
        """Words of the line that is being written."""
        if self._hidden:
            return
        if not self._within.get("pre"):
            self._words.append(_SPACE.sub(" ", words))
            return
        *whole, rest = words.replace("\r\n", "\n").split("\n")
        for line in whole:
            self._words.append(line)
            self._break(keep=True)
        self._words.append(rest)

    def void(self, tag: Tag) -> None:
        """An element without an end."""
        if self._hidden:
            return
        if tag.name == "br":
            self._break(keep=True)
        elif tag.name == "hr":
            self._break()
            self._words.append("-" * 20)
            self._break()
        elif tag.name == "img" and (alternative := tag.attributes.get("alt", "").strip()):
            self._words.append(f"[{_SPACE.sub(' ', alternative)[:200]}]")

    def open(self, tag: Tag) -> None:
        """An element begins."""
        self._leave_what_it_ends(tag.name)
        if tag.name in LINES or tag.name in PARAGRAPHS:
            self._break()
            if tag.name in PARAGRAPHS and not self._lists:
                self._leave_gap()
        self._within[tag.name] = self._within.get(tag.name, 0) + 1
        self._stack.append(_Open(tag.name, self._begin(tag)))

    def close(self, name: str) -> None:
        """An element ends, and whatever was not closed within it."""
        if name == "p" and not self._within.get("p"):
            self._break(keep=True)
        while self._within.get(name):
            last = self._stack.pop()
            self._end(last)
            if last.name == name:
                return

    def _leave_what_it_ends(self, name: str) -> None:
        """A paragraph ends the paragraph before it, a point the point, a cell the cell."""
        last = self._stack[-1].name if self._stack else ""
        if last == name and name in ("p", "li", "td", "th", "tr", "option"):
            self._end(self._stack.pop())

    def _end(self, element: _Open) -> None:
        if element.name in LINES or element.name in PARAGRAPHS:
            self._break()
        self._within[element.name] -= 1
        if element.name in PARAGRAPHS and not self._lists[1:]:
            self._leave_gap()
        if element.ends:
            element.ends()

    def _begin(self, tag: Tag) -> Callable[[], None] | None:
        """What the element does to the page, and what undoes it."""
        given = tag.attributes
        if "style" in given and _HIDDEN.search(given["style"]):
            self._hidden += 1
            return self._show
        if not self._hidden and _quoted_from_here(given) and not self._within.get("blockquote"):
            self._break()
            self._lines.append(MARKER)
        if _names(given) & ATTRIBUTIONS:
            self._break()
            first = len(self._lines)
            return lambda: self._quote_unless_known(first)
        if tag.name in ("ul", "ol"):
            start = given.get("start", "1")
            self._lists.append((int(start) if start.isdecimal() and len(start) < 6 else 1) if tag.name == "ol" else 0)
            return self._end_list
        if tag.name == "li":
            self._begin_point()
        elif tag.name in ("td", "th") and any(word.strip() for word in self._words):
            self._words.append(" | ")
        elif tag.name == "a" and _TARGET.fullmatch(given.get("href", "")):
            line, word = len(self._lines), len(self._words)
            return lambda: self._end_link(given["href"], line, word)
        return None

    def _show(self) -> None:
        self._hidden -= 1

    def _end_list(self) -> None:
        self._lists.pop()

    def _begin_point(self) -> None:
        number = self._lists[-1] if self._lists else 0
        self._point = "  " * (min(len(self._lists), MOST_DEEP) - 1) + (f"{number}. " if number else "- ")
        if number:
            self._lists[-1] += 1

    def _end_link(self, target: str, line: int, word: int) -> None:
        """The target behind the link's words, where they do not say it and are in one line."""
        if self._hidden or line != len(self._lines) or self._within.get("a"):
            return
        said = "".join(self._words[word:]).strip()
        bare = _SCHEME.sub("", target).rstrip("/")
        if said and bare.casefold() not in said.casefold():
            self._words.append(f" <{target}>")

    def _quote_unless_known(self, first: int) -> None:
        """A line over a quotation in a language that `replies.split` does not know becomes part of the quotation."""
        self._break()
        if len(self._lines) - first > MOST_LINES:
            return
        lines = self._lines[first:]
        known = any(block.kind in (Kind.ATTRIBUTION, Kind.HEADERS, Kind.MARKER) for block in classify(lines))
        if not known:
            self._lines[first:] = [f"> {line}" if line else line for line in lines]

    def _break(self, keep: bool = False) -> None:
        """End the line. An empty one is written where `keep` is set or a paragraph is due, never two in a row."""
        joined = "".join(self._words)
        line = joined.rstrip() if self._within.get("pre") else _SPACE.sub(" ", joined).strip()
        self._words = []
        quoted = "> " * self._depth()
        if not seen(line):
            if keep:
                self._leave_gap()
            return
        if self._gap != NO_GAP and self._lines:
            self._lines.append(("> " * self._gap).rstrip())
        self._gap = NO_GAP
        indent = self._point or ("  " * min(len(self._lists), MOST_DEEP) if self._lists else "")
        self._point = ""
        self._lines.append(f"{quoted}{indent}{line}")

    def _depth(self) -> int:
        return min(self._within.get("blockquote", 0), MOST_DEEP)

    def _leave_gap(self) -> None:
        """An empty line before the next words; between two depths of quotation it belongs to the outer one."""
        self._gap = min(self._gap, self._depth())


def _names(given: dict[str, str]) -> frozenset[str]:
    return frozenset(f"{given.get('id', '')} {given.get('class', '')}".casefold().split())


def _quoted_from_here(given: dict[str, str]) -> bool:
    return bool(_names(given) & QUOTED_FROM_HERE) or bool(_OUTLOOK_LINE.search(given.get("style", "")))
