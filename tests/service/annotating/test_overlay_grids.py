"""Grids of values on overlay tiles: probability maps, and the heat maps of Slide Score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wsi_lab.geometry.colour_maps import colour_map
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.feature import Grid
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.overlay_style import Style
from wsi_lab.service.lab import Lab

FULL = 4

Draw = Callable[..., Any]
See = Callable[..., np.ndarray]


def test_grids_are_colours_and_nothing_where_nothing_is_known(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, see: See
) -> None:
    values = np.float32([[0.0, np.nan], [5.0, 10.0]])
    loaded = lab.loads.load_grid(
        owner, drawn_layer.id, slide.id, Grid("p", values, (0, 0, 100, 100))
    )
    viridis = colour_map("viridis").tolist()

    found = see(Style(grid_opacity=1.0))

    assert found[25, 25].tolist() == [*viridis[0], 255]
    assert found[75, 75].tolist() == [*viridis[255], 255]
    assert not found[25, 75].any()
    assert not found[120, 120].any()
    assert not see(Style(grids=frozenset())).any()
    assert see(Style(grids=frozenset({loaded.id})))[25, 25, 3] == 153
    low = see(Style(grid_opacity=1.0, low=10.0, high=11.0))
    assert low[75, 75].tolist() == [*viridis[0], 255]


def test_from_afar_a_grid_shows_means(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, see: See
) -> None:
    values = np.zeros((64, 64), np.float32)
    values[::2, ::2] = values[1::2, 1::2] = 1.0
    lab.loads.load_grid(owner, drawn_layer.id, slide.id, Grid("p", values, (0, 0, 128, 128)))

    found = see(Style(grid_opacity=1.0), zoom=FULL - 3)

    middle = colour_map("viridis")[128].astype(int)
    assert np.abs(found[:16, :16, :3].astype(int) - middle).max() <= 2


def test_shapes_lie_on_grids(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, see: See, draw_boxes: Draw
) -> None:
    lab.loads.load_grid(
        owner,
        drawn_layer.id,
        slide.id,
        Grid("p", np.ones((2, 2), np.float32), (0, 0, 100, 100)),
        author="net 1.0",
    )
    draw_boxes((20, 20, 80, 80))

    found = see(Style(fill=0.5, grid_opacity=1.0))

    assert found[10, 10, 3] == found[50, 50, 3] == 255
    expected = (found[10, 10, :3] + np.array([255.0, 0, 0])) / 2
    assert np.abs(found[50, 50, :3] - expected).max() <= 2


def test_heat_maps_of_slide_score_are_grids(
    lab: Lab, owner: Actor, study: Study, slide: Slide, drawn_layer: Question, see: See
) -> None:
    heat = '[{"type":"heatmap","x":0,"y":0,"width":100,"height":100,"data":[[0,255]]}]'
    new = NewAnswer(drawn_layer.name, Place(slide.id), owner.user.email, heat)
    lab.results.submit(owner, study.id, new)

    found = see(Style(grid_opacity=1.0))

    assert not found[50, 25].any()
    assert found[50, 75].tolist() == [*colour_map("viridis")[255].tolist(), 255]
