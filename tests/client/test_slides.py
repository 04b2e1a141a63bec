from __future__ import annotations

import io
import json

import httpx
import numpy as np
import pytest

from wsi_lab.errors import DamagedSlide, Invalid, WsiLabError
from wsi_lab.model.slide import map_grid


@pytest.fixture
def study(server, lab):
    server.add_study("a")
    return lab.studies["a"]


@pytest.fixture
def slide(server, study):
    server.add_slide("CMU-1")
    return study.slides["CMU-1"]


def test_slide_knows_its_size_scale_and_levels(slide):
    assert (slide.width, slide.height, slide.mpp) == (2220, 2967, 0.499)
    assert slide.levels[0].columns == 10
    assert slide.properties.metadata == {"aperio.AppMag": "20"}
    assert slide.grid == map_grid(slide.properties)


def test_properties_are_asked_for_once(server, slide):
    server.requests.clear()
    assert slide.levels
    assert slide.grid
    assert slide.properties
    assert len(server.requests) == 1


def test_slide_of_another_study_is_not_found_here(server, study):
    server.add_study("b")
    server.add_slide("elsewhere", study_id=2)
    assert 1 not in study.slides


def test_slide_is_found_by_the_number_a_frame_gives(server, study):
    server.add_slide("CMU-1")
    frame = study.slides.to_frame()
    assert study.slides[frame.index[0]].name == "CMU-1"


def test_region_is_an_array_of_rows_and_columns(server, slide):
    pixels = slide.region((10, 20.5), (30, 40), mpp=1.0)
    assert pixels.shape == (40, 30, 3)
    assert pixels.dtype == np.uint8
    query = dict(server.requests[-1].url.params)
    assert query == {
        "x": "10.0",
        "y": "20.5",
        "width": "30",
        "height": "40",
        "mpp": "1.0",
        "format": "npy",
    }


def test_pickle_in_place_of_pixels_is_refused(server, slide):
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    server.instead = lambda _: httpx.Response(200, content=buffer.getvalue())
    with pytest.raises(DamagedSlide):
        slide.region((0, 0), (1, 1))


@pytest.mark.parametrize("array", [np.zeros((1, 2, 3), np.uint8), np.zeros((1, 1, 3), np.int16)])
def test_pixels_of_another_shape_or_type_are_refused(server, slide, array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    server.instead = lambda _: httpx.Response(200, content=buffer.getvalue())
    with pytest.raises(DamagedSlide):
        slide.region((0, 0), (1, 1))


@pytest.mark.parametrize(
    ("location", "size", "options", "said"),
    [
        ((0, 0), 512, {}, "width, height"),
        ((0, 0), (0, 10), {}, "width, height"),
        ((0, 0), (5.5, 10), {}, "whole numbers"),
        ((0, 0), (float("nan"), 10), {}, "whole numbers"),
        (7, (10, 10), {}, "two finite numbers"),
        ((float("nan"), 0), (10, 10), {}, "two finite numbers"),
        ((1, 2, 3), (10, 10), {}, "two finite numbers"),
        ((0, 0), (10, 10), {"level": 1.5}, "whole number"),
    ],
)
def test_region_that_makes_no_sense_is_a_sentence(server, slide, location, size, options, said):
    server.requests.clear()
    with pytest.raises(Invalid, match=said):
        slide.region(location, size, **options)
    assert not server.requests


def test_region_takes_numbers_of_numpy(slide):
    size = np.array([30, 40])
    pixels = slide.region(np.array([10.0, 20.0]), size, level=np.int64(0), mpp=None)
    assert pixels.shape == (40, 30, 3)
    assert slide.region((0, 0), (np.float64(6), 5.0)).shape == (5, 6, 3)


@pytest.mark.parametrize("size", [300, 300.0, np.int64(300), np.array([300, 300])])
def test_thumbnail_takes_one_number_for_both_sides(server, slide, size):
    slide.thumbnail(size)
    assert dict(server.requests[-1].url.params) == {"width": "300", "height": "300"}


def test_thumbnail_is_a_picture_no_larger_than_asked(server, slide):
    assert slide.thumbnail((300, 200)).size == (2, 1)
    assert dict(server.requests[-1].url.params) == {"width": "300", "height": "200"}


def test_notebook_shows_the_slide_as_a_picture(slide):
    assert slide._repr_png_().startswith(b"\x89PNG")


def test_slide_without_a_picture_still_has_its_sentence(server, slide, refuse):
    server.instead = lambda _: refuse(422, "damaged_slide", "Broken.")
    assert slide._repr_png_() is None
    assert repr(slide) == "<Slide 1 'CMU-1', 2220 x 2967 px, 0.499 µm/px, Aperio SVS>"


def test_picture_that_is_none_is_refused(server, slide):
    server.instead = lambda _: httpx.Response(200, content=b"<html>")
    with pytest.raises(DamagedSlide):
        slide.thumbnail()


def test_view_without_widgets_says_what_to_do(slide):
    with pytest.raises(WsiLabError, match=r"wsi_lab\.connect"):
        slide.view()


def test_slide_is_added_with_what_was_said_of_it(server, study):
    slide = study.slides.add("/slides/x.svs", stain="H&E", tags=("a", "b"))
    assert slide.name == "x.svs"
    assert json.loads(server.requests[-1].content) == {
        "path": "/slides/x.svs",
        "stain": "H&E",
        "tags": ["a", "b"],
    }


def test_one_tag_is_not_taken_apart(server, study):
    study.slides.add("/slides/x.svs", tags="tumour")
    assert json.loads(server.requests[-1].content)["tags"] == ["tumour"]


def test_scale_is_said_once_for_both_directions(server, study):
    slide = study.slides.add("/slides/x.svs", mpp=0.25)
    added = json.loads(server.requests[-1].content)
    assert (added["mpp_x"], added["mpp_y"]) == (0.25, 0.25)
    server.instead = lambda _: httpx.Response(200, json=server.slides[slide.id])
    slide.change(mpp=0.5)
    assert json.loads(server.requests[-1].content) == {"mpp_x": 0.5, "mpp_y": 0.5}


def test_slide_is_changed_and_removed_with_its_revision(server, slide):
    changed = server.slides[1] | {"stain": "IHC", "revision": 2}
    server.instead = lambda _: httpx.Response(200, json=changed)
    assert slide.change(stain="IHC", tags=("x",)).stain == "IHC"
    assert json.loads(server.requests[-1].content) == {"stain": "IHC", "tags": ["x"]}
    server.instead = lambda _: httpx.Response(204)
    slide.remove()
    assert server.requests[-1].method == "DELETE"
    assert server.requests[-1].headers["If-Match"] == '"r1"'
