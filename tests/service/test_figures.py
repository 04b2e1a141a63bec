"""Shapes as a page draws them: what fits, what does not."""

from __future__ import annotations

import json

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.formats.slidescore_shapes import parse_shapes
from wsi_lab.model.question import QuestionKind
from wsi_lab.service import figures
from wsi_lab.service.figures import Layer, Room, add_shapes, layers_of_text

EXTENT = (1000, 800)


def layer_of(*shapes: object, room: Room | None = None) -> Layer:
    layer = Layer("", "", "#000000")
    parsed = parse_shapes(json.dumps(shapes), QuestionKind.ANNO_SHAPES)
    add_shapes(layer, parsed, EXTENT, room or Room())
    return layer


def test_heat_map_without_an_extent_reaches_to_the_slides_edge() -> None:
    (heat,) = layer_of({"type": "heatmap", "x": 100, "y": 200, "data": [[1, 2, 3]]}).heats
    assert heat.box == (100, 200, 900, 600)


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "heatmap", "x": 2000, "data": [[1]]},
        {"type": "heatmap", "height": 5, "data": [[1], [2, 3]]},
        {"type": "unheard of", "x": 1, "y": 1},
        {"type": "ellipse", "center": {"x": None, "y": 1}, "size": {"x": 1, "y": 1}},
    ],
)
def test_what_lies_nowhere_is_counted_and_left_out(shape: object) -> None:
    layer = layer_of(shape, {"x": 1, "y": 2})
    assert (layer.count, layer.left_out, layer.points) == (2, 1, [1, 2])


def test_what_a_browser_could_not_draw_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_VERTICES", 4)
    monkeypatch.setattr(figures, "MOST_CELLS", 3)
    room = Room()
    points = [{"x": place, "y": 0} for place in range(6)]
    heat = {"type": "heatmap", "height": 5, "data": [[1, 2], [3, 4]]}
    layer = layer_of(*points, heat, room=room)
    assert (layer.count, layer.left_out, len(layer.points) // 2) == (7, 3, 4)
    assert (layer.heats, room.vertices) == ([], 0)


def test_colours_are_told_in_small_letters_and_nothing_else_is_one() -> None:
    assert layers_of_text('[{"color": "#AABBCC", "shapes": "[]"}]', EXTENT)[0].colour == "#aabbcc"
    for colour in ("red", "#abc", "#aabbccdd", "#aabbc\u0661", "#aabbcc\n", " #aabbcc", "", None):
        with pytest.raises(Invalid):
            layers_of_text(json.dumps([{"color": colour, "shapes": "[]"}]), EXTENT)


def test_everything_in_an_address_shares_one_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_VERTICES", 1)
    one = {"color": "#aabbcc", "shapes": '[{"x": 1, "y": 1}]'}
    assert [each.left_out for each in layers_of_text(json.dumps([one, one]), EXTENT)] == [0, 1]
