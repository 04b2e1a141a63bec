"""Shapes that come as an Arrow stream, well made or not."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest
import shapely

from wsi_lab.errors import Invalid
from wsi_lab.formats.bulk import BulkDocument
from wsi_lab.geometry.columns import KINDS
from wsi_lab.service.annotating.arrow_reading import KEY, read_arrow


def stream(columns: dict[str, Any], said: dict[str, Any] | None = None) -> bytes:
    table = pa.table(columns)
    if said is not None:
        table = table.replace_schema_metadata({KEY: msgspec.json.encode(said)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return bytes(sink.getvalue())


def read(data: bytes) -> BulkDocument:
    return read_arrow(io.BytesIO(data), len(data))


SHAPES = [shapely.box(0, 0, 2, 1), None, shapely.Point(1.5, 2), shapely.box(5, 5, 6, 7)]
WKB = pa.array([None if each is None else shapely.to_wkb(each) for each in SHAPES], pa.binary())


def test_columns_are_labels_and_properties() -> None:
    found = read(
        stream(
            {
                "geometry": WKB,
                "label": ["a", None, "b", "a"],
                "score": [0.5, None, 1.5, 2.0],
                "count": [1, 2, 3, 4],
                "ok": [True, False, True, True],
                "name": ["x", None, "y", ""],
                "when": [datetime(2026, 1, 2, tzinfo=UTC)] * 4,
            },
            {"colours": {"a": "#000001"}},
        )
    )
    columns = found.columns
    assert [None if each is None else each.wkt for each in columns.to_geometries()] == [
        None if each is None else each.wkt for each in SHAPES
    ]
    names = [columns.label_names[each] if each >= 0 else None for each in columns.labels]
    assert names == ["a", None, "b", "a"]
    assert found.colours == {"a": "#000001"}
    said = {name: values.tolist() for name, values in columns.properties.items()}
    assert said["count"] == [1, 2, 3, 4]
    assert said["score"][2:] == [1.5, 2.0]
    assert said["score"][1] != said["score"][1]
    assert said["ok"] == [True, False, True, True]
    assert said["name"] == ["x", None, "y", ""]
    assert said["when"][0].startswith("2026-01-02")


def test_columns_may_be_called_anything() -> None:
    columns = {"where": WKB, "what": ["a", "a", "", "b"], "as": ["polygon"] * 4, "label": [1] * 4}
    columns["as"][3] = "rectangle"
    found = read(stream(columns, {"geometry": "where", "label": "what", "kind": "as"})).columns
    assert found.label_names == ("a", "b")
    assert found.labels.tolist() == [0, 0, -1, 1]
    assert KINDS[found.kinds[3]] == "rectangle"
    assert list(found.properties) == ["label"]


def test_dictionaries_slices_and_large_binaries_are_understood() -> None:
    table = pa.table(
        {
            "geometry": WKB.cast(pa.large_binary()),
            "label": pa.array(["b", None, "a", "b"]).dictionary_encode(),
        }
    ).slice(2)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    columns = read(bytes(sink.getvalue())).columns
    assert [each.wkt for each in columns.to_geometries()] == [each.wkt for each in SHAPES[2:]]
    assert [columns.label_names[each] for each in columns.labels] == ["a", "b"]


@pytest.mark.parametrize(
    ("columns", "said", "sentence"),
    [
        ({"x": [1]}, None, "no column 'geometry'"),
        ({"geometry": ["POINT (1 2)"]}, None, "WKB"),
        ({"geometry": pa.array([b"nonsense"])}, None, "Shape 1"),
        ({"geometry": WKB, "label": [1, 2, 3, 4]}, None, "text"),
        ({"geometry": WKB}, {"label": "class"}, "no column 'class'"),
        ({"geometry": WKB, "k": ["blob"] * 4}, {"kind": "k"}, "no kind of shape 'blob'"),
        ({"geometry": WKB, "tags": [["a"]] * 4}, None, "column 'tags'"),
        ({"geometry": WKB}, {"colours": 3}, "cannot be read"),
    ],
)
def test_what_cannot_be_stored_is_told(
    columns: dict[str, Any], said: dict[str, Any] | None, sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        read(stream(columns, said))


def test_damaged_streams_are_refused() -> None:
    whole = stream({"geometry": WKB, "label": ["a", "b", "c", "d"]})
    for data in (b"", b"hello there, this is no stream", whole[: len(whole) // 2]):
        with pytest.raises(Invalid):
            read(data)
    for place in range(0, len(whole), 7):
        broken = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        try:
            read(broken)
        except Invalid:
            continue


def test_no_shapes_are_no_shapes() -> None:
    assert len(read(stream({"geometry": pa.array([], pa.binary())})).columns) == 0
