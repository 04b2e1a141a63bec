"""Overlay tiles: what is drawn on a layer, for whoever may see it, on the slide's own grid."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from wsi_lab.errors import Invalid, NotFound, OutOfRange, TooLarge
from wsi_lab.geometry.colour_maps import colour_map, rgb
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, checked_question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.overlay_style import NO_LABEL, Choice, Style
from wsi_lab.service.annotating.overlays import TilePlace
from wsi_lab.service.lab import Lab

FULL = 4
"""The zoom of the demo slide (2220 x 2967 pixels, tiles of 240) that is full resolution."""
TILE = 240

Draw = Callable[..., Any]
See = Callable[..., np.ndarray]


def colours(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def label_colours(lab: Lab, owner: Actor, slide: Slide) -> dict[str, tuple[int, int, int]]:
    (found,) = lab.overlays.layers(owner, slide.id).layers
    return {each.label.name: rgb(each.label.colour) for each in found.labels}


def label_ids(lab: Lab, owner: Actor, slide: Slide) -> dict[str, int]:
    (found,) = lab.overlays.layers(owner, slide.id).layers
    return {each.label.name: each.label.id for each in found.labels}


def test_shapes_drawn_by_hand_lie_where_they_were_drawn(draw_boxes: Draw, see: See) -> None:
    draw_boxes((30, 40, 130, 90))

    found = see()

    seen = found[..., 3] > 0
    rows, columns = np.nonzero(seen)
    assert found.shape == (TILE, TILE, 4)
    assert (columns.min(), columns.max()) == pytest.approx((30, 130), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((40, 90), abs=1)
    assert found[60, 60].tolist() == [255, 0, 0, 255]


def test_a_shape_goes_on_in_the_next_tile_and_is_small_from_afar(
    draw_boxes: Draw, see: See
) -> None:
    draw_boxes((200, 40, 300, 90))

    assert see(column=1)[60, 30].tolist() == [255, 0, 0, 255]
    assert not see(column=1)[60, 80, 3]
    assert see(zoom=FULL - 2)[16, 62].tolist() == [255, 0, 0, 255]


def test_what_lies_on_what(
    draw_boxes: Draw, load_boxes: Draw, see: See, lab: Lab, owner: Actor, slide: Slide
) -> None:
    load_boxes(
        (0, 0, 200, 200),
        (100, 100, 160, 160),
        (0, 0, 1800, 1800),
        labels=("first", "later", "huge"),
    )
    told = label_colours(lab, owner, slide)

    found = see()

    assert tuple(found[120, 120, :3]) == told["later"]
    assert tuple(found[20, 20, :3]) == told["first"]
    assert tuple(found[220, 220, :3]) == told["huge"]
    draw_boxes((110, 110, 130, 130), (105, 105, 150, 150))
    outlines = see(Style(fill=0.0))
    assert outlines[120, 110].tolist() == [255, 0, 0, 255]


def test_labels_are_shown_and_hidden(
    load_boxes: Draw, draw_boxes: Draw, see: See, lab: Lab, owner: Actor, slide: Slide
) -> None:
    load_boxes((10, 10, 50, 50), (60, 10, 100, 50), labels=("a", "b"))
    draw_boxes((110, 10, 150, 50))
    ids = label_ids(lab, owner, slide)

    def shown(**choice: Any) -> list[bool]:
        found = see(Style(choice=Choice(**choice), fill=1.0))
        return [bool(found[30, column, 3]) for column in (30, 80, 130)]

    assert shown() == [True, True, True]
    assert shown(labels=frozenset({ids["a"]})) == [True, False, False]
    assert shown(labels=frozenset({NO_LABEL})) == [False, False, True]
    assert shown(labels=frozenset()) == [False, False, False]
    assert shown(hidden=frozenset({ids["a"], NO_LABEL})) == [False, True, False]
    assert shown(tier="hand") == [False, False, True]
    assert shown(tier="bulk") == [True, True, False]
    assert shown(author="nobody@lab") == [False, False, False]


def test_annotations_that_are_being_edited_are_left_out(
    load_boxes: Draw, draw_boxes: Draw, see: See, lab: Lab, owner: Actor, slide: Slide
) -> None:
    loaded = load_boxes((10, 10, 50, 50), (60, 10, 100, 50))
    draw_boxes((110, 10, 150, 50))
    (by_hand,) = [
        each for each in lab.annotations.list(owner, slide.study_id) if each.id < loaded.first_id
    ]

    found = see(Style(choice=Choice(skipped=frozenset({loaded.first_id, by_hand.id})), fill=1.0))

    assert [bool(found[30, column, 3]) for column in (30, 80, 130)] == [False, True, False]


def test_opacities_are_those_of_insides_and_outlines(load_boxes: Draw, see: See) -> None:
    load_boxes((10, 10, 110, 110))

    found = see(Style(fill=0.5, line=0.2))
    outlined = see(Style(fill=0.0, line=1.0, width=3))

    assert found[60, 60, 3] == 128
    assert found[60, 10, 3] == 51
    assert not outlined[60, 60, 3]
    assert (outlined[60, :, 3] > 0).sum() == 6


def test_colours_say_a_property(load_boxes: Draw, see: See) -> None:
    load_boxes(
        (10, 10, 50, 50),
        (60, 10, 100, 50),
        (110, 10, 150, 50),
        properties={"score": np.array([0.0, 10.0, np.nan])},
    )
    low, high = (tuple(colour_map("magma")[place].tolist()) for place in (0, 255))

    found = see(Style(by="score", colour_map="magma", fill=1.0))
    stretched = see(Style(by="score", colour_map="magma", fill=1.0, low=10.0, high=20.0))
    unknown = see(Style(by="size", fill=1.0))

    assert [tuple(found[30, column, :3]) for column in (30, 80, 130)] == [low, high, (128,) * 3]
    assert tuple(stretched[30, 80, :3]) == low
    assert tuple(unknown[30, 30, :3]) == (128, 128, 128)


def test_more_labels_than_a_palette_holds_are_told_apart(
    load_boxes: Draw, see: See, lab: Lab, owner: Actor, slide: Slide
) -> None:
    boxes = [(10 + 12 * (n % 18), 10 + 12 * (n // 18), 20 + 12 * (n % 18), 20 + 12 * (n // 18))
             for n in range(200)]  # fmt: skip
    names = tuple(f"label {n}" for n in range(200))
    load_boxes(
        *boxes, labels=names, colours={name: f"#0000{n:02x}" for n, name in enumerate(names)}
    )

    found = see()

    assert [found[15 + 12 * (n // 18), 15 + 12 * (n % 18), 2] for n in range(200)] == list(
        range(200)
    )


def test_a_load_is_seen_at_every_zoom_where_it_has_shapes(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, see: See, monkeypatch: Any
) -> None:
    from wsi_lab.service.annotating import overlay_making

    monkeypatch.setattr(overlay_making, "COUNTED_FROM", 100)
    x, y = np.meshgrid(np.arange(5, 2220, 20.0), np.arange(5, 1400, 20.0))
    dots = shapely.buffer(shapely.points(x.ravel(), y.ravel()), 0.4)
    lab.loads.load(owner, drawn_layer.id, slide.id, ShapeColumns.from_geometries(dots))

    for zoom in range(FULL + 1):
        found = see(zoom=zoom)
        assert found[..., 3].any(), zoom
    overview = see(zoom=0)[..., 3] > 0
    rows, columns = np.nonzero(overview)
    assert rows.max() == pytest.approx(1400 / 16, abs=2)
    assert columns.max() == pytest.approx(2220 / 16, abs=2)


def test_what_is_taken_out_of_a_load_is_not_shown(
    load_boxes: Draw, see: See, lab: Lab, owner: Actor
) -> None:
    loaded = load_boxes((10, 10, 50, 50), (60, 10, 100, 50))
    assert see()[30, 30, 3]

    lab.loads._transactions.write(owner, lambda t: lab.loads.take_out(t, loaded.first_id, None))

    found = see()
    assert not found[30, 30, 3]
    assert found[30, 80, 3]


def test_the_etag_changes_exactly_where_something_changed(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, draw_boxes: Draw
) -> None:
    def tile(column: int) -> tuple[str, str]:
        found = lab.overlays.tile(
            owner, TilePlace(slide.id, drawn_layer.id, FULL, column, 0), Style()
        )
        return found.image.etag, found.revisions[0]

    draw_boxes((10, 10, 50, 50), (250, 10, 290, 50))
    before = tile(0), tile(1)
    draw_boxes((10, 10, 50, 50), (250, 10, 299, 50))
    after = tile(0), tile(1)

    assert after[0][0] == before[0][0]
    assert after[1][0] != before[1][0]
    assert after[0][1] == after[1][1] != before[0][1]


def test_what_changes_by_hand_makes_no_tile_of_loads_new(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, load_boxes: Draw, draw_boxes: Draw
) -> None:
    load_boxes((10, 10, 50, 50))
    place = TilePlace(slide.id, drawn_layer.id, FULL, 0, 0)
    style = Style(choice=Choice(tier="bulk"))
    before = lab.overlays.tile(owner, place, style)

    draw_boxes((10, 10, 50, 50))

    assert lab.overlays.tile(owner, place, style).image is before.image


def test_an_empty_tile_is_always_the_same(see: See, drawn_layer: Question, lab: Lab, owner: Actor,
                                          slide: Slide) -> None:  # fmt: skip
    first, second = (
        lab.overlays.tile(
            owner, TilePlace(slide.id, drawn_layer.id, FULL, column, 0), Style()
        ).image
        for column in (0, 1)
    )

    assert first.data == second.data
    assert len(first.data) < 200
    assert not colours(first.data)[..., 3].any()


def test_a_tile_is_at_hand_until_something_is_committed(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, draw_boxes: Draw
) -> None:
    place = TilePlace(slide.id, drawn_layer.id, FULL, 0, 0)
    draw_boxes((10, 10, 50, 50))
    assert lab.overlays.tile_at_once(owner, place, Style()) is None

    made = lab.overlays.tile(owner, place, Style())

    assert lab.overlays.tile_at_once(owner, place, Style()) == made
    draw_boxes((10, 10, 60, 50))
    assert lab.overlays.tile_at_once(owner, place, Style()) is None


def test_zooms_beyond_full_resolution_are_sharp(draw_boxes: Draw, see: See) -> None:
    draw_boxes((10, 10, 20, 20))

    found = see(zoom=FULL + 3)

    rows, columns = np.nonzero(found[..., 3])
    assert (columns.min(), columns.max()) == pytest.approx((80, 160), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((80, 160), abs=1)


@pytest.mark.parametrize("place", [(FULL + 4, 0, 0), (FULL, 10, 0), (FULL, 0, 13)])
def test_tiles_that_the_grid_does_not_have_are_refused(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, place: tuple[int, int, int]
) -> None:
    with pytest.raises(OutOfRange, match="does not exist"):
        lab.overlays.tile(owner, TilePlace(slide.id, drawn_layer.id, *place), Style())


def test_layers_that_the_slide_does_not_have_are_refused(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    text = lab.questions.add(owner, study.id, checked_question("Remarks", "FreeText"))
    other = lab.studies.create(owner, "other")
    elsewhere = lab.questions.add(owner, other.id, checked_question("a", "AnnoShapes"))

    for layer_id in (text.id, elsewhere.id, 999):
        with pytest.raises(NotFound, match="no layer"):
            lab.overlays.tile(owner, TilePlace(slide.id, layer_id, 0, 0, 0), Style())


def test_styles_that_make_no_sense_are_refused(see: See) -> None:
    with pytest.raises(Invalid, match="colour map"):
        see(Style(colour_map="rainbow"))
    with pytest.raises(Invalid, match="less than"):
        Style(low=2.0, high=1.0)
    with pytest.raises(Invalid, match="0 to 1"):
        Style(fill=2.0)
    with pytest.raises(Invalid, match="8 pixels"):
        Style(width=9)
    with pytest.raises(Invalid, match="numbers"):
        Style(low=float("nan"))
    with pytest.raises(Invalid, match="1,000"):
        Choice(skipped=frozenset(range(1001)))


def test_whoever_may_not_see_results_sees_their_own_shapes(
    lab: Lab, study: Study, draw_boxes: Draw, load_boxes: Draw, see: See, as_user: Any
) -> None:
    reader = as_user("reader@lab", rights="view score", study=study)
    judge = as_user("judge@lab", rights="view results", study=study)
    draw_boxes((10, 10, 50, 50))
    load_boxes((60, 10, 100, 50))
    draw_boxes((110, 10, 150, 50), by=reader)

    def shown(by: Actor) -> list[bool]:
        found = see(by=by)
        return [bool(found[30, column, 3]) for column in (30, 80, 130)]

    assert shown(reader) == [False, False, True]
    assert shown(judge) == [True, True, True]


def test_vector_tiles_hold_what_is_shown(
    lab: Lab, owner: Actor, slide: Slide, drawn_layer: Question, load_boxes: Draw, draw_boxes: Draw
) -> None:
    def tile(column: int, **choice: Any) -> bytes:
        place = TilePlace(slide.id, drawn_layer.id, FULL, column, 0)
        return lab.overlays.tile(owner, place, Style(choice=Choice(**choice)), "mvt").image.data

    load_boxes((10, 10, 50, 50), labels=("tumour",))
    draw_boxes((60, 10, 100, 50))
    ids = label_ids(lab, owner, slide)

    both = tile(0)
    assert b"tumour" in both
    assert b"bulk" in both
    assert b"hand" in both
    assert b"bulk" not in tile(0, hidden=frozenset({ids["tumour"]}))
    assert b"hand" not in tile(0, tier="bulk")
    assert tile(5) == b""


def test_shapes_that_are_looked_at_in_turns_are_the_same_picture(
    draw_boxes: Draw, see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wsi_lab.service.annotating import overlay_drawing

    draw_boxes(*((n, n, 200 - n, 200 - n) for n in range(5, 90, 5)), (210, 210, 210.5, 210.5))
    whole = see(Style(fill=0.5))

    monkeypatch.setattr(overlay_drawing, "LARGEST_BATCH", 250)

    assert np.array_equal(see(Style(fill=0.5, line=0.999)), whole)


def test_vector_tiles_hold_no_more_than_anybody_can_take(
    lab: Lab,
    owner: Actor,
    slide: Slide,
    drawn_layer: Question,
    draw_boxes: Draw,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from wsi_lab.service.annotating import overlay_making

    draw_boxes((10, 10, 50, 50), (60, 10, 100, 50))
    monkeypatch.setattr(overlay_making, "LARGEST_VECTORS", 100)

    with pytest.raises(TooLarge, match="too large"):
        lab.overlays.tile(owner, TilePlace(slide.id, drawn_layer.id, FULL, 0, 0), Style(), "mvt")
