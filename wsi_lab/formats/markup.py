"""HTML that people write about slides and cases, without anything that runs or hides."""

from __future__ import annotations

import re

import nh3

from wsi_lab.errors import Invalid
from wsi_lab.model.study import LONGEST_DESCRIPTION

_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "cite", "code", "del", "div", "em", "hr", "i", "ins"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "kbd", "mark", "p", "pre", "q", "s", "samp", "small"),
    *("span", "strike", "strong", "sub", "sup", "u", "dd", "dl", "dt", "li", "ol", "ul"),
    *("caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
}
_ATTRIBUTES = {
    "*": {"class", "style", "title", "dir", "lang"},
    "a": {"href", "target", "rel"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
}
_STYLES = {
    *("background-color", "border", "color", "display", "list-style-type", "margin", "padding"),
    *("font-family", "font-size", "font-style", "font-weight", "line-height", "white-space"),
    *("text-align", "text-decoration", "vertical-align", "width"),
}
_FETCHES_OR_ESCAPES = re.compile(r"[\\@<]|url|image|expression|var\s*\(|attr\s*\(", re.IGNORECASE)
_HARMLESS_RELATIONS = {"noopener", "noreferrer", "nofollow", "external", "ugc", "author", "help"}
_OWN_WINDOWS = {"_self", "_parent", "_top"}
# JupyterLab runs commands, and Bootstrap shows pages, for elements with such attributes.
_ACTING_DATA = re.compile(r"data-(commandlinker|jp|lm|bs|toggle|target|remote|html|content)")
_MOST_ROUNDS = 10
_LONGEST_RESULT = 10 * LONGEST_DESCRIPTION


def cleaned(html: str) -> str:
    """Return HTML as it may be shown to others: text, tables, links and basic formatting.

    Links lead to web pages, mail addresses or pages of the lab. Cleaning what is clean changes
    nothing.

    Raises
    ------
    Invalid
        It is longer than a description may be, or holds characters that are no text.

    Examples
    --------
    >>> cleaned('<b onclick="x()">HER2</b> <script>y()</script><a href="javascript:z()">more</a>')
    '<b>HER2</b> <a>more</a>'
    """
    if len(html) > LONGEST_DESCRIPTION:
        raise Invalid(f"A description may have at most {LONGEST_DESCRIPTION:,} characters.")
    try:
        html.encode()
    except UnicodeEncodeError:
        raise Invalid("The description holds characters that are no text.") from None
    # What tags that are taken out had kept apart may nest differently when it is read again.
    for _ in range(_MOST_ROUNDS):
        before, html = html, _clean(html)
        if html == before:
            return html
        # Badly nested formatting is repeated in every paragraph that it reaches.
        if len(html) > _LONGEST_RESULT:
            break
    raise Invalid("The description is formatted in too complicated a way.")


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties=_STYLES,
        generic_attribute_prefixes={"data-"},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """Return what an attribute may say, or `None` to leave it out."""
    match name:
        case "style" if _FETCHES_OR_ESCAPES.search(value):
            return None
        case "target":
            # A window with a name of its own would be told who opened it.
            return value if value in _OWN_WINDOWS else "_blank"
        case "rel":
            words = [word for word in value.lower().split() if word in _HARMLESS_RELATIONS]
            return " ".join(words) or None
        case _ if _ACTING_DATA.match(name):
            return None
    return value
