"""What the parts of a mail are: its words in plain text and in HTML, and its files.

https://www.rfc-editor.org/rfc/rfc2046 https://www.rfc-editor.org/rfc/rfc2387 https://www.rfc-editor.org/rfc/rfc3676
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote

from . import charsets, headers, mime

MOST_FILES = 200  # of a mail that are listed
MOST_WORDS = 2_000_000  # bytes of a mail's texts that are read, all its parts together
MOST_FILE_NAME = 120

_TEXTS = ("text/plain", "text/html")
_UUENCODED = ("x-uuencode", "uuencode", "x-uue", "uue")
_ENCLOSED = re.compile(
    rb"^begin [0-7]{3,4} ([^\r\n]{1,200})\r?\n((?:[ -`]{1,90}\r?\n)*?)(?:[` ]?\r?\n)?end[ \t]*\r?$", re.M
)
_CID = re.compile(r"""cid:([^"'\s<>)]{1,250})""", re.IGNORECASE)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,10}$")

# media type -> the name of a file that was given none
_NAMES = {
    "application/ms-tnef": "winmail.dat",
    "application/pdf": "document.pdf",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-signature": "smime.p7s",
    "image/gif": "image.gif",
    "image/jpeg": "image.jpg",
    "image/png": "image.png",
    "image/svg+xml": "image.svg",
    "image/webp": "image.webp",
    "message/delivery-status": "delivery-status.txt",
    "text/calendar": "invitation.ics",
    "text/csv": "table.csv",
    "text/html": "page.html",
    "text/plain": "text.txt",
    "text/rfc822-headers": "headers.txt",
    "text/vcard": "contact.vcf",
    "text/x-vcard": "contact.vcf",
}


@dataclass(frozen=True)
class Part:
    """A file of a mail. `key` takes it out again; `size` is in bytes, decoded; `inline` where the HTML shows it."""

    key: str
    name: str
    media_type: str
    size: int
    inline: bool = False
    content_id: str = ""


@dataclass(frozen=True)
class Body:
    """One text of a mail, in the forms that it was sent in."""

    plain: str = ""
    html: str = ""


@dataclass(frozen=True)
class Contents:
    """The texts and files of a mail, and how many files were not listed."""

    bodies: tuple[Body, ...]
    files: tuple[Part, ...]
    unlisted: int
    cut: bool


def contents(tree: mime.Tree) -> Contents:
    """Look through a mail's parts."""
    collector = _Collector(tree)
    bodies = collector.texts(tree.root, False)
    shown = {unquote(found) for body in bodies for found in _CID.findall(body.html)}
    files = tuple(
        Part(part.key, part.name, part.media_type, part.size, part.content_id in shown, part.content_id)
        for part in collector.files
    )
    return Contents(tuple(bodies), files, collector.unlisted, collector.left < 0)


def content(tree: mime.Tree, piece: mime.Piece) -> bytes:
    """A part's content, its transfer encoding undone. Never raises."""
    raw = tree.raw[piece.start : piece.end]
    encoding = mime.first(piece.message, "content-transfer-encoding").partition(";")[0].strip().lower()
    if encoding == "base64":
        return headers.base64(raw)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if encoding in _UUENCODED:
        found = _ENCLOSED.search(raw)
        return _uudecoded(found[2]) if found else raw
    return raw


def enclosed(data: bytes) -> list[tuple[str, bytes]]:
    """The names and contents of the uuencoded files that stand in a text."""
    return [(_file_name(_readable(found[1]), ""), _uudecoded(found[2])) for found in _ENCLOSED.finditer(data)]


def name_of(piece: mime.Piece) -> str:
    """The name of a part as a file, safe to show and to store."""
    disposition = headers.parameters(mime.first(piece.message, "content-disposition"))
    given = disposition.get("filename") or piece.parameters.get("name", "")
    if not given and mime.is_message(piece.media_type):
        inner = mime.first(piece.pieces[0].message, "subject") if piece.pieces else ""
        given = (headers.text(inner)[:80].replace("/", "-").replace("\\", "-") or "message") + ".eml"
    return _file_name(given, piece.media_type)


