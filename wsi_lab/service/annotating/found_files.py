"""Shapes that were found, as GeoJSON and as GeoParquet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from wsi_lab.formats.bulk import features_of

if TYPE_CHECKING:
    from wsi_lab.service.annotating.found import Found


def parquet(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield an Arrow stream of shapes as a GeoParquet file."""
    about: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "crs": None}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": about}}
    with pa.ipc.open_stream(b"".join(pieces)) as reader:
        table = reader.read_all().replace_schema_metadata({b"geo": msgspec.json.encode(geo)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data = memoryview(sink.getvalue())
    for begin in range(0, len(data), 1 << 20):
        yield bytes(data[begin : begin + (1 << 20)])


def features(batches: Iterator[Found]) -> Iterator[bytes]:
    """Yield a GeoJSON FeatureCollection whose coordinates are level-0 pixels."""
    begin = b'{"type":"FeatureCollection","features":['
    for found in batches:
        yield begin + b",".join(_features(found))
        begin = b","
    yield b"]}" if begin == b"," else begin + b"]}"


def _features(found: Found) -> Iterator[bytes]:
    geometries = shapely.to_geojson(found.shapes.to_geometries())
    changed = np.datetime_as_string(found.changed_on, unit="us").tolist()
    for place, feature in enumerate(features_of(found.shapes)):
        text = geometries[place]
        labels = feature.labels if found.labels is None else found.labels[place]
        yield msgspec.json.encode(
            {
                "type": "Feature",
                "id": int(found.ids[place]),
                "geometry": None if text is None else msgspec.Raw(text.encode()),
                "properties": {
                    "answer_id": None,
                    "question_id": found.layer_id,
                    "slide_id": found.slide_id,
                    "slide": found.slide,
                    "question": found.layer,
                    "case_id": None,
                    "core": None,
                    "position": None,
                    "author": found.author,
                    "tier": found.tier,
                    "shape": feature.kind.value,
                    "labels": labels,
                    "properties": dict(feature.properties),
                    "revision": int(found.revisions[place]),
                    "changed_on": f"{changed[place]}Z",
                },
            }
        )
