"""Pictures of shapes: right way up, the right pixels inside, and equal to what OpenSlide reads."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import shapely
from many_shapes import squares
from PIL import Image

from wsi_lab.errors import Invalid, NotAllowed, NotFound, OutOfRange, TooLarge
from wsi_lab.model.annotation import Annotation, ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import Layer, NewLabel
from wsi_lab.model.people import Actor
from wsi_lab.model.shape_list import ListQuery
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating import picture_view, shape_pictures
from wsi_lab.service.annotating.picture_view import box_around
from wsi_lab.service.annotating.shape_pictures import Picture
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.annotating.upward_wkt import features_of_wkt
from wsi_lab.service.lab import Lab

REAL = (
    "big_annotation.txt",
    "cytomine-circle.txt",
    "cytomine-freehand-polygon.txt",
    "cytomine-rectangle.txt",
    "very_big_annotation.txt",
)


@pytest.fixture
def draw(lab: Lab, owner: Actor, slide: Slide) -> Callable[..., Annotation]:
    """Return a function that draws a geometry, with labels by their ids."""
    kinds = {"Point": ShapeKind.POINT, "LineString": ShapeKind.POLYLINE}

    def run(geometry: shapely.Geometry, *label_ids: int, by: Actor = owner) -> Annotation:
        feature = Feature(kinds.get(geometry.geom_type, ShapeKind.BRUSH), geometry)
        return lab.shapes.create(by, [NewShape(slide.id, feature, label_ids)])[0]

    return run


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Layer:
    labels = [NewLabel("neoplastic"), NewLabel("inflammatory")]
    return lab.layers.create(owner, study.id, "areas", labels=labels)


@pytest.fixture
def level_0(demo_slide: Path) -> np.ndarray:
    """The slide as OpenSlide reads it."""
    with openslide.OpenSlide(demo_slide) as opened:
        return np.asarray(opened.read_region((0, 0), 0, opened.dimensions).convert("RGB"))


def pixels(picture: Picture) -> np.ndarray:
    opened = Image.open(io.BytesIO(picture.data))
    assert picture.media_type == f"image/{(opened.format or '').lower()}"
    return np.asarray(opened)


def told(geometry: shapely.Geometry, box: tuple[int, int, int, int]) -> np.ndarray:
    """Return which pixels' middles lie in a geometry by shapely; 2 where the edge runs there."""
    x, y, width, height = box
    across, down = np.meshgrid(x + np.arange(width) + 0.5, y + np.arange(height) + 0.5)
    shapely.prepare(geometry)
    inside = shapely.contains_xy(geometry, across, down).astype(np.uint8)
    edge = geometry.boundary
    shapely.prepare(edge)
    inside[shapely.dwithin(edge, shapely.points(across, down), 1e-7)] = 2
    return inside


def assert_mask(mask: np.ndarray, geometry: shapely.Geometry, box: Any) -> None:
    assert mask.shape == (box[3], box[2])
    assert set(np.unique(mask)) <= {0, 255}
    wanted = told(geometry, box)
    sure = wanted != 2
    assert sure.mean() > 0.9
    assert np.array_equal(mask[sure] == 255, wanted[sure] == 1)


@pytest.mark.parametrize("name", REAL)
def test_real_annotations_come_out_right_way_up(lab, owner, slide, shared_data, level_0, name):
    text = (shared_data / "annotations" / "cytomine" / name).read_text()
    if text.startswith("{"):
        text = json.loads(text)["annotation"]["location"]
    # Into the slide, which is smaller than theirs; partly off it at the top and at the right.
    theirs = shapely.from_wkt(text.splitlines()[0])
    left, bottom, _, _ = theirs.bounds
    there = shapely.transform(theirs, lambda at: (at - (left, bottom)) * 0.25 + (1500.25, 2100.5))
    (feature,) = features_of_wkt([there.wkt], slide.height)
    drawn = lab.shapes.create(owner, [NewShape(slide.id, feature)])[0]
    # y upwards becomes y downwards, once.
    turned = shapely.transform(there, lambda at: np.column_stack((at[:, 0], 2967 - at[:, 1])))
    box = box_around(turned.bounds)
    mask = pixels(lab.shape_pictures.shape(owner, drawn.id, "mask"))
    assert_mask(mask, turned, box)
    crop = pixels(lab.shape_pictures.shape(owner, drawn.id))
    cut_out = pixels(lab.shape_pictures.shape(owner, drawn.id, "cut out"))
    assert cut_out.shape == (*mask.shape, 4)
    assert np.array_equal(cut_out[..., 3], mask)
    assert np.array_equal(cut_out[..., :3], crop)
    assert np.array_equal(crop, part_of(level_0, box))


