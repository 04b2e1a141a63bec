from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.errors import Invalid
from wsi_lab.geometry.counts import TILE, CountPyramid, CountTile

PLACES = st.tuples(
    st.floats(-100, 60_000), st.floats(-100, 60_000), st.integers(-1, 3)
)  # fmt: skip


def are_same(one: CountTile, other: CountTile) -> bool:
    names = ("cells", "labels", "counts")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@settings(max_examples=40)
@given(st.lists(PLACES, max_size=60), st.sampled_from([32, 50]))
def test_every_level_counts_each_shape_where_it_is(places, cell):
    said = np.array(places, np.float64).reshape(-1, 3)
    pyramid = CountPyramid.from_centres(said[:, :2], said[:, 2].astype(np.int32), cell=cell)
    assert len(pyramid.levels[-1]) <= 1
    for level, tiles in enumerate(pyramid.levels):
        expected: dict[tuple[int, ...], int] = {}
        for x, y, label in places:
            column, row = (max(int(side // (cell << level)), 0) for side in (x, y))
            key = (column // TILE, row // TILE, row % TILE * TILE + column % TILE, label)
            expected[key] = expected.get(key, 0) + 1
        counted = {
            (*place, int(cell_of), int(label)): int(count)
            for place, tile in tiles.items()
            for cell_of, label, count in zip(tile.cells, tile.labels, tile.counts, strict=True)
        }
        assert counted == expected


def test_shapes_that_are_nowhere_are_left_out_and_unknown_labels_refused():
    centres = np.array([[np.nan, np.nan], [5, 5]])
    pyramid = CountPyramid.from_centres(centres, np.array([0, 0]))
    assert pyramid.levels[0][0, 0].counts.tolist() == [1]
    with pytest.raises(Invalid, match="labels"):
        CountPyramid.from_centres(centres, np.array([0, (1 << 23) - 1]))
    with pytest.raises(Invalid, match="labels"):
        CountPyramid.from_centres(centres, np.array([0, -2]))


def tile_of(*shapes: tuple[int, int, int]) -> CountTile:
    """Return a tile of shapes in columns and rows of the first tile."""
    said = np.array(shapes)
    return CountPyramid.from_centres(said[:, :2] + 0.5, said[:, 2], cell=1).levels[0][0, 0]


def test_a_tile_comes_back_from_its_bytes():
    random = np.random.default_rng(4)
    tile = tile_of(*np.column_stack([random.integers(0, 256, (500, 2)), np.arange(500) % 7 - 1]))
    assert are_same(CountTile.decode(tile.encode()), tile)
    empty = CountTile(np.zeros(0, np.uint16), np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert are_same(CountTile.decode(empty.encode()), empty)


@pytest.mark.parametrize("data", [b"", b"\x05\0\0\0", b"\xff\xff\xff\xffxx", b"\x05\0\0\0nothing"])
def test_damaged_bytes_are_refused(data):
    with pytest.raises(Invalid, match="damaged"):
        CountTile.decode(data)


def test_the_most_frequent_label_of_a_cell_comes_last():
    tile = tile_of((3, 1, 0), (3, 1, 1), (3, 1, 1), (9, 9, -1), (9, 9, 0))
    assert tile.cells.tolist() == [259, 259, 2313, 2313]
    assert tile.labels.tolist() == [0, 1, -1, 0]
    assert tile.counts.tolist() == [1, 2, 1, 1]
