"""The curves and texts of a drawing of paper.js, just as they are drawn, and as many as there are.

`wsi_lab.formats.paperjs` makes shapes of them, which are mended and counted; here nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.formats.many_lists import LARGEST_VALUE, items_of, positions_of, read_raw, value_of
from wsi_lab.formats.paper_items import (
    NO_MATRIX,
    Matrix,
    class_of,
    matrix_of,
    moved,
    opened,
    segment_of,
)
from wsi_lab.model.annotation import FARTHEST

Segments = NDArray[np.float64]
"""``(segments, 3, 2)``: the point of each, and its handles to the one before and the one after,
relative to it."""

_Pair = tuple[float, float]
_curved = msgspec.json.Decoder(list[tuple[_Pair, _Pair, _Pair]])
_NO_NUMBER = "Something among the numbers is none."
_HOLDERS = frozenset({"Layer", "Group", "CompoundPath"})


class PaperText(NamedTuple):
    """A text, and the place that it is written at."""

    x: float
    y: float
    content: str


def drawn_items(drawing: str) -> Iterator[Segments | PaperText]:
    """Yield the paths and texts of a drawing, those inside groups and compound paths, too.

    Matrices of groups are applied. Left out: paths without segments, and whatever has something
    in its places that is no number, or no number on any slide.

    Raises
    ------
    Invalid
        It is no JSON, or too deep.
    TooLarge
        It is longer than anybody's drawing.

    Examples
    --------
    >>> path = '["Path", {"segments": [[1, 2], [[5, 2], [-1, 0], [0, 0]]]}]'
    >>> [segments.tolist() for segments in drawn_items(f'[["Layer", {{"children": [{path}]}}]]')]
    [[[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], [[5.0, 2.0], [-1.0, 0.0], [0.0, 0.0]]]]
    """
    if drawing.strip():
        yield from _items(_top(read_raw(drawing.encode())), NO_MATRIX)


def _top(raw: msgspec.Raw) -> list[msgspec.Raw]:
    """Return the topmost items, out of whatever brackets and beside whatever dictionary."""
    if opened(raw) is not None:
        return [raw]
    items = items_of(raw) or []
    first = class_of(items[0]) if items else None
    if len(items) == 2 and first == "dictionary":
        return _top(items[1])
    return _top(items[0]) if len(items) == 1 and first is None else items


def _items(items: list[msgspec.Raw], outer: Matrix) -> Iterator[Segments | PaperText]:
    for raw in items:
        item = opened(raw)
        if item is None:
            continue
        name, members = item
        try:
            if name in _HOLDERS:
                children = items_of(members.get("children")) or []
                yield from _items(children, matrix_of(members, outer))
                continue
            drawn = _drawn(name, members, outer)
        except (TypeError, ValueError, IndexError, KeyError, OverflowError):
            continue
        if drawn is not None:
            yield drawn


def _drawn(name: str, members: Any, outer: Matrix) -> Segments | PaperText | None:
    if name == "PointText":
        return _text(members, outer)
    if name != "Path" or "segments" not in members:
        return None
    segments = _segments(members["segments"])
    matrix = matrix_of(members, outer)
    if matrix != NO_MATRIX:
        segments = np.stack(
            [moved(segments[:, 0], matrix), *_turned(segments[:, 1:], matrix)], axis=1
        )
    is_somewhere = bool((np.abs(segments) <= FARTHEST).all())
    return segments if len(segments) and is_somewhere else None


def _text(members: Any, outer: Matrix) -> PaperText | None:
    content = value_of(members.get("content"))
    if "matrix" in members:
        place = np.array(matrix_of(members, outer)[4:])
    else:
        place = moved(np.array(_numbers(value_of(members["point"])[:2])), outer)
    if not isinstance(content, str) or not (np.abs(place) <= FARTHEST).all():
        return None
    x, y = place.tolist()
    return PaperText(x, y, content)


def _segments(raw: msgspec.Raw) -> Segments:
    straight = positions_of(raw)
    if straight is not None:
        segments = np.zeros((len(straight), 3, 2))
        segments[:, 0] = straight
        return segments
    if len(memoryview(raw)) <= LARGEST_VALUE:
        try:
            return np.array(_curved.decode(raw), np.float64).reshape(-1, 3, 2)
        except msgspec.MsgspecError:
            pass
    if b"null" in bytes(raw):
        raise TypeError(_NO_NUMBER)
    numbers = [_numbers(segment_of(each)) for each in value_of(raw)]
    return np.array(numbers, np.float64).reshape(-1, 3, 2)


def _numbers(said: Any) -> Any:
    if not all(type(each) in {int, float} for each in said):
        raise TypeError(_NO_NUMBER)
    return said


def _turned(handles: Segments, matrix: Matrix) -> Iterator[NDArray[np.float64]]:
    linear: Matrix = (*matrix[:4], 0.0, 0.0)
    yield moved(handles[:, 0], linear)
    yield moved(handles[:, 1], linear)
