"""Annotations of a study as a table with geometries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames
from wsi_lab.client.connection import Connection
from wsi_lab.errors import WsiLabError

if TYPE_CHECKING:
    import geopandas as gpd

GEOJSON = "application/geo+json"
SECONDS_PER_TABLE = 600.0

_TYPES = {
    "slide": frames.TEXT,
    "slide_id": "Int64",
    "reader": frames.TEXT,
    "question": frames.TEXT,
    "shape": frames.TEXT,
    "core_row": "Int64",
    "core_column": "Int64",
    "answer_id": frames.WHOLE,
    "position": frames.WHOLE,
    "changed_on": frames.TEXT,
}


def shapes(connection: Connection, study_id: int, **filters: Any) -> gpd.GeoDataFrame:
    """Return shapes as a table; see `wsi_lab.client.Study.annotations`."""
    import geopandas as gpd  # noqa: PLC0415 (a second, only for those who want tables)
    import msgspec  # noqa: PLC0415 (as above)
    import pandas as pd  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.client.features import Features  # noqa: PLC0415 (as above)

    body = connection.get_bytes(
        f"v1/studies/{study_id}/annotations",
        accept=GEOJSON,
        timeout_s=SECONDS_PER_TABLE,
        **filters,
    )
    try:
        features = msgspec.json.decode(body, type=Features).features
        texts = [bytes(each.geometry) for each in features]
        geometries = shapely.from_geojson([None if text == b"null" else text for text in texts])
        index = pd.Index([each.id for each in features], dtype="int64", name="id")
        rows = [_row(each.properties) for each in features]
    except (msgspec.DecodeError, shapely.GEOSException, KeyError) as error:
        raise WsiLabError(
            "The lab's annotations cannot be understood; it and this client may be of "
            "different versions. Update the older one."
        ) from error
    columns = zip(*rows, strict=True) if rows else ([] for _ in _TYPES)
    table = pd.DataFrame(
        {
            name: pd.Series(list(cells), index=index, dtype=kind)
            for (name, kind), cells in zip(_TYPES.items(), columns, strict=True)
        },
        index=index,
    )
    changed = pd.to_datetime(table["changed_on"], format="ISO8601", utc=True)
    table["changed_on"] = changed.dt.as_unit("us")
    return gpd.GeoDataFrame(table, geometry=list(geometries), crs=None)


def _row(properties: dict[str, Any]) -> tuple[Any, ...]:
    core = properties["core"] or {}
    return (
        properties["slide"],
        properties["slide_id"],
        properties["author"],
        properties["question"],
        properties["shape"],
        core.get("row"),
        core.get("column"),
        properties["answer_id"],
        properties["position"],
        properties["changed_on"],
    )
