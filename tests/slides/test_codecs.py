"""Tiles are decoded whole and right, or not at all."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import openslide
import pytest
import simplejpeg
import tifffile

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides import codecs
from wsi_lab.slides.codecs import decode_tile
from wsi_lab.slides.reader import Pixels

# 64 x 64 pixels of YCbCr in JPEG 2000 whose Cb and Cr have half the width, as Aperio's scanners
# write them (33003), losslessly: Y is 2 x row + column, Cb 100 + row, Cr 150 - column // 2.
# Made with openjpeg's own encoder; no Python library writes subsampled streams.
HALF_WIDTH_CHROMA = base64.b64decode(
    "/0//UQAvAAAAAABAAAAAQAAAAAAAAAAAAAAAQAAAAEAAAAAAAAAAAAADBwEBBwIBBwIB/1IADAAAAAEABQQEAAH/"
    "XAATQEBISFBISFBISFBISFBISFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAA"
    "AACxAAH/k9+AMAeq7FmIn8PnBgVgf8HyAgG3wfOEh9QGDQH/fws9iqD5wQALkcHzggAJHMD5AkHzhAAiGghfA3/d"
    "UaB8gMADeH/A+QIAFyvd38B8IkD5AwA2oZq/PaY0WxDboD4QwCkhC8B8IYAhcO/AOiQHwihfp8eHnawpQD+gHRCE"
    "ICc/wDogNfV2X8ASQDooi2IBv+GNYqd+oAkAyHpKf8ASAF77xX//2Q=="
)


@pytest.fixture(scope="module")
def tissue(demo_slide: Path) -> Pixels:
    """Return 64 x 96 pixels of stained tissue."""
    with openslide.OpenSlide(str(demo_slide)) as slide:
        return np.asarray(slide.read_region((820, 1000), 0, (96, 64)).convert("RGB"))


def decoded(data: bytes, compression: int, like: Pixels, **tags: int) -> Pixels:
    """Decode a tile that has the size of another picture."""
    stated = {"photometric": 2, "predictor": 1, "samples": 3} | tags
    rows, columns = like.shape[:2]
    return decode_tile(data, compression=compression, rows=rows, columns=columns, **stated)


def as_stored(tissue: Pixels, compression: int) -> bytes:
    """Return a tile as a scanner would store it."""
    raw = tissue.tobytes()
    return {
        codecs.NONE: lambda: raw,
        codecs.LZW: lambda: imagecodecs.lzw_encode(raw),
        codecs.DEFLATE: lambda: zlib.compress(raw),
        codecs.OLD_DEFLATE: lambda: zlib.compress(raw, 1),
        codecs.PACKBITS: lambda: imagecodecs.packbits_encode(raw),
        codecs.APERIO_RGB: lambda: imagecodecs.jpeg2k_encode(
            tissue, codecformat="j2k", level=0, reversible=True
        ),
        codecs.JPEG_2000: lambda: imagecodecs.jpeg2k_encode(
            tissue, codecformat="jp2", level=0, reversible=True
        ),
    }[compression]()


LOSSLESS = [
    codecs.NONE,
    codecs.LZW,
    codecs.DEFLATE,
    codecs.OLD_DEFLATE,
    codecs.PACKBITS,
    codecs.APERIO_RGB,
    codecs.JPEG_2000,
]


@pytest.mark.parametrize("compression", LOSSLESS)
def test_lossless_tiles_come_out_as_they_went_in(tissue: Pixels, compression: int) -> None:
    pixels = decoded(as_stored(tissue, compression), compression, tissue)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, tissue)


@pytest.mark.parametrize("compression", [*LOSSLESS, codecs.JPEG])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_tile_that_is_cut_short_is_damage(tissue: Pixels, compression: int, part: float) -> None:
    whole = (
        simplejpeg.encode_jpeg(tissue)
        if compression == codecs.JPEG
        else as_stored(tissue, compression)
    )
    for filled_up in (b"", bytes(len(whole))):
        cut = whole[: int(len(whole) * part)] + filled_up
        if compression == codecs.NONE and filled_up:
            continue  # zeros are a picture here, and nobody can tell
        with pytest.raises(DamagedSlide):
            decoded(cut[: len(whole)], compression, tissue, photometric=6)


def test_every_jpeg_2000_tile_equals_openslide(shared_data: Path) -> None:
    path = shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs"
    with tifffile.TiffFile(path) as file, openslide.OpenSlide(str(path)) as slide:
        page = file.pages[0]
        across = -(-page.imagewidth // page.tilewidth)
        worst = 0.0
        places = zip(page.dataoffsets, page.databytecounts, strict=True)
        for index, (offset, size) in enumerate(places):
            if index % 7:
                continue
            file.filehandle.seek(offset)
            tile = decode_tile(
                file.filehandle.read(size),
                compression=int(page.compression),
                photometric=2,
                predictor=1,
                rows=256,
                columns=256,
                samples=3,
            )
            x, y = index % across * 256, index // across * 256
            width, height = min(256, page.imagewidth - x), min(256, page.imagelength - y)
            shown = np.asarray(slide.read_region((x, y), 0, (width, height)).convert("RGB"))
            worst = max(worst, float(np.abs(tile[:height, :width].astype(int) - shown).mean()))
    assert worst < 0.01


@pytest.mark.parametrize("chroma", ["half", "full"])
def test_aperio_ycbcr_equals_openslide(tmp_path: Path, chroma: str) -> None:
    rows, columns = np.indices((64, 64))
    ycbcr = np.stack((2 * rows + columns, 100 + rows, 150 - columns // 2), 2).astype(np.uint8)
    data = (
        HALF_WIDTH_CHROMA
        if chroma == "half"
        else imagecodecs.jpeg2k_encode(ycbcr, codecformat="j2k", reversible=True, mct=False)
    )
    ours = decoded(data, codecs.APERIO_YCBCR, ycbcr, photometric=6)
    svs = tmp_path / "ycbcr.svs"
    svs.write_bytes(one_tile_svs(data, codecs.APERIO_YCBCR, side=64))
    with openslide.OpenSlide(str(svs)) as slide:
        theirs = np.asarray(slide.read_region((0, 0), 0, (64, 64)).convert("RGB"))
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def one_tile_svs(tile: bytes, compression: int, side: int) -> bytes:
    """Return the smallest file that OpenSlide takes for one of Aperio's."""
    description = b"Aperio Image Library v11.2.1\r\n64x64 (64x64) J2K/YUV16 Q=70\0"
    data = tile + description
    entries = [
        (256, 3, 1, side),
        (257, 3, 1, side),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 2),
        (270, 2, len(description), 8 + len(tile)),
        (277, 3, 1, 3),
        (322, 3, 1, side),
        (323, 3, 1, side),
        (324, 4, 1, 8),
        (325, 4, 1, len(tile)),
    ]
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


