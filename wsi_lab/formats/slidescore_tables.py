"""Tables that Slide Score's own encoder reads: points, outlines, or the cells of a heat map."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument, features_of
from wsi_lab.formats.outlines import counted, sound
from wsi_lab.formats.safe import text_of
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.feature import Document, Grid

MOST_LINES = 4_000_000
MOST_SINGLY = 100_000
"""Shapes that become features; more are columns."""
MOST_ODD = 10_000
"""Lines that are not made of numbers, before the whole table is refused."""
MOST_CELLS = 16_000_000
_HEADERS = {"heatmap": 3, "binary-heatmap": 2}
"""How many numbers the lines after a header have."""
_FULL = 255.0
_PIECE = 1 << 20
_LINE = re.compile(rb"\S[^\n]*")
_BLANK = re.compile(rb"\s")

_floats = msgspec.json.Decoder(list[float])


def read(data: bytes) -> Document:
    r"""Return what a table says.

    A line of two numbers is a point and a longer one an outline, ``x1 y1 x2 y2 …``; after a
    header ``Heatmap left top size`` lines are the column, the row and the value of a cell.

    Raises
    ------
    Invalid
        It is no such table.
    TooLarge
        It has more shapes than are read one by one.

    Examples
    --------
    >>> read(b"Heatmap 250 250 16\n0\t0\t128\n").grids[0].box
    (250.0, 250.0, 266.0, 266.0)
    """
    found = read_columns(data)
    if len(found.columns) > MOST_SINGLY:
        raise TooLarge(f"More than {MOST_SINGLY:,} shapes are read in bulk only.")
    return Document(list(features_of(found.columns)), found.grids, notices=found.notices)


def read_columns(data: bytes) -> BulkDocument:
    """As `read`, as columns."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        data = text_of(data).encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.count(b"\n") > MOST_LINES:
        raise TooLarge(f"A table may have at most {MOST_LINES:,} lines.")
    first = _LINE.search(data)
    words = [] if first is None else text_of(first[0]).split("#")[0].split()
    if first is None or not words:
        raise Invalid("This table is empty.")
    odd: Counter[str] = Counter()
    if words[0].lower() in _HEADERS:
        grid = _grid(words, *_numbers(data, first.end(), odd), odd)
        return BulkDocument(ShapeColumns.empty(), notices=counted(odd, "line"), grids=[grid])
    if len(words) < 2 or _floats_of(first[0]) is None:
        raise Invalid("This is no table of points, outlines or a heat map.")
    columns, notices = sound(_shapes(*_numbers(data, 0, odd), odd), "line")
    return BulkDocument(columns, notices=[*counted(odd, "line"), *notices])


def _numbers(
    data: bytes, begin: int, odd: Counter[str]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the numbers of all lines from a place on, and how many each line has."""
    numbers, counts = [np.zeros(0)], [np.zeros(0, np.int64)]
    for piece in _pieces(data, begin):
        found = _floats_of(piece)
        if found is not None:
            numbers.append(found)
            counts.append(_counts(piece))
            continue
        for line in piece.split(b"\n"):
            one = _floats_of(line.split(b"#")[0])
            if one is None:
                odd["It is not made of numbers of pixels; it is left out."] += 1
                if odd.total() > MOST_ODD:
                    raise Invalid(f"More than {MOST_ODD:,} lines are not made of numbers.")
            elif len(one):
                numbers.append(one)
                counts.append(np.array([len(one)], np.int64))
    together = np.concatenate(numbers)
    # What was put together is not needed twice.
    numbers.clear()
    return together, np.concatenate(counts)


def _pieces(data: bytes, begin: int) -> Iterator[bytes]:
    while begin < len(data):
        end = data.find(b"\n", begin + _PIECE)
        end = len(data) if end < 0 else end + 1
        yield data[begin:end]
        begin = end


def _floats_of(text: bytes) -> NDArray[np.float64] | None:
    """Return the numbers of a text, or `None` where something else stands there."""
    found = []
    begin = 0
    while begin < len(text):
        blank = _BLANK.search(text, begin + _PIECE)
        end = len(text) if blank is None else blank.start()
        numbers = _floats_in(text[begin:end].split())
        if numbers is None:
            return None
        found.append(numbers)
        begin = end
    return np.concatenate([np.zeros(0), *found])


def _floats_in(words: list[bytes]) -> NDArray[np.float64] | None:
    try:
        found = np.array(_floats.decode(b"[%b]" % b",".join(words)), np.float64)
    except msgspec.MsgspecError:
        try:
            found = np.array([float(word) for word in words], np.float64)
        except ValueError:
            return None
    return found if np.all(np.abs(found) <= FARTHEST) else None


def _counts(piece: bytes) -> NDArray[np.int64]:
    """Return how many words each line has that has any."""
    signs = np.frombuffer(piece, np.uint8)
    is_blank = signs <= ord(" ")
    starts = np.flatnonzero(~is_blank & np.concatenate(([True], is_blank[:-1])))
    ends = np.append(np.flatnonzero(signs == ord("\n")), len(signs))
    counts = np.diff(np.searchsorted(starts, ends), prepend=0)
    found: NDArray[np.int64] = counts[counts > 0].astype(np.int64)
    return found


def _grid(
    header: list[str],
    numbers: NDArray[np.float64],
    counts: NDArray[np.int64],
    odd: Counter[str],
) -> Grid:
    word = header[0].lower()
    place = _floats_of(" ".join(header[1:4]).encode())
    if place is None or len(place) < 3 or place[2] <= 0:
        raise Invalid(f"The header of a heat map is '{word} left top size'.")
    left, top, size = place.tolist()
    width = _HEADERS[word]
    firsts = (np.cumsum(counts) - counts)[counts >= width]
    firsts = firsts[(numbers[firsts] >= 0) & (numbers[firsts + 1] >= 0)]
    if len(firsts) < len(counts):
        odd["It is no cell of a heat map; it is left out."] += len(counts) - len(firsts)
    if not len(firsts):
        raise Invalid("This heat map has no cells.")
    columns, rows = (numbers[firsts + axis].astype(np.int64) for axis in (0, 1))
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    if shape[0] * shape[1] > MOST_CELLS:
        raise TooLarge(f"A heat map may have at most {MOST_CELLS:,} cells.")
    # Cells that are not named show nothing.
    values = np.full(shape, np.nan, np.float32)
    values[rows, columns] = numbers[firsts + 2] if width == 3 else _FULL
    return Grid(word, values, (left, top, left + shape[1] * size, top + shape[0] * size))


def _shapes(
    numbers: NDArray[np.float64], counts: NDArray[np.int64], odd: Counter[str]
) -> ShapeColumns:
    is_shape = (counts % 2 == 0) & (counts != 4)
    if not is_shape.all():
        what = "It has no number of values that a point or an outline has; it is left out."
        odd[what] += int(np.count_nonzero(~is_shape))
        numbers = numbers[np.repeat(is_shape, counts)]
    sizes = counts[is_shape] // 2
    kinds = np.where(
        sizes == 1, KINDS.index(ShapeKind.POINT), KINDS.index(ShapeKind.POLYGON)
    ).astype(np.uint8)
    each = np.arange(len(sizes) + 1)
    return ShapeColumns(
        kinds,
        numbers.reshape(-1, 2),
        np.concatenate(([0], np.cumsum(sizes))),
        np.zeros(len(sizes), np.uint8),
        each,
        np.full(len(sizes), -1, np.int32),
    )
