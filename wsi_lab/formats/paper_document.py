"""A drawing of paper.js as the items it is made of, which can be changed one by one.

What nobody changes keeps its own words, what is not understood included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.formats.many_lists import Members, items_of, read_raw
from wsi_lab.formats.paper_items import class_of, opened
from wsi_lab.formats.paper_words import item_of
from wsi_lab.formats.paperjs import FORMAT, features_of, read
from wsi_lab.formats.sources import runs
from wsi_lab.model.feature import Feature

_json = msgspec.json.Encoder(order="deterministic")
_IDENTITY = msgspec.Raw(b"[1,0,0,1,0,0]")

_Top = Sequence[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class PaperItem:
    """One item directly in a layer.

    Attributes
    ----------
    text
        As it was sent.
    same
        Equal for items that say the same.
    layer
        The number of the layer that it lies in.
    """

    text: str
    same: bytes
    layer: int

    @property
    def is_path(self) -> bool:
        """Whether it counts as a path."""
        return class_of(_raw(self.text)) == "Path"

    @property
    def is_marker(self) -> bool:
        """Whether it counts as a marker."""
        return class_of(_raw(self.text)) == "PointText"


@dataclass(frozen=True, slots=True)
class _PaperLayer:
    """A layer at a place of the drawing; items that lie in none are in one without a place."""

    place: int | None
    members: Members

    @property
    def is_plain(self) -> bool:
        """Whether items in it lie where they say."""
        return bytes(self.members.get("matrix", _IDENTITY)).replace(b" ", b"") == bytes(_IDENTITY)


class PaperDocument:
    """A drawing, taken apart into layers and items.

    Parameters
    ----------
    text
        JSON; whatever it says beside layers stays as it is.

    Attributes
    ----------
    items
        Those directly in its layers, in their order.

    Raises
    ------
    Invalid
        It is no JSON, or neither a list nor an object.
    TooLarge
        It is longer than anybody's drawing.

    Examples
    --------
    >>> document = PaperDocument('[["Layer", {"children": [["Path", {"segments": [[1, 2]]}]]}]]')
    >>> [item.text for item in document.items]
    ['["Path", {"segments": [[1, 2]]}]']
    >>> document.with_items([["[]", "{}"]], [])
    '[["Layer",{"children":[[],{}]}]]'
    """

    def __init__(self, text: str) -> None:
        raw = read_raw(text.encode())
        if bytes(raw).lstrip()[:1] not in {b"[", b"{"}:
            raise Invalid("An annotation is a list or an object in JSON.")
        self._is_one = opened(raw) is not None
        top: list[msgspec.Raw] = [raw] if self._is_one else items_of(raw) or []
        self._dictionary: msgspec.Raw | None = None
        if not self._is_one and len(top) == 2 and class_of(top[0]) == "dictionary":
            self._dictionary, top = top[0], items_of(top[1]) or []
        self._top: _Top = top
        self._layers = [
            _PaperLayer(place, item[1])
            for place, each in enumerate(top)
            if (item := opened(each)) is not None and item[0] == "Layer"
        ]
        if not self._layers and any(opened(each) is not None for each in top):
            self._layers = [_PaperLayer(None, {"children": msgspec.Raw(_json.encode(top))})]
        self.items = [
            PaperItem(bytes(child).decode(), _same(child), number)
            for number, layer in enumerate(self._layers)
            for child in items_of(layer.members.get("children")) or ()
        ]

    def features(self, item: PaperItem) -> Sequence[Feature]:
        """Return the shapes that an item draws; none where it is not understood."""
        layer = self._layers[item.layer]
        children = msgspec.Raw(b"[" + item.text.encode() + b"]")
        alone = _json.encode([["Layer", {**layer.members, "children": children}]])
        return read(alone).features

    @property
    def counts(self) -> tuple[int, int]:
        """How many paths and markers lie directly in the first layer, as PHAS counts them."""
        first = [item for item in self.items if item.layer == 0]
        return sum(item.is_path for item in first), sum(item.is_marker for item in first)

    def with_items(self, items: Sequence[Sequence[str]], more: Sequence[str]) -> str:
        """Return the drawing with other items.

        Parameters
        ----------
        items
            What stands in place of each of `items`, in their order.
        more
            Further items, behind the others.
        """
        children: list[list[msgspec.Raw]] = [[] for _ in self._layers]
        for item, texts in zip(self.items, items, strict=True):
            children[item.layer] += map(_raw, texts)
        added = [_raw(text) for text in more]
        if added and self._layers and self._layers[0].is_plain:
            children[0] += added
            added = []
        top = list(self._top)
        for layer, own in zip(self._layers, children, strict=True):
            if layer.place is None:
                top = own
            else:
                top[layer.place] = _layer(layer.members, own)
        if added or not top:
            top.append(_layer({"applyMatrix": msgspec.Raw(b"true")}, added))
        if self._is_one and len(top) == 1:
            return bytes(top[0]).decode()
        return _json.encode(top if self._dictionary is None else [self._dictionary, top]).decode()


def item_texts(features: Sequence[Feature], colours: Mapping[str, str]) -> list[str]:
    """Return items that draw shapes: in the words they came in, as long as these still tell them.

    Parameters
    ----------
    colours
        ``#rrggbb`` of labels, by name.
    """
    texts: list[str] = []
    for text, some in runs(features, FORMAT, features_of):
        if text is not None:
            texts.append(text)
        else:
            texts += [_json.encode(each).decode() for each in item_of(some[0], colours)]
    return texts


def _layer(members: Members, children: Sequence[msgspec.Raw]) -> msgspec.Raw:
    # Members keep their order, so this encoder sorts nothing.
    return msgspec.Raw(msgspec.json.encode(["Layer", {**members, "children": list(children)}]))


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _same(raw: msgspec.Raw) -> bytes:
    """Return a text that is equal for equal values, whatever blanks and digits they are sent in."""
    return _json.encode(msgspec.json.decode(raw))
