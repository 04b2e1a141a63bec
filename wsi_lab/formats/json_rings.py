"""Coordinates of very many JSON geometries at once, from text into rings.

Lists of Python would take ten times the memory of the text; here brackets are found by numpy in
pieces of text, and only the numbers of one piece at a time are objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import TooLarge
from wsi_lab.formats.classic import MOST_VERTICES
from wsi_lab.model.annotation import FARTHEST

DEPTHS = {
    "Point": 1,
    "MultiPoint": 2,
    "LineString": 2,
    "MultiLineString": 3,
    "Polygon": 3,
    "MultiPolygon": 4,
}
"""How many brackets are open around the numbers of a position."""
POINTS = frozenset({"Point", "MultiPoint"})
_PIECE = 1 << 20
_SHORTEST = 5
_OPEN, _CLOSE, _COMMA = b"[],"
_NUMERIC = b"[]0123456789+-.eE, \t\r\n"
_IS_NUMERIC = np.isin(np.arange(256), list(_NUMERIC))
_IS_DIGIT = np.isin(np.arange(256), list(b"0123456789+-.eE"))
_CUT = re.compile(rb"\][ \t\r\n]*(,)[ \t\r\n]*\[")

_NOWHERE, _NO_NUMBERS, _NESTED, _FAR = 1, 2, 3, 4
_TROUBLES = {
    _NOWHERE: "it has no coordinates",
    _NO_NUMBERS: "its coordinates are not numbers",
    _NESTED: "its coordinates are not nested as those of its type",
    _FAR: "its coordinates are not finite, or lie farther out than any slide",
}

Text = bytes | memoryview | msgspec.Raw

_floats = msgspec.json.Decoder(list[float])


@dataclass(frozen=True, slots=True)
class Rings:
    """Rings of geometries, in the order of the geometries.

    Attributes
    ----------
    positions
        ``(positions, 2) float64``, as they came: closed rings repeat their first one.
    starts
        ``(rings + 1,) int64``: where in `positions` each ring begins.
    geometries
        ``(rings,) int64``: which geometry each ring is of.
    polygons
        ``(rings,) int64``: the same number for rings of one polygon, first the outer one.
    troubles
        Of geometries that cannot be used: what is wrong, by their place. They have no rings.
    extra
        Places of geometries whose positions have more than two numbers.
    """

    positions: NDArray[np.float64]
    starts: NDArray[np.int64]
    geometries: NDArray[np.int64]
    polygons: NDArray[np.int64]
    troubles: dict[int, str]
    extra: set[int]


def rings_of(types: Sequence[str], texts: Sequence[Text]) -> Rings:
    """Return the rings of geometries.

    Parameters
    ----------
    types
        Keys of `DEPTHS`.
    texts
        What each says after ``"coordinates":``, well-formed JSON.

    Raises
    ------
    TooLarge
        They have more than `MOST_VERTICES` vertices.

    Examples
    --------
    >>> found = rings_of(["LineString", "Point"], [b"[[1,2],[3,4.5]]", b"[null,7]"])
    >>> found.positions.tolist(), found.starts.tolist(), found.troubles
    ([[1.0, 2.0], [3.0, 4.5]], [0, 2], {1: 'its coordinates are not numbers'})
    """
    # No position is shorter than [1,2]; what is not written to takes no memory.
    filling = _Filling(np.empty((sum(map(_length, texts)) // _SHORTEST, 2)))
    for begin, end in _groups(texts):
        filling.read(types, texts, list(range(begin, end)))
    return filling.rings()


def _length(text: Text) -> int:
    return len(memoryview(text)) if isinstance(text, msgspec.Raw) else len(text)


def _groups(texts: Sequence[Text]) -> Iterator[tuple[int, int]]:
    """Yield texts that together are about a piece long; a longer one comes alone."""
    begin = size = 0
    for place, text in enumerate(texts):
        length = _length(text)
        if size and size + length > _PIECE:
            yield begin, place
            begin, size = place, 0
        size += length
    if begin < len(texts):
        yield begin, len(texts)


@dataclass(slots=True)
class _Piece:
    """What a piece of text says: its positions, and which of them begin rings."""

    xy: NDArray[np.float64]
    ring_starts: NDArray[np.int64]
    geometries: NDArray[np.int64]
    polygons: NDArray[np.int64]
    extra: NDArray[np.int64]
    depth: int
    polygon_count: int


@dataclass(slots=True)
class _Filling:
    positions: NDArray[np.float64]
    count: int = 0
    polygon_count: int = 0
    starts: list[NDArray[np.int64]] = field(default_factory=list)
    geometries: list[NDArray[np.int64]] = field(default_factory=list)
    polygons: list[NDArray[np.int64]] = field(default_factory=list)
    troubles: dict[int, str] = field(default_factory=dict)
    extra: set[int] = field(default_factory=set)

    def read(self, types: Sequence[str], texts: Sequence[Text], places: list[int]) -> None:
        """Take in texts that together are about a piece long, or one that is longer."""
        owners = _Owners.of_texts(types, texts, places)
        before = (self.count, self.polygon_count, len(self.starts))
        begin = depth = 0
        for piece in _pieces(b",".join(texts[place] for place in places)):
            found = _found(piece, owners.shifted(begin), depth)
            if isinstance(found, _Piece):
                self._add(found)
                begin, depth = begin + len(piece), found.depth
                continue
            self._forget(before, places)
            self.troubles |= {places[each]: _TROUBLES[why] for each, why in found.items()}
            good = [place for place in places if place not in self.troubles]
            if good:
                self.read(types, texts, good)
            return

    def rings(self) -> Rings:
        """Return what was taken in."""
        none = [np.zeros(0, np.int64)]
        return Rings(
            self.positions[: self.count],
            np.concatenate([*none, *self.starts, np.array([self.count], np.int64)]),
            np.concatenate([*none, *self.geometries]),
            np.concatenate([*none, *self.polygons]),
            self.troubles,
            self.extra,
        )

    def _add(self, piece: _Piece) -> None:
        end = self.count + len(piece.xy)
        if end > MOST_VERTICES:
            raise TooLarge(f"A document may have at most {MOST_VERTICES:,} vertices.")
        self.positions[self.count : end] = piece.xy
        self.starts.append(self.count + piece.ring_starts)
        self.geometries.append(piece.geometries)
        self.polygons.append(self.polygon_count + piece.polygons)
        self.extra.update(piece.extra.tolist())
        self.count = end
        self.polygon_count += piece.polygon_count

    def _forget(self, before: tuple[int, int, int], places: list[int]) -> None:
        self.count, self.polygon_count, parts = before
        self.extra.difference_update(places)
        for parts_of in (self.starts, self.geometries, self.polygons):
            del parts_of[parts:]


@dataclass(frozen=True, slots=True)
class _Owners:
    """Whose a byte of a block is."""

    places: NDArray[np.int64]
    bounds: NDArray[np.int64]
    depths: NDArray[np.int64]
    is_point: NDArray[np.bool_]

    @classmethod
    def of_texts(cls, types: Sequence[str], texts: Sequence[Text], places: list[int]) -> _Owners:
        names = [types[place] for place in places]
        return cls(
            np.array(places, np.int64),
            np.cumsum([0, *(_length(texts[place]) + 1 for place in places)]),
            np.array([DEPTHS[name] for name in names], np.int64),
            np.array([name in POINTS for name in names]),
        )

    def shifted(self, begin: int) -> _Owners:
        """Return them for what is left of the block from one of its bytes on."""
        return _Owners(self.places, self.bounds - begin, self.depths, self.is_point)

    def of(self, bytes_at: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self.bounds, bytes_at, side="right") - 1


def _pieces(block: bytes) -> Iterator[bytes]:
    """Yield a block in pieces that end between positions."""
    begin = 0
    while len(block) - begin > 2 * _PIECE:
        cut = _CUT.search(block, begin + _PIECE)
        if cut is None:
            break
        yield block[begin : cut.end(1)]
        begin = cut.end(1)
    yield block[begin:] if begin else block


def _found(piece: bytes, owners: _Owners, depth: int) -> _Piece | dict[int, int]:
    """Return what a piece says, or which of its geometries cannot be used and why."""
    signs = np.frombuffer(piece, np.uint8)
    if piece.translate(None, _NUMERIC):
        strange = owners.of(np.flatnonzero(~_IS_NUMERIC[signs]))
        return dict.fromkeys(np.unique(strange).tolist(), _NO_NUMBERS)
    brackets = np.flatnonzero((signs == _OPEN) | (signs == _CLOSE))
    opens = signs[brackets] == _OPEN
    depths = depth + np.cumsum(np.where(opens, 1, -1))
    whose = owners.of(brackets)
    # A position is a bracket that closes before another opens.
    leaves = np.flatnonzero(opens[:-1] & ~opens[1:])
    geometries = whose[leaves]
    begins, ends = np.searchsorted(
        np.flatnonzero(signs == _COMMA), (brackets[leaves], brackets[leaves + 1])
    )
    counts = ends - begins + 1
    numbers = _numbers(piece)
    if (
        len(numbers) != counts.sum()
        or np.any(counts < 2)
        or not np.array_equal(depths[leaves], owners.depths[geometries])
        or not np.all(np.isin(whose, geometries, kind="table"))
    ):
        return _badly_nested(signs, owners, depths[leaves], geometries, counts)
    is_far = ~(np.abs(numbers) <= FARTHEST)
    if np.any(is_far):
        far = np.unique(np.repeat(geometries, counts)[is_far])
        return dict.fromkeys(far.tolist(), _FAR)
    firsts = np.cumsum(counts) - counts
    rings = np.cumsum(opens & (depths == owners.depths[whose] - 1))[leaves]
    polygons = np.cumsum(opens & (depths == owners.depths[whose] - 2))
    ring_starts = np.flatnonzero((np.diff(rings, prepend=0) > 0) | owners.is_point[geometries])
    return _Piece(
        np.column_stack((numbers[firsts], numbers[firsts + 1])),
        ring_starts,
        owners.places[geometries[ring_starts]],
        polygons[leaves][ring_starts],
        owners.places[np.unique(geometries[counts > 2])],
        int(depths[-1]),
        int(polygons[-1]),
    )


def _badly_nested(
    signs: NDArray[np.uint8],
    owners: _Owners,
    depths: NDArray[np.int64],
    geometries: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> dict[int, int]:
    """Return which geometries have no numbers, or have some where none should be."""
    size = len(owners.places)
    is_digit = _IS_DIGIT[signs]
    is_number = is_digit & ~np.concatenate(([False], is_digit[:-1]))
    number_counts = np.bincount(owners.of(np.flatnonzero(is_number)), minlength=size)
    told = np.bincount(geometries, weights=counts, minlength=size)
    is_bad = number_counts != told
    is_bad[geometries[(counts < 2) | (depths != owners.depths[geometries])]] = True
    is_bad |= number_counts == 0
    return {
        each: _NESTED if number_counts[each] else _NOWHERE
        for each in np.flatnonzero(is_bad).tolist()
    }


def _numbers(piece: bytes) -> NDArray[np.float64]:
    flat = re.sub(rb",{2,}", b",", piece.translate(None, b"[] \t\r\n")).strip(b",")
    try:
        return np.array(_floats.decode(b"[%b]" % flat), np.float64)
    except msgspec.MsgspecError:
        # Numbers that are too large for a float, which Python takes for infinite.
        return np.array([float(each) for each in flat.split(b",")], np.float64)
