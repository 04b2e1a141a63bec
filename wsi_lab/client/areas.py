"""From pixels to micrometres and square millimetres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import Invalid

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

_UM2_PER_MM2 = 1e6


def in_micrometres(shapes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return annotations in micrometres from the slide's top left corner, x right and y down.

    Parameters
    ----------
    shapes
        As `wsi_lab.client.Slide.annotations` or `wsi_lab.client.Study.annotations` return them:
        ``attrs["mpp"]`` says how large a pixel is.

    Raises
    ------
    Invalid
        The scale of a slide is not known; `Slide.change(mpp=…)` tells it.

    Examples
    --------
    >>> import geopandas, shapely
    >>> shapes = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 2000, 1000)])
    >>> shapes.attrs["mpp"] = 0.5
    >>> in_micrometres(shapes).geometry.iloc[0].bounds
    (0.0, 0.0, 1000.0, 500.0)
    """
    import numpy as np  # noqa: PLC0415 (only for those who have shapes)
    import shapely  # noqa: PLC0415 (as above)

    geometries = np.array(shapes.geometry, object)
    per_vertex = np.repeat(_mpp(shapes), shapely.get_num_coordinates(geometries))
    scaled = shapely.set_coordinates(
        geometries.copy(), shapely.get_coordinates(geometries) * per_vertex[:, None]
    )
    found = shapes.set_geometry(list(scaled))
    found.attrs = {key: value for key, value in shapes.attrs.items() if key != "mpp"}
    return found


def areas_mm2(shapes: gpd.GeoDataFrame) -> pd.Series[Any]:
    """Return the areas of annotations in square millimetres; see `in_micrometres`.

    Examples
    --------
    >>> import geopandas, shapely
    >>> shapes = geopandas.GeoDataFrame(geometry=[shapely.box(0, 0, 2000, 1000)])
    >>> shapes.attrs["mpp"] = 0.5
    >>> areas_mm2(shapes).tolist()
    [0.5]
    """
    areas: pd.Series[Any] = shapes.area * _mpp(shapes) ** 2 / _UM2_PER_MM2
    return areas.rename("area_mm2")


def _mpp(shapes: gpd.GeoDataFrame) -> Any:
    import numpy as np  # noqa: PLC0415 (as above)

    if "mpp" not in shapes.attrs:
        raise Invalid(
            'Nothing tells how large the pixels of these shapes are: attrs["mpp"] is missing. '
            "Either they are in micrometres already, or they did not come from annotations()."
        )
    known = shapes.attrs["mpp"]
    if isinstance(known, Mapping):
        there = [known.get(each) for each in shapes["slide_id"]]
    else:
        there = [known] * len(shapes)
    if any(each is None for each in there):
        raise Invalid(
            "The scale of a slide is not known, so there are no micrometres; "
            "slide.change(mpp=…) tells it."
        )
    return np.array(there, np.float64)
