"""The kernel's half of the viewer; the browser's is in tests/browser and tests/front/map."""

from __future__ import annotations

import base64

import httpx
import pytest
from traitlets import TraitError

from wsi_lab.errors import Invalid, SourceUnavailable
from wsi_lab.widgets import SlideViewer, link


def browser_says(viewer, **view):
    """Do what the browser does when its view has come to rest."""
    turn = viewer._companion.goal.get("turn", 0)
    shown = {"x": 0, "y": 0, "downsample": 1, "width": 800, "height": 400, "turn": turn}
    viewer._companion.view = shown | view


def test_tiles_come_from_the_notebooks_own_origin_without_a_secret(viewer):
    (layer,) = viewer.map.layers
    assert layer.url == "/a%40b/wsi-lab/v1/slides/7/tiles/{z}/{x}/{y}.jpg?v=v%261"
    assert viewer._companion.slide["url"] == "/a%40b/wsi-lab/v1/slides/7"
    assert viewer._companion.slide["version"] == "v&1"


def test_map_asks_for_nothing_outside_the_slide_and_its_zooms(viewer):
    (layer,) = viewer.map.layers
    assert layer.tile_size == 240
    assert (layer.min_native_zoom, layer.max_native_zoom, layer.zoom_offset) == (-4, 0, 4)
    assert layer.bounds == [(-2967, 0), (0, 2220)]
    assert viewer.map.zoom == -4


def test_viewer_begins_with_the_whole_slide(viewer):
    assert viewer.center == (1110, 1483.5)
    assert (viewer.downsample, viewer.mpp) == (16, 8)
    assert not viewer.ready
    assert viewer.cursor is None


def test_slide_makes_its_own_viewer(new_slide):
    assert isinstance(new_slide().view(height="300px"), SlideViewer)


def test_slide_of_another_lab_cannot_be_viewed_here(new_slide):
    with pytest.raises(SourceUnavailable, match="thumbnail"):
        new_slide(browser_url=None).view()


def test_goto_before_the_browser_shows_it_is_where_it_begins(viewer):
    viewer.goto(300, 400, mpp=1.0)
    assert (viewer.center, viewer.downsample, viewer.mpp) == ((300, 400), 2, 1)
    assert viewer._companion.goal == {"x": 300, "y": 400, "downsample": 2, "turn": 1}


def test_view_follows_the_browser(viewer):
    browser_says(viewer, x=100, y=200, downsample=4)
    assert viewer.center == (100, 200)
    assert viewer.mpp == 2
    assert viewer.bounds == (-1500, -600, 1700, 1000)


def test_what_the_browser_says_is_no_wish(viewer):
    browser_says(viewer, x=100, y=200, downsample=4)
    assert viewer._companion.goal == {}


@pytest.mark.parametrize(
    ("name", "value", "goal"),
    [
        ("center", (5, 6), {"x": 5, "y": 6, "downsample": None}),
        ("mpp", 0.25, {"x": 100, "y": 200, "downsample": 0.5}),
        ("downsample", 8, {"x": 100, "y": 200, "downsample": 8}),
    ],
)
def test_setting_a_trait_is_a_wish(viewer, name, value, goal):
    browser_says(viewer, x=100, y=200, downsample=4)
    setattr(viewer, name, value)
    assert viewer._companion.goal == goal | {"turn": 1}


def test_every_wish_has_its_turn(viewer):
    viewer.goto(1, 2)
    viewer.goto(1, 2)
    viewer.fit()
    assert viewer._companion.goal == {"fit": True, "turn": 3}


def test_those_who_watch_a_trait_hear_of_each_view_once(viewer):
    heard = []
    viewer.observe(lambda change: heard.append(change["new"]), "bounds")
    browser_says(viewer, x=100, y=200)
    browser_says(viewer, x=100, y=200, turn=1)
    assert heard == [(-300, 0, 500, 400)]


@pytest.mark.parametrize(
    "asked",
    [
        {"mpp": 1.0, "downsample": 1.0},
        {"mpp": 0.0},
        {"mpp": -1.0},
        {"downsample": float("inf")},
        {"downsample": float("nan")},
    ],
)
def test_scale_that_is_none_is_refused(viewer, asked):
    with pytest.raises(Invalid):
        viewer.goto(0, 0, **asked)


@pytest.mark.parametrize("place", [(float("nan"), 0), (0, float("inf"))])
def test_place_that_is_none_is_refused(viewer, place):
    with pytest.raises(Invalid):
        viewer.goto(*place)


def test_negative_downsample_is_refused_by_its_trait(viewer):
    with pytest.raises(TraitError):
        viewer.downsample = -1


def test_slide_of_unknown_scale_is_viewed_in_pixels(new_slide):
    viewer = SlideViewer(new_slide(mpp_x=None, mpp_y=None))
    assert viewer.mpp is None
    browser_says(viewer, downsample=4)
    assert viewer.mpp is None
    with pytest.raises(Invalid, match="scale of this slide is not known"):
        viewer.goto(0, 0, mpp=1.0)


def test_cursor_error_and_ready_come_from_the_browser(viewer):
    viewer._companion.cursor = [10.5, 20.25]
    viewer._companion.ready = True
    viewer._companion.error = "You are signed out."
    assert (viewer.cursor, viewer.ready) == ((10.5, 20.25), True)
    assert viewer.error == "You are signed out."
    viewer._companion.cursor = None
    assert viewer.cursor is None


def test_output_holds_a_picture_for_where_no_widget_runs(viewer):
    bundle = viewer._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_viewer_is_shown_also_when_there_is_no_picture(new_slide):
    viewer = SlideViewer(new_slide())
    viewer.slide.connection._client._transport.handler = lambda _: httpx.Response(422)
    assert "image/png" not in viewer._repr_mimebundle_()


def test_linked_viewers_share_a_group_until_they_are_unlinked(new_slide):
    a, b, c = (SlideViewer(new_slide(id=number)) for number in (1, 2, 3))
    both = link(a, b)
    groups = [each._companion.group for each in (a, b, c)]
    assert groups[0] == groups[1] != groups[2] == ""
    all_three = link(a, b, c)
    both.unlink()
    assert a._companion.group == c._companion.group != ""
    all_three.unlink()
    assert {each._companion.group for each in (a, b, c)} == {""}


def test_one_viewer_cannot_be_linked(viewer):
    with pytest.raises(Invalid):
        link(viewer)
    with pytest.raises(Invalid):
        link(viewer, viewer)


def test_name_of_a_slide_is_no_html_where_leaflet_lists_layers(new_slide):
    (layer,) = new_slide(name="<img src=x onerror=alert(1)>").view().map.layers
    assert layer.name == "&lt;img src=x onerror=alert(1)&gt;"