def test_rgb_jpeg_without_markers_keeps_its_colours(tissue: Pixels) -> None:
    # Aperio's scanners store RGB under component numbers that every viewer takes for YCbCr.
    as_rgb = imagecodecs.jpeg8_encode(tissue, level=95, colorspace="RGB", outcolorspace="RGB")
    bare = without_markers(as_rgb, component_ids=(0, 1, 2))
    pixels = decoded(bare, codecs.JPEG, tissue, photometric=2)
    assert np.abs(pixels.astype(int) - tissue).mean() < 3


@pytest.mark.parametrize("photometric", [2, 6])
def test_the_tag_and_not_the_marker_says_what_the_colours_are(
    tissue: Pixels, photometric: int
) -> None:
    as_ycbcr = simplejpeg.encode_jpeg(tissue, 95, colorsubsampling="444")
    pixels = decoded(as_ycbcr, codecs.JPEG, tissue, photometric=photometric)
    error = np.abs(pixels.astype(int) - tissue).mean()
    assert (error < 3) == (photometric == 6)


def without_markers(jpeg: bytes, component_ids: tuple[int, ...]) -> bytes:
    """Return a JPEG without application segments and with other component numbers."""
    kept, at = bytearray(jpeg[:2]), 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        segment = bytearray(jpeg[at:end])
        if jpeg[at + 1] in {0xC0, 0xC1}:
            for number, name in enumerate(component_ids):
                segment[10 + 3 * number] = name
        if not 0xE0 <= jpeg[at + 1] <= 0xEF:
            kept += segment
        at = end
    scan = bytearray(jpeg[at:])
    for number, name in enumerate(component_ids):
        scan[5 + 2 * number] = name
    return bytes(kept + scan)


