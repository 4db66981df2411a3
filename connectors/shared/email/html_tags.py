"""HTML as a row of tags and texts, for hostile input: whatever stands there, one pass and no error.

The standard library's parser raises on some broken declarations and, before its fixes of 2025, took quadratic time.
https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

# What stands in these is not for reading. One that is never closed is only a tag.
DROPPED = frozenset({"script", "style", "head", "title", "template", "svg", "math", "select", "textarea", "iframe"})
# Attributes are read from so much of a tag.
MOST_OF_A_TAG = 4096

_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:_-]{0,40})")
_NEXT = re.compile(r"[>\"']")
_ATTRIBUTE = re.compile(r"""(?<![-\w:.])([a-zA-Z][-\w:.]{0,40})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_ENDS = {tag: re.compile(rf"</{tag}[\s>/]", re.IGNORECASE) for tag in DROPPED}


@dataclass(frozen=True)
class Text:
    """Words between tags, with their character references resolved."""

    words: str


@dataclass(frozen=True)
class Tag:
    """A tag, its name in lower case; `closes` for `</name>`."""

    name: str
    closes: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


def tokens(html: str) -> Iterator[Text | Tag]:
    """Every tag and text of the HTML in order, without comments, declarations, scripts and styles."""
    return _Tokens(html.replace("\x00", "")).all()


class _Tokens:
    """One pass. `_gone` holds what was once looked for and is nowhere further on: nobody looks for it twice."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._gone: set[str] = set()

    def all(self) -> Iterator[Text | Tag]:
        at, html = 0, self._html
        while at < len(html):
            less = html.find("<", at)
            if less < 0:
                less = len(html)
            if less > at:
                yield Text(_resolved(html[at:less]))
            if less == len(html):
                return
            found = _NAME.match(html, less + 1)
            end = self._tag_end(found.end()) if found else self._declaration_end(less)
            if end < 0:
                yield Text("<")
                at = less + 1
                continue
            at = end
            if found:
                tag = _tag(found, html[found.end() : min(end, found.end() + MOST_OF_A_TAG)])
                at = self._dropped_end(tag, end)
                yield tag

    def _find(self, what: str, at: int) -> int:
        found = -1 if what in self._gone else self._html.find(what, at)
        if found < 0:
            self._gone.add(what)
        return found

    def _tag_end(self, at: int) -> int:
        """Behind the `>` that ends the tag, one in a quoted value not counting; -1 where there is none."""
        while found := (None if ">" in self._gone else _NEXT.search(self._html, at)):
            if found[0] == ">":
                return found.end()
            closing = self._find(found[0], found.end())
            at = found.end() if closing < 0 else closing + 1
        self._gone.add(">")
        return -1

    def _declaration_end(self, less: int) -> int:
        """Behind a comment or a declaration, -1 where this `<` is a sign like any other."""
        if self._html.startswith("<!--", less):
            end = self._find("-->", less + 4)
            return end + 3 if end >= 0 else less + 4
        if self._html[less + 1 : less + 2] in ("!", "?", "/"):
            end = self._find(">", less)
            return end + 1 if end >= 0 else -1
        return -1

    def _dropped_end(self, tag: Tag, end: int) -> int:
        if tag.closes or tag.name not in DROPPED or tag.name in self._gone:
            return end
        found = _ENDS[tag.name].search(self._html, end)
        if not found:
            self._gone.add(tag.name)
            return end
        return found.start()


def _tag(found: re.Match[str], rest: str) -> Tag:
    if found[0].startswith("/"):
        return Tag(found[1].lower(), closes=True)
    given: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(rest) if "=" in rest else ():
        given.setdefault(name.lower(), _resolved(double or single or bare))
    return Tag(found[1].lower(), attributes=given)


def _resolved(words: str) -> str:
    try:
        return unescape(words) if "&" in words else words
    except ValueError:  # a number of more digits than Python reads
        return words
