"""Shapes on their way to a lab."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from wsi_lab.client.sending_shapes import ROWS_AT_ONCE, shape_stream
from wsi_lab.errors import Invalid

NEAR, FAR = "http://127.0.0.1:8888/wsi-lab/", "https://lab.example.org/"


def sent(shapes: Any, label: Any = None, url: str = NEAR) -> tuple[pa.Table, int]:
    """Return what arrives, and in how many bytes."""
    _, pieces = shape_stream(shapes, label, {}, url=url, at=lambda _done: None)
    body = b"".join(pieces)
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all(), len(body)


def test_columns_keep_their_kinds_and_odd_ones_become_text() -> None:
    frame = gpd.GeoDataFrame(
        {
            "class_name": ["a", "b"],
            "whole": [1, 2],
            "part": [0.5, np.nan],
            "yes": [True, False],
            "mixed": [1, "x"],
            "nested": [{"a": [1]}, None],
            "array": [np.array([1.5]), np.array([])],
            7: [1, 2],
        },
        geometry=[shapely.Point(0, 0), shapely.Point(1, 1)],
    ).rename_geometry("where")
    table, _ = sent(frame)
    assert table.column_names[0] == "geometry"
    assert table["whole"].to_pylist() == [1, 2]
    assert table["part"].to_pylist() == [0.5, None]
    assert table["yes"].to_pylist() == [True, False]
    assert table["mixed"].to_pylist() == ["1", "x"]
    assert table["nested"].to_pylist() == ['{"a":[1]}', None]
    assert table["array"].to_pylist() == ["[1.5]", "[]"]
    assert table["7"].to_pylist() == [1, 2]
    assert b'"label":"class_name"' in table.schema.metadata[b"wsi-lab"]


def test_what_travels_far_is_packed() -> None:
    shapes = [shapely.box(each, 0, each + 1, 1) for each in range(2000)]
    near, size_near = sent(shapes)
    far, size_far = sent(shapes, url=FAR)
    assert near.equals(far)
    assert size_far < size_near / 3


def test_many_shapes_are_sent_in_pieces_while_they_are_made() -> None:
    points = shapely.points(np.zeros((2 * ROWS_AT_ONCE + 1, 2)))
    told: list[float] = []
    count, pieces = shape_stream(points, None, {}, url=NEAR, at=told.append)
    assert count == len(points)
    assert told == []
    first = next(pieces)
    assert len(first) < 2_000_000
    assert len(list(pieces)) >= 2
    assert told[-1] == 1.0
    assert len(told) == 3


def test_bytes_and_second_geometries_are_refused() -> None:
    frame = gpd.GeoDataFrame({"raw": [b"x"]}, geometry=[shapely.Point(0, 0)])
    with pytest.raises(Invalid, match="'raw'"):
        sent(frame)
    other = gpd.GeoDataFrame({"geometry": [1], "g": [shapely.Point(0, 0)]}, geometry="g")
    with pytest.raises(Invalid, match="'geometry'"):
        sent(other)


def test_a_label_of_blanks_is_none() -> None:
    squares = [shapely.box(each, 0, each + 1, 1) for each in range(3)]
    for labels in (["", "  ", "x"], pd.Categorical(["", " ", "x"])):
        table, _ = sent(gpd.GeoDataFrame({"label": labels}, geometry=squares))
        assert table["label"].to_pylist() == [None, None, "x"]


def test_what_is_no_shape_is_refused_with_a_sentence() -> None:
    square = shapely.box(0, 0, 1, 1)
    mixed = shapely.GeometryCollection([square, shapely.Point(3, 3)])
    with pytest.raises(Invalid, match=r"position 1 is a GeometryCollection.*explode"):
        sent([square, mixed])
    with pytest.raises(Invalid, match="position 1 is no geometry"):
        sent([square, (1, 2)])
    for wrong in (None, "POINT (1 1)", pd.DataFrame({"a": [1]}), {"type": "Point"}):
        with pytest.raises(Invalid, match="Shapes are a GeoDataFrame"):
            sent(wrong)


def test_columns_of_one_name_are_refused() -> None:
    table = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(Invalid, match="Several columns are called 'a'"):
        sent(gpd.GeoDataFrame(table, geometry=[shapely.Point(0, 0)]))


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="'red' is not a colour"):
        shape_stream([shapely.Point(0, 0)], "x", {"x": "red"}, url=NEAR, at=lambda _done: None)


def test_labels_that_are_numbers_are_refused_with_what_to_do() -> None:
    frame = gpd.GeoDataFrame({"kind": [1]}, geometry=[shapely.Point(0, 0)])
    with pytest.raises(Invalid, match=r"int64.*astype\(str\)"):
        sent(frame, "kind")
    table, _ = sent(gpd.GeoDataFrame({"label": [None]}, geometry=[shapely.Point(0, 0)]))
    assert table["label"].to_pylist() == [None]