def test_grey_tiles_become_rgb(tissue: Pixels) -> None:
    grey = np.ascontiguousarray(tissue[:, :, 1])
    pixels = decoded(grey.tobytes(), codecs.NONE, tissue, photometric=1, samples=1)
    assert np.array_equal(pixels, np.repeat(grey[:, :, None], 3, axis=2))
    inverted = decoded(grey.tobytes(), codecs.NONE, tissue, photometric=0, samples=1)
    assert np.array_equal(inverted, 255 - pixels)
    jpeg = simplejpeg.encode_jpeg(grey[:, :, None].copy(), 95, colorspace="GRAY")
    lossy = decoded(jpeg, codecs.JPEG, tissue, photometric=1, samples=1)
    assert np.abs(lossy.astype(int) - pixels).mean() < 2


def test_cmyk_without_ink_is_white(tissue: Pixels) -> None:
    ink = np.zeros((*tissue.shape[:2], 4), np.uint8)
    ink[:, :48, 3] = 255
    pixels = decoded(ink.tobytes(), codecs.NONE, tissue, photometric=5, samples=4)
    assert (pixels[:, :48] == 0).all()
    assert (pixels[:, 48:] == 255).all()


def test_the_horizontal_predictor_is_undone(tissue: Pixels) -> None:
    differences = np.diff(tissue, axis=1, prepend=np.zeros((64, 1, 3), np.uint8))
    stored = zlib.compress(differences.tobytes())
    assert np.array_equal(decoded(stored, codecs.DEFLATE, tissue, predictor=2), tissue)


@pytest.mark.parametrize("compression", [codecs.JPEG, codecs.APERIO_RGB])
def test_a_header_that_claims_another_size_is_damage(tissue: Pixels, compression: int) -> None:
    stored = (
        simplejpeg.encode_jpeg(tissue)
        if compression == codecs.JPEG
        else as_stored(tissue, compression)
    )
    with pytest.raises(DamagedSlide, match="96 x 64"):
        decoded(stored, compression, tissue[:32, :32], photometric=6)


def test_a_jpeg_that_claims_gigabytes_is_refused_by_its_header(tissue: Pixels) -> None:
    bomb = bytearray(simplejpeg.encode_jpeg(tissue))
    frame = bomb.index(b"\xff\xc0")
    bomb[frame + 5 : frame + 9] = struct.pack(">HH", 65500, 65500)
    with pytest.raises(DamagedSlide, match="65500"):
        decoded(bytes(bomb), codecs.JPEG, tissue, photometric=6)
    with pytest.raises(DamagedSlide, match="cannot be right"):
        decode_tile(
            bytes(bomb),
            compression=7,
            photometric=6,
            predictor=1,
            rows=65500,
            columns=65500,
            samples=3,
        )


def test_a_jpeg_2000_of_millions_of_parts_is_refused_by_its_header(tissue: Pixels) -> None:
    bomb = bytearray(as_stored(tissue, codecs.APERIO_RGB))
    bomb[24:32] = struct.pack(">II", 1, 1)
    with pytest.raises(DamagedSlide, match="too many parts"):
        decoded(bytes(bomb), codecs.APERIO_RGB, tissue)


def test_a_deflate_bomb_does_not_unfold() -> None:
    bomb = zlib.compress(bytes(64 * 1024 * 1024))
    small = np.empty((8, 8, 3), np.uint8)
    with pytest.raises(DamagedSlide):
        decoded(bomb, codecs.DEFLATE, small)


@pytest.mark.parametrize(
    ("compression", "tags"),
    [
        (2, {}),
        (34892, {}),
        (codecs.NONE, {"photometric": 8}),
        (codecs.NONE, {"photometric": 3, "samples": 1}),
        (codecs.NONE, {"predictor": 3}),
        (codecs.NONE, {"samples": 2}),
    ],
)
def test_what_nobody_knows_is_unsupported(
    tissue: Pixels, compression: int, tags: dict[str, int]
) -> None:
    with pytest.raises(UnsupportedSlide):
        decoded(tissue.tobytes() * 2, compression, tissue, **tags)