def part_of(level_0: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Return a part of a slide, white beyond its edges."""
    x, y, width, height = box
    found = np.full((height, width, 3), 255, np.uint8)
    left, top = max(x, 0), max(y, 0)
    piece = level_0[top : max(y + height, 0), left : max(x + width, 0)]
    found[top - y : top - y + piece.shape[0], left - x : left - x + piece.shape[1]] = piece
    return found


@pytest.mark.parametrize(
    "geometry",
    [
        shapely.box(10, 20, 60, 50).difference(shapely.box(20.3, 25, 40, 44.9)),
        shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(30, 5, 44.4, 80)]),
        shapely.MultiPolygon([
            shapely.box(0, 0, 60, 60).difference(shapely.box(10, 10, 50, 50)),
            shapely.box(20, 20, 40.2, 40.7),
        ]),
        shapely.Point(2215, 2960).buffer(30),
        shapely.Point(3, 4).buffer(25.5),
        shapely.box(100.2, 100.7, 101.1, 101.6),
        shapely.Polygon([(7, 7), (300, 9.5), (20, 200.25)]),
    ],
    ids=["hole", "parts", "island", "off below", "off above", "one pixel", "triangle"],
)  # fmt: skip
def test_masks_agree_with_shapely(lab, owner, draw, level_0, geometry):
    drawn = draw(geometry)
    box = box_around(geometry.bounds)
    mask = pixels(lab.shape_pictures.shape(owner, drawn.id, "mask"))
    wanted = told(geometry, box)
    assert np.array_equal(mask[wanted != 2] == 255, wanted[wanted != 2] == 1)
    assert mask.any()
    assert np.array_equal(pixels(lab.shape_pictures.shape(owner, drawn.id)), part_of(level_0, box))


def test_parts_that_overlap_leave_no_hole(lab, owner, slide, draw):
    parts = shapely.MultiPolygon([shapely.box(0, 0, 30, 30), shapely.box(10, 10, 50, 50)])
    drawn = draw(parts)
    mask = pixels(lab.shape_pictures.shape(owner, drawn.id, "mask"))
    assert_mask(mask, shapely.union_all(parts.geoms), (0, 0, 50, 50))


def test_points_are_shown_with_what_is_around_them(lab, owner, draw, level_0):
    drawn = draw(shapely.Point(700.5, 50.25))
    crop = pixels(lab.shape_pictures.shape(owner, drawn.id))
    assert np.array_equal(crop, part_of(level_0, (650, 0, 100, 100)))
    mask = pixels(lab.shape_pictures.shape(owner, drawn.id, "mask"))
    assert mask.shape == (100, 100)
    assert np.argwhere(mask).tolist() == [[50, 50]]


def test_lines_are_a_pixel_wide(lab, owner, draw):
    level = draw(shapely.LineString([(10, 5.5), (40, 5.5)]))
    mask = pixels(lab.shape_pictures.shape(owner, level.id, "mask"))
    assert mask.shape == (1, 30)
    assert (mask == 255).all()
    exact = draw(shapely.LineString([(10, 5), (10, 25)]))
    assert pixels(lab.shape_pictures.shape(owner, exact.id, "mask")).shape == (20, 1)


def test_more_can_be_shown_around_a_shape(lab, owner, draw, level_0):
    drawn = draw(shapely.box(100, 200, 140, 220))
    crop = pixels(lab.shape_pictures.shape(owner, drawn.id, increase=2.0))
    assert np.array_equal(crop, part_of(level_0, (80, 190, 80, 40)))
    mask = pixels(lab.shape_pictures.shape(owner, drawn.id, "mask", increase=2.0))
    assert_mask(mask, shapely.box(100, 200, 140, 220), (80, 190, 80, 40))
    smaller = pixels(lab.shape_pictures.shape(owner, drawn.id, increase=0.5))
    assert np.array_equal(smaller, part_of(level_0, (110, 205, 20, 10)))
    dot = draw(shapely.Point(300, 300))
    assert pixels(lab.shape_pictures.shape(owner, dot.id, increase=1.5)).shape == (150, 150, 3)
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(Invalid):
            lab.shape_pictures.shape(owner, drawn.id, increase=wrong)


@pytest.mark.parametrize(
    "box", [(0, 0, 2220, 2967), (17, 33, 401, 99), (-5, -7, 60, 60), (2100, 2900, 300, 300)]
)
def test_windows_are_what_openslide_reads(lab, owner, slide, level_0, box):
    exact = lab.shape_pictures.window(owner, slide.id, box)
    assert exact.media_type == "image/png"
    assert not exact.is_limited
    assert np.array_equal(pixels(exact), part_of(level_0, box))
    small = lab.shape_pictures.window(owner, slide.id, box, file_format="jpg")
    assert small.media_type == "image/jpeg"
    differences = np.abs(pixels(small).astype(int) - part_of(level_0, box))
    assert differences.mean() < 2.5


def test_each_halving_halves(lab, owner, slide, level_0):
    box = (64, 128, 512, 257)
    halved = pixels(lab.shape_pictures.window(owner, slide.id, box, zoom=1))
    assert halved.shape == (128, 256, 3)
    four = part_of(level_0, box)[:256].astype(float).reshape(128, 2, 256, 2, 3).mean(axis=(1, 3))
    differences = np.abs(halved - four)
    assert differences.max() <= 2
    assert differences.mean() < 0.5
    assert pixels(lab.shape_pictures.window(owner, slide.id, box, zoom=3)).shape == (32, 64, 3)
    assert pixels(lab.shape_pictures.window(owner, slide.id, box, zoom=10**9)).shape == (1, 1, 3)


def test_largest_size_shrinks_and_never_enlarges(lab, owner, slide, draw):
    box = (0, 0, 400, 300)
    for largest, size in ((200, (150, 200)), (400, (300, 400)), (4000, (300, 400)), (1, (1, 1))):
        window = lab.shape_pictures.window(owner, slide.id, box, max_size=largest, zoom=5)
        assert pixels(window).shape == (*size, 3)
        assert not window.is_limited
    drawn = draw(shapely.box(50, 60, 150, 260))
    small = pixels(lab.shape_pictures.shape(owner, drawn.id, "mask", max_size=100))
    assert small.shape == (100, 50)
    assert (small == 255).all()


def test_pictures_that_would_be_too_large_are_made_smaller(
    lab, owner, slide, draw, monkeypatch, level_0
):
    monkeypatch.setattr(picture_view, "LONGEST_SIDE", 1000)
    for scaling in ({}, {"zoom": 1}, {"max_size": 1800}):
        whole = lab.shape_pictures.window(
            owner, slide.id, (0, 0, slide.width, slide.height), file_format="jpg", **scaling
        )
        assert whole.is_limited
        assert pixels(whole).shape == (1000, 748, 3)
    assert not lab.shape_pictures.window(owner, slide.id, (0, 0, 1000, 1000)).is_limited
    smaller = Image.fromarray(level_0).resize((748, 1000), Image.Resampling.BOX)
    assert np.abs(pixels(whole).astype(int) - np.asarray(smaller)).mean() < 4


def test_a_picture_is_the_same_in_however_many_pieces_it_is_read(lab, owner, slide, monkeypatch):
    box = (5, 6, 700, 500)
    at_once = [pixels(lab.shape_pictures.window(owner, slide.id, box, zoom=z)) for z in (0, 1)]
    monkeypatch.setattr(shape_pictures, "PIXELS_AT_ONCE", 20_000)
    monkeypatch.setattr(shape_pictures, "LARGE", 1000)
    for zoom in (0, 1):
        again = pixels(lab.shape_pictures.window(owner, slide.id, box, zoom=zoom))
        assert np.array_equal(again, at_once[zoom])


def test_shapes_beyond_all_slides_are_shown_white(lab, owner, draw):
    wide = draw(shapely.box(-40_000, -30_000, 60_000, 50_000))
    crop = lab.shape_pictures.shape(owner, wide.id, file_format="jpg")
    assert crop.is_limited
    assert pixels(crop).shape == (8000, 10_000, 3)
    assert (pixels(crop)[0] == 255).all()
    assert (pixels(crop)[3000:3290, 4000:4220] < 255).mean() > 0.2
    off = draw(shapely.box(5000, 5000, 5040, 5020))
    assert (pixels(lab.shape_pictures.shape(owner, off.id)) == 255).all()


def test_what_is_too_coarse_to_be_read_has_a_mask_at_least(lab, owner, draw):
    far = draw(shapely.box(-900_000_000, 0, 900_000_000, 800_000_000))
    with pytest.raises(TooLarge):
        lab.shape_pictures.shape(owner, far.id, increase=900.0)
    mask = lab.shape_pictures.shape(owner, far.id, "mask", increase=3.0, max_size=900)
    assert np.argwhere(pixels(mask)).min(axis=0).tolist() == [133, 300]
    assert (pixels(mask) == 255).sum() == pytest.approx(300 * 133, rel=0.02)


@pytest.mark.parametrize(
    ("box", "error"),
    [
        ((0, 0, 0, 5), Invalid),
        ((0, 0, 5, -1), Invalid),
        ((2220, 0, 5, 5), OutOfRange),
        ((0, 2967, 5, 5), OutOfRange),
        ((-5, 0, 5, 5), OutOfRange),
        ((0, -9, 5, 9), OutOfRange),
        ((1 << 80, 0, 5, 5), Invalid),
        ((0, 0, 1 << 80, 5), Invalid),
    ],
)
def test_windows_that_show_nothing_are_refused(lab, owner, slide, box, error):
    with pytest.raises(error):
        lab.shape_pictures.window(owner, slide.id, box)
    with pytest.raises(error):
        lab.shape_pictures.window(owner, slide.id, box, "mask")


def test_numbers_that_scale_nothing_are_refused(lab, owner, slide):
    for wrong in ({"zoom": -1}, {"max_size": 0}, {"max_size": -3}):
        with pytest.raises(Invalid):
            lab.shape_pictures.window(owner, slide.id, (0, 0, 5, 5), **wrong)


def test_masks_of_windows_are_of_the_shapes_that_are_asked_for(
    lab, owner, slide, layer, draw, as_user, study, level_0
):
    tumour, stroma = (each.id for each in layer.labels)
    one = draw(shapely.box(10, 10, 30, 40), tumour)
    two = draw(shapely.Polygon([(50, 5), (90, 30), (60, 70)]), stroma)
    reader = as_user("reader@lab", rights="score", study=study)
    three = draw(shapely.box(70, 60, 300, 300), by=reader)
    loaded = squares(9, across=3, pitch=20.0, side=7.5)
    load = lab.loads.load(owner, layer.id, slide.id, loaded, author="net 1.0", precision=0.0)
    geometries = loaded.to_geometries().tolist()
    box = (4, 3, 120, 90)
    by_hand = [each.shape.geometry for each in (one, two, three)]
    for query, wanted in (
        (None, [*by_hand, *geometries]),
        (ListQuery(ids=(one.id, three.id, load.first_id + 4)), [*by_hand[::2], geometries[4]]),
        (ListQuery(label_ids=(tumour,)), [by_hand[0], *geometries[::3]]),
        (ListQuery(label_ids=(stroma,), emails=("reader@lab",)), []),
        (ListQuery(emails=("reader@lab",)), by_hand[2:]),
    ):
        picture = lab.shape_pictures.window(owner, slide.id, box, "mask", query=query)
        assert_mask(pixels(picture), shapely.union_all(wanted), box)
    cut_out = pixels(lab.shape_pictures.window(owner, slide.id, box, "cut out"))
    assert np.array_equal(cut_out[..., :3], part_of(level_0, box))
    seen = pixels(lab.shape_pictures.window(reader, slide.id, box, "mask"))
    assert_mask(seen, by_hand[2], box)


def test_masks_of_smaller_pictures_ask_the_middles_of_their_pixels(lab, owner, slide, draw):
    geometry = shapely.Polygon([(20, 30), (400, 90), (150, 390)])
    drawn = draw(geometry)
    mask = pixels(lab.shape_pictures.window(owner, slide.id, (0, 0, 400, 400), "mask", zoom=2))
    smaller = shapely.transform(geometry, lambda at: at / 4)
    assert_mask(mask, smaller, (0, 0, 100, 100))
    assert lab.shapes.get(owner, drawn.id) == drawn


def test_masks_have_no_greys_whatever_is_asked(lab, owner, slide, draw):
    drawn = draw(shapely.Point(100, 100).buffer(40))
    for shows in ("mask", "cut out"):
        for picture in (
            lab.shape_pictures.shape(owner, drawn.id, shows, file_format="jpg"),
            lab.shape_pictures.window(owner, slide.id, (40, 40, 90, 90), shows, file_format="jpg"),
        ):
            assert picture.media_type == "image/png"
            opacity = pixels(picture)[..., 3] if shows == "cut out" else pixels(picture)
            assert set(np.unique(opacity)) == {0, 255}


def test_only_those_who_may_see_get_pictures(lab, owner, study, slide, layer, draw, as_user):
    hidden = draw(shapely.box(10, 10, 30, 40), layer.labels[0].id)
    reader = as_user("reader@lab", rights="score", study=study)
    stranger = as_user("stranger@lab")
    for who in (reader, stranger):
        with pytest.raises(NotFound):
            lab.shape_pictures.shape(who, hidden.id, "mask")
    with pytest.raises((NotFound, NotAllowed)):
        lab.shape_pictures.window(stranger, slide.id, (0, 0, 50, 50))
    mask = pixels(lab.shape_pictures.window(reader, slide.id, (0, 0, 50, 50), "mask"))
    assert not mask.any()
