"""Mails for the tests, put together by hand."""

from __future__ import annotations

HEAD = (
    b"From: Joe Doe <joe@example.com>\r\nTo: support@example.org\r\nSubject: Hello\r\nMessage-ID: <m1@example.com>\r\n"
)


def mail(content: bytes, *, kind: str = "", encoding: str = "", head: bytes = HEAD) -> bytes:
    """A mail of one part."""
    return head + part(content, kind=kind, encoding=encoding)


def part(content: bytes, *, kind: str = "", encoding: str = "", disposition: str = "", id: str = "") -> bytes:
    """A part: its headers and its content."""
    given = {
        "Content-Type": kind,
        "Content-Transfer-Encoding": encoding,
        "Content-Disposition": disposition,
        "Content-ID": id and f"<{id}>",
    }
    return "".join(f"{name}: {value}\r\n" for name, value in given.items() if value).encode() + b"\r\n" + content


def multipart(kind: str, *parts: bytes, boundary: str = "b0", head: bytes = b"") -> bytes:
    """A multipart part; with a head, a mail."""
    mark = f"--{boundary}".encode()
    inner = b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts)
    return head + f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode() + inner + mark + b"--\r\n"
