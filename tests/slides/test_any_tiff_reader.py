"""TIFFs of every kind are shown rightly, or refused in words."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.model.slide import Region
from wsi_lab.slides.opening import open_slide
from wsi_lab.slides.reader import Pixels
from wsi_lab.slides.readers.any_tiff import AnyTiffReader
from wsi_lab.slides.sampling import LevelReader


def everything(reader: LevelReader, level: int = 0) -> Pixels:
    """Return one whole stored resolution."""
    shown = reader.properties.levels[level]
    return reader.read_level(level, 0, 0, shown.width, shown.height)


@pytest.fixture(scope="module")
def tissue(demo_slide: Path) -> Pixels:
    """Return 300 x 400 pixels of stained tissue."""
    with Image.open(demo_slide) as picture:
        return np.asarray(picture.crop((820, 900, 1220, 1200)))


EXACT = [
    "slides/kidney-48-5.tif",
    "slides/bigtiff-pyramid-board.tif",
    "slides/slidescore-test-image.tiff",
    "tiff-variants/BigTIFF.tif",
    "tiff-variants/palette-1c-8b.tiff",
    "tiff-variants/planar-rgb-u8.tif",
    "tiff-variants/rgb-3c-16b.tiff",
    "tiff-variants/tiled-jpeg-rgb-u8.tif",
    "tiff-variants/tiled-jpeg-ycbcr.tif",
    *(f"tiff-variants/test_orient{number}.tif" for number in range(9)),
]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize("name", EXACT)
def test_real_files_equal_pillow(shared_data: Path, name: str) -> None:
    with Image.open(shared_data / name) as picture:
        expected = np.asarray(picture.convert("RGB"))
    reader = open_slide(str(shared_data / name))
    got = everything(reader)
    reader.close()
    assert np.array_equal(got, expected)


def test_a_large_grey_picture_in_a_small_file_is_shown(shared_data: Path) -> None:
    path = shared_data / "tiff-variants" / "grey10kx5k.tif"
    reader = open_slide(str(path))
    assert (reader.properties.width, reader.properties.height) == (10_000, 5_000)
    got = reader.read_region(Region(x=4_000, y=2_000, width=300, height=200, downsample=1.0))
    reader.close()
    expected = tifffile.imread(path)[2_000:2_200, 4_000:4_300]
    assert np.array_equal(got, np.repeat(expected[:, :, None], 3, axis=2))


def test_big_endian_files_equal_little_endian_ones(shared_data: Path) -> None:
    both = [
        everything(open_slide(str(shared_data / "tiff-variants" / name)))
        for name in ("BigTIFF.tif", "BigTIFFMotorola.tif")
    ]
    assert np.array_equal(*both)


def test_twelve_bits_keep_the_upper_eight(shared_data: Path) -> None:
    path = shared_data / "tiff-variants" / "12bit.cropped.rgb.tiff"
    expected = tifffile.imread(path) >> 4
    assert np.array_equal(everything(open_slide(str(path))), expected)


def test_the_eight_orientations_are_eight_different_pictures(shared_data: Path) -> None:
    shown = []
    for number in range(1, 9):
        reader = open_slide(str(shared_data / "tiff-variants" / f"test_orient{number}.tif"))
        size = reader.properties.width, reader.properties.height
        assert size == ((120, 180) if number < 5 else (180, 120))
        shown.append(everything(reader).tobytes())
        # Lower levels and parts are turned the same way.
        assert np.array_equal(
            reader.read_region(Region(x=30, y=20, width=50, height=60, downsample=1.0)),
            everything(reader)[20:80, 30:80],
        )
        small = reader.read_region(Region(x=0, y=0, width=15, height=15, downsample=2.0))
        assert np.abs(small.astype(int) - everything(reader, 1)[:15, :15]).max() == 0
    assert len(set(shown)) == 8


def test_a_second_sample_that_is_not_said_to_be_alpha_is_left_aside(shared_data: Path) -> None:
    path = str(shared_data / "tiff-variants" / "small_la.tiff")
    with openslide.OpenSlide(path) as slide:
        expected = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB"))
    assert np.array_equal(everything(open_slide(path)), expected)


def test_grey_with_alpha_lies_on_white(tmp_path: Path, tissue: Pixels) -> None:
    grey = tissue[:, :, 1]
    alpha = np.repeat(np.arange(300, dtype=np.uint8)[:, None] // 2, 400, axis=1)
    path = tmp_path / "clear.tif"
    stored = np.dstack((grey, alpha))
    tifffile.imwrite(path, stored, photometric="minisblack", extrasamples=["unassalpha"])
    expected = (grey * (alpha / 255) + 255 * (1 - alpha / 255))[:, :, None]
    assert np.abs(everything(open_slide(str(path))) - expected).max() < 1


@pytest.mark.parametrize(
    "options",
    [
        {"compression": None, "rowsperstrip": 300},
        {"compression": None, "tile": (64, 64)},
        {"compression": "deflate", "predictor": True},
        {"compression": "lzw", "tile": (128, 64)},
        {"compression": "packbits"},
        {"compression": "zstd"},
        {"compression": "lzma"},
        {"planarconfig": "separate", "compression": "deflate", "tile": (64, 128)},
        {"bigtiff": True, "byteorder": ">", "compression": "deflate"},
        {"compression": "jpeg2000", "compressionargs": {"level": 0, "reversible": True}},
        {"compression": "png"},
        {"compression": "webp", "compressionargs": {"lossless": True}},
    ],
    ids=str,
)
def test_lossless_storage_comes_out_as_it_went_in(
    tmp_path: Path, tissue: Pixels, options: dict[str, Any]
) -> None:
    path = tmp_path / "any.tif"
    stored = np.moveaxis(tissue, -1, 0) if "planarconfig" in options else tissue
    tifffile.imwrite(path, stored, photometric="rgb", **options)
    reader = open_slide(str(path))
    assert np.array_equal(everything(reader), tissue)
    part = reader.read_region(Region(x=-5, y=290, width=50, height=20, downsample=1.0))
    assert np.array_equal(part[:10, 5:], tissue[290:, :45])
    assert (part[10:] == 255).all()
    assert (part[:, :5] == 255).all()
    reader.close()


def test_sixteen_bits_of_colour_keep_the_upper_eight(tmp_path: Path) -> None:
    numbers = np.random.default_rng(3).integers(0, 65536, (50, 60, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", numbers, photometric="rgb")
    got = everything(open_slide(str(tmp_path / "deep.tif")))
    assert np.array_equal(got, numbers >> 8)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int8", "float32", "uint32"])
def test_grey_of_other_numbers_is_stretched_over_what_there_is(tmp_path: Path, dtype: str) -> None:
    ramp = np.linspace(-100 if dtype[0] != "u" else 10, 110, 300 * 300).reshape(300, 300)
    tifffile.imwrite(tmp_path / "ramp.tif", ramp.astype(dtype), photometric="minisblack")
    got = everything(open_slide(str(tmp_path / "ramp.tif")))
    assert got.min() == 0
    assert got.max() == 255
    assert (np.diff(got[:, 150, 0].astype(int)) >= 0).all()


def test_white_is_zero_is_turned_round(tmp_path: Path, tissue: Pixels) -> None:
    grey = tissue[:, :, 1]
    tifffile.imwrite(tmp_path / "x-ray.tif", grey, photometric="miniswhite")
    got = everything(open_slide(str(tmp_path / "x-ray.tif")))
    assert np.array_equal(got[:, :, 0], 255 - grey)


def test_cmyk_equals_pillow(tmp_path: Path, tissue: Pixels) -> None:
    path = tmp_path / "print.tif"
    Image.fromarray(tissue).convert("CMYK").save(path)
    got = everything(open_slide(str(path)))
    assert np.abs(got.astype(int) - tissue).max() <= 1


def test_transparent_colours_lie_on_white(tmp_path: Path, tissue: Pixels) -> None:
    alpha = np.zeros(tissue.shape[:2], np.uint8)
    alpha[:, :200] = 255
    path = tmp_path / "clear.tif"
    tifffile.imwrite(
        path, np.dstack((tissue, alpha)), photometric="rgb", extrasamples=["unassalpha"]
    )
    got = everything(open_slide(str(path)))
    assert np.array_equal(got[:, :200], tissue[:, :200])
    assert (got[:, 200:] == 255).all()


def write_pyramid(path: Path, full: Any, **metadata: Any) -> None:
    """Write an OME-TIFF whose smaller versions lie in sub-directories, as QuPath does."""
    halves = (..., slice(None, None, 2), slice(None, None, 2))
    if metadata["axes"].endswith("S"):
        halves = (..., slice(None, None, 2), slice(None, None, 2), slice(None))
    with tifffile.TiffWriter(path, ome=True) as file:
        options = {"tile": (64, 64), "compression": "deflate"}
        kind = "rgb" if metadata["axes"].endswith("S") else "minisblack"
        file.write(full, subifds=1, metadata=metadata, photometric=kind, **options)
        file.write(full[halves], subfiletype=1, photometric=kind, **options)


def test_an_ome_pyramid_has_its_levels_and_its_scale(tmp_path: Path, tissue: Pixels) -> None:
    path = tmp_path / "slide.ome.tif"
    write_pyramid(path, tissue, axes="YXS", PhysicalSizeX=0.25, PhysicalSizeY=0.25)
    reader = open_slide(str(path))
    assert reader.properties.format == "OME-TIFF"
    assert [(level.width, level.height) for level in reader.properties.levels] == [
        (400, 300),
        (200, 150),
    ]
    assert reader.properties.mpp == 0.25
    assert np.array_equal(everything(reader, 0), tissue)
    assert np.array_equal(everything(reader, 1), tissue[::2, ::2])
    reader.close()


def test_channels_are_added_up_in_their_colours(tmp_path: Path) -> None:
    channels = np.zeros((2, 100, 100), np.uint8)
    channels[0, :, :60] = 200
    channels[1, :, 40:] = 100
    path = tmp_path / "panel.ome.tif"
    colours = {"Name": ["CD3", "CD8"], "Color": [-16776961, 16711935]}
    write_pyramid(path, channels, axes="CYX", Channel=colours)
    reader = open_slide(str(path))
    got = everything(reader)
    assert got[50, 10].tolist() == [200, 0, 0]
    assert got[50, 50].tolist() == [200, 100, 0]
    assert got[50, 90].tolist() == [0, 100, 0]
    assert "CD3" not in str(reader.properties.metadata)
    reader.close()


def test_signed_channels_of_a_real_file_show_something(shared_data: Path) -> None:
    reader = open_slide(str(shared_data / "slides" / "multi-channel.ome.tif"))
    got = everything(reader)
    assert got.shape == (167, 439, 3)
    assert got.std(axis=(0, 1)).min() > 20
    reader.close()


def test_pieces_that_were_left_out_are_white(tmp_path: Path, tissue: Pixels) -> None:
    path = tmp_path / "sparse.tif"
    tifffile.imwrite(path, tissue, tile=(64, 64), compression="deflate")
    with tifffile.TiffFile(path) as file:
        counts = file.pages[0].tags["TileByteCounts"]
    with path.open("r+b") as changed:
        changed.seek(counts.valueoffset)
        changed.write(bytes(counts.valuebytecount // counts.count))
    got = everything(open_slide(str(path)))
    assert (got[:64, :64] == 255).all()
    assert np.array_equal(got[64:, 64:], tissue[64:, 64:])


@pytest.mark.parametrize("compression", ["deflate", "lzw", "jpeg", "zstd", "jpeg2000", "packbits"])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.9])
def test_a_piece_that_is_cut_short_is_damage(
    tmp_path: Path, tissue: Pixels, compression: str, part: float
) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, tissue, tile=(128, 128), compression=compression, photometric="rgb")
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        offset, count = page.dataoffsets[4], page.databytecounts[4]
    keep = int(count * part)
    with path.open("r+b") as changed:
        changed.seek(offset + keep)
        changed.write(bytes(count - keep))
    reader = AnyTiffReader(str(path))
    with pytest.raises(DamagedSlide):
        everything(reader)
    reader.close()


def test_a_picture_in_one_unpacked_strip_is_read_by_rows(tmp_path: Path) -> None:
    # 300 MB that are never in memory at once.
    path = tmp_path / "strip.tif"
    tifffile.memmap(path, shape=(10_000, 10_000, 3), dtype="uint8", photometric="rgb").flush()
    with path.open("r+b") as changed:
        with tifffile.TiffFile(path) as file:
            start = file.pages[0].dataoffsets[0]
        changed.seek(start + (9_000 * 10_000 + 5_000) * 3)
        changed.write(b"\xff\x80\x01")
    reader = AnyTiffReader(str(path))
    got = reader.read_region(Region(x=5_000, y=9_000, width=2, height=1, downsample=1.0))
    assert got.tolist() == [[[255, 128, 1], [0, 0, 0]]]
    reader.close()


def test_a_single_piece_that_needs_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    side = 30_000
    entries = [
        (256, side), (257, side), (258, 8), (259, 8), (262, 1),
        (273, 8), (277, 1), (278, side), (279, 100),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 108) + bytes(100) + directory + bytes(4))
    with pytest.raises(DamagedSlide, match="memory"):
        AnyTiffReader(str(path))


@pytest.mark.parametrize("name", ["tiled-cmyk-i8.tif"])
def test_what_nobody_can_show_rightly_is_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(UnsupportedSlide):
        open_slide(str(shared_data / "tiff-variants" / name))
