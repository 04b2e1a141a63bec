from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from random_shapes import geometries

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.geojson_scan import scan

FEW = settings(max_examples=60)


def document(*features: dict, **more) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": list(features)} | more).encode()


def feature(geometry=None, **members) -> dict:
    said = json.loads(shapely.to_geojson(geometry)) if geometry is not None else None
    return {"type": "Feature", "geometry": said, "properties": None} | members


@FEW
@given(st.lists(geometries(grid=None), max_size=6), st.sampled_from([None, 1]), st.booleans())
def test_geometries_are_read_as_shapely_writes_them(shapes, indent, is_list):
    shapes = [None if shape is None or shape.is_empty else shape for shape in shapes]
    features = [feature(shape) for shape in shapes]
    said = features if is_list else {"type": "FeatureCollection", "features": features}
    text = json.dumps(said, indent=indent)
    scanned = scan(text.encode())
    if scanned is None:
        # Very small numbers are left to readers that have all the time in the world.
        assert "e-" in text
        return
    expected = ShapeColumns.from_geometries(shapes)
    for name in ("coordinates", "ring_offsets", "ring_roles", "shape_offsets"):
        assert np.array_equal(getattr(scanned.columns, name), getattr(expected, name))
    known = np.diff(expected.shape_offsets) > 0
    assert np.array_equal(scanned.columns.kinds[known], expected.kinds[known])


NUMBERS = st.one_of(
    st.floats(-1e6, 1e6).map(repr),
    st.decimals(-200_000, 200_000, places=17, allow_nan=False).map(lambda number: f"{number:f}"),
    st.floats(0, 1, exclude_min=True).map(lambda number: f"{number:.16e}"),
    st.integers(-(10**17), 10**17).map(str),
    st.sampled_from(["0", "-0.0", "1E3", "2.5e-7", "9007199254740993", "0.30000000000000004"]),
)


def digits_of(number: str) -> int:
    return len(re.sub(r"\D", "", number).lstrip("0"))


@settings(max_examples=300)
@given(st.lists(NUMBERS, min_size=2, max_size=2))
def test_a_coordinate_is_the_float_that_python_reads_or_left_to_python(pair):
    place = f'"type":"Point","coordinates":[{pair[0]},{pair[1]}]'
    scanned = scan(f'[{{"type":"Feature","geometry":{{{place}}}}}]'.encode())
    if scanned is not None:
        assert scanned.columns.coordinates.tolist() == [[float(number) for number in pair]]
    else:
        assert any("e" in number or digits_of(number) > 18 for number in pair)


@settings(max_examples=100)
@given(NUMBERS)
def test_a_measurement_is_the_float_that_python_reads(number):
    text = f'[{{"type":"Feature","geometry":null,"properties":{{"area":{number}}}}}]'
    assert scan(text.encode()).columns.properties["area"].tolist() == [float(number)]


def test_real_nuclei_are_read_to_the_last_bit(shared_data):
    data = gzip.decompress((shared_data / "nuclei/cervix_biopsy_nuclei.geojson.gz").read_bytes())
    expected = json.loads((shared_data / "nuclei/expected.json").read_text())["values"]
    expected = expected["cervix_biopsy_nuclei.parquet"]
    columns = scan(data).columns
    counts = np.bincount(columns.labels, minlength=len(columns.label_names)).tolist()
    assert len(columns) == expected["polygons"]
    assert dict(zip(columns.label_names, counts, strict=True)) == expected["classes"]
    assert round(float(columns.areas().sum()), 3) == expected["total_area"]
    rings = [part["geometry"]["coordinates"][0][:-1] for part in json.loads(data)["features"]]
    assert np.array_equal(columns.coordinates, np.concatenate(rings))


def test_labels_are_the_names_of_classifications():
    point = shapely.Point(1, 2)
    red = {"name": "Tumor", "color": [200, 0, 0]}
    named = [red, {"name": "Other"}, None, red]
    said = [{}, *({"classification": each} for each in named)]
    scanned = scan(document(*(feature(point, properties=each) for each in said)))
    assert scanned.columns.label_names == ("Tumor", "Other")
    assert scanned.columns.labels.tolist() == [-1, 0, 1, -1, 0]
    assert scanned.classifications == {"Tumor": red, "Other": {"name": "Other"}}
    assert scanned.columns.properties == {}


