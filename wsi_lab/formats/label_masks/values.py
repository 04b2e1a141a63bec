"""What the values of a mask mean, from shapes to pixels and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument, bulk_of, features_of, numbered
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.masks import label_mask, outlines
from wsi_lab.model.feature import Document

Mask = NDArray[np.uint8] | NDArray[np.uint16]
Names = Mapping[int, str] | Sequence[str]
Box = tuple[float, float, float, float]

MOST_PIXELS = 400_000_000
MOST_VALUES = 65_535
_LONGEST_WORDS = 1 << 20


class Placed(TypedDict, total=False):
    """What can be said of a mask that is read.

    Attributes
    ----------
    left, top, downsample
        Where its first pixel lies, in level-0 pixels, and how wide its pixels are.
    label_names
        What its values mean: a mapping, or the names of 1, 2, …; else they are called by number.
    """

    left: float | None
    top: float | None
    downsample: float | None
    label_names: Names | None


class Shown(TypedDict, total=False):
    """What can be said of a mask that is written: by default it shows all that shapes cover.

    Attributes
    ----------
    box
        ``(left, top, right, bottom)`` in level-0 pixels; or only where it begins, `left` and `top`.
    downsample
        How many level-0 pixels its pixels are wide.
    label_names
        As those of `Placed`.
    """

    box: Box | None
    left: float | None
    top: float | None
    downsample: float
    label_names: Names | None


@dataclass(frozen=True, slots=True)
class Words:
    """What a mask says beside its pixels; those of this program only.

    Attributes
    ----------
    labels
        Of values; `None` for shapes without one.
    colours
        Of labels.
    left, top, downsample
        Where its first pixel lies, in level-0 pixels, and how wide its pixels are.
    """

    labels: dict[str, str | None] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)
    left: float = 0.0
    top: float = 0.0
    downsample: float = 1.0


_words = msgspec.json.Decoder(Words)
_json = msgspec.json.Encoder()


def words_of(text: str | bytes | None) -> Words:
    """Return what a text in a file says, or nothing where it is of somebody else."""
    if text is None or len(text) > _LONGEST_WORDS:
        return Words()
    try:
        found = _words.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return Words()
    is_placed = math.isfinite(found.left) and math.isfinite(found.top)
    return found if is_placed and 0 < found.downsample < math.inf else Words()


def text_of(words: Words) -> str:
    """Return words as a text for a file."""
    return _json.encode(words).decode()


def shapes_of(
    mask: NDArray[np.generic],
    words: Words,
    *,
    left: float | None = None,
    top: float | None = None,
    downsample: float | None = None,
    label_names: Names | None = None,
) -> BulkDocument:
    """Return the areas of a mask.

    Raises
    ------
    Invalid
        Its values are no whole numbers from 0 on, or too many of them are different.
    """
    values, small = _numbered(mask)
    step = words.downsample if downsample is None else downsample
    if not 0 < step < math.inf:
        raise Invalid("The downsample of a mask is a number above 0.")
    origin = (words.left if left is None else left, words.top if top is None else top)
    columns = outlines(small, origin=origin, downsample=step)
    places, names = numbered(_names(values, words, label_names))
    columns = replace(columns, labels=places[columns.labels], label_names=names)
    return BulkDocument(columns, dict(words.colours))


def mask_of(
    columns: ShapeColumns,
    colours: Mapping[str, str],
    *,
    box: Box | None = None,
    left: float | None = None,
    top: float | None = None,
    downsample: float = 1.0,
    label_names: Names | None = None,
) -> tuple[Mask, Words]:
    """Return shapes as a mask: what is in the middle of each pixel, the last one drawn.

    Raises
    ------
    Invalid
        There is nothing to draw, or the rectangle has no area.
    TooLarge
        It would have more than `MOST_PIXELS`, or too many values.
    """
    if not 0 < downsample < math.inf:
        raise Invalid("The downsample of a mask is a number above 0.")
    box = _box(columns, box, left, top, downsample)
    width, height = ((box[2] - box[0]) / downsample, (box[3] - box[1]) / downsample)
    if not (width > 0 and height > 0):
        raise Invalid("A mask needs a rectangle with an area.")
    if width * height > MOST_PIXELS:
        raise TooLarge(f"A mask may have at most {MOST_PIXELS:,} pixels; ask for a downsample.")
    numbers = _values(columns, label_names)
    # The last one is what -1, no label, picks.
    written = [numbers.get(name, 0) for name in (*columns.label_names, None)]
    mask = label_mask(columns, box, downsample, np.array(written, np.int64)[columns.labels])
    labels = {str(value): name for name, value in numbers.items()}
    named = {name: colour for name, colour in colours.items() if name in numbers}
    return mask, Words(labels, named, float(box[0]), float(box[1]), float(downsample))


def columns_of(parts: Iterable[ShapeColumns]) -> ShapeColumns:
    """Return parts as one, with nothing but what a mask can show."""
    plain = [replace(each, properties={}) for each in parts]
    return ShapeColumns.concatenated(plain) if plain else ShapeColumns.empty()


def columns_of_document(document: Document) -> ShapeColumns:
    """Return the shapes of a document that have coordinates, as columns."""
    features = [
        replace(each, properties={}) for each in document.features if each.geometry is not None
    ]
    return bulk_of(Document(features)).columns


def document_of_mask(found: BulkDocument) -> Document:
    """Return what a mask says as features."""
    return Document(list(features_of(found.columns)), colours=found.colours, notices=found.notices)


def _numbered(mask: NDArray[np.generic]) -> tuple[list[int], Mask]:
    """Return which values a mask has, and a mask of their numbers from 1 on; 0 stays 0."""
    if mask.dtype.kind == "f":
        if not np.isfinite(mask).all() or np.any(mask != np.rint(mask)):
            raise Invalid("The values of this mask are no whole numbers.")
        mask = mask.astype(np.int64)
    if mask.dtype.kind not in "ui" or mask.min(initial=0) < 0:
        raise Invalid("The values of a mask are whole numbers from 0 on.")
    if mask.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return list(range(1, int(mask.max(initial=0)) + 1)), cast("Mask", mask)
    values = [int(value) for value in np.unique(mask) if value]
    if len(values) > MOST_VALUES:
        raise TooLarge(f"A mask may have at most {MOST_VALUES:,} values.")
    small = np.searchsorted(np.array(values or [1]), mask).astype(np.uint16) + 1
    small[mask == 0] = 0
    return values, small


def _names(values: list[int], words: Words, label_names: Names | None) -> list[str | None]:
    """Return what values are called; those that nobody named, by their number."""
    named: dict[int, str | None] = {
        int(value): name for value, name in words.labels.items() if value.isdecimal()
    }
    if label_names is not None:
        named |= _by_value(label_names)
    return [named.get(value, str(value)) for value in values]


def _by_value(names: Names) -> dict[int, str]:
    if isinstance(names, Mapping):
        return {int(value): str(name) for value, name in names.items()}
    return dict(enumerate(map(str, names), start=1))


def _values(columns: ShapeColumns, label_names: Names | None) -> dict[str | None, int]:
    """Return the value of each label; shapes without one have a value of their own."""
    used = [columns.label_names[each] for each in np.unique(columns.labels).tolist() if each >= 0]
    found: dict[str | None, int] = {}
    if label_names is not None:
        found = {name: value for value, name in _by_value(label_names).items()}
    ordered = [name for name in columns.label_names if name in used and name not in found]
    free = max(found.values(), default=0) + 1
    found |= {name: value for value, name in enumerate(ordered, start=free)}
    if np.any(columns.labels < 0):
        found[None] = max(found.values(), default=0) + 1
    if any(not 0 < value <= MOST_VALUES for value in found.values()):
        raise TooLarge(f"The values of a mask are from 1 to {MOST_VALUES:,}.")
    return found


def _box(
    columns: ShapeColumns, box: Box | None, left: float | None, top: float | None, step: float
) -> Box:
    if box is not None:
        if left is not None or top is not None:
            raise Invalid("A mask is placed by box, or by left and top.")
        return box
    boxes = columns.boxes()
    if not len(boxes) or not np.isfinite(boxes).any():
        raise Invalid("There is nothing to draw; say which box the mask is to show.")
    low, high = np.nanmin(boxes, axis=0), np.nanmax(boxes, axis=0)
    x0 = math.floor(low[0] / step) * step if left is None else left
    y0 = math.floor(low[1] / step) * step if top is None else top
    width = max(1, math.ceil((high[2] - x0) / step)) * step
    height = max(1, math.ceil((high[3] - y0) / step)) * step
    return (x0, y0, x0 + width, y0 + height)
