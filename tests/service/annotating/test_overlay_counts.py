"""Many small shapes from far away: a pixel shows the label that most shapes there have."""

from __future__ import annotations

import numpy as np
import pytest

from wsi_lab.geometry.counts import CountPyramid, CountTile
from wsi_lab.service.annotating.overlay_counts import CELL, draw_counts, level_for, without
from wsi_lab.service.annotating.overlay_drawing import Frame
from wsi_lab.store.bulk.chunks import Edit

PLACES = np.array([1, 2, 3], np.uint8)
"""Of two labels, and of shapes without one."""


def drawn(
    centres: np.ndarray, labels: np.ndarray, frame: Frame, edits: tuple[Edit, ...] = ()
) -> np.ndarray:
    pyramid = CountPyramid.from_centres(centres, labels)

    def tile_at(level: int, column: int, row: int) -> CountTile | None:
        if level >= len(pyramid.levels):
            return None
        found = pyramid.levels[level].get((column, row))
        return None if found is None else without(found, level, column, row, edits)

    canvas = np.zeros((frame.rows, frame.columns), np.uint8)
    level = level_for(frame)
    assert level is not None
    draw_counts(canvas, frame, level, PLACES, tile_at)
    return canvas


@pytest.mark.parametrize("downsample", [32, 64, 512, 4096])
@pytest.mark.parametrize("side", [240, 256, 512])
def test_every_shape_is_in_the_pixel_that_its_middle_is_in(downsample: int, side: int) -> None:
    rng = np.random.default_rng(downsample + side)
    centres = rng.uniform(0, (60_000, 40_000), (500, 2))
    for column in (0, 1):
        frame = Frame(column * side * downsample, 0, side, side, downsample)
        if frame.left > 60_000:
            continue
        found = drawn(centres, np.zeros(500, np.int32), frame)

        pixels = np.floor((centres - (frame.left, 0)) / downsample).astype(int)
        inside = ((pixels >= 0) & (pixels < side)).all(axis=1)
        expected = np.zeros((side, side), np.uint8)
        expected[pixels[inside, 1], pixels[inside, 0]] = 1
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("downsample", [32, 64, 1 << 16])
def test_the_label_that_most_shapes_have_is_shown(downsample: int) -> None:
    centres = np.array([[5.0, 5.0]] * 5)
    labels = np.array([0, 1, 1, -1, 1], np.int32)

    assert drawn(centres, labels, Frame(0, 0, 256, 256, downsample))[0, 0] == 2
    assert drawn(centres[:1], -np.ones(1, np.int32), Frame(0, 0, 256, 256, downsample))[0, 0] == 3


def test_shapes_that_were_taken_out_do_not_count() -> None:
    centres = np.array([[5.0, 5.0], [6.0, 6.0], [9.0, 9.0], [100.0, 5.0]])
    labels = np.array([0, 0, 1, 0], np.int32)
    edits = (
        Edit(0, None, 2, 5.0, 5.0, 0),
        Edit(1, None, 2, 6.0, 6.0, 0),
        Edit(3, None, 2, 100.0, 5.0, 0),
    )

    found = drawn(centres, labels, Frame(0, 0, 256, 256, CELL), edits)

    assert found[0, 0] == 2
    assert not found[0, 1:].any()


def test_only_pictures_whose_pixels_are_cells_show_counts() -> None:
    assert level_for(Frame(0, 0, 256, 256, 32)) == 0
    assert level_for(Frame(240 * 128, 0, 240, 240, 128)) == 2
    assert level_for(Frame(0, 0, 256, 256, 16)) is None
    assert level_for(Frame(0, 0, 256, 256, 48)) is None
    assert level_for(Frame(5, 0, 256, 256, 32)) is None
