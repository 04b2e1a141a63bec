"""GeoJSON that QuPath, GeoPandas and ourselves read again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import shapely

from wsi_lab.errors import Invalid
from wsi_lab.formats.geojson import plain, qupath
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Source

ORIGINAL = (
    '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1.50, 2]},'
    ' "properties": {"name": "A", "unknown": {"deep": [1]}}, "id": "x"}'
)


def objects(data: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(data)["features"]
    return found


def test_what_nobody_changed_goes_out_in_its_own_words() -> None:
    assert ORIGINAL in qupath.write(qupath.read(ORIGINAL.encode())).decode()


def test_a_point_of_several_goes_out_once() -> None:
    geometry = '{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}'
    text = f'{{"type":"Feature","geometry":{geometry},"properties":{{}}}}'
    document = qupath.read(text.encode())
    assert len(document.features) == 2
    assert qupath.write(document).decode().count("MultiPoint") == 1
    # And each by itself as soon as one of them is gone.
    rest = replace(document, features=document.features[1:])
    assert [each["geometry"]["coordinates"] for each in objects(qupath.write(rest))] == [[3, 4]]


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ("tumour",)},
        {"geometry": shapely.Point(1.5, 3)},
        {"properties": {"name": "B"}},
        {"source": Source("geojson", ORIGINAL)},
    ],
)
def test_what_was_changed_is_said_anew(change: dict[str, Any]) -> None:
    document = qupath.read(ORIGINAL.encode())
    changed = replace(document.features[0], **change)
    text = qupath.write(Document([changed])).decode()
    assert ORIGINAL not in text
    again = qupath.read(text.encode()).features[0]
    assert replace(again, source=None) == replace(changed, source=None)


def test_qupath_is_told_its_own_words() -> None:
    feature = Feature(
        ShapeKind.ELLIPSE,
        shapely.Point(5, 5).buffer(2),
        ("Tumor",),
        {
            "name": "A",
            "isLocked": True,
            "color": "#010203",
            "Area": 2.5,
            "count": 3,
            "note": "x",
            "id": "abc",
            "plane": {"c": -1, "z": 1, "t": 0},
            "nucleusGeometry": '{"type":"Point","coordinates":[5,5]}',
        },
    )
    (said,) = objects(qupath.write(Document([feature], colours={"Tumor": "#c8000a"})))
    assert said["id"] == "abc"
    assert said["geometry"]["isEllipse"] is True
    assert said["geometry"]["plane"] == {"c": -1, "z": 1, "t": 0}
    assert said["nucleusGeometry"] == {"type": "Point", "coordinates": [5, 5]}
    assert said["properties"] == {
        "name": "A",
        "isLocked": True,
        "color": [1, 2, 3],
        "note": "x",
        "classification": {"name": "Tumor", "color": [200, 0, 10]},
        "measurements": {"Area": 2.5, "count": 3},
    }
    (again,) = qupath.read(qupath.write(Document([feature]))).features
    assert dict(again.properties) == dict(feature.properties)
    assert again.kind is ShapeKind.ELLIPSE


def test_columns_are_detections_for_qupath_unless_they_say_otherwise() -> None:
    bulk = plain.read_columns(ORIGINAL.encode())
    (said,) = objects(b"".join(qupath.write_columns([bulk.columns])))
    assert said["properties"]["objectType"] == "detection"
    (said,) = objects(b"".join(qupath.write_columns([bulk.columns], object_type="annotation")))
    assert "objectType" not in said["properties"]
    with pytest.raises(Invalid, match="annotation"):
        b"".join(qupath.write_columns([bulk.columns], object_type="lamp"))


def test_several_labels_colours_and_kinds_come_back_from_plain_geojson() -> None:
    document = Document(
        [
            Feature(ShapeKind.RECTANGLE, shapely.box(0, 0, 2, 2), ("a", "b")),
            Feature(ShapeKind.POINT, shapely.Point(1, 2), ("a",), {"label": "a property"}),
            Feature(ShapeKind.POINT, shapely.Point(1, 2), (), {"kind": "word"}),
        ],
        colours={"a": "#010203", "b": "#040506"},
    )
    again = plain.read(plain.write(document))
    assert [(each.kind, each.labels, dict(each.properties)) for each in again.features] == [
        (each.kind, each.labels, dict(each.properties)) for each in document.features
    ]
    assert again.colours == document.colours


def test_parts_of_columns_become_one_collection() -> None:
    bulk = plain.read_columns(ORIGINAL.encode())
    pieces = list(plain.write_columns([bulk.columns, bulk.columns.take([]), bulk.columns]))
    assert len(objects(b"".join(pieces))) == 2
    assert objects(b"".join(plain.write_columns([]))) == []


def test_coordinates_are_exact_at_two_hundred_thousand_pixels() -> None:
    point = shapely.Point(199_999.01, 256.01)
    document = Document([Feature(ShapeKind.POINT, point)])
    for each in (plain, qupath):
        assert each.read(each.write(document)).features[0].geometry == point


def test_shapes_without_coordinates_are_left_out() -> None:
    document = Document(
        [Feature(ShapeKind.OTHER, None), Feature(ShapeKind.POLYGON, shapely.Polygon())]
    )
    assert objects(plain.write(document)) == []
