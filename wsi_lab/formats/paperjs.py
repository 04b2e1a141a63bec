"""Drawings of paper.js as PHAS keeps them: layers of paths, curved ones too, and point texts.

PHAS puts one more pair of brackets around what paper.js writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.formats.many_lists import items_of, members_of, read_raw
from wsi_lab.formats.paper_items import Drawing, Inherited, class_of, opened
from wsi_lab.formats.paper_words import item_of
from wsi_lab.formats.repairing import Collecting
from wsi_lab.formats.sources import runs
from wsi_lab.model.feature import Document, Feature

FORMAT = "phas"

_json = msgspec.json.Encoder()


def read(data: bytes) -> Document:
    """Return the paths and texts of a drawing, curves as chains of lines.

    Raises
    ------
    Invalid
        It is no drawing of paper.js, or has none of its items.
    """
    collecting = Collecting(FORMAT)
    drawing = Drawing(collecting)
    for item in _items(read_raw(data), drawing):
        drawing.collect(item, Inherited())
    return collecting.document(drawing.colours)


def write(document: Document) -> bytes:
    """Return one layer; what came from such a drawing and was not changed is in its own words."""
    children: list[Any] = []
    for text, features in runs(document.features, FORMAT, features_of):
        if text is not None:
            children.append(msgspec.Raw(text.encode()))
        else:
            children.extend(item_of(features[0], document.colours))
    layer = ["Layer", {"applyMatrix": True, "children": children}]
    return bytes(_json.encode([layer]))


def _items(raw: msgspec.Raw, drawing: Drawing) -> list[msgspec.Raw]:
    """Return the topmost items: of one, of a list of them, or of one with a dictionary."""
    if opened(raw) is not None:
        return [raw]
    items = items_of(raw)
    if items is None:
        record = members_of(raw) or {}
        if "annot" not in record:
            raise Invalid("This is no drawing of paper.js.")
        return _items(record["annot"], drawing)
    names = [class_of(each) for each in items]
    if "dictionary" in names and len(items) == 2:
        drawing.say("Document", "Gradients and symbols are not kept.")
        return _items(items[1], drawing)
    if any(name is None for name in names):
        if len(items) == 1:
            return _items(items[0], drawing)
        if all("annot" in (members_of(each) or {}) for each in items):
            raise Invalid(
                f"This file has the drawings of {len(items):,} slides; take one for each slide."
            )
        raise Invalid("This is no drawing of paper.js.")
    return items


def features_of(text: str) -> Sequence[Feature]:
    """Return the shapes that the text of one item draws."""
    return read(text.encode()).features
