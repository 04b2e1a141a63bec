"""Large answers as they are made: what likes which type, tidy CSV, GeoJSON."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from shapely.geometry import Point, Polygon

from wsi_lab.model.annotation import Annotation, Shape, ShapeKind
from wsi_lab.model.answer import Core, Place, ResultRow
from wsi_lab.server.api.tables import (
    PIECE_BYTES,
    SHAPES_PER_PIECE,
    accepted,
    feature_collection,
    scores_csv,
)

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


def test_cells_of_a_table_come_back_as_they_were() -> None:
    values = ['a "quoted" word', "two\nlines", "tab\there", "comma, comma", "", "1\r\n2", "ü診"]
    rows = [
        ResultRow(7, "a@lab", "Q, 1", value, "CMU-1", "A-17", Core(0, 3, "x"), NOON, n, 0, 2)
        for n, value in enumerate(values, 1)
    ]
    text = b"".join(scores_csv(rows, {"Q, 1": "FreeText"})).decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["answer"] for row in found] == values
    assert found[0] == {
        "answer_id": "1",
        "slide_id": "7",
        "slide": "CMU-1",
        "case": "A-17",
        "core_row": "0",
        "core_column": "3",
        "core_sample": "x",
        "reader": "a@lab",
        "question": "Q, 1",
        "kind": "FreeText",
        "answer": values[0],
        "answered_on": "2026-11-25T12:00:00Z",
        "revision": "2",
    }


def test_answer_about_a_case_has_no_slide_and_no_core() -> None:
    text = b"".join(scores_csv([ResultRow(None, "a@lab", "Q", "1", case_name="A")], {})).decode()
    assert text.splitlines()[1] == "0,,,A,,,,a@lab,Q,,1,,0"


def test_long_table_comes_in_pieces_of_whole_lines() -> None:
    rows = [ResultRow(1, "a@lab", "Q", "x" * 1000)] * 1000
    pieces = list(scores_csv(rows, {}))
    assert len(pieces) > 2
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert max(map(len, pieces)) < PIECE_BYTES + 2000
    assert b"".join(pieces).count(b"\n") == 1001


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
