"""Which format a file is in, told by how it begins, and by its name where nothing else tells."""

from __future__ import annotations

import gzip

import pytest

from wsi_lab.formats.annotation_formats import guessed

CASES = {
    b'  {"type" : "FeatureCollection", "features": []}': "geojson",
    b'{"type":"Feature","properties":{"objectType":"cell"}}': "qupath",
    b'[{"type":"Feature","properties":{"classification":{}}}]': "qupath",
    b'{"type":"MultiPolygon","coordinates":[]}': "geojson",
    b'[["Layer",{"children":[]}]]': "phas",
    b'["Layer",{}]': "phas",
    b'{"positive": [ {"name": "_0"}]}': "camelyon16",
    b'{"annotation":{"location":"POINT (1 2)"}}': "cytomine-wkt",
    b"MULTIPOLYGON (((1 2, 3 4, 5 6)))": "cytomine-wkt",
    b"SRID=4326;POINT(1 2)": "cytomine-wkt",
    b'[{"type":"brush","positivePolygons":[]}]': "slidescore",
    b'[{"x":1,"y":2}]': "slidescore",
    b"[]": "slidescore",
    b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x --><ASAP_Annotations>': "asap",
    b"<Annotations MicronsPerPixel='0.25'>": "imagescope",
    b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg">': "phas-svg",
    "<Annotations>".encode("utf-16"): "imagescope",
    b"Image\tName\tCentroid X \xc2\xb5m\n": "qupath-table",
    b"Heatmap 1 2 3\n0 0 1": "slidescore-table",
    b"1\t2\n": "slidescore-table",
    b"\x89PNG\r\n\x1a\n": "mask-png",
    b"PAR1": "geoparquet",
    b"PK\x03\x04": "anno2",
    b"\0" * 128 + b"DICM": "dicom-ann",
    b"\0" * 344 + b"n+1\0": "mask-nifti",
    gzip.compress(b"\0" * 344 + b"n+1\0" + b"\0" * 99, mtime=0): "mask-nifti",
    gzip.compress(b'[{"x":1,"y":2}]', mtime=0): "anno2",
    gzip.compress(b'{"type":"FeatureCollection"}', mtime=0): "geojson",
}


@pytest.mark.parametrize("start", CASES, ids=range(len(CASES)))
def test_a_file_is_known_by_how_it_begins(start: bytes) -> None:
    found = guessed("file", start)
    assert found is not None
    assert found.name == CASES[start]


@pytest.mark.parametrize(
    "start",
    [b"", b"hello", b"{}", b'[{"a":1}]', b"<html>", b"\x1f\x8b junk", b"a\tb\n", b"\xff\xd8"],
)
def test_what_nothing_tells_is_not_guessed(start: bytes) -> None:
    assert guessed("file.dat", start) is None


def test_a_name_helps_where_the_beginning_does_not() -> None:
    found = guessed("nuclei.GeoJSON", b'{"features":[')
    assert found is not None
    assert found.name == "geojson"