def test_properties_and_measurements_are_columns():
    point = shapely.Point(1, 2)
    said = [
        {"objectType": "cell", "isLocked": False, "measurements": {"Area": 3, "Long é": 1e-30}},
        {"objectType": "cell", "measurements": [{"name": "Area", "value": 4.5}]},
        {"measurements": {}, "Area": "NaN"},
        {"measurements": []},
    ]
    read = scan(document(*(feature(point, properties=each) for each in said))).columns.properties
    assert np.array_equal(read["Area"], [3, 4.5, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(read["Long é"], [1e-30, np.nan, np.nan, np.nan], equal_nan=True)
    assert read["objectType"].tolist() == ["cell", "cell", None, None]
    assert read["isLocked"].tolist() == [False, None, None, None]


def test_ids_are_a_property():
    point = shapely.Point(1, 2)
    read = scan(document(feature(point, id="a\u00e9"), feature(point), feature(point, id=7)))
    assert read.columns.properties["id"].tolist() == ["aé", None, 7]


def test_members_may_come_in_any_order_and_heights_are_passed_over():
    text = (
        b'[{"properties":{},"geometry":{"coordinates":[[[0,0,5],[4,0,5],[4,4,5],[0,0,5]]],'
        b'"type":"Polygon"},"type":"Feature"}]'
    )
    assert scan(text).columns.areas().tolist() == [8.0]


SQUARE = shapely.box(0, 0, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[",
        b"[{",
        b"{}",
        b"null",
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]}}',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]}}]]',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1]}}]',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[01,2]}}]',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1.,2]}}]',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,NaN]}}]',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,1e999]}}]',
        b'[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]}},]',
        b'[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]]]}}]',
        b'[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[0,0],[1,0],[0,0]]}}]',
        b'[{"type":"Feature","geometry":{"type":"LineString","coordinates":[[0,0],[[1,0]]]}}]',
        b'[{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[]]}}]',
        b'[{"type":"Feature","geometry":{"type":"Blob","coordinates":[1,2]}}]',
        b'[{"type":"Feature","geometry":{"type":"Point","type":"Point","coordinates":[1,2]}}]',
        b'[{"type":"Blob","geometry":null}]',
        b'[{"geometry":null}]',
        b'[{"type":"Feature","geometry":null,"geometry":null}]',
        b'[{"type":"Feature","geometry":null,"properties":{"a":1,"a":2}}]',
        b'[{"type":"Feature","geometry":null,"properties":{"a":1,"measurements":{"a":2}}}]',
        b'[{"type":"Feature","geometry":null,"properties":{"a":broken}}]',
        b'[{"type":"Feature","geometry":null,"properties":{"a":"\x01"}}]',
        b'[{"type":"Feature","geometry":null,"properties":{"classification":{"colour":1}}}]',
        b'[{"type":"Feature","geometry":null,"nucleusGeometry":null}]',
        b'[{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[]}}]',
        b'{"type":"FeatureCollection","features":[]',
        b'{"type":"FeatureCollection","features":[],"crs":{}}',
        b'[{"type":"Feature","geometry":null,"properties":{"a":' + b"[" * 10**6,
        b'[{"type":"Feature","geometry":{"type":"Polygon","coordinates":' + b"[" * 10**6,
        b"[" * 10**6,
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_others(text):
    assert scan(text) is None


def test_too_many_different_texts_are_left_to_others(monkeypatch):
    features = [feature(properties={"name": f"n{number}"}) for number in range(70_000)]
    assert scan(document(*features)) is None
    assert len(scan(document(*features[:1000])).columns) == 1000


@FEW
@given(st.data())
def test_damaged_text_is_read_as_json_reads_it_or_not_at_all(data):
    whole = document(
        feature(SQUARE, id="x", properties={"classification": {"name": "T"}, "a": 1.5}),
        feature(shapely.MultiPoint([(1, 2), (3, 4)]), properties={"measurements": {"b": 2}}),
    )
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    scanned = scan(bytes(damaged))
    if scanned is not None:
        assert len(scanned.columns) == len(json.loads(bytes(damaged))["features"])
