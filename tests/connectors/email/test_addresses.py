"""Addresses as mailers write them, and tokens in our own."""

from __future__ import annotations

import pytest

from connectors.base import CannotCarry
from connectors.shared.email import addresses

READ = [
    ("joe@example.com", [("joe@example.com", "")]),
    ("Joe@Example.COM", [("joe@example.com", "")]),
    ("Joe Doe <joe@example.com>", [("joe@example.com", "Joe Doe")]),
    ('"Doe, Joe" <joe@example.com>', [("joe@example.com", "Doe, Joe")]),
    (r'"Joe \"J\" Doe" <joe@example.com>', [("joe@example.com", 'Joe "J" Doe')]),
    ("joe@example.com (Joe Doe)", [("joe@example.com", "Joe Doe")]),
    ("Joe (at (the) office) <joe@example.com>", [("joe@example.com", "Joe")]),
    ("'joe@example.com' <joe@example.com>", [("joe@example.com", "")]),
    ("a@example.com, b@example.com; c@example.com", [(f"{one}@example.com", "") for one in "abc"]),
    ("undisclosed-recipients:;", []),
    (
        "Team: a@example.com, B <b@example.com>;, c@example.com",
        [("a@example.com", ""), ("b@example.com", "B"), ("c@example.com", "")],
    ),
    ("=?utf-8?q?Doe=2C_J=C3=B6?= <joe@example.com>", [("joe@example.com", "Doe, Jö")]),
    ('"=?utf-8?q?J=C3=B6?=" <joe@example.com>', [("joe@example.com", "Jö")]),
    ("=?utf-8?q?Doe,_Joe?= <joe@example.com>", [("joe@example.com", "Doe, Joe")]),
    ("=?utf-8?q?Joe=0D=0ABcc:_x@example.com?= <joe@example.com>", [("joe@example.com", "Joe Bcc: x@example.com")]),
    ("<@relay.example,@other.example:joe@example.com>", [("joe@example.com", "")]),
    ("< joe @ example.com >", [("joe@example.com", "")]),
    ("Joe joe@example.com", [("joe@example.com", "")]),
    ("Joe <joe>, <b@example.com>", [("b@example.com", "")]),
    ("j\udcc3\udcb6@example.com", [("jö@example.com", "")]),
    ("J\udcf6rg <joe@example.com>", [("joe@example.com", "Jörg")]),
    ("\u202eeoj <joe@example.com>", [("joe@example.com", "eoj")]),
    ("joe@example.com (never closed", [("joe@example.com", "")]),
    ('"never closed <joe@example.com>', [("joe@example.com", "never closed")]),
    ("", []),
    ("Joe", []),
    (",,;;::<><>", []),
]


@pytest.mark.parametrize(("value", "expected"), READ)
def test_a_header_names_its_addresses(value: str, expected: list[addresses.Address]) -> None:
    assert list(addresses.read(value).kept) == expected


def test_all_addresses_are_counted_and_the_first_ones_kept() -> None:
    found = addresses.read(", ".join(f"user{n}@example.com" for n in range(10_000)), 100)
    assert (len(found.kept), found.count, found.kept[99][0]) == (100, 10_000, "user99@example.com")


def test_a_token_comes_back_from_the_address_that_carries_it() -> None:
    given = addresses.with_token("Support@Example.com", "k3x7")
    assert given == "support+k3x7@example.com"
    assert addresses.token_of("SUPPORT+K3X7@EXAMPLE.com.", "support@example.com") == "k3x7"
    inner = addresses.with_token("support+eu@example.com", "k3x7")
    assert addresses.token_of(inner, "support+eu@example.com") == "k3x7"


NO_TOKEN = [
    "support@example.com",
    "support+@example.com",
    "support+k3x7@example.org",
    "support+k3x7@sub.example.com",
    "sales+k3x7@example.com",
    "support+k3 x7@example.com",
    "support+k3+x7@example.com",
    "support+" + "k" * 49 + "@example.com",
    "support+k3x7",
    "",
]


@pytest.mark.parametrize("address", NO_TOKEN)
def test_another_address_carries_no_token(address: str) -> None:
    assert addresses.token_of(address, "support@example.com") == ""


@pytest.mark.parametrize(
    ("address", "token"),
    [
        ("support@example.com", "K3"),
        ("support@example.com", ""),
        ("support", "k3"),
        ("s" * 60 + "@example.com", "k3x7x"),
    ],
)
def test_a_token_that_would_not_come_back_is_refused(address: str, token: str) -> None:
    with pytest.raises(CannotCarry):
        addresses.with_token(address, token)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("joe@example.com", "joe@example.com"),
        ("joe@bücher.example", "joe@xn--bcher-kva.example"),
        ("o'joe+x@a-b.example", "o'joe+x@a-b.example"),
    ],
)
def test_an_address_is_written_as_mail_servers_know_it(address: str, expected: str) -> None:
    assert addresses.sendable(address) == expected


UNSENDABLE = [
    "jö@example.com",
    "joe",
    "joe@",
    "@example.com",
    "joe@example.com\r\nBcc: x@example.com",
    "joe@example.com, x@example.com",
    "joe doe@example.com",
    "joe@exa mple.com",
    "joe@-example.com",
    "joe@\u2024\u2024.com",
    "j" * 65 + "@example.com",
    "joe@" + "a" * 260 + ".com",
    "<joe@example.com>",
    "joe\x00@example.com",
]


@pytest.mark.parametrize("address", UNSENDABLE)
def test_what_mail_cannot_reach_is_refused_without_naming_it(address: str) -> None:
    with pytest.raises(CannotCarry) as refused:
        addresses.sendable(address)
    assert address not in str(refused.value)
