"""Where the cores of a tissue microarray lie on its slide, as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames
from wsi_lab.client.connection import Connection, parsed
from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

_TRUTH = "boolean"


@dataclass(frozen=True, kw_only=True)
class _Core:
    row: int
    column: int
    sample: str
    is_control: bool
    is_found: bool | None
    box: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class _Fit:
    confidence: float | None
    residual: float | None
    angle: float | None


@dataclass(frozen=True, kw_only=True)
class _Cores:
    revision: int
    fit: _Fit | None
    cores: tuple[_Core, ...]


class WithCores:
    """What a slide that is a tissue microarray can be asked besides."""

    id: int
    connection: Connection

    def cores(self) -> gpd.GeoDataFrame:
        """Return the places of its TMA map, one row each, and where they lie.

        Columns are row, column (from 0), sample (empty where the map names no core), is_control,
        is_found (whether there is tissue; missing where nobody looked) and geometry, a box in
        level-0 pixels. Until cores are fitted or put, boxes are those of an even grid over the
        whole slide. ``attrs`` hold the confidence, residual and angle of the fit.

        Raises
        ------
        NotFound
            The slide has no TMA map; `fit_cores` makes one.
        """
        return _frame(self.connection.get(f"v1/slides/{self.id}/cores"))

    def fit_cores(self, rows: int | None = None, columns: int | None = None) -> gpd.GeoDataFrame:
        """Find the cores in a picture of the slide, store where they lie, and return `cores`.

        A slide without a TMA map gets one, with cores A1, A2, … where there is tissue.

        Parameters
        ----------
        rows, columns
            How many there are; by default what the map says, or else what is seen.

        Raises
        ------
        Invalid
            No grid of cores was found, or not one of that size.

        Examples
        --------
        >>> cores = slide.fit_cores(rows=8, columns=12)  # doctest: +SKIP
        >>> cores.attrs["confidence"]  # doctest: +SKIP
        0.97
        """
        body = {"rows": rows, "columns": columns}
        return _frame(self.connection.post(f"v1/slides/{self.id}/cores/fit", body))

    def set_cores(self, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Say by hand where some or all cores lie, and return `cores`.

        Parameters
        ----------
        frame
            Rows of `cores` with other geometries, of which the bounds are taken.

        Raises
        ------
        Invalid
            A place is not on the map, or a box is none; ``problems`` names each.
        Conflict
            Somebody changed them since `cores` was asked.
        """
        if not hasattr(frame, "geometry") or not {"row", "column"} <= set(frame.columns):
            raise Invalid(
                "A table of cores has columns row and column, and a geometry: start from "
                "slide.cores()."
            )
        body = {"cores": _given(frame), "revision": frame.attrs.get("revision")}
        return _frame(self.connection.json("PUT", f"v1/slides/{self.id}/cores", body=body))

    def clear_cores(self) -> None:
        """Forget where the cores lie: they are on an even grid over the whole slide again."""
        self.connection.json("DELETE", f"v1/slides/{self.id}/cores")


def _given(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    bounds = frame.geometry.bounds.to_numpy()
    known = frame["is_found"] if "is_found" in frame else [None] * len(frame)
    given = []
    for row, column, is_found, (x0, y0, x1, y1) in zip(
        frame["row"], frame["column"], known, bounds, strict=True
    ):
        if not all(math.isfinite(side) for side in (x0, y0, x1, y1)):
            raise Invalid(f"Row {row}, column {column}: the core has no box.")
        given.append(
            {
                "row": int(row),
                "column": int(column),
                "box": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
                "is_found": None if pd.isna(is_found) else bool(is_found),
            }
        )
    return given


def _frame(answer: Any) -> gpd.GeoDataFrame:
    import geopandas as gpd  # noqa: PLC0415 (a second, only for those who want tables)
    import numpy as np  # noqa: PLC0415 (as above)
    import shapely  # noqa: PLC0415 (as above)

    found = parsed(_Cores, answer)
    boxes = np.array([each.box for each in found.cores], np.float64).reshape(-1, 4).T
    x, y, width, height = boxes
    table = gpd.GeoDataFrame(
        {
            "row": _column([each.row for each in found.cores], frames.WHOLE),
            "column": _column([each.column for each in found.cores], frames.WHOLE),
            "sample": _column([each.sample for each in found.cores], frames.TEXT),
            "is_control": _column([each.is_control for each in found.cores], "bool"),
            "is_found": _column([each.is_found for each in found.cores], _TRUTH),
        },
        geometry=shapely.box(x, y, x + width, y + height),
        crs=None,
    )
    fit = found.fit or _Fit(confidence=None, residual=None, angle=None)
    table.attrs.update(
        revision=found.revision,
        confidence=fit.confidence,
        residual=fit.residual,
        angle=fit.angle,
    )
    return table


def _column(values: list[Any], kind: str) -> pd.Series[Any]:
    import pandas as pd  # noqa: PLC0415 (as above)

    return pd.Series(values, dtype=kind)
