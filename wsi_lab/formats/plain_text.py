"""What HTML says, as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LINES = frozenset(
    {
        *("p", "div", "br", "hr", "li", "tr", "pre", "blockquote", "table", "caption", "dt", "dd"),
        *("ul", "ol", "dl", "h1", "h2", "h3", "h4", "h5", "h6"),
    }
)
_CELLS = frozenset({"td", "th"})
_UNSEEN = frozenset({"script", "style", "template", "title"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (none is shown)
        self._unseen += tag in _UNSEEN
        if tag in _LINES:
            self.parts.append("\n")
        elif tag in _CELLS:
            self.parts.append("\t")
        if tag == "li":
            self.parts.append("• ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        if tag in _LINES:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def plain_text(html: str) -> str:
    r"""Return what HTML says, a line for each of its paragraphs, without any of its markup.

    Examples
    --------
    >>> plain_text("<h1>HER2</h1><p>3+ in <b>most</b> cells &lt;5 %</p>")
    'HER2\n3+ in most cells <5 %'
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t]*\t[ \t]*", "\t", line) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line.strip() for line in lines if line.strip())
