"""The cores of a tissue microarray over its slide."""

from __future__ import annotations

from typing import Any

import ipyleaflet

from wsi_lab.widgets.coords import to_map

FOUND = "#0b6e4f"
EMPTY = "#b3261e"
_LINE = {"weight": 2, "fill": False, "interactive": False}
_DASHED = "6 6"


def cores_layer(frame: Any) -> ipyleaflet.GeoJSON:
    """Return a layer of boxes, those without tissue dashed.

    Parameters
    ----------
    frame
        Rows of `wsi_lab.client.Slide.cores`.
    """
    # Nobody looked where it is missing, and nobody said that it is empty.
    known = frame["is_found"].fillna(value=True) if "is_found" in frame else [True] * len(frame)
    features = []
    for row, column, is_found, bounds in zip(
        frame["row"], frame["column"], known, frame.geometry.bounds.to_numpy(), strict=True
    ):
        x0, y0, x1, y1 = (float(side) for side in bounds)
        corners = [to_map(x, y) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))]
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "row": int(row),
                    "column": int(column),
                    "is_empty": not is_found,
                },
                # GeoJSON has the longitude first.
                "geometry": {"type": "Polygon", "coordinates": [[pair[::-1] for pair in corners]]},
            }
        )
    return ipyleaflet.GeoJSON(
        data={"type": "FeatureCollection", "features": features},
        style=_LINE,
        style_callback=_style,
        name="cores",
    )


def _style(feature: dict[str, Any]) -> dict[str, Any]:
    if feature["properties"]["is_empty"]:
        return {**_LINE, "color": EMPTY, "dashArray": _DASHED}
    return {**_LINE, "color": FOUND}
