"""Layers, against the lab itself in another process."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely

from wsi_lab.client import UnknownKey, areas_mm2, in_micrometres, shape_tables
from wsi_lab.demo import SLIDE
from wsi_lab.errors import Conflict, Invalid, NotFound


@pytest.fixture
def study(real_lab, request):
    made = real_lab.studies.create(f"made for {request.node.name}"[:200])
    yield made
    real_lab.studies[made.id].remove()


@pytest.fixture
def slide(study, demo_server):
    return study.slides.add(str(demo_server.home / "slides" / f"{SLIDE}.svs"), name="one")


@pytest.fixture
def layer(study):
    return study.layers.create("nuclei", labels={"tumour": "#d55e00"}, shared=True)


@pytest.fixture
def nuclei():
    """Four hundred squares with holes here and there, in no order, and what is said of them."""
    count = 400
    places = np.random.default_rng(5).permutation(count)
    left, top = (places % 20) * 100.0, (places // 20) * 100.25
    shapes = shapely.box(left, top, left + 10, top + 12.5)
    holes = shapely.box(left + 2, top + 2, left + 3, top + 3)
    shapes = np.where(places % 7 == 0, shapely.difference(shapes, holes), shapes)
    names = np.array(["tumour", "stroma", ""], object)[places % 3]
    return gpd.GeoDataFrame(
        {
            "class_name": names,
            "score": places / 8,
            "count": places,
            "note": [f"n{each}" if each % 2 else None for each in places],
        },
        geometry=list(shapes),
    )


def test_layers_are_made_found_changed_and_removed(study):
    layer = study.layers.create("areas", labels=["a", "b"], colour="#112233")
    assert study.layers["areas"] == study.layers[layer.id] == layer
    assert list(study.layers) == ["areas"]
    assert [each.name for each in layer.labels] == ["a", "b"]
    assert len({each.colour for each in layer.labels}) == 2
    assert study.layers.to_frame().loc[layer.id, "name"] == "areas"
    changed = layer.change(name="regions", shared=True)
    assert (changed.name, changed.is_shared) == ("regions", True)
    with pytest.raises(Conflict):
        layer.change(name="again, from the old one")
    renamed = changed.rename_label("a", "tumour")
    new = renamed.set_labels({"b": "#000001", "c": "#000002"})
    assert [(each.name, each.colour) for each in new.labels] == [("b", "#000001"), ("c", "#000002")]
    assert new.labels[0].id == layer.labels[1].id
    with pytest.raises(NotFound):
        new.rename_label("tumour", "x")
    assert "regions" in study.layers._repr_html_()
    new.remove()
    assert list(study.layers) == []
    with pytest.raises(UnknownKey):
        study.layers["regions"]


def test_what_is_added_comes_back_equal_and_in_order(layer, slide, nuclei):
    load = layer.add(nuclei, slide=slide, author="net 1.0", name="run 1", progress=False)
    assert (load.count, load.author, load.name, load.layer) == (400, "net 1.0", "run 1", "nuclei")
    assert load.ranges["count"] == (0, 399)
    found = slide.annotations(layer="nuclei")
    assert found.crs is None
    assert found.attrs["mpp"] == slide.mpp
    assert found.index.is_monotonic_increasing
    assert (
        shapely.get_coordinates(found.geometry) == shapely.get_coordinates(nuclei.geometry)
    ).all()
    assert shapely.equals(np.array(found.geometry), np.array(nuclei.geometry)).all()
    assert found["label"].fillna("").tolist() == nuclei["class_name"].tolist()
    assert found["score"].tolist() == nuclei["score"].tolist()
    assert found["count"].tolist() == nuclei["count"].tolist()
    assert found["note"].fillna("").tolist() == nuclei["note"].fillna("").tolist()
    assert set(found["reader"]) == {"net 1.0"}
    assert set(found["tier"]) == {"bulk"}
    assert "labels" not in found.columns


def test_the_same_once_more_is_stored_once_and_another_needs_a_name(layer, slide, nuclei):
    first = layer.add(nuclei, slide=slide, name="run", progress=False)
    assert layer.add(nuclei, slide=slide, name="run", progress=False).id == first.id
    other = nuclei.iloc[:100]
    with pytest.raises(Conflict):
        layer.add(other, slide=slide, name="run", progress=False)
    assert layer.add(other, slide=slide, name="run", replace=True, progress=False).count == 100
    assert [each.count for each in layer.loads(slide)] == [100]
    layer.loads()[0].remove()
    assert layer.loads() == ()
    assert len(slide.annotations(layer=layer)) == 0


def test_bare_geometries_and_what_came_back_can_be_added(layer, slide, nuclei):
    layer.add(list(nuclei.geometry[:3]), slide="one", label="stroma", progress=False)
    layer.add(nuclei.geometry[:2], slide=slide.id, label=["tumour", ""], progress=False)
    layer.add(shapely.Point(1, 2), slide=slide, colours={"x": "#010203"}, label="x", progress=False)
    found = slide.annotations(layer=layer)
    assert found["label"].value_counts(dropna=False).to_dict() == {
        "stroma": 3,
        "tumour": 1,
        np.nan: 1,
        "x": 1,
    }
    again = layer.add(found, slide=slide, author="copy", progress=False)
    assert again.count == 6
    assert again.properties == ()


@pytest.mark.parametrize(
    ("shapes", "more", "sentence"),
    [
        ([], {}, "no shapes"),
        ([shapely.Point(0, 0), "POINT (1 2)"], {}, "position 1"),
        ([shapely.Point(0, 0)], {"label": ["a", "b"]}, "2 labels"),
        ([shapely.Point(2e9, 0)], {}, "finite"),
    ],
)
def test_what_cannot_be_added_is_told(layer, slide, shapes, more, sentence):
    with pytest.raises(Invalid, match=sentence):
        layer.add(shapes, slide=slide, progress=False, **more)
    assert layer.loads() == ()


def test_a_wrong_column_is_told_with_those_that_there_are(layer, slide, nuclei):
    with pytest.raises(Invalid, match="'class_name'"):
        layer.add(nuclei, slide=slide, label="class", progress=False)


def test_conditions_hold_for_what_comes_back(layer, slide, nuclei):
    layer.add(nuclei, slide=slide, author="net", progress=False)
    names, score = nuclei["class_name"], nuclei["score"]
    assert len(slide.annotations(label="tumour")) == (names == "tumour").sum()
    assert len(slide.annotations(label=None)) == (names == "").sum()
    assert len(slide.annotations(label=["stroma", None])) == (names != "tumour").sum()
    assert len(slide.annotations(where={"score": (">", 25)})) == (score > 25).sum()
    assert len(slide.annotations(where=[("score", ">", 25), ("note", "=", "n399")])) == 1
    assert len(slide.annotations(where={"note": ["n1", "n3"]})) == 2
    assert len(slide.annotations(reader="somebody@lab")) == 0
    assert len(slide.annotations(within=(0, 0, 105, 5))) == 2
    assert list(slide.annotations(properties=["score"], limit=3).columns).count("note") == 0
    with pytest.raises(UnknownKey):
        slide.mask("nuklei")
    with pytest.raises(NotFound, match="nuclei"):
        slide.annotations(layer="nuklei")
    assert "score" in slide.annotations(properties="score", limit=3).columns
    with pytest.raises(Invalid, match="A box is"):
        slide.annotations(within=(0, 0, 1))
    with pytest.raises(Invalid, match="there are the comparisons"):
        slide.annotations(where={"score": ("~", 1)})
    with pytest.raises(Invalid, match="A region is"):
        slide.mask(layer, region=(0, 0, 5))


def test_an_area_may_have_any_number_of_corners(layer, slide, nuclei):
    layer.add(nuclei, slide=slide, progress=False)
    triangle = shapely.Polygon([(0, 0), (1500, 0), (0, 1500)])
    expected = sorted(nuclei[nuclei.intersects(triangle)]["count"])
    dense = triangle.segmentize(0.5)
    assert len(dense.wkt) > shape_tables.LONGEST_AREA > len(triangle.wkt)
    for area in (triangle, dense, gpd.GeoDataFrame(geometry=[triangle])):
        assert sorted(slide.annotations(within=area)["count"]) == expected
    inside = nuclei[nuclei.centroid.within(triangle)]
    for area in (triangle, dense):
        assert len(slide.annotations(within=area, centroid=True)) == len(inside)


def test_counts_and_masks_and_areas(layer, slide, nuclei):
    layer.add(nuclei, slide=slide, progress=False)
    counts = layer.counts(slide=slide)
    by_label = nuclei.assign(area=nuclei.area).groupby(nuclei["class_name"])["area"]
    assert counts["count"].to_dict() == by_label.count().to_dict()
    assert np.allclose(counts["area_px2"].sort_index(), by_label.sum().sort_index())
    found = slide.annotations()
    assert areas_mm2(found).sum() == pytest.approx(counts["area_mm2"].sum())
    assert in_micrometres(found).total_bounds == pytest.approx(found.total_bounds * slide.mpp)
    mask = slide.mask(layer, region=(0, 0, 200, 100))
    assert np.shape(mask[0]) == (100, 200)
    assert mask.labels[:2] == ("tumour", "stroma")
    assert mask.colours["tumour"] == "#d55e00"
    first = nuclei[nuclei["count"] == 1].iloc[0]
    assert mask.labels[mask[0][6, 105] - 1] == first["class_name"]
    assert not slide.mask(layer, region=(0, 0, 200, 100), label="unknown")[0].any()
    coarse = slide.mask(layer, mpp=4 * slide.mpp)
    assert coarse[0].shape == (-(-slide.height // 4), slide.width // 4)
    with pytest.raises(Invalid):
        slide.mask(layer, mpp=1, downsample=2)


def test_grids_are_added_by_box_or_downsample(layer, slide):
    values = np.arange(6.0).reshape(2, 3)
    load = layer.add_grid(values, slide=slide, downsample=64, author="net")
    assert (load.kind, load.box, load.ranges) == ("grid", (0, 0, 192, 128), {"nuclei": (0, 5)})
    whole = layer.add_grid(values, slide=slide, name="all of it")
    assert whole.box == (0, 0, slide.width, slide.height)
    with pytest.raises(Invalid):
        layer.add_grid(values, slide=slide, downsample=2, box=(0, 0, 1, 1))
    with pytest.raises(Invalid):
        layer.add_grid([1.0, 2.0], slide=slide)


@pytest.mark.parametrize("wrong", ["x", [[1, 2], [3]], [[[1]]]])
def test_a_grid_that_is_none_is_refused(layer, slide, wrong):
    with pytest.raises(Invalid, match="A grid has rows"):
        layer.add_grid(wrong, slide=slide)


def test_files_go_out_and_come_in(study, layer, slide, nuclei, tmp_path):
    layer.add(nuclei, slide=slide, progress=False)
    path = tmp_path / "nuclei.geojson"
    written = layer.export(path, slide=slide, format="qupath", object_type="detection")
    assert (written.shape_count, written.format) == (400, "qupath")
    features = json.loads(path.read_text())["features"]
    assert {each["properties"]["objectType"] for each in features} == {"detection"}
    other = study.layers.create("again")
    options = {"slide": slide, "layer": "again", "bulk": True, "progress": False}
    tried = study.import_annotations(path, dry_run=True, **options)
    assert "Nothing was stored" in str(tried)
    assert other.loads() == ()
    report = study.import_annotations(path, **options)
    assert (report.shape_count, report.format) == (400, "qupath")
    assert [each.name for each in other.loads()] == ["nuclei.geojson"]
    found = slide.annotations(layer=other)
    assert shapely.equals(np.array(found.geometry), np.array(nuclei.geometry)).all()
    told = layer.export(tmp_path / "n.wkt", slide=slide, within=(0, 0, 50, 50))
    assert told.shape_count == 1
    assert any("labels" in each for each in told.notices)
    with pytest.raises(Invalid, match="format"):
        layer.export(tmp_path / "n.docx", slide=slide)
    with pytest.raises(Invalid, match="no file"):
        study.import_annotations(tmp_path / "nothing.json", **options)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["n.wkt", "nuclei.geojson"]


def test_whole_study_is_one_table_of_shapes_by_hand_and_loaded(study, layer, slide, nuclei):
    point = {"x": 3, "y": 4}
    study.submit("nuclei", [point], slide=slide)
    layer.add(nuclei, slide=slide, author="net", progress=False)
    table = study.annotations()
    assert len(table) == 401
    assert table["tier"].tolist()[:2] == ["hand", "bulk"]
    assert table["answer_id"].notna().sum() == 1
    assert table.attrs["mpp"] == {slide.id: slide.mpp}
    assert set(table["question"]) == {"nuclei"}
    assert table["score"].isna().sum() == 1
    assert len(study.annotations(reader="net", slide=slide)) == 400
    assert len(study.annotations(label="tumour", within=(0, 0, 1000, 1000))) == len(
        slide.annotations(label="tumour", within=(0, 0, 1000, 1000))
    )
    assert len(study.annotations(within=(0, 0, 5, 5))) == 2
    assert len(study.annotations(question="nuclei", layer=layer)) == 401
    assert len(study.annotations(question="nuklei")) == 0
    with pytest.raises(NotFound, match="nuclei"):
        study.annotations(layer="nuklei")
    by_hand = study.annotations(reader=study.annotations()["reader"].iloc[0])
    assert by_hand.geometry.iloc[0].equals(shapely.Point(3, 4))


def test_labels_are_told_by_themselves_or_their_names(layer, slide, nuclei):
    layer.add(nuclei, slide=slide, progress=False)
    tumour = layer.labels[0]
    assert len(slide.annotations(label=tumour)) == len(slide.annotations(label="tumour")) > 0
    assert len(slide.annotations(label=[tumour, None])) == (nuclei["class_name"] != "stroma").sum()
    for wrong in (5, [5]):
        with pytest.raises(Invalid, match="is no label"):
            slide.annotations(label=wrong)


def test_several_readers_are_asked_for_at_once(study, layer, slide, nuclei, tmp_path):
    file = tmp_path / "one.geojson"
    file.write_text(nuclei.geometry.head(1).to_json(), encoding="utf-8")
    for author in ("anna@x.org", "bo@x.org", "cy@x.org"):
        layer.add(nuclei.head(2), slide=slide, author=author, progress=False)
        study.import_annotations(file, slide=slide, layer=layer, author=author, progress=False)
    wanted = ["anna@x.org", "cy@x.org"]
    for found in (study.annotations(reader=wanted), slide.annotations(reader=wanted)):
        assert found["reader"].value_counts().to_dict() == dict.fromkeys(wanted, 3)


def test_shapes_that_say_no_scale_are_refused_with_what_is_missing(layer, slide, nuclei):
    layer.add(nuclei, slide=slide, progress=False)
    scaled = in_micrometres(slide.annotations())
    for made in (scaled, nuclei):
        with pytest.raises(Invalid, match="in micrometres already"):
            areas_mm2(made)


def test_slides_of_a_study_are_told_by_themselves_their_name_or_id(study, layer, slide, nuclei):
    layer.add(nuclei, slide=slide.name, progress=False)
    for told in (slide, slide.id, slide.name):
        assert len(study.annotations(slide=told, properties="score")) == len(nuclei)
    with pytest.raises(UnknownKey, match="'two'"):
        study.annotations(slide="two")
    with pytest.raises(Invalid, match="its name or its id"):
        study.annotations(slide=1.5)
    with pytest.raises(Invalid, match="'one' is no id"):
        study.scores(slide="one")


def test_progress_is_told_up_to_the_end(layer, slide, nuclei):
    told = []
    layer.add(nuclei, slide=slide, progress=lambda done, words: told.append((done, words)))
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert told[0][1] == "sending"


def test_interrupted_sending_begins_no_work(layer, slide, nuclei):
    def interrupt(_done: float, _words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        layer.add(nuclei, slide=slide, progress=interrupt)
    assert layer.loads() == ()
