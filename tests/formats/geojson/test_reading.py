"""GeoJSON of anybody: read whole, and nothing left out without a word."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.geojson import features, plain, qupath, reading
from wsi_lab.formats.geojson.structure import structure_of
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document

SQUARE = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
HOLE = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]


def feature(kind: str, coordinates: Any, properties: Any = None, **more: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "geometry": geometry, "properties": properties or {}, **more}


def read(*items: Any, **more: Any) -> Document:
    said = {"type": "FeatureCollection", "features": list(items), **more}
    return qupath.read(json.dumps(said).encode())


def told(document: Document) -> str:
    return "\n".join(map(str, document.notices))


def test_kinds_are_those_of_the_geometries() -> None:
    document = read(
        feature("Point", [1, 2]),
        feature("LineString", [[1, 2], [3, 4]]),
        feature("Polygon", SQUARE),
        feature("Polygon", [*SQUARE, HOLE]),
        feature("MultiPolygon", [SQUARE, [[[9, 9], [10, 9], [10, 10], [9, 9]]]]),
    )
    assert [each.kind for each in document.features] == [
        ShapeKind.POINT,
        ShapeKind.POLYLINE,
        ShapeKind.POLYGON,
        ShapeKind.BRUSH,
        ShapeKind.BRUSH,
    ]
    assert [each.geometry.area for each in document.features if each.geometry is not None] == [
        0, 0, 16, 15, 16.5,
    ]  # fmt: skip
    assert not document.notices


def test_qupaths_ellipse_is_one() -> None:
    one = feature("Polygon", SQUARE)
    one["geometry"]["isEllipse"] = True
    one["geometry"]["plane"] = {"c": -1, "z": 2, "t": 0}
    (found,) = read(one).features
    assert found.kind is ShapeKind.ELLIPSE
    assert found.properties["plane"] == {"c": -1, "z": 2, "t": 0}


def test_several_points_are_as_many_shapes_that_say_the_same() -> None:
    document = read(feature("MultiPoint", [[1, 2], [3, 4]], {"name": "cells"}))
    assert [each.kind for each in document.features] == [ShapeKind.POINT] * 2
    assert {each.properties["name"] for each in document.features} == {"cells"}
    assert document.features[0].source == document.features[1].source


def test_a_collection_of_geometries_is_a_shape_for_each() -> None:
    parts = [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": SQUARE}]},
    ]
    one = {"type": "Feature", "geometry": {"type": "GeometryCollection", "geometries": parts}}
    document = read({**one, "properties": None})
    assert [each.kind for each in document.features] == [ShapeKind.POINT, ShapeKind.POLYGON]


@pytest.mark.parametrize(
    ("classification", "label", "colour"),
    [
        ({"name": "Tumor", "color": [200, 0, 10]}, "Tumor", "#c8000a"),
        ({"name": "Tumor", "colorRGB": -3670006}, "Tumor", "#c8000a"),
        ({"name": "Tumor", "color": -3670006}, "Tumor", "#c8000a"),
        ({"names": ["Tumor", "Positive"]}, "Tumor: Positive", None),
        ("Tumor", "Tumor", None),
    ],
)
def test_the_classification_is_the_label_with_its_colour(
    classification: Any, label: str, colour: str | None
) -> None:
    document = read(feature("Point", [1, 2], {"classification": classification}))
    assert document.features[0].labels == (label,)
    assert document.colours == ({} if colour is None else {label: colour})
    assert "classification" not in document.features[0].properties


@pytest.mark.parametrize("key", ["label", "class_name", "class", "category"])
def test_a_label_may_be_called_otherwise(key: str) -> None:
    assert read(feature("Point", [1, 2], {key: "tumour"})).features[0].labels == ("tumour",)


def test_measurements_of_both_forms_become_properties() -> None:
    old = [{"name": "Area µm^2", "value": 2.5}, {"name": "Length", "value": 3}]
    for said in (old, {"Area µm^2": 2.5, "Length": 3}):
        document = read(feature("Point", [1, 2], {"name": "A", "measurements": said}))
        assert document.features[0].properties == {"name": "A", "Area µm^2": 2.5, "Length": 3}


def test_a_measurement_that_is_called_as_a_property_is_kept_beside_it() -> None:
    document = read(feature("Point", [1, 2], {"name": "A", "measurements": {"name": 3}}))
    assert document.features[0].properties == {"name": "A", "name (measured)": 3}
    assert "A measurement is called as a property, 'name'" in told(document)


def test_the_type_of_objects_before_qupath_0_4_is_in_their_id() -> None:
    document = read(feature("Point", [1, 2], id="PathDetectionObject"))
    assert document.features[0].properties == {"objectType": "detection"}


def test_an_id_and_a_nucleus_are_kept() -> None:
    nucleus = {"type": "Polygon", "coordinates": [HOLE]}
    document = read(feature("Polygon", SQUARE, id="abc", nucleusGeometry=nucleus))
    properties = document.features[0].properties
    assert properties["id"] == "abc"
    assert json.loads(properties["nucleusGeometry"]) == nucleus


def test_a_feature_without_coordinates_is_kept_and_told() -> None:
    document = read(
        {"type": "Feature", "geometry": None, "properties": {"name": "root"}},
        feature("Polygon", []),
    )
    assert [each.geometry for each in document.features] == [None, None]
    assert document.features[0].properties == {"name": "root"}
    assert "Feature 1: It has no geometry." in told(document)
    assert "Feature 2: It has no coordinates." in told(document)


@pytest.mark.parametrize(
    ("one", "what"),
    [
        (feature("Circle", [1, 2]), "its geometry is of the type 'Circle'"),
        (feature("Polygon", [[[0, 0], [4, 0], [4, 4]]]), "not closed"),
        (feature("Polygon", [[[0, 0], [4, 0], [0, 0]]]), "two corners"),
        (feature("LineString", [[1, 2]]), "one corner"),
        (feature("Polygon", [*SQUARE, [[1, 1], [2, 2], [1, 1]]]), "less than three corners"),
        (feature("Point", [1, 2, 3]), "third number"),
        (feature("Polygon", [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]), "crosses itself"),
        (feature("Point", [1, 2], {"classification": {"colour": 3}}), "no name"),
        (feature("Point", [1, 2], {"classification": {"name": "a", "x": 3}}), "'x'"),
        (feature("Point", [1, 2], {"classification": {"name": "a", "color": "red"}}), "colour"),
        (feature("Point", [1, 2], {"measurements": [3]}), "not pairs"),
        (feature("Point", [1, 2], {"measurements": 3}), "neither a list"),
        ({"geometry": {"type": "Point", "coordinates": [1, 2]}}, "taken for one"),
        ({"type": "Feature", "geometry": 3}, "no object"),
        ({"type": "Feature", "geometry": {"type": "GeometryCollection"}}, "no list"),
        ({"type": "Feature", "geometry": {"type": "Point"}}, "no coordinates"),
        ({**feature("Point", [1, 2]), "properties": [1]}, "no object; they are not kept"),
    ],
)
def test_what_is_odd_is_told(one: Any, what: str) -> None:
    document = read(one)
    assert what.lower() in told(document).lower()
    assert len(document.features) == 1


def test_alike_troubles_are_one_notice() -> None:
    document = read(*[feature("Point", [None, 2])] * 30)
    (notice,) = document.notices
    assert str(notice) == (
        "Features 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 20 more: Its coordinates are not numbers."
    )


def test_a_bow_tie_becomes_its_two_triangles() -> None:
    (found,) = read(feature("Polygon", [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]])).features
    assert found.kind is ShapeKind.BRUSH
    assert found.geometry is not None
    assert found.geometry.is_valid
    assert found.geometry.area == 8


def test_nan_and_infinity_outside_of_strings_are_missing_values() -> None:
    text = (
        '[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},'
        '"properties":{"a":NaN,"b":-Infinity,"c":"NaN, \\" NaN","d":[Infinity]}}]'
    )
    document = qupath.read(text.encode())
    assert document.features[0].properties == {
        "a": None, "b": None, "c": 'NaN, " NaN', "d": [None],
    }  # fmt: skip
    assert "3 values: NaN and Infinity" in told(document)


def test_members_of_the_collection_that_mean_nothing_are_told() -> None:
    document = read(feature("Point", [1, 2]), crs={"type": "name"}, extra=1, bbox=[1, 2, 1, 2])
    assert "coordinate reference system" in told(document)
    assert "'extra' of the collection is not kept" in told(document)
    assert len(document.notices) == 2


@pytest.mark.parametrize(
    "said",
    [
        feature("Point", [1, 2]),
        [feature("Point", [1, 2])],
        {"type": "Point", "coordinates": [1, 2]},
        {"features": [feature("Point", [1, 2])]},
        [{"type": "Point", "coordinates": [1, 2]}],
    ],
)
def test_a_feature_a_list_and_a_geometry_are_documents_too(said: Any) -> None:
    for data in (json.dumps(said).encode(), b"\xef\xbb\xbf" + json.dumps(said).encode()):
        document = plain.read(data)
        assert [each.kind for each in document.features] == [ShapeKind.POINT]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1]",
        b'"x"',
        b"{}",
        b'{"type":"Topology"}',
        b'{"type":"FeatureCollection","features":3}',
    ],
)
def test_what_is_no_geojson_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        plain.read(data)


def test_a_packed_document_is_read_and_a_bomb_is_not() -> None:
    data = json.dumps(feature("Point", [1, 2])).encode()
    assert len(plain.read(gzip.compress(data)).features) == 1
    with pytest.raises(Invalid, match="far more"):
        plain.read(gzip.compress(b" " * (1 << 26)))
    with pytest.raises(Invalid, match="cut short"):
        plain.read(gzip.compress(data)[:-8])
    with pytest.raises(Invalid, match="damaged"):
        plain.read(b"\x1f\x8b" + b"\xff" * 20)


def test_more_features_than_can_be_objects_are_for_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_SINGLY", 3)
    data = json.dumps([feature("Point", [1, 2])] * 4).encode()
    with pytest.raises(TooLarge, match="in bulk only"):
        plain.read(data)
    assert len(plain.read_columns(data).columns) == 4


def test_too_many_features_that_cannot_be_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "MOST_TROUBLES", 3)
    with pytest.raises(Invalid, match="More than 3 features"):
        read(*[feature("Point", [None, 2])] * 4)


def test_the_scanner_and_the_patient_reader_say_the_same(shared_data: Path) -> None:
    path = shared_data / "nuclei" / "cervix_biopsy_nuclei.geojson.gz"
    quick = qupath.read_columns(path.read_bytes())
    slow = reading._bulk(structure_of(gzip.decompress(path.read_bytes())))
    assert quick.columns.label_names == slow.columns.label_names
    for name in ("kinds", "coordinates", "ring_offsets", "ring_roles", "shape_offsets", "labels"):
        assert np.array_equal(getattr(quick.columns, name), getattr(slow.columns, name)), name
    assert quick.columns.properties.keys() == slow.columns.properties.keys() == {"objectType"}
    assert len(quick.columns) == 19_197


def test_a_scanned_document_has_colours_labels_and_repaired_outlines() -> None:
    bow_tie = [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]
    known = {"classification": {"name": "Tumor", "color": [200, 0, 10]}, "color": [1, 2, 3]}
    items = [feature("Polygon", SQUARE, known)] * 2000 + [feature("Polygon", bow_tie, known)]
    found = qupath.read_columns(json.dumps(items).encode())
    assert found.columns.label_names == ("Tumor",)
    assert found.colours == {"Tumor": "#c8000a"}
    assert found.columns.areas().tolist() == [16] * 2000 + [8]
    assert found.columns.properties["color"].tolist() == ["#010203"] * 2001
    assert "crosses itself" in "\n".join(map(str, found.notices))


def test_a_scanned_document_may_call_its_labels_otherwise() -> None:
    items = [feature("Polygon", SQUARE, {"class_name": f"c{place % 3}"}) for place in range(2000)]
    found = plain.read_columns(json.dumps(items).encode())
    assert found.columns.label_names == ("c0", "c1", "c2")
    assert not found.columns.properties


def test_what_was_written_with_colours_is_scanned_too(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [feature("Polygon", SQUARE, {"label": f"c{place % 3}"}) for place in range(2000)]
    first = plain.read_columns(json.dumps(items).encode())
    colours = {"c0": "#010203", "c1": "#040506"}
    data = b"".join(plain.write_columns([first.columns], colours=colours))
    monkeypatch.delattr(reading, "structure_of")
    again = plain.read_columns(data)
    assert again.colours == colours
    assert again.columns.label_names == ("c0", "c1", "c2")
