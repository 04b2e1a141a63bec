from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from wsi_lab.errors import Invalid
from wsi_lab.geometry.png import indexed_png, rgba_png


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("width", [1, 7, 8, 9, 256])
@pytest.mark.parametrize(("colours", "bits"), [(1, 1), (2, 1), (3, 2), (16, 4), (17, 8), (256, 8)])
def test_an_indexed_picture_has_the_colours_of_its_palette(width, colours, bits):
    random = np.random.default_rng(colours)
    canvas = random.integers(0, colours, (5, width)).astype(np.uint8)
    palette = random.integers(0, 256, (colours, 4)).astype(np.uint8)
    data = indexed_png(canvas, palette)
    assert data[24] == bits
    assert np.array_equal(np.array(opened(data).convert("RGBA")), palette[canvas])


def test_an_opaque_palette_needs_no_alpha():
    palette = np.full((2, 4), 255, np.uint8)
    assert b"tRNS" not in indexed_png(np.zeros((2, 2), np.uint8), palette)


def test_colours_that_the_palette_lacks_are_refused():
    with pytest.raises(Invalid, match="palette"):
        indexed_png(np.full((2, 2), 2, np.uint8), np.zeros((2, 4), np.uint8))


def test_pixels_come_back_as_they_were():
    random = np.random.default_rng(1)
    colours = random.integers(0, 256, (9, 5, 4)).astype(np.uint8)
    assert np.array_equal(np.array(opened(rgba_png(colours))), colours)
