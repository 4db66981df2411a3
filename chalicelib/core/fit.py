"""Making texts fit: into an item of the table, and into what it can encode."""

from __future__ import annotations

CUT = "… [cut here; the whole is kept with the raw delivery]"


def fit(text: str, most: int) -> str:
    """The text in at most `most` bytes of UTF-8, marked where it was cut; what UTF-8 cannot encode is replaced."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= most:
        return encoded.decode("utf-8")
    room = max(0, most - len(CUT.encode("utf-8")))
    return encoded[:room].decode("utf-8", "ignore") + CUT
