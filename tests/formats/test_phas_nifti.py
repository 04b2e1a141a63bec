"""NIfTI files as PHAS writes them, read back by a library that knows nothing of it."""

from __future__ import annotations

import gzip
import math
import struct
import time

import nibabel as nib
import numpy as np
import pytest
from PIL import Image, ImageDraw

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.phas_nifti import Grid, LabelledRing, label_file, thumbnail_file

GRID = Grid((748, 1000), (2220, 2967), (0.000499, 0.0005))
BOX = [(100, 200), (900, 200), (900, 1500), (100, 1500)]


def opened(data: bytes) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(data))


def labels_of(data: bytes) -> np.ndarray:
    """Return a label image as rows and columns."""
    return np.asarray(opened(data).dataobj)[:, :, 0, 0].T


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (1000, 748, 3), np.uint8)


@pytest.mark.parametrize("kind", ["thumbnail", "labels"])
def test_both_lie_on_the_same_grid(pixels: np.ndarray, kind: str) -> None:
    data = thumbnail_file(pixels, GRID) if kind == "thumbnail" else label_file([], GRID)
    image = opened(data)
    spacing = 2220 * 0.000499 / 748, 2967 * 0.0005 / 1000
    assert GRID.spacing == pytest.approx(spacing)
    assert np.array_equal(
        image.affine, np.diag([-spacing[0], -spacing[1], 1, 1]).astype(np.float32)
    )
    assert image.header.get_zooms()[:3] == pytest.approx((*spacing, 1))
    form, code = image.header.get_sform(coded=True)
    assert code == 2
    assert (form == image.affine).all()
    assert image.header["qform_code"] == 0
    assert image.header.get_xyzt_units() == ("unknown", "unknown")
    assert image.shape == ((748, 1000, 1) if kind == "thumbnail" else (748, 1000, 1, 1))
    assert image.header["datatype"] == (128 if kind == "thumbnail" else 2)
    assert image.header["magic"] == b"n+1"


def test_a_thumbnail_keeps_its_colours(pixels: np.ndarray) -> None:
    stored = np.asarray(opened(thumbnail_file(pixels, GRID)).dataobj)
    assert stored.dtype.names == ("R", "G", "B")
    for number, name in enumerate("RGB"):
        assert np.array_equal(stored[name][:, :, 0].T, pixels[:, :, number])


def test_the_first_byte_is_red_of_the_top_left_and_the_next_pixel_lies_to_the_right() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0], pixels[0, 1] = (1, 2, 3), (4, 5, 6)
    raw = gzip.decompress(thumbnail_file(pixels, Grid((2, 2), (2, 2), (0.1, 0.1))))
    (offset,) = struct.unpack("<f", raw[108:112])
    assert raw[int(offset) :] == bytes([1, 2, 3, 4, 5, 6]) + bytes(6)


def test_files_are_the_same_each_time(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    rings = [LabelledRing(1, 5, BOX)]
    before = thumbnail_file(pixels, GRID), label_file(rings, GRID)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    assert (thumbnail_file(pixels, GRID), label_file(rings, GRID)) == before


def test_outlines_are_filled_as_pillow_fills_them() -> None:
    ring = [(100.4, 210.7), (905.2, 333.3), (640.9, 1503.1), (90, 1234)]
    expected = Image.new("L", GRID.size)
    ImageDraw.Draw(expected).polygon([(x * 748 / 2220, y * 1000 / 2967) for x, y in ring], fill=9)
    found = labels_of(label_file([LabelledRing(4, 9, ring)], GRID))
    assert np.array_equal(found, np.asarray(expected))
    assert np.count_nonzero(found) > 50_000


def test_later_shapes_lie_on_top_whatever_their_order() -> None:
    rings = [
        LabelledRing(7, 2, [(300, 300), (500, 300), (500, 500), (300, 500)]),
        LabelledRing(3, 1, BOX),
    ]
    found = labels_of(label_file(rings, GRID))
    assert found[int(400 * 1000 / 2967), int(400 * 748 / 2220)] == 2
    assert found[int(1000 * 1000 / 2967), int(400 * 748 / 2220)] == 1
    assert found[0, 0] == 0
    assert np.array_equal(found, labels_of(label_file(rings[::-1], GRID)))


@pytest.mark.parametrize(
    ("label", "value"), [(1, 1), (254, 254), (255, 255), (256, 255), (9999, 255)]
)
def test_large_label_ids_become_255(label: int, value: int) -> None:
    assert set(np.unique(labels_of(label_file([LabelledRing(1, label, BOX)], GRID)))) == {0, value}


def test_outlines_may_lie_beside_the_slide() -> None:
    beside = [(-5000, -5000), (-100, -5000), (-100, -100)]
    around = [(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]
    assert not labels_of(label_file([LabelledRing(1, 3, beside)], GRID)).any()
    assert (labels_of(label_file([LabelledRing(1, 3, around)], GRID)) == 3).all()


def test_what_is_no_outline_is_left_out() -> None:
    nothing = [[], [(5, 5)], [(math.nan, 1), (2, 3), (4, 5)], [(math.inf, 1), (2, 3), (4, 5)]]
    rings = [LabelledRing(number, 3, ring) for number, ring in enumerate(nothing)]
    assert not labels_of(label_file(rings, GRID)).any()


def test_without_a_scale_there_is_no_file(pixels: np.ndarray) -> None:
    for mm in ((0.0, 0.1), (0.1, math.nan), (-1.0, 1.0)):
        grid = GRID._replace(mm=mm)
        with pytest.raises(Invalid):
            thumbnail_file(pixels, grid)
        with pytest.raises(Invalid):
            label_file([], grid)


def test_a_scribble_that_would_take_minutes_is_refused_at_once() -> None:
    grid = Grid((4000, 4000), (4000, 4000), (0.1, 0.1))
    scribble = np.random.default_rng(0).random((500_000, 2)) * 4000
    started = time.process_time()
    with pytest.raises(TooLarge):
        label_file([LabelledRing(1, 1, scribble)], grid)
    smooth = np.linspace(0, 2 * np.pi, 500_000)
    circle = np.stack([2000 + 1900 * np.cos(smooth), 2000 + 1900 * np.sin(smooth)], axis=1)
    assert labels_of(label_file([LabelledRing(1, 1, circle)], grid)).any()
    assert time.process_time() - started < 10
