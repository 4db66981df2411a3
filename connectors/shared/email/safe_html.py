"""HTML that may be sent to anybody: written anew from what is allowed, so that nothing else can be in it.

Tags, attributes and addresses are those of the tables below (https://html.spec.whatwg.org/multipage/dom.html); text is
escaped; every tag is closed. Scripts, styles, forms and what loads from elsewhere by itself do not survive.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

MOST_HTML = 500_000  # characters that are read
MOST_OPEN = 100  # tags within each other; deeper ones are left out, their text is kept

TAGS = frozenset(
    {
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "dd",
        "del",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    }
)
_VOID = frozenset({"br", "hr", "img"})
_DROPPED = frozenset(
    {
        "script",
        "style",
        "head",
        "title",
        "template",
        "noscript",
        "iframe",
        "object",
        "svg",
        "math",
        "embed",
        "textarea",
        "select",
        "audio",
        "video",
    }
)
_NUMBER = re.compile(r"[0-9]{1,4}")
_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s]+", re.IGNORECASE)
_IMAGE = re.compile(r"(?:https://|cid:)[^\s]+", re.IGNORECASE)
_WORDS = re.compile(r"[^\x00-\x1f]{0,300}")

# tag -> attribute -> what its value must be
_ATTRIBUTES: dict[str, dict[str, re.Pattern[str]]] = {
    "a": {"href": _LINK, "title": _WORDS},
    "img": {"src": _IMAGE, "alt": _WORDS, "width": _NUMBER, "height": _NUMBER},
    "ol": {"start": _NUMBER},
    "td": {"colspan": _NUMBER, "rowspan": _NUMBER},
    "th": {"colspan": _NUMBER, "rowspan": _NUMBER},
}
_EVERYWHERE = {"dir": re.compile("ltr|rtl|auto")}


def cleaned(html: str) -> str:
    """HTML with only what is allowed in it, "" where it shows nothing."""
    writer = _Writer()
    writer.feed(_without_declarations(html[:MOST_HTML]))
    writer.close()
    return writer.finish() if writer.shows else ""


def from_text(text: str) -> str:
    """Plain text as HTML: its paragraphs and line breaks."""
    paragraphs = re.split(r"\n{2,}", text.strip("\n"))
    return "\n".join("<p>" + escape(part).replace("\n", "<br>\n") + "</p>" for part in paragraphs)


class _Writer(HTMLParser):
    """Writes what is allowed as it is read."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shows = False
        self._out: list[str] = []
        self._open: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._hidden += [tag] if len(self._hidden) < MOST_OPEN else []
        elif not self._hidden and tag in TAGS and len(self._open) < MOST_OPEN:
            allowed = _attributes(tag, attrs)
            if tag == "img" and "src=" not in allowed:
                return
            self.shows = self.shows or tag == "img"
            self._out.append(f"<{tag}{allowed}>")
            self._open += [] if tag in _VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                del self._hidden[self._hidden.index(tag) :]
        elif tag in self._open:
            while (closed := self._open.pop()) != tag:
                self._out.append(f"</{closed}>")
            self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.shows = self.shows or bool(data.strip())
            self._out.append(escape(data, quote=False))

    def finish(self) -> str:
        return "".join(self._out) + "".join(f"</{tag}>" for tag in reversed(self._open))


def _attributes(tag: str, given: list[tuple[str, str | None]]) -> str:
    """The attributes that are allowed, written out, each once."""
    allowed = _ATTRIBUTES.get(tag, {}) | _EVERYWHERE
    kept: dict[str, str] = {}
    for name, value in given:
        clean = re.sub(r"[\x00-\x1f\x7f]", "", value or "").strip()
        if name in allowed and name not in kept and allowed[name].fullmatch(clean):
            kept[name] = clean
    return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())


def _without_declarations(html: str) -> str:
    """HTML without comments and `<!...>`, at which the parser may raise; a tag that never ends is text."""
    whole, bracket, tail = html.replace("\x00", "").rpartition(">")
    html = whole + bracket + tail.replace("<", "&lt;")
    parts, at = [], 0
    while (found := min((i for i in (html.find("<!", at), html.find("<?", at)) if i >= 0), default=-1)) >= 0:
        parts.append(html[at:found])
        closing = "-->" if html.startswith("<!--", found) else ">"
        end = html.find(closing, found + 2)
        if end < 0:
            break
        at = end + len(closing)
    else:
        parts.append(html[at:])
    return "".join(parts)
