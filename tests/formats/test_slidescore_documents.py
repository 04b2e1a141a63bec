"""Slide Score's JSON, its annotation files, and ASAP's XML as documents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats import anno2_document, asap_document, slidescore_document
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature, Grid, Source


def test_every_shape_of_slide_score_keeps_its_text(shared_data: Path) -> None:
    for path in (shared_data / "annotations" / "slidescore").glob("*_anno1.json"):
        document = slidescore_document.read(path.read_bytes())
        assert json.loads(slidescore_document.write(document)) == json.loads(path.read_bytes())


def test_alike_shapes_each_keep_their_text_and_what_is_not_known_stays() -> None:
    text = '[{"x": 1.50, "y": 2},{"x": 1.50, "y": 2},{"type":"cloud"},{"type":"polygon"}]'
    document = slidescore_document.read(text.encode())
    assert slidescore_document.write(document).decode() == text
    assert [notice.where for notice in document.notices] == ["Shape 3", "Shape 4"]


def test_labels_do_not_matter_to_a_text_but_a_moved_corner_does() -> None:
    (feature,) = slidescore_document.read(b'[{"x": 1.50, "y": 2}]').features
    labelled = replace(feature, labels=("tumour",))
    assert b"1.50" in slidescore_document.write(Document([labelled]))
    moved = replace(feature, geometry=shapely.Point(3, 2))
    assert slidescore_document.write(Document([moved])) == b'[{"x":3,"y":2}]'


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([[0, 64], [128, 255]], [[0, 64], [128, 255]]),
        ([[0.0, 0.5], [1.0, np.nan]], [[0, 128], [255, 0]]),
        ([[-1, 0], [1, np.nan]], [[1, 128], [255, 0]]),
    ],
)
def test_a_grid_is_a_heat_map(values: list[list[float]], told: list[list[int]]) -> None:
    grid = Grid("heat", np.array(values, np.float32), (8.0, 16.0, 72.0, 80.0))
    said = json.loads(slidescore_document.write(Document((), [grid])))
    assert said[0]["data"] == told
    assert (said[0]["x"], said[0]["y"], said[0]["height"]) == (8, 16, 64)


@pytest.mark.parametrize(
    "data",
    [
        b'[{"a":' + b"[" * 1_000_000,
        b"[" + b'{"x":1,"y":1},' * 1_400_000 + b'{"x":1,"y":1}]',
        b'[{"type":"polygon","points":[{"x":1e999,"y":2}]}]',
        b'{"x": 1}',
    ],
    ids=["deep", "large", "infinite", "object"],
)
def test_what_is_hostile_is_refused(data: bytes) -> None:
    with pytest.raises((Invalid, TooLarge)):
        slidescore_document.read(data)


def test_an_annotation_file_holds_areas_points_or_a_heat_map(shared_data: Path) -> None:
    folder = shared_data / "annotations" / "slidescore"
    heat_map = anno2_document.read((folder / "anno2_heatmap_tsv.zip").read_bytes())
    assert not heat_map.features
    assert len(heat_map.grids) == 1
    assert anno2_document.read(anno2_document.write(heat_map)).grids[0].box == (
        heat_map.grids[0].box
    )
    points = anno2_document.read((folder / "anno2_points_anno1_json.zip").read_bytes())
    assert {one.kind for one in points.features} == {ShapeKind.POINT}


def test_points_and_areas_together_and_several_heat_maps_fit_as_well() -> None:
    point = Feature(ShapeKind.POINT, shapely.Point(1, 2))
    box = Feature(ShapeKind.RECTANGLE, shapely.box(0, 0, 9, 9))
    line = Feature(ShapeKind.POLYLINE, shapely.LineString([(0, 0), (1, 1)]))
    grid = Grid("heat", np.array([[1, 2]], np.float32), (0.0, 0.0, 64.0, 32.0))
    written = anno2_document.write(Document([point, box, line], [grid, grid]))
    again = anno2_document.read(written)
    assert [one.kind for one in again.features] == [ShapeKind.POINT, ShapeKind.RECTANGLE]
    assert len(again.grids) == 2
    with pytest.raises(Invalid):
        anno2_document.write(Document([line]))


def test_words_beside_a_shape_go_through_an_annotation_file() -> None:
    text = (
        '{"type":"polygon","points":[{"x":0,"y":0},{"x":9,"y":0},{"x":9,"y":9}],'
        '"labels":[{"x":1,"y":2,"fontSize":9,"whenToShow":"always","label":"a"}]}'
    )
    document = slidescore_document.read(f"[{text}]".encode())
    (again,) = anno2_document.read(anno2_document.write(document)).features
    assert again.source is not None
    assert json.loads(again.source.text)["labels"][0]["label"] == "a"


def test_groups_of_asap_are_labels_and_annotations_keep_their_text() -> None:
    text = (
        '<ASAP_Annotations><Annotations><Annotation Name="Mine" Type="Spline" '
        'PartOfGroup="tumour" Color="#F4FA58"><Coordinates><Coordinate Order="0" X="1,5" Y="2" />'
        '<Coordinate Order="1" X="9" Y="2" /><Coordinate Order="2" X="9" Y="9" /></Coordinates>'
        '</Annotation></Annotations><AnnotationGroups><Group Name="tumour" PartOfGroup="None" '
        'Color="#64FE2E" /></AnnotationGroups></ASAP_Annotations>'
    )
    document = asap_document.read(text.encode())
    (feature,) = document.features
    assert feature.labels == ("tumour",)
    assert document.colours == {"tumour": "#f4fa58"}
    written = asap_document.write(document)
    assert b'Name="Mine" Type="Spline"' in written
    assert b'X="1,5"' in written
    relabelled = replace(document, features=[replace(feature, labels=("stroma",))])
    again = asap_document.read(asap_document.write(relabelled))
    assert again.features[0].labels == ("stroma",)
    assert again.features[0].geometry == feature.geometry


def test_annotations_of_asap_that_cannot_be_read_are_told_and_the_rest_is_read() -> None:
    text = (
        '<ASAP_Annotations><Annotations><Annotation Type="Cloud"><Coordinates>'
        '<Coordinate X="1" Y="2" /></Coordinates></Annotation><Annotation Type="Dot"><Coordinates>'
        '<Coordinate X="1" Y="2" /></Coordinates></Annotation><Annotation Type="Dot"/>'
        "</Annotations></ASAP_Annotations>"
    )
    document = asap_document.read(text.encode())
    assert len(document.features) == 1
    assert [notice.where for notice in document.notices] == ["Annotation 1", "Annotation 3"]


def test_a_text_that_tells_nothing_of_its_kind_is_not_believed() -> None:
    odd = Feature(ShapeKind.POINT, shapely.Point(1, 2), source=Source("asap", "<a/>"))
    assert len(asap_document.read(asap_document.write(Document([odd]))).features) == 1
    odd = replace(odd, source=Source("slidescore", "}"))
    assert slidescore_document.write(Document([odd])) == b'[{"x":1,"y":2}]'
