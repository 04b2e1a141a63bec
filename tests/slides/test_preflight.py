"""The first look at a file: quick, small, and fooled by nothing."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import DamagedSlide, UnsupportedSlide, WsiLabError
from wsi_lab.slides.file_kinds import FileKind
from wsi_lab.slides.preflight import Preflight, preflight
from wsi_lab.slides.source import SlideFile

Build = Callable[..., bytes]
Tiled = Callable[..., dict[int, tuple[int, object]]]

Layout = dict[str, object]
LAYOUTS: list[Layout] = [{"big": big, "order": order} for big in (False, True) for order in "<>"]


@pytest.fixture
def seconds_to_refuse(tmp_path: Path) -> Callable[..., float]:
    def measure(content: bytes, match: str | None = None) -> float:
        path = tmp_path / "hostile.tif"
        path.write_bytes(content)
        best = 1e9
        for _ in range(3):  # The machine may be busy, but not three times.
            started = time.process_time()
            with SlideFile(str(path)) as source, pytest.raises(DamagedSlide, match=match):
                preflight(source)
            best = min(best, time.process_time() - started)
        return best

    return measure


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_layout_of_an_honest_file_is_understood(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled, layout: Layout
) -> None:
    found = looked_at(raw_tiff([tiled(), tiled()], **layout))
    assert found.kind is FileKind.TIFF
    assert found.structure is not None
    assert len(found.structure.pages) == 2


@pytest.mark.parametrize("length", [1, 2, 3, 99, 100, 101, 1000])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_loop_of_any_length_is_an_error_within_100_ms(
    seconds_to_refuse: Callable[..., float],
    raw_tiff: Build,
    tiled: Tiled,
    layout: Layout,
    length: int,
) -> None:
    content = raw_tiff(
        [tiled() for _ in range(length)],
        following=[*range(1, length), 0],
        **layout,
    )
    assert seconds_to_refuse(content, "loop") < 0.1


def test_a_loop_that_leaves_out_the_first_directory_is_an_error(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    with pytest.raises(DamagedSlide, match="loop"):
        looked_at(raw_tiff([tiled()] * 5, following=[1, 2, 3, 4, 2]))


@pytest.mark.parametrize("target", [0, 1])
def test_sub_directories_that_lead_back_are_a_loop(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled, target: int
) -> None:
    directories = [tiled(tag_330=(4, ("directory", 1))), tiled(tag_330=(4, ("directory", target)))]
    with pytest.raises(DamagedSlide, match="loop"):
        looked_at(raw_tiff(directories, following=[-1, -1]))


def test_honest_sub_directories_are_images_too(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    content = raw_tiff([tiled(tag_330=(4, ("directory", 1))), tiled()], following=[-1, -1])
    structure = looked_at(content).structure
    assert structure is not None
    assert len(structure.pages) == 2


def test_sub_directories_that_are_listed_and_linked_are_honest(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    parent = tiled(tag_330=(4, [("directory", 1), ("directory", 2), ("directory", 3)]))
    content = raw_tiff([parent, tiled(), tiled(), tiled()], following=[-1, 2, 3, -1])
    structure = looked_at(content).structure
    assert structure is not None
    assert len(structure.pages) == 4


def test_the_same_sub_directory_again_and_again_is_refused_in_100_ms(
    seconds_to_refuse: Callable[..., float], raw_tiff: Build, tiled: Tiled
) -> None:
    many = [("directory", 1)] * 4096
    content = raw_tiff([tiled(tag_330=(4, many)), tiled()], following=[-1, -1])
    assert seconds_to_refuse(content, "twice") < 0.1


@pytest.mark.parametrize("length", [2, 100, 1000])
def test_a_loop_among_sub_directories_is_an_error_within_100_ms(
    seconds_to_refuse: Callable[..., float], raw_tiff: Build, tiled: Tiled, length: int
) -> None:
    directories = [tiled(tag_330=(4, ("directory", 1)))] + [tiled() for _ in range(length)]
    content = raw_tiff(directories, following=[-1, *range(2, length + 1), 1])
    assert seconds_to_refuse(content, "loop") < 0.1


def test_a_graph_with_ever_more_ways_is_walked_once(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    both = [
        tiled(tag_330=(4, [("directory", 2 * n + 1), ("directory", 2 * n + 2)]))
        for n in range(1, 200)
        for _ in range(2)
    ]
    root = tiled(tag_330=(4, [("directory", 1), ("directory", 2)]))
    content = raw_tiff([root, *both, tiled(), tiled()], following=[-1] * 401)
    structure = looked_at(content).structure
    assert structure is not None
    assert len(structure.pages) == 401


@pytest.mark.parametrize("length", [1025, 60_000])
def test_a_chain_without_end_is_refused_in_100_ms(
    seconds_to_refuse: Callable[..., float], raw_tiff: Build, tiled: Tiled, length: int
) -> None:
    content = raw_tiff([tiled() for _ in range(length)])
    assert seconds_to_refuse(content, "more than 1,024 images") < 0.1


def test_many_full_directories_are_refused_in_100_ms(
    seconds_to_refuse: Callable[..., float], raw_tiff: Build, tiled: Tiled
) -> None:
    full = {**tiled(), **{40_000 + n: (3, 0) for n in range(4000)}}
    content = raw_tiff([full] * 40)
    assert seconds_to_refuse(content, "more entries") < 0.1


LIES = {
    "no width": {"tag_256": None},
    "zero width": {"tag_256": (4, 0)},
    "zero height": {"tag_257": (4, 0)},
    "endless width": {"tag_256": (4, 2**32 - 1)},
    "two widths": {"tag_256": (4, [32, 32])},
    "width of a strange type": {"tag_256": (2, [32])},
    "zero tile width": {"tag_322": (3, 0)},
    "zero tile height": {"tag_323": (3, 0)},
    "no tile height": {"tag_323": None},
    "no offsets": {"tag_324": None},
    "no byte counts": {"tag_325": None},
    "too few offsets": {"tag_324": (4, [8, 8, 8])},
    "too few byte counts": {"tag_325": (4, [16])},
    "a larger image than its tiles": {"tag_256": (4, 3200)},
    "no samples": {"tag_277": (3, 0)},
    "thousands of samples": {"tag_277": (3, 40_000)},
    "thousands of bits": {"tag_258": (3, 40_000)},
    "offsets beyond the file": {"tag_324": (4, {"count": 4, "offset": 1 << 30})},
    "more offsets than the file has bytes": {"tag_324": (4, {"count": 1 << 30, "offset": 8})},
    "description beyond the file": {"tag_270": (2, {"count": 1 << 31, "offset": 8})},
    "planes without tiles": {"tag_277": (3, 3), "tag_284": (3, 2)},
    "a tile of gigabytes": {"tag_322": (4, 100_000), "tag_323": (4, 100_000)},
    "millions of tiles": {"tag_256": (4, 9_000_000), "tag_257": (4, 9_000_000)},
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_numbers_that_cannot_be_true_are_damage(
    seconds_to_refuse: Callable[..., float],
    raw_tiff: Build,
    tiled: Tiled,
    layout: Layout,
    lie: str,
) -> None:
    content = raw_tiff([tiled(**LIES[lie])], **layout)
    assert seconds_to_refuse(content) < 0.1


def test_a_tag_that_is_stated_twice_is_damage(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    content = raw_tiff([tiled()])
    height = content.index(struct.pack("<HH", 257, 4))
    with pytest.raises(DamagedSlide, match="twice"):
        looked_at(content[:height] + struct.pack("<H", 256) + content[height + 2 :])


@pytest.mark.parametrize("entries", [0, 4097, 65_535])
def test_an_impossible_number_of_entries_is_damage(
    looked_at: Callable[..., Preflight], entries: int
) -> None:
    content = b"II*\0" + struct.pack("<IH", 8, entries) + bytes(900_000)
    with pytest.raises(DamagedSlide, match="entries"):
        looked_at(content)


@pytest.mark.parametrize(
    "header",
    [
        b"II*\0",
        b"II*\0" + struct.pack("<I", 0),
        b"II*\0" + struct.pack("<I", 1 << 31),
        b"II+\0" + struct.pack("<HHQ", 4, 0, 16),
        b"II+\0" + struct.pack("<HHQ", 8, 1, 16),
        b"II+\0" + struct.pack("<HHQ", 8, 0, 1 << 63),
        b"MM\0+" + struct.pack(">HH", 8, 0),
    ],
)
def test_a_header_that_leads_nowhere_is_damage(
    looked_at: Callable[..., Preflight], header: bytes
) -> None:
    with pytest.raises(DamagedSlide):
        looked_at(header)


def test_a_small_file_cannot_claim_a_picture_of_gigabytes(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    strips = {
        **{f"tag_{tag}": None for tag in (322, 323, 324, 325)},
        "tag_256": (4, 30_000),
        "tag_257": (4, 30_000),
        "tag_259": (3, 8),
        "tag_273": (4, 8),
        "tag_279": (4, 100),
    }
    with pytest.raises(DamagedSlide, match="tiled pyramid"):
        looked_at(raw_tiff([tiled(**strips)]))


def test_a_large_but_honest_picture_is_let_through(shared_data: Path) -> None:
    with SlideFile(str(shared_data / "tiff-variants" / "grey10kx5k.tif")) as source:
        assert preflight(source).kind is FileKind.TIFF


def test_the_whole_slide_in_one_strip_that_hamamatsu_writes_is_let_through(
    looked_at: Callable[..., Preflight], raw_tiff: Build, tiled: Tiled
) -> None:
    strip = {
        **{f"tag_{tag}": None for tag in (322, 323, 324, 325)},
        "tag_256": (4, 100_000),
        "tag_257": (4, 80_000),
        "tag_259": (3, 7),
        "tag_273": (4, 8),
        "tag_279": (4, 100),
        "tag_65420": (4, 1),
    }
    assert looked_at(raw_tiff([tiled(**strip)])).kind is FileKind.TIFF


def test_a_hamamatsu_file_beyond_4_gib_is_walked_by_its_long_offsets(tmp_path: Path) -> None:
    start = (1 << 32) + 4096
    entries = [(256, 4, 1, 5000), (257, 4, 1, 4000), (259, 3, 1, 7), (273, 4, 1, 100)]
    entries += [(279, 4, 1, 100), (65420, 4, 1, 1)]
    path = tmp_path / "large.ndpi"
    with path.open("wb") as file:  # A hole takes no room on the disk.
        file.write(b"II*\0" + struct.pack("<Q", start))
        file.seek(start)
        file.write(struct.pack("<H", len(entries)))
        file.write(b"".join(struct.pack("<HHII", *entry) for entry in entries))
        file.write(struct.pack("<Q", 0) + bytes(4 * len(entries)))
    with SlideFile(str(path)) as source:
        structure = preflight(source).structure
    assert structure is not None
    assert structure.is_ndpi
    assert structure.pages == (start,)


def test_all_real_slides_are_let_through_in_100_ms(shared_data: Path) -> None:
    for folder in ("slides", "slides/dicom-cmu-1-small-region", "tiff-variants"):
        for path in sorted((shared_data / folder).glob("*.*")):
            started = time.process_time()
            with SlideFile(str(path)) as source:
                preflight(source)
            assert time.process_time() - started < 0.5, path.name


def test_damaged_files_are_refused_before_any_library_sees_them(shared_data: Path) -> None:
    refused = {}
    for path in sorted((shared_data / "corrupt").iterdir()):
        with SlideFile(str(path)) as source:
            try:
                preflight(source)
            except WsiLabError as error:
                refused[path.name] = type(error)
    assert refused == {
        "broken.svs": UnsupportedSlide,
        "colormap-shl-overflow.tiff": DamagedSlide,
        "graydepth-invert-overflow-5a0aad5024cc4ff3.tiff": DamagedSlide,
        "graydepth-invert-overflow-9f2f479685f84884.tiff": DamagedSlide,
        "notanimage.txt": UnsupportedSlide,
        "zero_gi.tif": DamagedSlide,
        # Its directory is honest: sample-get-lzw-stuck.tiff is refused for where its tiles lie.
    }


def test_the_first_look_stays_small(tmp_path: Path, raw_tiff: Build, tiled: Tiled) -> None:
    hostile = tmp_path / "hostile.tif"
    # A million tiles that the file really lists, and as many directories as are let through.
    lists = {"tag_256": (4, 16_000), "tag_257": (4, 16_000)}
    lists |= {"tag_324": (4, {"count": 1_000_000, "offset": 8})}
    lists |= {"tag_325": (4, {"count": 1_000_000, "offset": 8})}
    content = raw_tiff([tiled(**lists)] + [tiled() for _ in range(1000)])
    hostile.write_bytes(content + bytes(5_000_000))
    with SlideFile(str(hostile)) as source:
        tracemalloc.start()
        try:
            preflight(source)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 16 * 2**20


def test_a_file_that_shrinks_while_it_is_looked_at_is_damage(
    tmp_path: Path, raw_tiff: Build, tiled: Tiled
) -> None:
    path = tmp_path / "slide.tif"
    path.write_bytes(raw_tiff([tiled()], after=bytes(100_000)))
    with SlideFile(str(path)) as source:
        os.truncate(path, 20)
        with pytest.raises(DamagedSlide):
            preflight(source)


def test_refused_files_leave_nothing_that_harms_the_garbage_collector(shared_data: Path) -> None:
    script = (
        "import gc, sys\n"
        "from wsi_lab.errors import SlideError\n"
        "from wsi_lab.slides.preflight import preflight\n"
        "from wsi_lab.slides.source import SlideFile\n"
        "for path in sys.argv[1:]:\n"
        "    try:\n"
        "        with SlideFile(path) as file:\n"
        "            preflight(file)\n"
        "    except SlideError as error:\n"
        "        error.itself = error\n"
        "gc.collect()\n"
    )
    corrupt = sorted(map(str, (shared_data / "corrupt").iterdir()))
    assert len(corrupt) >= 7
    done = subprocess.run([sys.executable, "-c", script, *corrupt], check=False, timeout=60)
    assert done.returncode == 0
