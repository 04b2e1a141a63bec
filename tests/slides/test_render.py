"""Pixels into files and into other sizes."""

from __future__ import annotations

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from wsi_lab.slides import render
from wsi_lab.slides.reader import Pixels


def back(data: bytes, kind: str) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data), formats=[kind]).convert("RGB"))


def test_png_is_exact(tissue: Pixels) -> None:
    image = render.png(tissue)
    assert image.media_type == "image/png"
    assert (back(image.data, "PNG") == tissue).all()


def test_jpeg_is_close(tissue: Pixels) -> None:
    image = render.jpeg(tissue)
    assert image.media_type == "image/jpeg"
    # This is the densest part of a slide; whole slides are below 2.
    assert np.abs(back(image.data, "JPEG").astype(int) - tissue).mean() < 3


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
def test_colours_have_the_resolution_that_is_asked_for(
    tissue: Pixels, subsampling: render.Subsampling
) -> None:
    image = render.jpeg(tissue, subsampling=subsampling)
    assert simplejpeg.decode_jpeg_header(image.data)[3] == subsampling


def test_a_lower_quality_is_smaller(tissue: Pixels) -> None:
    sizes = [len(render.jpeg(tissue, quality).data) for quality in (95, 75, 30, 1)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("encode", [render.jpeg, render.png])
def test_parts_of_other_pictures_can_be_encoded(tissue: Pixels, encode: object) -> None:
    """Slices are not contiguous in memory."""
    part = tissue[10:50, 20:90]
    assert encode(part) == encode(part.copy())  # type: ignore[operator]  # both are functions


def test_padding_is_white_and_only_to_the_right_and_below(tissue: Pixels) -> None:
    part = tissue[:50, :70]
    padded = render.padded(part, 100, 60)
    assert padded.shape == (60, 100, 3)
    assert (padded[:50, :70] == part).all()
    assert (padded[50:] == 255).all()
    assert (padded[:, 70:] == 255).all()
    assert render.padded(part, 70, 50) is part


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_reducing_gives_means_also_at_the_edge(tissue: Pixels, factor: int) -> None:
    part = tissue[:101, :67]
    small = render.reduced(part, factor)
    assert small.shape == (-(-101 // factor), -(-67 // factor), 3)
    for row, column in ((0, 0), (small.shape[0] - 1, small.shape[1] - 1)):
        block = part[row * factor :, column * factor :][:factor, :factor]
        assert np.abs(small[row, column] - block.mean((0, 1))).max() <= 1


def test_resampling_a_box_of_whole_pixels_gives_them_back(tissue: Pixels) -> None:
    assert (render.resampled(tissue, (5, 7, 105, 87), 100, 80) == tissue[7:87, 5:105]).all()


def test_resampling_by_a_whole_factor_gives_exact_means(tissue: Pixels) -> None:
    small = render.resampled(tissue, (6, 9, 126, 69), 40, 20)
    exact = tissue[9:69, 6:126].reshape(20, 3, 40, 3, 3).mean((1, 3))
    assert np.abs(small - exact).max() <= 1


def test_resampling_moves_by_parts_of_a_pixel() -> None:
    ramp = np.repeat(np.arange(0, 200, 2, dtype=np.uint8)[None, :, None], 4, axis=0)
    ramp = np.repeat(ramp, 3, axis=2)
    moved = render.resampled(ramp, (10.5, 0, 60.5, 4), 50, 4).astype(int)
    assert (np.abs(moved - (ramp[:, 10:60] + 1)) <= 1).all()
