"""Large answers as they are made: what likes which type, and GeoJSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from shapely.geometry import Point, Polygon

from wsi_lab.model.annotation import Annotation, Shape, ShapeKind
from wsi_lab.model.answer import Core, Place
from wsi_lab.server.api.tables import SHAPES_PER_PIECE, accepted, feature_collection

OFFERED = ["application/json", "text/csv", "text/tab-separated-values"]
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV;Q=0.5", "text/csv"),
        ("application/json;q=0.1, text/*;q=0.2", "text/csv"),
        ("text/tab-separated-values, */*;q=0.1", "text/tab-separated-values"),
        ("text/csv;q=0, */*", "application/json"),
        ("image/png", "application/json"),
        ("text/csv;q=much, ;;,", "application/json"),
    ],
)
def test_type_that_is_liked_best_is_sent(header: str | None, expected: str) -> None:
    assert accepted(header, OFFERED) == expected


def _annotation(number: int, geometry: object) -> Annotation:
    shape = Shape(ShapeKind.POLYGON, geometry, "{}")  # type: ignore[arg-type]  # any geometry will do
    place = Place(7, None, Core(1, 2))
    return Annotation(number, 3, 4, place, "a@lab", 0, shape, NOON, 1)


def _collection(annotations: list[Annotation]) -> dict[str, object]:
    pieces = feature_collection(annotations, questions={4: "Tumour"}, slides={7: "CMU-1"})
    found: dict[str, object] = json.loads(b"".join(pieces))
    return found


def test_shapes_are_features_in_pixels() -> None:
    square = Polygon([(0, 0), (10.5, 0), (10.5, 10), (0, 10)])
    collection = _collection([_annotation(1, square), _annotation(2, None)])
    assert collection["type"] == "FeatureCollection"
    first, second = collection["features"]  # type: ignore[misc]  # JSON
    assert first["geometry"]["coordinates"][0][1] == [10.5, 0]
    assert second["geometry"] is None
    assert first["properties"] == {
        "answer_id": 3,
        "question_id": 4,
        "question": "Tumour",
        "slide_id": 7,
        "slide": "CMU-1",
        "case_id": None,
        "core": {"row": 1, "column": 2, "sample": ""},
        "author": "a@lab",
        "position": 0,
        "shape": "polygon",
        "labels": [],
        "properties": {},
        "tier": "hand",
        "revision": 0,
        "changed_on": "2026-11-25T12:00:00Z",
    }


@pytest.mark.parametrize("count", [0, 1, SHAPES_PER_PIECE, SHAPES_PER_PIECE + 1])
def test_collection_of_any_size_is_whole(count: int) -> None:
    features = _collection([_annotation(n, Point(n, 0)) for n in range(1, count + 1)])["features"]
    assert [each["id"] for each in features] == list(range(1, count + 1))  # type: ignore[attr-defined]  # JSON
