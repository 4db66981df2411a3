"""Header values as mailers write them."""

from __future__ import annotations

import pytest

from connectors.shared.email import charsets, headers

WORDS = [
    ("plain", "plain"),
    ("=?utf-8?q?caf=C3=A9_au_lait?=", "café au lait"),
    ("=?UTF-8?B?Y2Fmw6k=?=", "café"),
    ("=?iso-8859-1?q?caf=E9?= and more", "café and more"),
    ("=?utf-8?b?Y2Fmww==?= =?utf-8?b?qQ==?=", "café"),
    ("=?utf-8?b?8J+Y?= =?utf-8?b?gA==?=", "😀"),  # a character cut in two
    ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
    ("=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"),
    ("=?utf-8?q?a?=b", "ab"),
    ("x=?utf-8?q?a?=", "xa"),
    ("=?x-unknown?q?caf=E9?=", "café"),
    ("=?utf-8*en?q?a?=", "a"),
    ("=?utf-8?q?two words?=", "two words"),
    ("=?utf-8?b?YQ?=", "a"),  # its padding was lost
    ("=?utf-8?b?!!!?=", ""),
    ("=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
    ("=?utf-8?q?a=00b?=", "ab"),
    ("=?utf-8?z?a?=", "=?utf-8?z?a?="),
    ("caf\udcc3\udca9", "café"),
    ("caf\udce9", "café"),
    ("=?punycode?q?a-b?=", "a-b"),
    ("=?utf-7?q?+2D0-?=", "\ufffd"),  # half a character
    ("  a \t b\r\n c ", "a b c"),
]


@pytest.mark.parametrize(("value", "expected"), WORDS)
def test_a_value_is_shown_as_people_read_it(value: str, expected: str) -> None:
    assert headers.text(value) == expected


PARAMETERS = [
    ('a/b; name="x.pdf"', {"name": "x.pdf"}),
    ("a/b; name=my file (1).pdf; size=3", {"name": "my file (1).pdf", "size": "3"}),
    ("a/b; NAME*=utf-8''%e2%82%ac.pdf", {"name": "€.pdf"}),
    ("a/b; name*0*=utf-8'en'%e2%82; name*1*=%ac; name*2=.pdf", {"name": "€.pdf"}),
    ('a/b; name*1="b"; name*0="a"; name*2="c"', {"name": "abc"}),
    ("a/b; name=plain.pdf; name*=utf-8''%e2%82%ac.pdf", {"name": "€.pdf"}),
    ('a/b; name="=?utf-8?q?=E2=82=AC.pdf?="', {"name": "€.pdf"}),
    (r'a/b; name="C:\dir\a \"b\".pdf"', {"name": r'C:\dir\a "b".pdf'}),
    ('a/b; name="a;b.pdf"; x=y', {"name": "a;b.pdf", "x": "y"}),
    ('a/b; name="never closed', {"name": "never closed"}),
    ("a/b; name*99999999=x", {}),
    ("a/b; name*x=y", {}),
    ("a/b; =; ;; name", {}),
    ("a/b; name=one; name=two", {"name": "one"}),
    ('a/b; boundary="a  b"', {"boundary": "a  b"}),
    ("a/b; name*=x-unknown''%e9.pdf", {"name": "é.pdf"}),
    ("a/b; name*=%zz.pdf", {"name": "%zz.pdf"}),
    ("", {}),
]


@pytest.mark.parametrize(("value", "expected"), PARAMETERS)
def test_parameters_are_read_in_every_form(value: str, expected: dict[str, str]) -> None:
    assert headers.parameters(value) == expected


IDS = [
    ("<a@b>", ["a@b"]),
    ("<a@b> <c@d>\t<a@b>", ["a@b", "c@d"]),
    ("<a@b><c@d>", ["a@b", "c@d"]),
    ("<a\t@b>", ["a@b"]),
    ("a@b c@d", ["a@b", "c@d"]),
    ('Your message of "Mon, 1 Jan" <a@b>', ["a@b"]),
    ("<>", []),
    ("", []),
    ("none", []),
]


@pytest.mark.parametrize(("value", "expected"), IDS)
def test_ids_are_read_in_order_and_once(value: str, expected: list[str]) -> None:
    assert list(headers.ids(value)) == expected


def test_of_very_many_ids_the_first_and_the_last_are_kept() -> None:
    found = headers.ids(" ".join(f"<{n}@b>" for n in range(1_000)))
    assert (len(found), found[0], found[1], found[-1]) == (100, "0@b", "901@b", "999@b")


def test_an_id_too_long_for_a_key_is_known_by_its_digest() -> None:
    (long,) = headers.ids(f"<{'a' * 1_000}@b>")
    assert len(long) < 100 and long == headers.ids(f"<{'a' * 1_000}@b>")[0] != headers.ids(f"<{'a' * 1_001}@b>")[0]
    assert headers.made_up(long)


DATES = [
    ("Tue, 14 Nov 2023 22:13:20 +0000", 1_700_000_000_000),
    ("Tue, 14 Nov 2023 23:13:20 +0100 (CET)", 1_700_000_000_000),
    ("14 Nov 23 17:13:20 EST", 1_700_000_000_000),
    ("Tue, 14 Nov 2023 22:13:20 -0000", 1_700_000_000_000),
    ("", None),
    ("yesterday", None),
    ("Tue, 99 Nov 2023 99:13:20 +0000", 1_700_000_000_000 + 85 * 86_400_000 + 77 * 3_600_000),
    ("Tue, 14 Nov 99999999999 22:13:20 +0000", None),
    ("Tue, 14 Nov 1923 22:13:20 +0000", None),
    ("Tue, 14 Nov 2023 22:13:20 +99999999999999999999", None),
    ("\udcff\udcfe", None),
]


@pytest.mark.parametrize(("value", "expected"), DATES)
def test_a_date_is_read_or_left_out(value: str, expected: int | None) -> None:
    assert headers.sent_at(value) == expected


BASE64 = [
    (b"aGVsbG8=", b"hello"),
    (b"aGVs\r\nbG8=\r\n", b"hello"),
    (b"aGVs bG8", b"hello"),
    (b"aG!V\xffs\x00bG8=", b"hello"),
    (b"aGVsbG8=d29ybGQ=", b"helloworld"),
    (b"aGVsbG8a=", b"hello\x1a"),
    (b"a", b""),
    (b"====", b""),
]


@pytest.mark.parametrize(("data", "expected"), BASE64)
def test_base64_is_read_through_garbage(data: bytes, expected: bytes) -> None:
    assert headers.base64(data) == expected


CHARSETS = [
    (b"caf\xc3\xa9", "utf-8", "café"),
    (b"caf\xc3\xa9", "us-ascii", "café"),
    (b"caf\xc3\xa9", "", "café"),
    (b"caf\xc3\xa9", "X-UNKNOWN", "café"),
    (b"caf\xe9", "utf-8", "café"),
    (b"caf\xe9", "", "café"),
    (b"\x93a\x94", "iso-8859-1", "\u201ca\u201d"),
    (b"\xa4", "iso-8859-15", "€"),
    ("привет".encode("koi8-r"), "KOI8-R", "привет"),
    ("日本".encode("cp932"), "Shift_JIS", "日本"),
    ("日本".encode("iso-2022-jp"), '"ISO-2022-JP"', "日本"),
    ("中文".encode("gb18030"), "gb2312", "中文"),
    ("한국".encode("cp949"), "ks_c_5601-1987", "한국"),
    ("שלום".encode("iso-8859-8"), "iso-8859-8-i", "שלום"),
    (b"a\x81b", "", "a\ufffdb"),
    (b"abc", "rot13", "abc"),
    (b"abc", "zlib", "abc"),
    (b"a-b", "idna", "a-b"),
    (b"abc", "utf-8\x00", "abc"),
    (b"abc", "../../etc/passwd", "abc"),
    (b"abc", "a" * 100_000, "abc"),
    ("日本語のとても長い文章".encode()[:-1], "utf-8", "日本語のとても長い文\ufffd"),
]


@pytest.mark.parametrize(("data", "label", "expected"), CHARSETS)
def test_text_is_read_whatever_its_label_says(data: bytes, label: str, expected: str) -> None:
    assert charsets.decode(data, label) == expected


def test_every_codec_of_python_is_read_or_refused_without_raising() -> None:
    import encodings.aliases

    labels = sorted({*encodings.aliases.aliases, *encodings.aliases.aliases.values()})
    for label in labels:
        assert isinstance(charsets.decode(b"a\xff\xfe+2D0-\x1b$B=?", label), str)
    assert len(labels) > 300 and charsets.known("utf-8") and not charsets.known("idna")
