from __future__ import annotations

import geopandas as gpd
import pandas as pd
import shapely

from wsi_lab.widgets.core_boxes import EMPTY, FOUND, cores_layer


def cores(*found):
    return gpd.GeoDataFrame(
        {
            "row": 0,
            "column": range(len(found)),
            "is_found": pd.Series(found, dtype="boolean"),
        },
        geometry=[shapely.box(100 * n, 50, 100 * n + 80, 130) for n in range(len(found))],
    )


def test_boxes_lie_where_cores_do():
    (feature,) = cores_layer(cores(True)).data["features"]
    assert {tuple(pair) for pair in feature["geometry"]["coordinates"][0]} == {
        (0, -50),
        (80, -50),
        (80, -130),
        (0, -130),
    }


def test_places_without_tissue_are_dashed():
    features = cores_layer(cores(True, False, None)).data["features"]
    lines = [each["properties"]["style"] for each in features]
    assert [each["color"] for each in lines] == [FOUND, EMPTY, FOUND]
    assert ["dashArray" in each for each in lines] == [False, True, False]


def test_viewer_shows_cores_once_and_hides_them(viewer):
    viewer.show_cores(cores(True, False))
    viewer.show_cores(cores(True))
    (layer,) = [each for each in viewer.map.layers if each.name == "cores"]
    assert len(layer.data["features"]) == 1
    viewer.hide_cores()
    viewer.hide_cores()
    assert [each.name for each in viewer.map.layers if each.name == "cores"] == []
