"""Annotations of a study as a table with geometries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames
from wsi_lab.client.connection import Connection
from wsi_lab.client.shape_tables import (
    SECONDS_PER_TABLE,
    LabelChoice,
    Where,
    is_all,
    names_of,
    table_of_shapes,
)
from wsi_lab.errors import WsiLabError

if TYPE_CHECKING:
    import geopandas as gpd

GEOJSON = "application/geo+json"

_TYPES = {
    "slide": frames.TEXT,
    "slide_id": "Int64",
    "reader": frames.TEXT,
    "question": frames.TEXT,
    "shape": frames.TEXT,
    "core_row": "Int64",
    "core_column": "Int64",
    "answer_id": "Int64",
    "position": "Int64",
    "changed_on": frames.TEXT,
    "label": frames.TEXT,
    "tier": frames.TEXT,
    "revision": frames.WHOLE,
}


def shapes_of_study(
    connection: Connection,
    study_id: int,
    *,
    question: str | None,
    layer: Any,
    label: LabelChoice,
    within: Any,
    centroid: bool,
    reader: str | Sequence[str] | None,
    slide_id: int | None,
    where: Where,
    properties: str | Iterable[str] | None,
) -> gpd.GeoDataFrame:
    """Return shapes as a table; see `wsi_lab.client.Study.annotations`."""
    import geopandas as gpd  # noqa: PLC0415 (a second, only for those who want tables)
    import pandas as pd  # noqa: PLC0415 (as above)

    wanted = None if properties is None else names_of(properties)
    asked: dict[str, Any] = {
        "slide_id": slide_id,
        "question": question,
        "layer": layer,
        "label": label,
        "within": within,
        "centroid": centroid,
        "reader": reader,
        "where": where,
    }
    by_hand = _drawn(
        connection,
        study_id,
        wanted,
        question=question,
        author=reader if isinstance(reader, str) else None,
        slide_id=slide_id,
    )
    is_chosen = within is not None or where or layer is not None or not is_all(label)
    if is_chosen or not (reader is None or isinstance(reader, str)):
        meant = table_of_shapes(connection, study_id, **asked, tier="hand", properties=())
        by_hand = by_hand[by_hand.index.isin(meant.index)]
    loaded = table_of_shapes(connection, study_id, **asked, tier="bulk", properties=wanted)
    loaded = _like_drawn(loaded)
    if not len(loaded):
        missing = [name for name in loaded.columns if name not in by_hand.columns]
        return by_hand if len(by_hand) or not missing else by_hand.reindex(columns=loaded.columns)
    if len(by_hand):
        loaded = gpd.GeoDataFrame(pd.concat([by_hand, loaded]), geometry="geometry", crs=None)
    return loaded


def _drawn(
    connection: Connection, study_id: int, wanted: tuple[str, ...] | None, **filters: Any
) -> gpd.GeoDataFrame:
    import geopandas as gpd  # noqa: PLC0415 (a second, only for those who want tables)
    import msgspec  # noqa: PLC0415 (as above)
    import pandas as pd  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    from wsi_lab.client.features import Features  # noqa: PLC0415 (as above)

    body = connection.get_bytes(
        f"v1/studies/{study_id}/annotations",
        accept=GEOJSON,
        timeout_s=SECONDS_PER_TABLE,
        tier="hand",
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
    labels = [tuple(each.properties.get("labels", ())) for each in features]
    if any(len(each) > 1 for each in labels):
        table["labels"] = labels
    for name, cells in _properties(features, wanted).items():
        free = f"{name} (property)" if name in {*table.columns, "geometry"} else name
        table[free] = pd.Series(cells, index=index)
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
        next(iter(properties.get("labels", ())), None),
        properties.get("tier", "hand"),
        properties.get("revision", 0),
    )


def _properties(features: Sequence[Any], wanted: tuple[str, ...] | None) -> dict[str, list[Any]]:
    said = [each.properties.get("properties", {}) for each in features]
    names = dict.fromkeys(name for each in said for name in each)
    if wanted is not None:
        names = dict.fromkeys(name for name in names if name in wanted)
    return {name: [each.get(name) for each in said] for name in names}


def _like_drawn(loaded: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return shapes that came at once with the columns of those drawn by hand."""
    table = loaded.rename(columns={"layer": "question"})
    table["slide_id"] = table["slide_id"].astype("Int64")
    for name in ("core_row", "core_column", "answer_id", "position"):
        table[name] = None
        table[name] = table[name].astype("Int64")
    own = [*_TYPES, *(name for name in ("labels", "geometry") if name in table.columns)]
    return table[[*own, *(name for name in table.columns if name not in own)]]
