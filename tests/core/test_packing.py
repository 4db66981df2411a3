"""Packing raw deliveries."""

from __future__ import annotations

import pytest

from chalicelib.core.packing import pack, unpack

BODIES = [b"", b"x", b'{"text":"hello"}' * 500, bytes(range(256)), "größe".encode()]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("beside", ["", "hello", "ö" * 40_000, "lone \ud800"])
def test_a_delivery_comes_back_as_it_went_in(body: bytes, beside: str) -> None:
    assert unpack(pack(body, beside), beside) == body


def test_what_stands_beside_it_costs_nothing_twice() -> None:
    text = "My invoice 4711 is wrong, and nobody answers the telephone since Tuesday. "
    body = b'{"event":{"type":"message","text":"' + text.encode() + b'"}}'
    assert len(pack(body, text)) < len(pack(body, "")) < len(body)


@pytest.mark.parametrize("packed", [b"", b"\x00abc", b"\x09abc", b"\x01\xff\xff"])
def test_what_cannot_be_unpacked_says_so(packed: bytes) -> None:
    with pytest.raises(ValueError, match="packed"):
        unpack(packed, "")
