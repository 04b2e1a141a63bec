"""What formats that are XML share: names, texts and colours."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, tostring

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
COLOUR = re.compile(r"#[0-9a-f]{6}")


def plain(text: str) -> str:
    """Return text without characters that XML cannot hold."""
    return _NO_XML.sub(" ", text)


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def element_text(element: Element) -> str:
    """Return an element as text, without what follows it."""
    tail, element.tail = element.tail, None
    try:
        return tostring(element, encoding="unicode")
    finally:
        element.tail = tail
