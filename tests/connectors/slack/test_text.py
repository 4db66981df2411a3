"""Agents' answers as Slack's text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.slack.text import escape, from_html

HTML: dict[str, str] = {
    "": "",
    "<p> </p>": "",
    "<p>Hello <b> big </b>world&nbsp;!</p><p>Bye</p>": "Hello *big* world !\n\nBye",
    "<div>one</div><div>two</div>": "one\ntwo",
    "one<br>two<br/><br>three": "one\ntwo\n\nthree",
    "<p>a</p>\n\n\n<p><br></p><p>b</p>": "a\n\nb",
    "<strong>a</strong> <em>b</em> <s>c</s> <del>d</del>": "*a* _b_ ~c d~",
    "<b>a <i>b</i></b> <b>c</b>": "*a _b_ c*",
    "<b>one<br>two</b>": "*one*\n*two*",
    "<b></b>x<i> </i>y": "x y",
    "<h2>Title</h2>text<hr>end": "*Title*\n\ntext\n\n———\n\nend",
    "use <code>a<b>`c`</code>": "use `a'c'`",
    "<pre>\nif a &lt; b:\n\n    go()</pre>done": "```\nif a &lt; b:\n\n    go()\n```\n\ndone",
    "<pre>```</pre>": "```\n`\u200b`\u200b`\n```",
    "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>after": "• a\n• b\n    • c\n\nafter",
    "<ol><li><p>one</p></li><li>two<br>more</li></ol>": "1. one\n2. two\n   more",
    "before<blockquote><p>q</p><p>r</p></blockquote>after": "before\n\n> q\n>\n> r\n\nafter",
    '<a href="https://example.com/?a=1&amp;b=2">our page</a>': "<https://example.com/?a=1&amp;b=2|our page>",
    '<a href="https://example.com">https://example.com</a>': "<https://example.com>",
    '<a href="https://example.com/a|b>c">x|y</a>': "<https://example.com/a%7Cb%3Ec|x¦y>",
    '<b><a href="mailto:a@example.com">mail</a></b>': "*<mailto:a@example.com|mail>*",
    '<a href="javascript:alert(1)">x</a> <a href="/rel">y</a> <a>z</a>': "x y z",
    '<a href="java\nscript:alert(1)">x</a>': "x",
    '<img src="https://example.com/p.png" alt="a plot"> <img src="https://example.com/q.png">': (
        "<https://example.com/p.png|a plot> <https://example.com/q.png|image>"
    ),
    '<img src="cid:1" alt="logo"><img src="data:image/png;base64,AA">': "logo",
    "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>": "*a* | *b*\n1 | 2",
    "x<script>alert('<b>1</b>')</script>y<style>p{}</style>z": "xyz",
    "x<script>never closed": "x",
    "<svg><script>1</script><text>2</text></svg>t": "t",
    "<title>no</title>yes": "yes",
    "<!channel> all": "all",
    "&lt;!channel&gt; &amp; &lt;@U1&gt;": "&lt;!channel&gt; &amp; &lt;@U1&gt;",
    "<![if !mso]>a<![endif]><!-- no --> b <!--[if x]>no<![endif]-->": "a b",
    "a <!-- never closed": "a &lt;!-- never closed",
    "<![unheard-of[ a ]]> b": "b",
    "1 < 2 <3": "1 &lt; 2 &lt;3",
    "</b></div>a<p": "a&lt;p",
    "<?php echo 1 ?>a": "a",
}


@pytest.mark.parametrize("html, words", HTML.items())
def test_html_becomes_slacks_text(html: str, words: str) -> None:
    assert from_html(html) == words


def test_plain_text_is_escaped() -> None:
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@settings(max_examples=300, deadline=None)
@given(st.text("<>!/-[]ab &;#\"'=pre`*\n", max_size=60) | st.text(max_size=60))
def test_no_html_rings_or_raises(html: str) -> None:
    words = from_html(html)
    assert "<!" not in words
    assert "<@" not in words


@pytest.mark.parametrize(
    "piece", ["<b>", "<a", "<!", "<!--", "<ul><li>", "<blockquote>", "</p>", "<script", "&", "<pre>\n"]
)
def test_much_of_anything_is_read_in_one_go(piece: str) -> None:
    """The work grows with the text and not with its square: this would take minutes if it did."""
    assert "end" in from_html(piece * 20_000 + "end") or piece in ("<script",)
