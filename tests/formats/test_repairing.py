"""Shapes as they come out of files: repaired with a notice, left out with one, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.geometry_parts import parts_of
from wsi_lab.formats.nesting import nested, owners_of
from wsi_lab.formats.repairing import Collecting, flattened, label_of
from wsi_lab.model.annotation import ShapeKind


def ring(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    corners: np.ndarray = shapely.get_coordinates(shapely.box(left, top, right, bottom))
    return corners[:-1]


def test_an_outline_that_crosses_itself_becomes_the_areas_it_goes_around() -> None:
    collecting = Collecting("test")
    collecting.add_area("Path 1", [[(0, 0), (4, 4), (4, 0), (0, 4)]])
    document = collecting.document()
    (feature,) = document.features
    assert feature.kind is ShapeKind.BRUSH
    assert feature.geometry is not None
    assert feature.geometry.is_valid
    assert feature.geometry.area == 8
    assert "crosses itself" in str(document.notices[0])


def test_an_outline_that_overshoots_its_start_keeps_what_it_went_around_twice() -> None:
    collecting = Collecting("test")
    collecting.add_area("Path 1", [[(0, 0), (10, 0), (10, 10), (0, 10), (0, -2), (3, -2), (3, 3)]])
    geometry = collecting.document().features[0].geometry
    assert geometry is not None
    assert geometry.covers(shapely.Point(1, 1))


@pytest.mark.parametrize(
    ("points", "kind", "said"),
    [
        ([(1, 2), (3, 4)], ShapeKind.POLYLINE, "less than three corners"),
        ([(1, 2), (1, 2), (1, 2)], ShapeKind.POINT, "Corners come twice"),
        ([(0, 0), (9, 0), (9, 0), (9, 9)], ShapeKind.POLYGON, "Corners come twice"),
    ],
)
def test_areas_of_too_few_corners_are_less_and_corners_are_kept_once(
    points: list[tuple[float, float]], kind: ShapeKind, said: str
) -> None:
    collecting = Collecting("test")
    collecting.add_area("Path 1", [points])
    document = collecting.document()
    assert document.features[0].kind is kind
    assert any(said in notice.what for notice in document.notices)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 1e10])
def test_what_lies_on_no_slide_is_left_out_and_told(odd: float) -> None:
    collecting = Collecting("test")
    collecting.add_area("Path 1", [[(0, 0), (odd, 0), (9, 9)]])
    collecting.add_line("Path 2", [(0, 0), (0, odd)])
    collecting.add_point("Path 3", (odd, 3))
    document = collecting.document()
    assert not document.features
    (notice,) = document.notices
    assert notice.where == "Path 1, Path 2, Path 3"


def test_too_many_shapes_and_corners_are_refused() -> None:
    collecting = Collecting("test", most_shapes=2, most_vertices=10)
    collecting.add_point("1", (1, 2))
    with pytest.raises(TooLarge, match="10 corners"):
        collecting.add_line("2", np.arange(40).reshape(-1, 2))
    collecting = Collecting("test", most_shapes=2)
    for place in range(2):
        collecting.add_point("n", (place, 2))
    with pytest.raises(TooLarge, match="at most 2"):
        collecting.add_point("3", (1, 2))


def test_curves_are_nowhere_farther_off_than_they_may_be() -> None:
    kappa = 0.5522847498307936 * 1000
    quarter = np.array([[(1000, 0), (1000, kappa), (kappa, 1000), (0, 1000)]], np.float64)
    found = flattened(quarter, 0.05)
    middles = (found[1:] + found[:-1]) / 2
    fine = flattened(quarter, 0.0001)
    assert found[0].tolist() == [1000, 0]
    assert found[-1].tolist() == [0, 1000]
    line = shapely.LineString(fine)
    assert max(line.distance(shapely.Point(each)) for each in middles) < 0.06
    assert len(found) < 100


def test_curves_that_are_not_finite_or_too_many_are_refused() -> None:
    with pytest.raises(Invalid):
        flattened(np.full((1, 4, 2), np.nan))
    bent = np.tile(np.array([(0, 0), (1e6, 9), (9, 1e6), (3, 3)], np.float64), (5000, 1, 1))
    with pytest.raises(TooLarge):
        flattened(bent)


def test_every_second_outline_within_others_is_a_hole() -> None:
    rings = [ring(4, 4, 6, 6), ring(0, 0, 10, 10), ring(2, 2, 8, 8), ring(20, 0, 30, 10)]
    area = nested(rings)
    assert area.geom_type == "MultiPolygon"
    assert area.area == 100 - 36 + 4 + 100


def test_a_hole_that_touches_its_outline_is_one_all_the_same() -> None:
    inner = np.array([(0, 5), (4, 3), (4, 7)], np.float64)
    assert nested([ring(0, 0, 10, 10), inner]).area == 100 - 8


def test_a_hole_is_the_smallest_outlines_and_may_be_nobodys() -> None:
    outlines = [ring(0, 0, 100, 100), ring(10, 10, 50, 50)]
    holes = [ring(20, 20, 30, 30), ring(60, 60, 70, 70), ring(200, 0, 210, 10)]
    assert owners_of(holes, outlines) == [1, 0, None]
    assert owners_of(holes, []) == [None, None, None]


def test_thousands_of_outlines_around_each_other_are_refused_soon() -> None:
    rings = [ring(n, n, 20_000 - n, 20_000 - n) for n in range(3000)]
    with pytest.raises(TooLarge):
        nested(rings)


def test_the_parts_of_a_collection_come_in_its_order() -> None:
    inner = shapely.GeometryCollection([shapely.Point(2, 2), shapely.LineString([(0, 0), (1, 1)])])
    parts = parts_of(shapely.GeometryCollection([shapely.Point(1, 1), inner, shapely.Point(3, 3)]))
    assert [point.x for point in parts.points] == [1, 2, 3]
    assert len(parts.lines) == 1
    assert parts_of(None).areas == []


def test_a_label_is_one_line_that_is_not_too_long() -> None:
    assert label_of("  a\n b ") == "a b"
    assert label_of(" ") is None
    assert label_of(3) is None
    assert len(label_of("x" * 999) or "") == 255
