"""XML that strangers sent: whole, without a document type, and no deeper than annotations are."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe.text import check_size, encoded, text_of

LARGEST_XML = 32 << 20
MOST_ELEMENTS = 600_000
DEEPEST_XML = 64
MOST_ATTRIBUTES = 1000
"""Of one element."""


def read_xml(data: str | bytes, *, most_bytes: int = LARGEST_XML) -> Element:
    """Return the root of an XML document, UTF-8 or UTF-16 with its mark, without any DTD.

    Raises
    ------
    Invalid
        It is not well formed, has a document type, or is larger, deeper or richer in elements
        or attributes than any set of annotations.

    Examples
    --------
    >>> read_xml("<a><b x='1'/></a>")[0].attrib
    {'x': '1'}
    """
    check_size(len(data), most_bytes, "XML")
    # Expat would believe a document that names its encoding. Only one that says nothing can be
    # counted before it is parsed: as text it has one encoding, ours.
    text = text_of(data, "XML").lstrip(" \t\r\n")
    raw = encoded(text, "XML")
    check_size(len(raw), most_bytes, "XML")
    if raw.count(b"<") - raw.count(b"</") > MOST_ELEMENTS:
        raise Invalid(f"The XML has more than {MOST_ELEMENTS:,} elements.")
    if raw.count(b"=") > MOST_ATTRIBUTES and _most_between_tags(raw) > MOST_ATTRIBUTES:
        raise Invalid(f"An element of the XML has more than {MOST_ATTRIBUTES:,} attributes.")
    builder = _ShallowTree()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        # Whole: in small feeds Expat reads a long attribute anew each time.
        parser.feed(text)
        root = parser.close()
    except DefusedXmlException:
        raise Invalid("The XML has a document type (DTD) or entities; neither is read.") from None
    except ParseError as error:
        raise Invalid(f"The XML is not well formed: {error}.") from None
    assert isinstance(root, Element)  # noqa: S101 - what TreeBuilder.close returns
    return root


class _ShallowTree:
    """Builds the tree and stops at a depth that nobody's annotations have."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._depth = 0
        self.data = self._tree.data
        self.close = self._tree.close

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST_XML:
            raise Invalid(f"The XML is nested more than {DEEPEST_XML} levels deep.")
        self._tree.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._tree.end(tag)


def _most_between_tags(raw: bytes) -> int:
    return max(part.count(b"=") for part in raw.split(b"<"))
