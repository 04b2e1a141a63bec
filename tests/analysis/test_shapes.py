from __future__ import annotations

import itertools
import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.analysis import shapes
from wsi_lab.errors import Invalid


def test_overlap_of_areas():
    one, other = shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10)
    assert shapes.dice(one, other) == 0.5
    assert shapes.iou(one, other) == pytest.approx(1 / 3)
    assert shapes.dice(one, one) == shapes.iou(one, one) == 1
    assert shapes.dice(one, shapely.box(20, 20, 30, 30)) == 0
    assert math.isnan(shapes.iou(shapely.Polygon(), shapely.Polygon()))


def test_outline_that_crosses_itself_is_compared_by_what_it_covers():
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert shapes.dice(bow, bow) == 1


def test_distance_of_outlines_in_micrometres():
    one, other = shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 14)
    assert shapes.hausdorff(one, other) == 4
    assert shapes.hausdorff(one, other, mpp=0.25) == 1
    with pytest.raises(Invalid):
        shapes.hausdorff(one, shapely.Point())


def test_objects_are_matched_once_and_as_many_as_possible():
    truth = [shapely.Point(0, 0), shapely.Point(4, 0)]
    # The nearest of both is the same one; taking it first would leave the other alone.
    found = [shapely.Point(3, 0), shapely.Point(7, 0), shapely.Point(100, 100)]
    result = shapes.detection(found, truth, within=4)
    assert result.matches == ((0, 0), (1, 1))
    assert (result.precision, result.recall) == (pytest.approx(2 / 3), 1)
    assert result.f1 == pytest.approx(0.8)


def test_areas_are_matched_by_overlap():
    truth = [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)]
    found = [shapely.box(0, 0, 10, 8), shapely.box(26, 0, 36, 10)]
    assert shapes.detection(found, truth).matches == ((0, 0),)
    assert shapes.detection(found, truth, overlap=0.2).matches == ((0, 0), (1, 1))


def test_areas_that_cross_themselves_are_matched_by_what_they_cover():
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    result = shapes.detection([shapely.box(50, 50, 60, 60), bow], [bow, shapely.box(0, 0, 5, 5)])
    assert result.matches == ((1, 0),)


def test_what_is_nowhere_is_near_nothing():
    found = [shapely.Point(), shapely.Point(1, 0), shapely.Point(40, 0)]
    result = shapes.detection(found, [shapely.Point(), shapely.Point(40, 0)], within=5)
    assert result.matches == ((2, 1),)


def test_nothing_found_is_nothing_right():
    result = shapes.detection([], [shapely.Point(0, 0)], within=1)
    assert (result.false_negatives, result.recall) == (1, 0)
    assert math.isnan(result.precision)
    assert math.isnan(shapes.detection([], [], within=1).f1)


@pytest.mark.parametrize("options", [{"within": 0}, {"within": -1}, {"overlap": 0}, {"overlap": 2}])
def test_limits_that_make_no_sense_are_refused(options):
    with pytest.raises(Invalid):
        shapes.detection([shapely.Point(0, 0)], [shapely.Point(0, 0)], **options)


places = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=5)


@settings(max_examples=80)
@given(places, places)
def test_no_matching_has_more_pairs(ours, theirs):
    result = shapes.detection(
        list(map(shapely.Point, ours)), list(map(shapely.Point, theirs)), within=3
    )
    small, large = sorted((ours, theirs), key=len)
    most = max(
        sum(math.dist(one, other) <= 3 for one, other in zip(small, some, strict=True))
        for some in itertools.permutations(large, len(small))
    )
    assert len(result.matches) == most
