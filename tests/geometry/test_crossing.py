"""Outlines that cross themselves are found, in whatever shape they are."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from wsi_lab.geometry import crossing
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.crossing import UNCOUNTED, UNKNOWN, crossings

BOW_TIE = [(0, 0), (2, 2), (2, 0), (0, 2)]


def counted(*geometries: shapely.Geometry, most: int = 1000) -> list[int]:
    found: list[int] = crossings(ShapeColumns.from_geometries(list(geometries)), most).tolist()
    return found


def test_only_areas_cross_themselves() -> None:
    line = shapely.LineString(BOW_TIE)
    assert counted(shapely.Polygon(BOW_TIE), line, shapely.Point(1, 1)) == [1, 0, 0]


def test_sides_that_touch_do_not_cross() -> None:
    eight = shapely.Polygon([(0, 0), (1, 1), (2, 0), (2, 2), (1, 1), (0, 2)])
    doubled = shapely.Polygon([(0, 0), (4, 0), (4, 0), (4, 4), (0, 4), (0, 0)])
    spike = shapely.Polygon([(0, 0), (4, 0), (8, 0), (4, 0), (4, 4)])
    assert counted(eight, doubled, spike) == [0, 0, 0]


def test_a_hole_that_crosses_its_outline_is_found() -> None:
    shell = [(0, 0), (10, 0), (10, 10), (0, 10)]
    inside = shapely.Polygon(shell, [[(2, 2), (4, 2), (4, 4), (2, 4)]])
    across = shapely.Polygon(shell, [[(8, 2), (12, 2), (12, 4), (8, 4)]])
    assert counted(inside, across) == [0, 2]


def test_counts_agree_with_all_pairs_of_sides() -> None:
    random = np.random.default_rng(5)
    for size in (5, 20, 80):
        corners = random.random((size, 2)) * 100
        ring = [*corners, corners[0]]
        sides = [shapely.LineString(ring[place : place + 2]) for place in range(size)]
        pairs = sum(
            one.crosses(other) for place, one in enumerate(sides) for other in sides[place + 1 :]
        )
        assert counted(shapely.Polygon(corners)) == [pairs]


def test_it_is_counted_up_to_a_limit() -> None:
    random = np.random.default_rng(5)
    assert counted(shapely.Polygon(random.random((300, 2))), most=50)[0] >= 50


def test_what_would_take_too_long_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "MOST_TESTS", 10)
    comb = [(0, place) if place % 2 else (9, place) for place in range(50)]
    assert counted(shapely.Polygon([*comb, (20, 50), (20, -1)]), most=1000) == [UNKNOWN]
    random = np.random.default_rng(5)
    assert counted(shapely.Polygon(random.random((300, 2)))) == [UNCOUNTED]
    monkeypatch.setattr(crossing, "MOST_CORNERS", 4)
    assert counted(shapely.box(0, 0, 1, 1), shapely.Point(0, 0).buffer(1)) == [0, UNKNOWN]
