"""What HTML says, as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.formats.plain_text import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("one <b>two</b>\n  three", "one two three"),
        ("<p>a</p><p>b<br>c</p>", "a\nb\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc"),
        ("<ul><li>a</li><li>b</li></ul>", "• a\n• b"),
        ("&lt;b&gt; &amp;amp; &#x3bc;m", "<b> &amp; µm".replace("µ", "\u03bc")),
        ("a<script>b()</script><style>c</style>d", "ad"),
        ("<p>unclosed <b>x", "unclosed x"),
    ],
)
def test_text_of_markup(html: str, text: str) -> None:
    assert plain_text(html) == text


@given(st.text("ab<>/&;\"' =!-\n", max_size=60))
def test_whatever_comes_there_is_a_text(html: str) -> None:
    assert isinstance(plain_text(html), str)
