"""GeoParquet: what GeoPandas writes is read, and what is written GeoPandas reads."""

from __future__ import annotations

import io
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import geoparquet
from wsi_lab.formats.geoparquet import reading
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature

EXPECTED = {"cervix_biopsy_nuclei": 19_197, "cervix_biopsy_tissue": 56, "hgsc_nest": 1_295}


def packed(frame: gpd.GeoDataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def table(**columns: pa.Array) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def wkb(*geometries: shapely.Geometry | None) -> pa.Array:
    return pa.array([None if each is None else each.wkb for each in geometries], pa.binary())


@pytest.mark.parametrize("name", EXPECTED)
def test_real_nuclei_and_regions_come_out_as_they_went_in(shared_data: Path, name: str) -> None:
    data = (shared_data / "nuclei" / f"{name}.parquet").read_bytes()
    found = geoparquet.read_columns(data)
    frame = gpd.read_parquet(io.BytesIO(data))
    assert len(found.columns) == EXPECTED[name]
    assert found.columns.areas().sum() == pytest.approx(frame.area.sum())
    labels = [found.columns.label_names[label] for label in found.columns.labels]
    assert labels == frame["class_name"].tolist()
    assert any("coordinate reference system" in notice.what for notice in found.notices)
    out = b"".join(geoparquet.write_columns([found.columns], colours={"neoplastic": "#d55e00"}))
    again = gpd.read_parquet(io.BytesIO(out))
    assert again.crs is None
    assert again.geometry.geom_equals_exact(
        frame.geometry.set_crs(None, allow_override=True), 0
    ).all()
    assert again["label"].tolist() == labels
    back = geoparquet.read_columns(out)
    assert np.array_equal(back.columns.coordinates, found.columns.coordinates)
    assert back.colours == {"neoplastic": "#d55e00"}
    assert not back.notices


def test_properties_of_all_sorts_come_back() -> None:
    properties = [
        {"number": 1, "word": "a", "flag": True, "deep": {"x": [1, None]}, "bbox": 2.5},
        {"word": None, "flag": False, "deep": [1], "id": "x"},
    ]
    features = [
        Feature(ShapeKind.POINT, shapely.Point(place, 1), ("a", "b")[: place + 1], each)
        for place, each in enumerate(properties)
    ]
    again = geoparquet.read(geoparquet.write(Document(features, colours={"a": "#010203"})))
    assert [each.labels for each in again.features] == [("a",), ("a", "b")]
    assert dict(again.features[0].properties) == {
        "number": 1, "word": "a", "flag": True, "deep": {"x": [1, None]}, "bbox (property)": 2.5,
    }  # fmt: skip
    assert dict(again.features[1].properties) == {"flag": False, "deep": [1], "id": "x"}
    bulk = geoparquet.read_columns(geoparquet.write(Document(features)))
    assert "1 rows: There are several labels" in "\n".join(map(str, bulk.notices))


def test_kinds_that_geometries_do_not_tell_come_back() -> None:
    features = [
        Feature(ShapeKind.RECTANGLE, shapely.box(0, 0, 2, 2)),
        Feature(ShapeKind.ELLIPSE, shapely.Point(5, 5).buffer(2)),
        Feature(ShapeKind.POLYGON, shapely.box(0, 0, 2, 2)),
        Feature(ShapeKind.POLYLINE, shapely.LineString([(0, 0), (1, 1)])),
    ]
    again = geoparquet.read(geoparquet.write(Document(features)))
    assert [each.kind for each in again.features] == [each.kind for each in features]


def test_boxes_cover_the_shapes_as_the_standard_says() -> None:
    data = geoparquet.write(Document([Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4))]))
    about = json.loads(pq.read_metadata(io.BytesIO(data)).metadata[b"geo"])
    column = about["columns"]["geometry"]
    assert column["crs"] is None
    assert column["bbox"] == [1, 2, 3, 4]
    assert column["covering"]["bbox"]["ymax"] == ["bbox", "ymax"]
    frame = gpd.read_parquet(io.BytesIO(data), bbox=(10, 10, 11, 11))
    assert frame.empty


def test_several_points_collections_and_nothing_are_told_and_taken_apart() -> None:
    both = shapely.GeometryCollection([shapely.Point(1, 1), shapely.box(0, 0, 2, 2)])
    data = table(
        geometry=wkb(shapely.MultiPoint([(1, 2), (3, 4)]), both, None, shapely.Point(5, 6)),
        score=pa.array([1, 2, 3, 4]),
    )
    found = geoparquet.read(data)
    assert [each.kind for each in found.features] == [
        ShapeKind.POINT,
        ShapeKind.POINT,
        ShapeKind.POLYGON,
        ShapeKind.POINT,
    ]
    assert [each.properties["score"] for each in found.features][:3] == [1, 1, 2]
    said = "\n".join(map(str, found.notices))
    assert "collection" in said
    assert "1 row: It has no coordinates; it is left out." in said


def test_damaged_endless_and_crossing_geometries_are_told() -> None:
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    data = table(
        geometry=pa.array(
            [
                b"\x01junk",
                bow_tie.wkb,
                shapely.LineString([(0, 0), (1e12, 1)]).wkb,
                shapely.Point(1, 1).wkb,
            ]
        )
    )
    found = geoparquet.read_columns(data)
    said = "\n".join(map(str, found.notices))
    assert "damaged" in said
    assert "crosses itself" in said
    assert "not finite" in said
    assert found.columns.areas().tolist() == [2, 0]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PAR1" + b"\0" * 30, "cannot be read"),
        (table(x=pa.array([1])), "no column of geometries"),
        (table(geometry=pa.array([1])), "well-known"),
        (table(geometry=pa.array(["POINT (1 2)"])), "well-known"),
    ],
)
def test_what_is_no_geoparquet_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(Invalid, match=what):
        geoparquet.read_columns(data)


def test_a_text_that_is_repeated_a_million_times_stays_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), ["x" * 100_000])
    data = table(geometry=wkb(*[shapely.Point(1, 2)] * 1000), note=long)
    notes = geoparquet.read_columns(data).columns.properties["note"].tolist()
    assert notes[0] is notes[-1]
    monkeypatch.setattr(reading, "MOST_BYTES", 1000)
    with pytest.raises(TooLarge):
        geoparquet.read_columns(data)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 2)
    with pytest.raises(TooLarge, match="2 rows"):
        geoparquet.read_columns(table(geometry=wkb(*[shapely.Point(1, 2)] * 3)))


def test_a_column_called_kind_may_hold_anything() -> None:
    shapes = wkb(shapely.box(0, 0, 2, 2), shapely.box(4, 4, 5, 5))
    said = geoparquet.read(table(geometry=shapes, kind=pa.array([["ellipse"], None])))
    assert [each.kind for each in said.features] == [ShapeKind.POLYGON] * 2
    assert said.features[0].properties == {"kind": ["ellipse"]}
