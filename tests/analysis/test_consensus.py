"""What readers' masks and shapes say together."""

from __future__ import annotations

import math
import sys

import geopandas as gpd
import numpy as np
import pytest
import shapely

from wsi_lab.analysis.consensus import consensus_shapes, staple
from wsi_lab.errors import Invalid, TooLarge, WsiLabError

SENSITIVITY = (0.95, 0.8, 0.7, 0.9)
SPECIFICITY = (0.9, 0.98, 0.95, 0.85)


@pytest.fixture
def sitk():
    return pytest.importorskip("SimpleITK", reason="STAPLE is SimpleITK's, an extra")


@pytest.fixture
def truth():
    """A disc with a hole."""
    y, x = np.mgrid[:400, :600]
    away = np.hypot(x - 280, y - 190)
    return (away < 140) & (away > 50)


@pytest.fixture
def masks(truth):
    """Readers who miss and add pixels as often as is known."""
    draws = np.random.default_rng(2004)
    return [
        np.where(truth, draws.random(truth.shape) < hit, draws.random(truth.shape) > spared)
        for hit, spared in zip(SENSITIVITY, SPECIFICITY, strict=True)
    ]


def by_the_paper(masks, steps=60):
    """Run the steps of Warfield, Zou and Wells 2004 as they are printed (their prior: the mean)."""
    said = np.stack([mask.ravel() for mask in masks])
    prior = said.mean()
    hits = spared = np.full(len(masks), 0.99999)
    for _ in range(steps):
        there = prior * np.prod(np.where(said, hits[:, None], 1 - hits[:, None]), axis=0)
        none = (1 - prior) * np.prod(np.where(said, 1 - spared[:, None], spared[:, None]), axis=0)
        weight = there / (there + none)
        hits = said @ weight / weight.sum()
        spared = ~said @ (1 - weight) / (1 - weight).sum()
    return weight.reshape(masks[0].shape), hits, spared


def test_readers_who_find_all_are_perfect(sitk, truth):
    found = staple([truth] * 3)
    assert (found.consensus == truth).all()
    assert found.sensitivity == pytest.approx((1, 1, 1))
    assert found.specificity == pytest.approx((1, 1, 1))


def test_how_well_readers_find_it_is_recovered(sitk, truth, masks):
    found = staple(masks)
    hits = [mask[truth].mean() for mask in masks]
    spared = [1 - mask[~truth].mean() for mask in masks]
    assert hits == pytest.approx(SENSITIVITY, abs=0.02)
    assert found.sensitivity == pytest.approx(hits, abs=0.01)
    assert found.specificity == pytest.approx(spared, abs=0.01)
    # Better than any of them, and than most of them together.
    wrong = (found.consensus != truth).mean()
    assert wrong < min((mask != truth).mean() for mask in masks)
    assert wrong < ((np.sum(masks, axis=0) > 2) != truth).mean()
    assert found.probability.shape == truth.shape
    assert found.iterations > 1


def test_result_is_that_of_the_paper(sitk, masks):
    found = staple(masks)
    probability, hits, spared = by_the_paper(masks)
    assert np.abs(found.probability - probability).max() < 1e-4
    assert found.sensitivity == pytest.approx(hits.tolist(), abs=1e-6)
    assert found.specificity == pytest.approx(spared.tolist(), abs=1e-6)


def test_result_is_that_of_simpleitk_itself(sitk, masks):
    images = [sitk.GetImageFromArray(mask.astype(np.uint8)) for mask in masks]
    found = staple(masks)
    assert (found.probability == sitk.GetArrayFromImage(sitk.STAPLE(images, 1))).all()


def test_reader_who_saw_nothing_has_no_say(sitk, truth):
    found = staple([truth, truth, np.zeros_like(truth)])
    assert (found.consensus == truth).all()
    assert found.sensitivity == pytest.approx((1, 1, 0))


@pytest.mark.parametrize("is_there", [False, True])
def test_where_all_say_the_same_of_every_pixel_it_is_so(is_there):
    found = staple([np.full((3, 4), is_there)] * 2)
    assert found.consensus.all() == is_there
    known, unknown = found.sensitivity, found.specificity
    if not is_there:
        known, unknown = unknown, known
    assert known == (1, 1)
    assert all(map(math.isnan, unknown))
    assert "not defined" in found.sentence


def test_sentence_names_the_figures_and_whose_method_it_is(sitk, truth):
    said = staple([truth] * 3).sentence
    assert "3 readers' masks" in said
    assert "sensitivity was 1.00 to 1.00" in said
    assert "[Warfield et al., 2004]" in said


