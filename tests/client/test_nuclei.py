"""Published counts of real nuclei, taken from the lab after they were loaded into it."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from wsi_lab.demo import NUCLEI_STUDY

TABLES = {
    "cervix_biopsy_nuclei.parquet": "cervix-biopsy",
    "hgsc_nest.parquet": "ovary-nest",
}


@pytest.fixture(scope="module")
def expected(shared_data) -> dict[str, Any]:
    text = (shared_data / "nuclei" / "expected.json").read_text(encoding="utf-8")
    values: dict[str, Any] = json.loads(text)["values"]
    return values


@pytest.fixture(scope="module")
def study(real_lab):
    return real_lab.studies[NUCLEI_STUDY]


@pytest.fixture(scope="module")
def loaded(study, shared_data):
    """Load a table once, and return its layer and slide."""
    made: dict[str, Any] = {}

    def load(table: str, slide_name: str) -> tuple[Any, Any]:
        slide = study.slides[slide_name]
        if table not in made:
            made[table] = study.layers.create(f"published {table}")
            shapes = gpd.read_parquet(shared_data / "nuclei" / table)
            made[table].add(shapes, slide=slide, label="class_name", progress=False)
        return made[table], slide

    yield load
    for name in made.values():
        study.layers[name.id].remove()


@pytest.mark.parametrize(("table", "slide_name"), TABLES.items())
def test_shapes_come_back_as_published(expected, loaded, table, slide_name):
    layer, slide = loaded(table, slide_name)
    values = expected[table]
    shapes = slide.annotations(layer=layer)
    assert len(shapes) == values["polygons"]
    # Rings of the reference repeat their first vertex.
    assert int(shapely.get_num_coordinates(shapes.geometry).sum()) == values["vertices"]
    assert round(float(shapes.area.sum()), 3) == values["total_area"]
    assert shapes.total_bounds.round(3).tolist() == values["bounds"]
    assert shapes["label"].value_counts().to_dict() == values["classes"]


@pytest.mark.parametrize(("table", "slide_name"), TABLES.items())
def test_counts_and_areas_need_no_geometry(expected, loaded, table, slide_name):
    layer, slide = loaded(table, slide_name)
    counts = layer.counts(slide=slide)
    assert counts["count"].to_dict() == expected[table]["classes"]
    assert round(float(counts["area_px2"].sum()), 3) == expected[table]["total_area"]


@pytest.mark.parametrize(("table", "slide_name"), TABLES.items())
def test_windows_hold_what_was_published(expected, loaded, table, slide_name):
    layer, slide = loaded(table, slide_name)
    for each in expected[table]["windows"]:
        window = shapely.box(*each["window"])
        found = slide.annotations(layer=layer, within=window)
        assert len(found) == each["intersecting"]
        inside = slide.annotations(layer=layer, within=window, centroid=True)
        assert len(inside) == each["centroid_inside"]


def test_nuclei_of_each_tissue_are_those_published(expected, loaded):
    nuclei_layer, slide = loaded("cervix_biopsy_nuclei.parquet", "cervix-biopsy")
    tissue_layer, _ = loaded("cervix_biopsy_tissue.parquet", "cervix-biopsy")
    nuclei, tissue = slide.annotations(layer=nuclei_layer), slide.annotations(layer=tissue_layer)
    centres = nuclei.set_geometry(nuclei.centroid)[["label", "geometry"]]
    placed = gpd.sjoin(centres, tissue[["label", "geometry"]], predicate="within")
    per_tissue = pd.crosstab(placed["label_right"], placed["label_left"])
    for name, values in expected["cervix_biopsy_nuclei.parquet"]["per_tissue_class"].items():
        regions = tissue[tissue["label"] == name]
        assert len(regions) == values["regions"]
        assert round(float(regions.area.sum()), 3) == values["area"]
        counted = per_tissue.loc[name]
        assert counted[counted > 0].to_dict() == values["by_class"]
        assert int(counted.sum()) == values["nuclei_centroid_inside"]


def test_coordinates_are_those_of_the_file_to_a_thousandth(loaded, shared_data):
    layer, slide = loaded("cervix_biopsy_nuclei.parquet", "cervix-biopsy")
    given = gpd.read_parquet(shared_data / "nuclei" / "cervix_biopsy_nuclei.parquet")
    ours = shapely.get_coordinates(slide.annotations(layer=layer).geometry)
    theirs = shapely.get_coordinates(given.geometry)
    assert np.abs(ours - theirs).max() < 1e-3
