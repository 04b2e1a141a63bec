"""Shapes by the thousand, made such that all else can count on them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import shapely

from wsi_lab.formats import outlines
from wsi_lab.formats.outlines import repaired, singly, sound
from wsi_lab.geometry.columns import ShapeColumns

BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
SQUARE = shapely.box(0, 0, 1, 1)


def columns(*geometries: shapely.Geometry) -> ShapeColumns:
    count = len(geometries)
    return ShapeColumns.from_geometries(
        list(geometries),
        labels=np.arange(count) % 2,
        label_names=("a", "b"),
        properties={"place": np.arange(count)},
    )


def test_repaired_shapes_keep_their_place_label_and_properties() -> None:
    odd: Counter[str] = Counter()
    found, lost = repaired(columns(SQUARE, BOW_TIE, SQUARE), odd)
    assert found.areas().tolist() == [1, 2, 1]
    assert [found.label_names[label] for label in found.labels] == ["a", "b", "a"]
    assert found.properties["place"].tolist() == [0, 1, 2]
    assert lost.tolist() == []
    assert sum(odd.values()) == 1


def test_what_nobody_can_repair_is_named() -> None:
    random = np.random.default_rng(1)
    tangle = shapely.Polygon(random.random((200, 2)))
    _, lost = repaired(columns(SQUARE, tangle), Counter())
    assert lost.tolist() == [1]
    found, notices = sound(columns(SQUARE, tangle, SQUARE))
    assert found.properties["place"].tolist() == [0, 2]
    assert "more than a thousand times; it is left out" in str(notices[0])


def test_no_more_is_repaired_than_takes_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "MOST_TOGETHER", 2)
    odd: Counter[str] = Counter()
    found, _ = repaired(columns(*[BOW_TIE] * 5), odd)
    assert found.areas().tolist() == [2, 2, 0, 0, 0]
    assert odd["The outline crosses itself; it is kept so, it would take too long to repair."] == 3


def test_points_and_lines_of_several_become_single_ones() -> None:
    lines = shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]])
    areas = shapely.MultiPolygon([SQUARE, shapely.box(3, 3, 4, 4)])
    found, which = singly(columns(shapely.MultiPoint([(1, 2), (3, 4)]), areas, lines))
    assert which.tolist() == [0, 0, 1, 2, 2]
    assert [each.geom_type for each in found.to_geometries()] == [
        "Point", "Point", "MultiPolygon", "LineString", "LineString",
    ]  # fmt: skip
    assert found.properties["place"].tolist() == which.tolist()
    assert found.labels.tolist() == [0, 0, 1, 0, 0]


def test_what_lies_on_no_slide_is_left_out_and_told() -> None:
    far = shapely.Polygon([(0, 0), (1e10, 0), (1, 1)])
    found, notices = sound(columns(SQUARE, far, SQUARE), "row")
    assert found.properties["place"].tolist() == [0, 2]
    assert str(notices[0]).startswith("1 row: Corners are not finite")


def test_what_has_no_coordinates_is_left_out_and_told() -> None:
    found, notices = sound(columns(SQUARE, shapely.Polygon(), SQUARE))
    assert found.properties["place"].tolist() == [0, 2]
    assert [str(each) for each in notices] == ["1 shape: It has no coordinates; it is left out."]