class _Collector:
    """Goes through the parts in order; `left` is how many bytes of text may still be read."""

    def __init__(self, tree: mime.Tree) -> None:
        self.files: list[Part] = []
        self.unlisted = 0
        self.left = MOST_WORDS
        self._tree = tree

    def texts(self, piece: mime.Piece, alternative: bool) -> list[Body]:
        """The texts of a part; its files are listed on the way."""
        media_type = piece.media_type
        if media_type.startswith("multipart/") and piece.pieces:
            found = [self.texts(inner, media_type == "multipart/alternative") for inner in piece.pieces]
            if media_type == "multipart/alternative":
                return [_merged(found)]
            return [body for bodies in found for body in bodies]
        broken = media_type.startswith("multipart/") and piece.key.count(".") + 1 < mime.MOST_DEPTH
        if broken or (media_type in _TEXTS and not self._is_file(piece, alternative)):
            return self._text(piece)
        self._list(piece)
        return []

    def _is_file(self, piece: mime.Piece, alternative: bool) -> bool:
        """Whether a text is a file beside the mail's words."""
        given = mime.first(piece.message, "content-disposition")
        disposition = given.partition(";")[0].strip().lower()
        named = "name" in piece.parameters or "filename" in headers.parameters(given)
        return disposition == "attachment" or (named and bool(piece.key) and not alternative)

    def _text(self, piece: mime.Piece) -> list[Body]:
        if self.left < 0:
            return []
        data = content(self._tree, piece)
        html = piece.media_type == "text/html"
        if not html and b"begin " in data:
            self._enclosed(piece, data)
            data = _ENCLOSED.sub(b"", data)
        text = charsets.lines(charsets.decode(data[: self.left], piece.parameters.get("charset", "")))
        self.left -= len(data)
        if not html and piece.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, piece.parameters.get("delsp", "").lower() == "yes")
        return [Body(html=text) if html else Body(plain=text)]

    def _enclosed(self, piece: mime.Piece, data: bytes) -> None:
        for number, (name, inner) in enumerate(enclosed(data), 1):
            self._add(Part(f"{piece.key or '1'}u{number}", name, "application/octet-stream", len(inner)))

    def _list(self, piece: mime.Piece) -> None:
        if len(self.files) >= MOST_FILES:
            self.unlisted += 1
            return
        content_id = "".join(headers.ids(mime.first(piece.message, "content-id"))[:1])
        size = len(content(self._tree, piece))
        self._add(Part(piece.key or "1", name_of(piece), piece.media_type, size, content_id=content_id))

    def _add(self, part: Part) -> None:
        if len(self.files) < MOST_FILES:
            self.files.append(part)
        else:
            self.unlisted += 1


def unflowed(text: str, joined_without_space: bool = False) -> str:
    """`format=flowed` as lines of their own length."""
    lines: list[list[str]] = []
    flowing, before = False, 0
    for line in text.split("\n"):
        inner = line.lstrip(">")
        depth = len(line) - len(inner)
        inner = inner.removeprefix(" ")
        signature = inner == "-- "
        if not (flowing and depth == before) or signature:
            lines.append([">" * depth + " " if depth else ""])
        flowing, before = inner.endswith(" ") and not signature, depth
        lines[-1].append(inner[:-1] if flowing and joined_without_space else inner)
    return "\n".join("".join(parts) for parts in lines)


def _merged(found: list[list[Body]]) -> Body:
    """One text of several forms: the first plain one and the last in HTML, which is the richest."""
    plain = ["\n".join(body.plain for body in bodies if body.plain) for bodies in found]
    html = ["\n".join(body.html for body in bodies if body.html) for bodies in found]
    return Body(
        next((text for text in plain if text.strip()), ""), next((text for text in reversed(html) if text.strip()), "")
    )


def _readable(data: bytes) -> str:
    return charsets.line(charsets.decode(data))


def _file_name(given: str, media_type: str) -> str:
    """A name without folders, turned text and what no disk takes; its ending stays where it must be cut."""
    name = charsets.untwisted(charsets.line(given)).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r'[<>:"|?*]', "_", name).strip(". ")
    if not name:
        return _NAMES.get(media_type, "attachment")
    if len(name) > MOST_FILE_NAME:
        ending = _ENDING.search(name)
        kept = ending[0] if ending else ""
        name = name[: MOST_FILE_NAME - len(kept)].rstrip(". ") + kept
    return name


def _uudecoded(data: bytes) -> bytes:
    lines = []
    for line in data.splitlines():
        try:
            lines.append(binascii.a2b_uu(line))
        except binascii.Error:  # a line whose trailing blanks were taken off, or that was padded
            length = (line[0] - 32) & 63 if line else 0
            whole = (length + 2) // 3 * 4 + 1
            try:
                lines.append(binascii.a2b_uu(line[:whole].ljust(whole)))
            except binascii.Error:
                continue
    return b"".join(lines)
