"""What is a level, what lies where, and what is left to libraries in workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import tifffile

from wsi_lab.errors import DamagedSlide
from wsi_lab.slides.preflight import preflight
from wsi_lab.slides.source import SlideFile
from wsi_lab.slides.tiff_index import APERIO, GENERIC, TiffIndex, cut_short, native
from wsi_lab.slides.tiff_pages import read_index


def index_of(path: Path) -> TiffIndex:
    with SlideFile(str(path)) as source:
        structure = preflight(source).structure
        assert structure is not None
        return read_index(source, structure)


def same(one: TiffIndex, other: TiffIndex) -> bool:
    def facts(index: TiffIndex) -> list[object]:
        images = [*index.levels, *index.associated.values()]
        plain = dataclasses.asdict(dataclasses.replace(index, levels=(), associated={}))
        return [
            plain,
            list(index.associated),
            [
                [
                    value.tolist() if isinstance(value, np.ndarray) else value
                    for value in dataclasses.astuple(image)
                ]
                for image in images
            ],
        ]

    return facts(one) == facts(other)


def test_the_demo_slide_is_understood(demo_slide: Path) -> None:
    index = index_of(demo_slide)
    assert index.format == APERIO
    assert [(level.width, level.height, level.tile_width) for level in index.levels] == [
        (2220, 2967, 240)
    ]
    assert (index.mpp_x, index.mpp_y, index.objective_power) == (0.499, 0.499, 20.0)
    assert {name: (i.width, i.height) for name, i in index.associated.items()} == {
        "thumbnail": (574, 768),
        "label": (387, 463),
        "macro": (1280, 431),
    }
    assert native(index) is None


def test_the_index_names_nobody(demo_slide: Path) -> None:
    index = index_of(demo_slide)
    assert index.metadata["aperio.MPP"] == "0.4990"
    kept = index.to_bytes()
    with tifffile.TiffFile(demo_slide) as file:
        description = file.pages[0].description
    fields = dict(part.split(" = ", 1) for part in description.split("|")[1:])
    for secret in ("User", "Date", "Time", "Filename", "ScanScope ID", "ImageID"):
        assert fields[secret], secret
        assert f"aperio.{secret}" not in index.metadata
        # Short values such as an image number occur by chance.
        assert len(fields[secret]) < 6 or fields[secret].encode() not in kept, secret


def test_real_pyramids_are_understood(shared_data: Path) -> None:
    found = {}
    for name in (
        "slides/bigtiff-pyramid-board.tif",
        "slides/slidescore-test-image.tiff",
        "slides/tcga-cr-7395-01a-01-ts1.svs",
        "tiff-variants/test_orient1.tif",
    ):
        index = index_of(shared_data / name)
        assert native(index) is None
        found[name] = (index.format, [(x.width, x.height, x.tile_width) for x in index.levels])
    assert found == {
        "slides/bigtiff-pyramid-board.tif": (
            GENERIC,
            [(2560, 3072, 256), (640, 768, 64), (160, 192, 16)],
        ),
        "slides/slidescore-test-image.tiff": (
            GENERIC,
            [(501, 465, 128), (250, 232, 128), (125, 116, 128)],
        ),
        "slides/tcga-cr-7395-01a-01-ts1.svs": (APERIO, [(4443, 3567, 256), (2221, 1783, 256)]),
        "tiff-variants/test_orient1.tif": (GENERIC, [(120, 180, 64), (60, 90, 64), (30, 45, 64)]),
    }


@pytest.mark.parametrize(
    ("name", "mpp"),
    [
        ("slides/slidescore-test-image.tiff", None),  # 264.6: meant for a screen
        ("slides/bigtiff-pyramid-board.tif", None),
        ("slides/tcga-cr-7395-01a-01-ts1.svs", None),
    ],
)
def test_a_scale_that_no_microscope_has_is_no_scale(
    shared_data: Path, name: str, mpp: float | None
) -> None:
    index = index_of(shared_data / name)
    assert (index.mpp_x, index.mpp_y, index.objective_power) == (mpp, mpp, None)


def test_the_scale_of_a_generic_slide_comes_from_its_resolution(
    pyramid: Callable[..., Path],
) -> None:
    per_cm = index_of(pyramid(resolution=(20_000, 40_000), resolutionunit=3))
    assert (per_cm.mpp_x, per_cm.mpp_y) == pytest.approx((0.5, 0.25))
    per_inch = index_of(pyramid(resolution=(50_800, 50_800), resolutionunit=2))
    assert (per_inch.mpp_x, per_inch.mpp_y) == pytest.approx((0.5, 0.5))
    unitless = index_of(pyramid(resolution=(20_000, 20_000), resolutionunit=1))
    assert (unitless.mpp_x, unitless.mpp_y) == (None, None)


@pytest.mark.parametrize(
    ("fields", "mpp", "power"),
    [
        ("AppMag = 40|MPP = 0.2500", 0.25, 40.0),
        ("AppMag = 40|MPP = 0,2500", 0.25, 40.0),
        ("AppMag = x|MPP = nan", None, None),
        ("AppMag = 1e999|MPP = inf", None, None),
        ("AppMag = 0|MPP = 0", None, None),
        ("AppMag = 4000|MPP = 264.6", None, None),
        ("", None, None),
    ],
)
def test_the_scale_of_an_aperio_slide_comes_from_its_description(
    pyramid: Callable[..., Path], fields: str, mpp: float | None, power: float | None
) -> None:
    path = pyramid(levels=1, description=f"Aperio Image Library v12\r\n960x720 (128x128)|{fields}")
    index = index_of(path)
    assert index.format == APERIO
    assert (index.mpp_x, index.objective_power) == (mpp, power)


def test_levels_are_told_from_other_tiled_images(tmp_path: Path) -> None:
    path = tmp_path / "mixed.tif"
    with tifffile.TiffWriter(path) as writer:
        for shape, kind in (
            ((512, 1024), 0),
            ((128, 256), 0),  # a level without the flag of one
            ((512, 1024), 0),  # another focal plane
            ((256, 512), 1),
            ((300, 310), 0),  # some other picture
            ((64, 128), 1),  # becomes a mask
        ):
            writer.write(
                np.zeros((*shape, 3), np.uint8),
                tile=(64, 64),
                photometric="rgb",
                subfiletype=kind,
                metadata=None,
            )
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[-1].tags["NewSubfileType"].overwrite(5)
    index = index_of(path)
    assert [(level.width, level.height) for level in index.levels] == [
        (1024, 512),
        (512, 256),
        (256, 128),
    ]


def test_levels_in_sub_directories_are_levels(tmp_path: Path) -> None:
    path = tmp_path / "sub.tif"
    with tifffile.TiffWriter(path) as writer:
        options = {"tile": (64, 64), "photometric": "rgb", "metadata": None}
        writer.write(np.zeros((512, 1024, 3), np.uint8), subifds=2, **options)
        writer.write(np.zeros((256, 512, 3), np.uint8), subfiletype=1, **options)
        writer.write(np.zeros((128, 256, 3), np.uint8), subfiletype=1, **options)
    assert [level.width for level in index_of(path).levels] == [1024, 512, 256]


def test_a_tiled_label_is_not_a_level(tmp_path: Path) -> None:
    path = tmp_path / "label.svs"
    with tifffile.TiffWriter(path) as writer:
        for shape, text in (
            ((512, 512), "Aperio Image Library v12\r\n512x512 (64x64)"),
            ((256, 256), "Aperio Image Library v12\r\nlabel 256x256"),
        ):
            writer.write(
                np.zeros((*shape, 3), np.uint8),
                tile=(64, 64),
                photometric="rgb",
                description=text,
                metadata=None,
            )
    index = index_of(path)
    assert [level.width for level in index.levels] == [512]
    assert list(index.associated) == ["label"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("slides/kidney-48-5.tif", "not stored in tiles"),
        ("slides/multi-channel.ome.tif", "OME-TIFF"),
        ("tiff-variants/small_la.tiff", "neither grey nor RGB"),
        ("tiff-variants/tiled-cmyk-i8.tif", "8-bit whole numbers"),
        ("tiff-variants/test_orient2.tif", "turned or mirrored"),
        ("tiff-variants/test_orient8.tif", "turned or mirrored"),
        ("tiff-variants/rgb-3c-16b.tiff", "not stored in tiles"),
    ],
)
def test_what_cannot_be_read_natively_is_told(shared_data: Path, name: str, reason: str) -> None:
    found = native(index_of(shared_data / name))
    assert found is not None
    assert reason in found


def test_an_orientation_of_0_is_upright(shared_data: Path) -> None:
    assert native(index_of(shared_data / "tiff-variants" / "test_orient0.tif")) is None


@pytest.mark.parametrize(
    ("shape", "options", "reason"),
    [
        ((128, 128), {"dtype": "uint16", "photometric": "minisblack"}, "8-bit"),
        ((128, 128), {"photometric": "miniswhite"}, "neither grey nor RGB"),
        ((3, 128, 128), {"photometric": "rgb", "planarconfig": "separate"}, "stored apart"),
        ((128, 128, 4), {"photometric": "rgb", "extrasamples": ["assocalpha"]}, "neither grey"),
        ((128, 128, 3), {"photometric": "rgb", "compression": "zstd"}, "Zstandard"),
    ],
)
def test_unusual_tiles_are_left_to_libraries(
    tmp_path: Path, shape: tuple[int, ...], options: dict[str, object], reason: str
) -> None:
    path = tmp_path / "unusual.tif"
    pixels = np.zeros(shape, options.pop("dtype", "uint8"))
    tifffile.imwrite(path, pixels, tile=(64, 64), metadata=None, **options)
    found = native(index_of(path))
    assert found is not None
    assert reason in found


def test_a_stack_of_many_images_is_left_to_libraries(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(200):
            writer.write(np.zeros((16, 16), np.uint8), tile=(16, 16), metadata=None)
    assert native(index_of(path)) == "it is a stack of 200 images"


def test_tiles_beyond_the_end_of_the_file_are_seen(pyramid: Callable[..., Path]) -> None:
    path = pyramid(levels=1, software="x" * 100_000)
    assert cut_short(index_of(path), path.stat().st_size) is None
    with tifffile.TiffFile(path, mode="r+") as file:
        tag = file.pages[0].tags["TileOffsets"]
        tag.overwrite([*tag.value[:-1], path.stat().st_size - 3])
    lacking = cut_short(index_of(path), path.stat().st_size)
    assert lacking is not None
    assert "960 x 720 level lie beyond the end" in lacking


def test_a_tile_with_more_bytes_than_pixels_can_need_is_damage(
    pyramid: Callable[..., Path],
) -> None:
    path = pyramid(levels=1, software="x" * 1_000_000)
    with tifffile.TiffFile(path, mode="r+") as file:
        tag = file.pages[0].tags["TileByteCounts"]
        tag.overwrite([900_000, *tag.value[1:]])
    with pytest.raises(DamagedSlide, match="more bytes"):
        index_of(path)


@pytest.mark.parametrize(("more", "is_refused"), [(60_000, False), (70_000, True)])
def test_a_tile_may_have_twice_the_bytes_of_its_pixels_and_a_header(
    pyramid: Callable[..., Path], more: int, is_refused: bool
) -> None:
    path = pyramid(levels=1, software="x" * 1_000_000)
    with tifffile.TiffFile(path, mode="r+") as file:
        tag = file.pages[0].tags["TileByteCounts"]
        tag.overwrite([2 * 128 * 128 * 3 + more, *tag.value[1:]])
    refusal = pytest.raises(DamagedSlide, match="more bytes") if is_refused else nullcontext()
    with refusal:
        index_of(path)


def test_tables_that_are_no_tables_are_damage(pyramid: Callable[..., Path]) -> None:
    path = pyramid(levels=1)
    with tifffile.TiffFile(path) as file:
        tables = file.pages[0].tags["JPEGTables"]
        content = path.read_bytes()
    for broken in (b"\xff\xd8\xff\xdb\xff\xff", b"\0\0", b"\xff\xd8\xff\xdb\x00\x01"):
        at = tables.valueoffset
        path.write_bytes(content[:at] + broken + content[at + len(broken) :])
        with pytest.raises(DamagedSlide):
            index_of(path)


def test_an_index_comes_back_from_its_bytes_unchanged(
    demo_slide: Path, shared_data: Path, pyramid: Callable[..., Path]
) -> None:
    for path in (
        demo_slide,
        shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs",
        shared_data / "slides" / "bigtiff-pyramid-board.tif",
        shared_data / "slides" / "multi-channel.ome.tif",
        pyramid(change=lambda _level, number, tile: b"" if number % 3 else tile),
    ):
        index = index_of(path)
        assert same(TiffIndex.from_bytes(index.to_bytes()), index)


def test_a_stored_index_takes_about_two_bytes_a_tile(shared_data: Path) -> None:
    index = index_of(shared_data / "slides" / "bigtiff-pyramid-board.tif")
    large = dataclasses.replace(
        index.levels[0],
        width=256 * 400,
        height=256 * 300,
        offsets=np.arange(120_000, dtype=np.int64) * 20_000,
        counts=np.random.default_rng(0).integers(5000, 20_000, 120_000).astype(np.uint32),
    )
    stored = dataclasses.replace(index, levels=(large,)).to_bytes()
    assert same(TiffIndex.from_bytes(stored), dataclasses.replace(index, levels=(large,)))
    follow_each_other = dataclasses.replace(
        large, offsets=np.cumsum(large.counts, dtype=np.int64) - large.counts
    )
    assert len(dataclasses.replace(index, levels=(follow_each_other,)).to_bytes()) < 2.1 * 120_000


def test_damaged_index_bytes_are_a_value_error_and_nothing_else(demo_slide: Path) -> None:
    good = index_of(demo_slide).to_bytes()
    random = np.random.default_rng(7)
    refused = 0
    for _ in range(500):
        damaged = bytearray(good)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(len(damaged))] = random.integers(256)
        try:
            TiffIndex.from_bytes(bytes(damaged))
        except ValueError:
            refused += 1
    assert refused > 100
    for length in range(0, len(good), 97):
        with pytest.raises(ValueError, match="index"):
            TiffIndex.from_bytes(good[:length])


def test_an_index_of_another_version_is_a_value_error(demo_slide: Path) -> None:
    good = bytearray(index_of(demo_slide).to_bytes())
    assert good[1] == 1
    good[1] = 2
    with pytest.raises(ValueError, match="another version"):
        TiffIndex.from_bytes(bytes(good))
