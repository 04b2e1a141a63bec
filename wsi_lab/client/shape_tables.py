"""Shapes as tables with geometries: asked for with conditions, sent as Arrow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wsi_lab.client.connection import Connection
from wsi_lab.errors import Invalid, WsiLabError

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SECONDS_PER_TABLE = 600.0
ARROW = "application/vnd.apache.arrow.stream"
LONGEST_AREA = 4000
"""Signs of WKT; a longer one is looked at here, and the lab is asked for its box."""
OWN_COLUMNS = (
    *("slide_id", "slide", "layer", "label", "labels", "reader", "tier", "shape"),
    *("revision", "changed_on"),
)
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "in")

LabelChoice = str | Sequence[str | None] | None
"""A label or several, `None` for having none; nothing at all, ``()``, for all shapes."""
Where = Mapping[str, Any] | Iterable[tuple[str, str, Any]]


def table_of_shapes(
    connection: Connection,
    study_id: int,
    *,
    slide_id: int | None = None,
    question: str | None = None,
    layer: Any = None,
    label: LabelChoice = (),
    within: Any = None,
    centroid: bool = False,
    reader: str | Sequence[str] | None = None,
    where: Where = (),
    properties: str | Iterable[str] | None = None,
    tier: str = "all",
    limit: int | None = None,
) -> gpd.GeoDataFrame:
    """Return shapes; see `wsi_lab.client.Slide.annotations`."""
    box, area, is_refined = _area(within)
    body = connection.get_bytes(
        f"v1/studies/{study_id}/annotations",
        accept=ARROW,
        timeout_s=SECONDS_PER_TABLE,
        slide_id=slide_id,
        question=question,
        layer=None if layer is None else _json([_layer(each) for each in _listed(layer)]),
        labels=labels_text(label),
        authors=None if reader is None else _json(_listed(reader)),
        box=None if box is None else box_text(box),
        within=area.wkt if area is not None and not is_refined else None,
        centroid="true" if centroid else None,
        where=_where(where),
        properties=None if properties is None else _json(names_of(properties)),
        tier=tier,
        limit=None if is_refined else limit,
    )
    found = _frame(body)
    if is_refined:
        places = found.centroid if centroid else found.geometry
        found = found[places.intersects(area)]
        found = found if limit is None else found.iloc[:limit]
    return found


def _frame(body: bytes) -> gpd.GeoDataFrame:
    import geopandas as gpd  # noqa: PLC0415 (a second, only for those who want tables)
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    try:
        with pa.ipc.open_stream(io.BytesIO(body)) as reader:
            table = reader.read_all()
        ids = table["id"].to_numpy()
        geometries = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
        rest = _plain(table.drop_columns(["geometry", "id"]))
    except (pa.ArrowException, OSError, shapely.errors.ShapelyError, KeyError) as error:
        raise WsiLabError(
            "The lab's annotations cannot be understood; it and this client may be of "
            "different versions. Update the older one."
        ) from error
    order = _order(ids)
    if order is not None:
        ids, geometries, rest = ids[order], geometries[order], rest.take(pa.array(order))
    columns = rest.to_pandas()
    columns.index = _index(ids)
    if "labels" in columns:
        columns["labels"] = [tuple(each) for each in columns["labels"]]
    return gpd.GeoDataFrame(columns, geometry=geometries, crs=None)


def _plain(table: pa.Table) -> pa.Table:
    """Return a table of plain columns; that of all labels only where a shape has several."""
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    most = pc.max(pc.list_value_length(table["labels"])).as_py() or 0
    if most < 2:
        table = table.drop_columns(["labels"])
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _order(ids: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return how to sort shapes into the order they were given in; `None` if they are."""
    import numpy as np  # noqa: PLC0415 (as above)

    if len(ids) < 2 or (ids[1:] > ids[:-1]).all():
        return None
    return np.argsort(ids, kind="stable")


def _index(ids: NDArray[np.int64]) -> Any:
    import pandas as pd  # noqa: PLC0415 (as above)

    return pd.Index(ids, dtype="int64", name="id")


def _area(within: Any) -> tuple[tuple[float, ...] | None, Any, bool]:
    """Return the box to ask for, the area, and whether shapes are to be compared with it here."""
    if within is None:
        return None, None, False
    if hasattr(within, "union_all"):
        within = within.union_all()
    if not hasattr(within, "geom_type"):
        return _box(within), None, False
    if within.geom_type not in {"Polygon", "MultiPolygon"} or within.is_empty:
        raise Invalid("Shapes lie within a box, a polygon, or a GeoDataFrame of polygons.")
    if len(within.wkt) <= LONGEST_AREA:
        return None, within, False
    return within.bounds, within, True


def _box(within: Any) -> tuple[float, ...]:
    try:
        box = tuple(float(each) for each in within)
    except (TypeError, ValueError):
        box = ()
    if len(box) != 4 or box[0] > box[2] or box[1] > box[3]:
        raise Invalid("A box is (left, top, right, bottom), in level-0 pixels.")
    return box


def box_text(box: Sequence[float]) -> str:
    """Return a box as the lab takes it.

    Raises
    ------
    Invalid
        It is none.
    """
    return ",".join(map(repr, _box(box)))


def labels_text(label: LabelChoice) -> str | None:
    """Return labels as the lab takes them; `None`, and not an empty list, stands for no label."""
    if is_all(label):
        return None
    is_one = label is None or isinstance(label, str) or hasattr(label, "name")
    several = [label] if is_one else list(label or ())
    names = ["" if each is None else getattr(each, "name", each) for each in several]
    if not all(isinstance(each, str) for each in names):
        raise _no_label(label)
    return _json(names)


def names_of(properties: str | Iterable[str]) -> tuple[str, ...]:
    """Return the names of properties; a text is one of them."""
    return (properties,) if isinstance(properties, str) else tuple(properties)


def is_all(label: LabelChoice) -> bool:
    """Return whether shapes are meant whatever their labels."""
    if label is None or isinstance(label, str) or hasattr(label, "name"):
        return False
    try:
        return not len(label)
    except TypeError as error:
        raise _no_label(label) from error


def _no_label(label: Any) -> Invalid:
    return Invalid(f"{label!r} is no label; give a name, several names, or None for no label.")


def _where(where: Where) -> str | None:
    given = list(where.items()) if isinstance(where, Mapping) else list(where)
    conditions: list[list[Any]] = []
    for each in given:
        name, *rest = each
        if len(rest) == 1:
            (value,) = rest
            # A list is values; a pair is meant to be a comparison, and one that there is.
            is_pair = isinstance(value, tuple)
            rest = list(value) if is_pair else ["in" if isinstance(value, list) else "=", value]
        if len(rest) != 2 or rest[0] not in _COMPARISONS:
            raise Invalid(
                "A condition is (property, comparison, value); there are the comparisons "
                f"{', '.join(_COMPARISONS)}."
            )
        conditions.append([str(name), *rest])
    return _json(conditions) if conditions else None


def _layer(layer: Any) -> str | int:
    wanted = getattr(layer, "id", layer)
    return wanted if isinstance(wanted, str) else int(wanted)


def _listed(several: Any) -> list[Any]:
    is_one = isinstance(several, (str, int)) or hasattr(several, "id")
    return [several] if is_one else list(several)


def _json(value: Any) -> str:
    import msgspec  # noqa: PLC0415 (only when something is asked)

    return msgspec.json.encode(value, enc_hook=_plain_number).decode()


def _plain_number(value: Any) -> Any:
    # Numbers of NumPy.
    return value.item()
