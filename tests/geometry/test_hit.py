from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shapes import columns_of, geometries, nuclei

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.hit import at
from wsi_lab.geometry.packing import pack, unpack


@settings(max_examples=60)
@given(
    st.lists(geometries(most=40), max_size=6), st.integers(-50, 50), st.integers(-50, 50),
    st.sampled_from([0.0, 2.0, 30.0]),
)  # fmt: skip
def test_what_is_hit_is_what_shapely_says(shapes, x, y, radius):
    place = shapely.Point(x + 0.125, y + 0.0625)
    hit = at(columns_of(shapes), place.x, place.y, radius).tolist()
    assert hit == sorted(hit, reverse=True)
    for number, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            assert number not in hit
        elif shapely.get_dimensions(shape) < 2:
            assert (number in hit) == (shape.distance(place) <= radius)
        else:
            rings = shapely.get_rings(shapely.get_parts(shape))
            inside = sum(shapely.Polygon(ring).contains(place) for ring in rings) % 2 == 1
            near = min(ring.distance(place) for ring in rings) <= 1e-6
            assert (number in hit) == (inside or near)


def test_packed_shapes_are_hit_like_the_others():
    columns = nuclei(500, side=500)
    packed = [unpack(chunk.shapes) for chunk in pack(columns)]
    middles = (columns.boxes()[:, :2] + columns.boxes()[:, 2:]) / 2
    for x, y in middles[:40]:
        found = np.concatenate([part.numbers[at(part, x, y)] for part in packed])
        assert sorted(found.tolist()) == sorted(at(columns, x, y).tolist())


def test_the_outline_of_an_area_is_part_of_it():
    square = ShapeColumns.from_geometries([shapely.box(0, 0, 4, 4)])
    assert at(square, 4, 2).tolist() == at(square, 0, 0).tolist() == [0]
    assert at(square, 4.01, 2, radius=5).tolist() == []


def test_thousands_of_shapes_over_each_other_are_looked_at_together():
    pile = ShapeColumns.from_geometries([shapely.Point(50, 50).buffer(9)] * 5000)
    assert np.array_equal(at(pile, 51, 51), np.arange(5000)[::-1])
