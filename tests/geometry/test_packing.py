from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shapes import are_same, columns_of, geometries, nuclei

from wsi_lab.errors import Invalid
from wsi_lab.geometry import packing
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.grouping import FEW as FEW_TOGETHER
from wsi_lab.geometry.packing import pack, scale_of, unpack

FEW = settings(max_examples=40)
NAMES = ("a", "b")


def assert_packed_as(chunks, columns, *, off: float = 0.0) -> None:
    """Check that chunks hold each shape once, and say of it what the columns say."""
    numbers = [number for chunk in chunks for number in chunk.numbers.tolist()]
    assert sorted(numbers) == list(range(len(columns)))
    for chunk in chunks:
        packed = unpack(chunk.shapes, NAMES)
        expected, read = columns.take(chunk.numbers), packed.columns()
        assert np.array_equal(packed.numbers, chunk.numbers)
        assert np.abs(read.coordinates - expected.coordinates).max(initial=0) <= off
        for name in ("kinds", "ring_offsets", "ring_roles", "shape_offsets", "labels"):
            assert np.array_equal(getattr(read, name), getattr(expected, name))
        assert np.array_equal(packed.boxes, read.boxes(), equal_nan=True)


@FEW
@given(
    st.lists(geometries(most=1e5), max_size=8), st.integers(1, 5), st.sampled_from([1, 100, 1e4])
)
def test_what_lies_on_a_grid_comes_back_as_it_was(shapes, most, cell):
    columns = columns_of(shapes)
    assert_packed_as(pack(columns, most_per_chunk=most, cell=int(cell)), columns)


@FEW
@given(st.lists(geometries(most=1e8, grid=None), max_size=8), st.sampled_from([0.01, 0.003, 1.0]))
def test_what_does_not_is_half_the_precision_off_at_most(shapes, precision):
    columns = columns_of(shapes)
    chunks = pack(columns, precision=precision)
    assert_packed_as(chunks, columns, off=precision / 2 + 1e-8)


@FEW
@given(st.lists(geometries(most=1e8, grid=None), max_size=8))
def test_without_a_precision_floats_come_back_to_the_last_bit(shapes):
    columns = columns_of(shapes)
    assert_packed_as(pack(columns, precision=0), columns)


def test_a_hundredth_of_a_pixel_is_the_same_float_again():
    places = np.round(np.random.default_rng(1).random((500, 2)) * 200_000, 2)
    points = ShapeColumns.from_geometries(shapely.points(places))
    assert scale_of(points) == (100, 0.0)
    assert_packed_as(pack(points), points)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3.0, (1, 0.0)),
        (3.25, (4, 0.0)),
        (3.1, (10, 0.0)),
        (3 + 1 / 256, (256, 0.0)),
        (3.001, (1000, 0.0)),
        (1 / 3, (100, 0.01)),
    ],
)
def test_the_coarsest_grid_is_found(value, expected):
    assert scale_of(ShapeColumns.from_geometries([shapely.Point(1, value)])) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 2e9])
def test_coordinates_that_are_nowhere_are_refused(value):
    line = ShapeColumns.from_geometries([shapely.LineString([(0, 0), (1, 1)])])
    line.coordinates[0, 1] = value
    for precision in (0.01, 0):
        with pytest.raises(Invalid, match="no numbers, or are too far"):
            pack(line, precision=precision)


def test_chunks_are_where_their_shapes_are_and_not_too_large():
    columns = nuclei(20_000, side=10_000)
    chunks = pack(columns, cell=1024, most_per_chunk=300)
    assert max(chunk.count for chunk in chunks) <= 300
    assert max(chunk.box[2] - chunk.box[0] for chunk in chunks) < 2 * 1024
    assert sum(len(chunk.shapes) for chunk in chunks) < 60 * len(columns)
    boxes = columns.boxes()
    for chunk in chunks:
        inside = boxes[chunk.numbers]
        assert chunk.box == (*inside[:, :2].min(axis=0), *inside[:, 2:].max(axis=0))


def test_a_few_shapes_far_apart_share_a_chunk_and_a_large_one_has_its_own():
    places = np.random.default_rng(2).random((FEW_TOGETHER // 2, 2)) * 1e5
    small = shapely.box(*places.T, *(places + 3).T)
    columns = ShapeColumns.from_geometries([*small, shapely.box(0, 0, 9e4, 9e4)])
    assert [chunk.count for chunk in pack(columns)] == [FEW_TOGETHER // 2, 1]


def test_shapes_with_very_many_vertices_lie_apart(monkeypatch):
    monkeypatch.setattr("wsi_lab.geometry.grouping.MOST_VERTICES", 1000)
    circle = shapely.Point(50, 50).buffer(40, quad_segs=200)
    assert [chunk.count for chunk in pack(ShapeColumns.from_geometries([circle] * 4))] == [1] * 4


def test_no_shapes_are_no_chunks():
    assert pack(ShapeColumns.empty()) == []


def test_what_touches_a_box_is_found_exactly():
    columns = nuclei(3000, side=2000)
    boxes, found = columns.boxes(), []
    left, top, right, bottom = box = (500.0, 250.25, 900.5, 800.0)
    for chunk in pack(columns):
        packed = unpack(chunk.shapes, columns.label_names)
        mask = packed.touching(box)
        found += packed.numbers[mask].tolist()
        assert are_same(packed.columns(mask), columns.take(packed.numbers[mask]))
        assert np.array_equal(
            packed.centres()[mask],
            (boxes[packed.numbers[mask], :2] + boxes[packed.numbers[mask], 2:]) / 2,
        )
    touching = (boxes[:, 0] <= right) & (boxes[:, 2] >= left)
    touching &= (boxes[:, 1] <= bottom) & (boxes[:, 3] >= top)
    assert sorted(found) == np.flatnonzero(touching).tolist()


@pytest.mark.parametrize("precision", [0.01, 0])
def test_damaged_chunks_are_refused_or_read_but_never_trusted(precision):
    random = np.random.default_rng(7)
    whole = pack(columns_of([shapely.Point(1, 2), shapely.box(0, 0, 1 / 3, 7)] * 9))[0].shapes
    if precision == 0:
        columns = columns_of([shapely.Point(1, 1 / 3), shapely.box(0, 0, 1 / 3, 7)] * 9)
        whole = pack(columns, precision=0)[0].shapes
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 3):
            data[place] = random.integers(0, 256)
        cut = bytes(data[: random.integers(0, len(data))]) if random.random() < 0.3 else bytes(data)
        try:
            unpack(cut).columns()
        except Invalid:
            refused += 1
    assert refused > 100


def test_chunks_are_made_one_after_the_other():
    columns = nuclei(3000, side=20_000)
    one_by_one = packing.chunks(columns)
    first = next(one_by_one)
    assert first.shapes == pack(columns)[0].shapes
