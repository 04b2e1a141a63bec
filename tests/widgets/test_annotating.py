"""Layers in a viewer, as far as Python has a say in it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.geometry.colour_maps import NAMES, colour_map, rgb


def test_nothing_is_shown_or_drawn_on_at_first(viewer):
    assert viewer._companion.shown == []
    assert viewer._companion.drawn == {}
    assert (viewer.saving, viewer.chosen) == ("", ())


@pytest.mark.parametrize("named", ["nuclei", 7, SimpleNamespace(id=7)])
def test_layer_is_named_by_itself_its_name_or_its_id(viewer, named):
    viewer.show(named)
    assert [each["layer"] for each in viewer._companion.shown] == [7]


def test_style_goes_to_the_browser_in_the_words_of_an_overlays_address(viewer):
    viewer.show("nuclei", by="score", colour_map="magma", low=0, high=0.5, hide=["stroma", ""])
    assert viewer._companion.shown == [
        {
            "layer": 7,
            "by": "score",
            "map": "magma",
            "low": 0,
            "high": 0.5,
            "opacity": 1.0,
            "hide": ["stroma", ""],
        }
    ]


@pytest.mark.parametrize("name", NAMES)
def test_legend_has_the_colours_of_the_tiles(viewer, name):
    stops = np.array([rgb(each) for each in viewer._companion.legends[name]])
    places = np.linspace(0, len(stops) - 1, 256)
    bar = [np.interp(places, np.arange(len(stops)), part) for part in stops.T]
    assert np.abs(np.stack(bar, axis=1) - colour_map(name)).max() <= 8


def test_one_label_may_be_hidden_by_its_name_alone(viewer):
    viewer.show("nuclei", hide="stroma")
    assert viewer._companion.shown[0]["hide"] == ["stroma"]


def test_layer_that_is_shown_again_is_shown_once_and_otherwise(viewer):
    viewer.show("nuclei")
    viewer.show("tissue")
    viewer.show("nuclei", opacity=0.5)
    assert [(each["layer"], each["opacity"]) for each in viewer._companion.shown] == [
        (9, 1.0),
        (7, 0.5),
    ]


def test_hidden_layer_is_neither_shown_nor_drawn_on(viewer):
    viewer.show("nuclei")
    viewer.draw("nuclei")
    viewer.show("tissue")
    viewer.hide("nuclei")
    assert [each["layer"] for each in viewer._companion.shown] == [9]
    assert viewer._companion.drawn == {}


def test_hiding_one_layer_leaves_the_one_that_is_drawn_on(viewer):
    viewer.draw("nuclei")
    viewer.hide("tissue")
    assert viewer._companion.drawn == {"layer": 7}


def test_slide_is_viewed_with_a_layer_to_draw_on(new_slide):
    assert new_slide().view(layer="tissue")._companion.drawn == {"layer": 9}


@pytest.mark.parametrize("act", ["show", "hide", "draw"])
def test_layer_that_is_not_there_is_refused_with_those_that_are(viewer, act):
    with pytest.raises(NotFound, match=r"no layer 'cells'; it has 'nuclei', 'tissue'"):
        getattr(viewer, act)("cells")


@pytest.mark.parametrize(
    "style",
    [
        {"colour_map": "rainbow"},
        {"opacity": 1.5},
        {"opacity": float("nan")},
        {"fill": -0.1},
        {"low": float("inf")},
        {"low": 2, "high": 1},
    ],
)
def test_style_that_means_nothing_is_refused(viewer, style):
    with pytest.raises(Invalid):
        viewer.show("nuclei", **style)
    assert viewer._companion.shown == []


def test_state_and_choice_come_from_the_browser(viewer):
    viewer._companion.saving = {"kind": "unreachable", "count": 2, "detail": ""}
    viewer._companion.chosen = [4, 2**40 + 1]
    assert viewer.saving == "unreachable"
    assert viewer.chosen == (4, 2**40 + 1)
