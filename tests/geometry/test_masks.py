from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.masks import label_mask, outlines

SMALL = arrays(
    st.sampled_from([np.uint8, np.uint16]),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 0, 1, 2, 250]),
)
FEW = settings(max_examples=100)


def groups_of(mask: np.ndarray) -> int:
    """Count groups of touching pixels of one value, slowly."""
    left, count = {tuple(place) for place in np.argwhere(mask)}, 0
    while left:
        waiting, count = [left.pop()], count + 1
        while waiting:
            row, column = waiting.pop()
            for other in (
                (row + 1, column),
                (row - 1, column),
                (row, column + 1),
                (row, column - 1),
            ):
                if other in left and mask[other] == mask[row, column]:
                    left.remove(other)
                    waiting.append(other)
    return count


@FEW
@given(SMALL, st.sampled_from([1.0, 4.0, 0.3]), st.sampled_from([(0, 0), (1000.25, -7)]))
def test_a_mask_outlined_and_drawn_is_the_mask(mask, downsample, origin):
    areas = outlines(mask, origin=origin, downsample=downsample)
    box = (*origin, *(np.array(origin) + np.array(mask.shape[::-1]) * downsample))
    again = label_mask(areas, box, downsample)
    assert again.dtype == np.uint8
    assert np.array_equal(again, mask)


@FEW
@given(SMALL)
def test_each_group_of_pixels_is_one_valid_area(mask):
    areas = outlines(mask)
    geometries = areas.to_geometries()
    assert len(areas) == groups_of(mask)
    assert {shape.geom_type for shape in geometries} <= {"Polygon"}
    assert shapely.is_valid(geometries).all()
    assert areas.areas().sum() == np.count_nonzero(mask)
    for value in np.unique(mask[mask > 0]).tolist():
        assert areas.areas()[areas.labels == value - 1].sum() == np.count_nonzero(mask == value)


def test_an_area_that_touches_itself_at_a_corner_has_a_hole_there():
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.uint8)
    (shape,) = outlines(mask).to_geometries()
    assert shape.is_valid
    assert len(shape.interiors) == 1


def test_large_values_are_kept():
    mask = np.array([[0, 300], [65_535, 65_535]], np.uint16)
    areas = outlines(mask)
    assert sorted(areas.labels.tolist()) == [299, 65_534]
    assert np.array_equal(label_mask(areas, (0, 0, 2, 2)), mask)


def test_a_large_mask_takes_no_time_worth_mentioning():
    place = np.arange(4000) / 70
    mask = ((np.sin(place)[:, None] + np.cos(place * 0.8)) > 0.6).astype(np.uint8) * 3
    areas = outlines(mask)
    assert np.array_equal(label_mask(areas, (0, 0, 4000, 4000)), mask)


def test_an_empty_mask_has_no_areas():
    for shape in ((0, 0), (0, 5), (3, 0), (2, 2)):
        assert len(outlines(np.zeros(shape, np.uint8))) == 0


def test_masks_of_other_numbers_and_those_too_ragged_are_refused(monkeypatch):
    for mask in (np.zeros((2, 2), np.int64), np.zeros(4, np.uint8)):
        with pytest.raises(Invalid, match="rows and columns"):
            outlines(mask)
    monkeypatch.setattr("wsi_lab.geometry.masks._MOST_RUNS", 3)
    with pytest.raises(TooLarge, match="too ragged"):
        outlines(np.eye(4, dtype=np.uint8))


def test_labels_are_the_values_unless_others_are_said():
    shapes = [shapely.box(0, 0, 2, 2), shapely.box(4, 0, 6, 2), shapely.box(0, 4, 2, 6)]
    columns = ShapeColumns.from_geometries(shapes, labels=[1, -1, 0], label_names=("a", "b"))
    mask = label_mask(columns, (0, 0, 6, 6), 2)
    assert mask.tolist() == [[2, 0, 0], [0, 0, 0], [1, 0, 0]]
    said = label_mask(columns, (0, 0, 6, 6), 2, np.array([7, 300, 0]))
    assert said.dtype == np.uint16
    assert said.tolist() == [[7, 0, 300], [0, 0, 0], [0, 0, 0]]


def test_points_and_lines_are_part_of_a_mask():
    columns = ShapeColumns.from_geometries(
        [shapely.Point(2.5, 0.5), shapely.LineString([(0.5, 2.5), (3.5, 2.5)])]
    )
    mask = label_mask(columns, (0, 0, 4, 4), 1, np.array([1, 2]))
    assert mask.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [2, 2, 2, 2], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("box", "downsample", "value", "words"),
    [
        ((0, 0, 0, 5), 1, 1, "rectangle"),
        ((0, 0, 5, 5), 0, 1, "rectangle"),
        ((0, 0, 5, 5), 1, 65_536, "65,535"),
        ((0, 0, 5, 5), 1, -1, "65,535"),
    ],
)
def test_masks_that_cannot_be_are_refused(box, downsample, value, words):
    with pytest.raises(Invalid, match=words):
        label_mask(
            ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1)]),
            box,
            downsample,
            np.array([value]),
        )