@pytest.mark.parametrize(
    "masks",
    [
        [],
        [np.ones((2, 2))],
        [np.ones((2, 2)), np.ones((2, 3))],
        [np.ones(4), np.ones(4)],
        [np.ones((0, 4))] * 2,
    ],
)
def test_masks_that_do_not_fit_are_refused(masks):
    with pytest.raises(Invalid):
        staple(masks)


def test_who_lacks_simpleitk_is_told_what_to_install(monkeypatch, truth):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(WsiLabError, match=r"pip install \"wsi-lab\[staple\]\""):
        staple([truth, ~truth])


DRAWN = [shapely.box(0, 0, 40, 40), shapely.box(20, 0, 60, 40), shapely.box(20, 0, 40, 20)]


def test_most_readers_decide_what_is_inside():
    found = consensus_shapes(DRAWN, pixel_size=2)
    assert found.union_all().equals(shapely.box(20, 0, 40, 40))


def test_half_of_the_readers_are_not_most():
    assert consensus_shapes(DRAWN[:2], pixel_size=1).union_all().area == 20 * 40
    assert consensus_shapes([*DRAWN, shapely.Polygon()], pixel_size=1).union_all().area == 20 * 20


def test_holes_and_several_areas_are_kept():
    ring = shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 20, 20))
    apart = shapely.MultiPolygon([shapely.box(50, 0, 60, 10), ring])
    found = consensus_shapes([apart, [ring, shapely.box(50, 0, 60, 10)]], pixel_size=1)
    assert len(found) == 2
    assert found.union_all().equals(shapely.union_all([apart]))


def test_shapes_lie_where_they_were_drawn():
    moved = [shapely.affinity.translate(each, -1003.5, 777.25) for each in DRAWN]
    left, top, right, bottom = consensus_shapes(moved, pixel_size=0.5).total_bounds
    assert (left, right) == (20 - 1003.5, 40 - 1003.5)
    # Outlines run along the sides of pixels, whose middles decide.
    assert (top, bottom) == pytest.approx((777.25, 817.25), abs=0.25)


def test_table_of_all_readers_is_taken_apart():
    table = gpd.GeoDataFrame({"reader": ["a", "b", "c", "a"], "label": "x"},
        geometry=[*DRAWN, shapely.box(100, 0, 110, 10)])  # fmt: skip
    by_table = consensus_shapes(table, pixel_size=1).union_all()
    by_list = consensus_shapes(
        [of_one for _, of_one in table.groupby("reader")], pixel_size=1
    ).union_all()
    assert by_table.equals(by_list)
    assert by_table.equals(shapely.box(20, 0, 40, 40))
    with pytest.raises(Invalid, match="'reader'"):
        consensus_shapes(table.drop(columns="reader"), pixel_size=1)


def test_staple_of_shapes_is_that_of_their_masks(sitk):
    readers = [shapely.Point(50, 50).buffer(radius) for radius in (20, 21, 40, 20.5)]
    found = consensus_shapes(readers, "staple", pixel_size=1, box=(0, 0, 100, 100)).union_all()
    assert math.isclose(found.area, math.pi * 20.5**2, rel_tol=0.06)


def test_where_nobody_drew_anything_there_is_nothing():
    empty = consensus_shapes([[], shapely.Polygon()], pixel_size=1)
    assert isinstance(empty, gpd.GeoSeries)
    assert empty.empty
    assert consensus_shapes([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)], pixel_size=1).empty


@pytest.mark.parametrize(
    ("readers", "words"),
    [
        (DRAWN[:1], {}),
        ([*DRAWN, shapely.Point(1, 1)], {}),
        (DRAWN, {"method": "mean"}),
        (DRAWN, {"pixel_size": 0}),
        (DRAWN, {"pixel_size": math.nan}),
        (DRAWN, {"box": (5, 5, 5, 9)}),
    ],
)
def test_what_can_have_no_consensus_is_refused(readers, words):
    with pytest.raises(Invalid):
        consensus_shapes(readers, **{"pixel_size": 1, **words})


def test_masks_that_would_be_too_large_are_refused():
    far = [shapely.box(0, 0, 1, 1), shapely.box(99_999, 99_999, 100_000, 100_000)]
    with pytest.raises(TooLarge, match="pixel_size"):
        consensus_shapes(far, pixel_size=1)
