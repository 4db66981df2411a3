"""A mail's HTML as plain text."""

from __future__ import annotations

import pytest

from connectors.shared.email.html_tags import DROPPED
from connectors.shared.email.html_text import text_of
from connectors.shared.email.replies import split

PAGES = {
    "paragraphs": ("<p>Hello</p><p>World</p>", "Hello\n\nWorld"),
    "lines": ("<div>Hello</div><div>World</div>", "Hello\nWorld"),
    "breaks": ("one<br>two<br><br>three<br/><br/><br/>four", "one\ntwo\n\nthree\n\nfour"),
    "white space": ("<p>  a \n b\t<b> c</b></p>", "a b c"),
    "references": ("a &amp; b &lt;c&gt; &#228; &nbsp;d", "a & b <c> ä \xa0d"),
    "a link": (
        'see <a href="https://shop.example/a?b=1&amp;c=2">our shop</a>',
        "see our shop <https://shop.example/a?b=1&c=2>",
    ),
    "a link that says its target": ('<a href="https://www.shop.example/">shop.example</a>', "shop.example"),
    "a mail link": ('<a href="mailto:ann@home.example">ann@home.example</a>', "ann@home.example"),
    "a link to nowhere": ('<a href="javascript:alert(1)">click</a> <a href="data:text/html,x">here</a>', "click here"),
    "links in each other": ('<a href="https://a.example">b <a href="https://c.example">d', "b d <https://a.example>"),
    "a list": ("<ul><li>one<li>two<ul><li>inner</ul></ul>", "- one\n- two\n  - inner"),
    "a numbered list": ('<ol start="3"><li>three</li><li>four</li></ol>', "3. three\n4. four"),
    "a table": ("<table><tr><th>a<th>b</tr><tr><td>1</td><td>2</td></tr></table>", "a | b\n1 | 2"),
    "preformatted": ("<pre>a\n  b</pre>", "a\n  b"),
    "a picture": ('<img src="cid:1" alt="the broken  lamp"><img src="x">', "[the broken lamp]"),
    "what is not shown": ('a<span style="display: none">hidden</span>b<!-- c -->d<![if x]>e', "abde"),
    "a quotation": ("<p>no</p><blockquote><p>a</p><blockquote>b</blockquote></blockquote>", "no\n\n> a\n>\n> > b"),
    "nothing closed": ("<div><p>a<p>b<div><b>c", "a\n\nb\nc"),
    "nothing opened": ("</div>a</p>b</a></blockquote>", "a\nb"),
    "signs that are no tags": ("1 < 2 and 3 > 2 <3 <", "1 < 2 and 3 > 2 <3 <"),
    "a quoted end of tag": ('<img alt="a > b" src=x>c', "[a > b]c"),
    "a script that never ends": ("a<script>b", "ab"),
    "a comment that never ends": ("a<!-- b", "a b"),
    "a tag that never ends": ("a<b c", "a<b c"),
    "a number of many digits": ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
    "no HTML at all": ("plain words", "plain words"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("html", "expected"), PAGES.values(), ids=PAGES.keys())
def test_a_page_reads_as_its_words(html: str, expected: str) -> None:
    assert text_of(html) == expected


@pytest.mark.parametrize("tag", sorted(DROPPED))
def test_what_is_not_for_reading_is_left_out(tag: str) -> None:
    assert text_of(f"<div>a</div><{tag} x='y'>hidden <b>words</b></{tag}><div>b</div>") == "a\nb"


REPLIES = {
    "Gmail": '<div dir="ltr">Large.</div><br><div class="gmail_quote"><div class="gmail_attr">'
    'On Tue, 3 Feb 2026 at 14:05, Acme &lt;<a href="mailto:help@acme.example">help@acme.example</a>&gt; wrote:<br>'
    "</div><blockquote><p>Which?</p></blockquote></div>",
    "Gmail in a language that nobody listed": '<div>Large.</div><div class="gmail_quote"><div class="gmail_attr">'
    "Qua 3 zet:<br></div><blockquote>Which?</blockquote></div>",
    "Thunderbird": '<p>Large.</p><div class="moz-cite-prefix">Am 03.02.26 um 14:05 schrieb Acme:<br></div>'
    '<blockquote type="cite"><pre>Which\nsize?</pre></blockquote>',
    "Outlook on the web": "<div>Large.</div><hr>"
    '<div id="divRplyFwdMsg"><b>Zo:</b> Acme<br><b>Ty:</b> x</div><div>Which?</div>',
    "Outlook for Windows": '<p class="MsoNormal">Large.</p><div>'
    '<div style="border:none;border-top:solid #E1E1E1 1.0pt">'
    '<p class="MsoNormal"><b>Qu:</b> Acme<br><b>Qi:</b> Ann</p></div></div><p class="MsoNormal">Which?</p>',
    "Outlook for Mac": '<div>Large.</div><span id="OLK_SRC_BODY_SECTION"><div>Acme: x</div><div>Which?</div></span>',
    "Apple Mail": '<div>Large.</div><div><br><blockquote type="cite"><div>On 3 Feb 2026, at 14:05, Acme wrote:</div>'
    "<div>Which?</div></blockquote></div>",
    "Yahoo": '<div>Large.</div><div class="yahoo_quoted"><div>Some words, Acme:</div><div>Which?</div></div>',
    "Proton": "<div>Large.</div>"
    '<div class="protonmail_quote">Le mardi, Acme a dit<br><blockquote>Which?</blockquote></div>',
}


@pytest.mark.parametrize("html", REPLIES.values(), ids=REPLIES.keys())
def test_the_quotation_of_every_mail_program_is_told_from_the_words(html: str) -> None:
    text = text_of(html)
    assert "Which" in text
    assert split(text).visible == "Large."


def test_answers_between_two_quotations_of_a_page_are_kept() -> None:
    html = (
        '<div class="gmail_quote"><div class="gmail_attr">On Tue, 3 Feb 2026 at 14:05, A &lt;a@b.example&gt; wrote:'
        "</div><blockquote>Which size?</blockquote></div><div>Large.</div>"
        "<blockquote>Which colour?</blockquote><div>Blue.</div>"
    )
    assert split(text_of(html)).visible == "> Which size?\n\nLarge.\n\n> Which colour?\n\nBlue."
