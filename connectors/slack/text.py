"""HTML and plain text as Slack's mrkdwn. https://docs.slack.dev/messaging/formatting-message-text

Everything of an agent's text is escaped, plain text too: `<!channel>` in an answer must not ring a whole company.
mrkdwn has no escape for `*`, `_`, `~` and backticks; what is plain is therefore sent with mrkdwn switched off.
"""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import groupby
from typing import NamedTuple

MOST_INDENTED = 6

_STYLES = {
    **dict.fromkeys(("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th"), "*"),
    **dict.fromkeys(("i", "em", "cite"), "_"),
    **dict.fromkeys(("s", "del", "strike"), "~"),
    **dict.fromkeys(("code", "tt", "kbd", "samp"), "`"),
}
_OUTERMOST_FIRST = "*_~`"
_APART = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "pre", "blockquote", "table", "dl", "hr"})
_OWN_LINE = frozenset(
    {"div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "address", "figure", "figcaption"}
)
_DROPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg"})
_VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "wbr", "col", "area", "base", "embed", "source"})
_LINKED = ("http://", "https://", "mailto:", "tel:")


class Run(NamedTuple):
    """A piece of a line: its text as it stands, its styles, and where it links to."""

    text: str
    styles: str = ""
    link: str = ""


def escape(text: str) -> str:
    """Plain text with Slack's three control characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def from_html(html: str) -> str:
    """HTML as mrkdwn, "" where it shows nothing."""
    reader = _Reader()
    reader.feed(_without_declarations(html))
    reader.close()
    reader.end_line()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(reader.lines)).strip("\n")


class _Reader(HTMLParser):
    """Collects the lines of a page; `lines` holds those that are closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._runs: list[Run] = []
        self._open: list[str] = []
        self._count: Counter[str] = Counter()  # how often each tag is open, and each style; "" for what is dropped
        self._links: list[str] = []
        self._lists: list[int] = []  # the next number of each open list, 0 for bullets
        self._marker = ""
        self._gap = False
        self._fresh = False  # a `pre` whose first line break does not count

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._count[""] == 0:
            self._block(tag)
            self._begin(tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID:
            self._open.append(tag)
            self._tally(tag, 1)

    def handle_endtag(self, tag: str) -> None:
        while self._count[tag]:
            closed = self._open.pop()
            if self._count[""] == 0:
                self._end(closed)
            self._tally(closed, -1)
            if self._count[""] == 0:
                self._block(closed)
            if closed == tag:
                return

    def handle_data(self, data: str) -> None:
        if self._count[""]:
            return
        if not self._count["pre"]:
            self._put(re.sub(r"[ \t\r\n\f\xa0]+", " ", data))
            return
        first, *others = data.replace("\r\n", "\n").removeprefix("\n" if self._fresh else "").split("\n")
        self._fresh = False
        self._put(first)
        for line in others:
            self.end_line(keep_empty=True)
            self._put(line)

    def end_line(self, keep_empty: bool = False) -> None:
        """Close the line that is being written; an empty one counts only where it is asked for."""
        line = self._line()
        self._runs = []
        if not line and not keep_empty:
            return
        quote = "> " if self._count["blockquote"] else ""
        if line and self._gap and self.lines and self.lines[-1].strip("> "):
            self.lines.append(">" if quote and self.lines[-1].startswith(">") else "")
        self._gap = self._gap and not line
        self.lines.append(f"{quote}{self._marker}{line}".rstrip(" "))
        self._marker = " " * len(self._marker)

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        match tag:
            case "br":
                self.end_line(keep_empty=True)
            case "hr":
                self._put("———")
                self._block(tag)
            case "img":
                self._image(given)
            case "a":
                self._links.append(_address(given.get("href", "")))
            case "ul" | "ol":
                self._lists.append(1 if tag == "ol" else 0)
            case "li":
                self._item()
            case "td" | "th" if any(run.text.strip() for run in self._runs):
                self._put(" | ")
            case "pre":
                self._fence()
                self._fresh = True

    def _end(self, tag: str) -> None:
        match tag:
            case "a" if self._links:
                self._links.pop()
            case "ul" | "ol" if self._lists:
                self.end_line()
                self._lists.pop()
            case "li":
                self.end_line()
                self._marker = ""
            case "pre":
                self.end_line()
                self._fence()

    def _block(self, tag: str) -> None:
        if tag in _APART or tag in _OWN_LINE:
            self.end_line()
            self._gap = self._gap or (tag in _APART and not self._lists)

    def _tally(self, tag: str, by: int) -> None:
        self._count[tag] += by
        if tag in _STYLES:
            self._count[_STYLES[tag]] += by
        if tag in _DROPPED:
            self._count[""] += by

    def _line(self) -> str:
        if self._count["pre"]:
            return escape("".join(run.text for run in self._runs)).replace("```", "`\u200b`\u200b`")
        return _styled(_tidy(self._runs))

    def _fence(self) -> None:
        self._runs = []
        if self._gap and self.lines and not self._count["pre"]:
            self.lines.append("")
        self._gap = False
        self.lines.append("> ```" if self._count["blockquote"] else "```")

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else 0
        if number:
            self._lists[-1] += 1
        indent = "    " * (min(len(self._lists), MOST_INDENTED) - 1)
        self._marker = indent + (f"{number}. " if number else "• ")

    def _image(self, given: dict[str, str]) -> None:
        alt, link = given.get("alt", "").strip(), _address(given.get("src", ""))
        if link or alt:
            self._runs.append(Run(alt or "image", self._styles(), link))

    def _put(self, text: str) -> None:
        if text:
            self._runs.append(Run(text, self._styles(), self._links[-1] if self._links else ""))

    def _styles(self) -> str:
        if self._count["`"]:  # Slack shows no style within code
            return "`"
        return "".join(style for style in _OUTERMOST_FIRST if self._count[style])


def _tidy(runs: list[Run]) -> list[Run]:
    """The runs of a line with its blanks folded, and moved out of styles and links: `* x*` would show its stars."""
    tidied: list[Run] = []
    blank = False
    for run in runs:
        words = " ".join(run.text.split())
        if tidied and words and (blank or run.text[0].isspace()):
            before = tidied[-1]
            shared = "".join(style for style in before.styles if style in run.styles)
            tidied.append(Run(" ", shared, run.link if run.link == before.link else ""))
        if words:
            tidied.append(Run(words, run.styles, run.link))
        blank = run.text[-1].isspace() if words else blank or bool(tidied)
    return tidied


def _styled(runs: list[Run], styles: str = _OUTERMOST_FIRST) -> str:
    """Runs as mrkdwn, each style wrapped around all that share it: `*a _b_*`, since Slack does not show `*a**_b_*`."""
    if not styles:
        return "".join(_linked(list(alike), link) for link, alike in groupby(runs, key=lambda run: run.link))
    mark, inner = styles[0], styles[1:]
    parts = []
    for wrapped, alike in groupby(runs, key=lambda run: mark in run.styles):
        shown = _styled(list(alike), inner)
        if wrapped and mark == "`":
            shown = shown.replace("`", "'")
        parts.append(f"{mark}{shown}{mark}" if wrapped else shown)
    return "".join(parts)


def _linked(runs: list[Run], link: str) -> str:
    shown = escape("".join(run.text for run in runs))
    if not link:
        return shown
    return f"<{link}>" if shown == link else f"<{link}|{shown.replace('|', '¦')}>"


def _address(url: str) -> str:
    """An address that Slack may link to, escaped; "" for every other scheme and for relative ones."""
    url = re.sub(r"[\x00-\x20\x7f]", "", url)
    if not url.lower().startswith(_LINKED):
        return ""
    return re.sub(r"[<>|]", lambda found: f"%{ord(found.group()):02X}", url).replace("&", "&amp;")


def _without_declarations(html: str) -> str:
    """HTML without comments and `<!...>`: the parser raises on those of Word. What never ends is shown as text.

    The parser tries again from every `<` that no `>` follows, in quadratic time; there is no tag in these.
    """
    whole, bracket, tail = html.rpartition(">")
    html = whole + bracket + tail.replace("<", "&lt;")
    parts, at = [], 0
    while (found := html.find("<!", at)) >= 0:
        parts.append(html[at:found])
        closing = "-->" if html.startswith("<!--", found) else ">"
        end = html.find(closing, found + 2)
        if end < 0:
            parts.append(html[found:].replace("<!", "&lt;!"))
            return "".join(parts)
        at = end + len(closing)
    return "".join([*parts, html[at:]])
