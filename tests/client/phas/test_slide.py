"""A slide whose patches a server cuts as PHAS does, of the demo's slide."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
import pytest
from phas_server import Asked, FakePhas, Reply

from wsi_lab.client.phas import SamplingROIPatchExtractor, Slide, Task
from wsi_lab.errors import DamagedSlide, Invalid, NotFound, OutOfRange, TooLarge, WsiLabError

openslide = pytest.importorskip("openslide")

PATCH = re.compile(r"/dzi/patch/HTT pilot/7/raw/(\d+)/(\d+)_(\d+)_(\d+)_(\d+)\.png")
WIDTH, HEIGHT = 2220, 2967
HEADER = {"dimensions": [WIDTH, HEIGHT], "spacing": [0.000499, 0.0005]}
RAW_HEADER = {
    "level_dimensions": [[WIDTH, HEIGHT], [1110, 1483]],
    "level_downsamples": [1.0, 2.0003],
    "properties": {"aperio.AppMag": "20"},
}


@pytest.fixture(scope="module")
def opened(demo_slide) -> Iterator[openslide.OpenSlide]:
    with openslide.OpenSlide(demo_slide) as slide:
        yield slide


@pytest.fixture
def slide(phas: FakePhas, client, opened) -> Slide:
    def cut(asked: Asked) -> Reply:
        # PHAS has no route for negative numbers.
        found = PATCH.fullmatch(asked.path)
        if found is None:
            return Reply(b"", 404)
        level, x, y, width, height = map(int, found.groups())
        scale = RAW_HEADER["level_downsamples"][level]
        corner = (x - int(0.5 * width * scale), y - int(0.5 * height * scale))
        buffer = io.BytesIO()
        opened.read_region(corner, 0, (width, height)).save(buffer, "png")
        return Reply(buffer.getvalue())

    phas.otherwise = cut
    phas.answer("GET /dzi/HTT pilot/7/header", HEADER)
    phas.answer("GET /dzi/download/HTT pilot/slide_7_raw_header.json", RAW_HEADER)
    phas.answer("GET /dzi/HTT pilot/7/filepath", {"remote": "/a/one.svs", "local": "/b"})
    phas.answer("GET /api/task/5/slide/7/tags", ["cortex"])
    phas.answer("GET /dzi/download/task/5/slide_7_raw_1000.nii.gz", b"nifti")
    return Slide(Task(client, 5), 7)


def patches(phas: FakePhas) -> list[str]:
    return [each.path.rsplit("/", 2)[-1] for each in phas.asked if "/patch/" in each.path]


def test_slide_knows_what_its_task_says_of_it(slide):
    assert (slide.slide_id, slide.task_id, slide.project) == (7, 5, "HTT pilot")
    assert slide.detail["specimen_display"] == "Ada"
    assert (slide.specimen_private, slide.specimen_public) == ("Ada", "Anon 0001")
    assert (slide.block_name, slide.section, slide.slide_number) == ("A1", 3, 2)
    assert slide.stain == "NISSL"
    assert str(slide).splitlines()[0] == "Slide 7 of task 5"
    assert repr(slide) == "<Slide 7 of task 5 of project 'HTT pilot'>"


def test_facts_of_the_file_are_read_once_and_only_when_asked_for(phas, slide):
    before = len(phas.asked)
    for _ in range(2):
        assert (slide.dimensions, slide.spacing) == ([2220, 2967], [0.000499, 0.0005])
        assert slide.level_dimensions == [[2220, 2967], [1110, 1483]]
        assert slide.level_downsamples == [1.0, 2.0003]
        assert slide.properties == {"aperio.AppMag": "20"}
        assert (slide.fullpath, slide.tags) == ("/a/one.svs", ["cortex"])
    assert len(phas.asked) == before + 4


def test_answer_that_lacks_something_is_said(phas, slide):
    phas.answer("GET /dzi/HTT pilot/7/header", {"dimensions": [1, 2]})
    with pytest.raises(WsiLabError, match="does not speak PHAS"):
        _ = slide.spacing


def test_thumbnail_is_asked_for_through_the_task(slide, tmp_path):
    assert slide.thumbnail_nifti_image() == b"nifti"
    assert slide.thumbnail_nifti_image(tmp_path / "a.nii.gz") is None
    assert (tmp_path / "a.nii.gz").read_bytes() == b"nifti"
    with pytest.raises(NotFound):
        slide.thumbnail_nifti_image(max_dim=64)


@pytest.mark.parametrize(
    ("size", "tile_size"),
    [
        *[(size, 0) for size in ((300, 200), (301, 199), (1, 1), (600, 513))],
        ((301, 199), 1024),
        ((300, 200), 128),
        ((256, 128), 128),
        ((60, 40), 10),
    ],
)
def test_patch_is_what_openslide_reads(slide, opened, size, tile_size):
    patch = slide.get_patch((700, 800), 0, size, tile_size)
    corner = (700 - int(0.5 * size[0]), 800 - int(0.5 * size[1]))
    expected = opened.read_region(corner, 0, size)
    assert patch.mode == "RGBA"
    assert np.array_equal(np.asarray(patch), np.asarray(expected))


def test_tiles_are_asked_for_as_the_released_client_does(phas, slide):
    slide.get_patch((700.9, 800.2), 1, (300, 250), 128)
    scale = 2.0003
    expected = []
    for x in (0, 128, 256):
        w = min(300 - x, 128)
        for y in (0, 128):
            h = min(250 - y, 128)
            cx = 700.9 + scale * (x - 0.5 * (300 - w))
            cy = 800.2 + scale * (y - 0.5 * (250 - h))
            expected.append(f"{int(cx)}_{int(cy)}_{w}_{h}.png")
    assert patches(phas) == expected


def test_one_request_needs_no_header(phas, slide):
    slide.get_patch(np.array([700.9, 800.2]), np.int64(0), np.array([30, 20]), tile_size=0)
    assert patches(phas) == ["700_800_30_20.png"]
    assert not any("header" in each.path for each in phas.asked)


@pytest.mark.parametrize("centre", [(-10, 50), (50, -10), (-10, -10), (-64, 5), (-500, 50)])
@pytest.mark.parametrize("size", [(128, 128), (127, 65)])
def test_patch_around_a_place_off_the_slide_is_transparent_there(slide, opened, centre, size):
    patch = slide.get_patch(centre, 0, size, tile_size=0)
    corner = (centre[0] - int(0.5 * size[0]), centre[1] - int(0.5 * size[1]))
    expected = opened.read_region(corner, 0, size)
    assert (patch.mode, patch.size) == ("RGBA", size)
    assert np.array_equal(np.asarray(patch), np.asarray(expected))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (((1, 2), 0, (0, 5)), Invalid),
        (((1, 2), 0, (5.5, 5)), Invalid),
        (((1, float("nan")), 0, (5, 5)), Invalid),
        (((1,), 0, (5, 5)), Invalid),
        (((1, 2), 0.5, (5, 5)), Invalid),
        (((1, 2), 0, (5, 5), -1), Invalid),
        (((1, 2), 2, (5, 5)), OutOfRange),
        (((1, 2), -1, (5, 5)), OutOfRange),
    ],
)
def test_patch_that_cannot_be_is_not_asked_for(phas, slide, given, kind):
    with pytest.raises(kind):
        slide.get_patch(*given)
    assert not patches(phas)


def test_picture_of_another_size_is_not_taken(phas, slide):
    answer = phas.otherwise
    phas.otherwise = lambda asked: answer(
        Asked("GET", asked.path.replace("_30_", "_31_"), {}, {}, b"")
    )
    with pytest.raises(DamagedSlide, match="not a picture"):
        slide.get_patch((700, 800), 0, (30, 20))


def extractor(slide: Slide, corners: list[list[float]], **sizes: int) -> SamplingROIPatchExtractor:
    return SamplingROIPatchExtractor(slide, {"type": "polygon", "data": corners}, **sizes)


@pytest.fixture
def roi(slide) -> SamplingROIPatchExtractor:
    """A triangle over two by three tiles of 100 pixels."""
    corners = [[510, 600], [660, 610], [520, 880]]
    return extractor(slide, corners, tile_size=100, padding=12, sub_tiles_per_tile=10)


def test_defaults_are_those_of_the_released_client(slide):
    made = extractor(slide, [[0, 0], [10, 0], [0, 10]])
    assert (made.tile_size, made.padding, made.sub_tiles_per_tile) == (1024, 32, 16)


def test_tiles_have_equal_margins_around_the_box(roi):
    # The box is 510…660 by 600…880: 2 x 3 tiles around the centre (585, 740).
    assert (roi.tx, roi.ty) == (485, 590)
    assert roi.tile_mask_density().shape == (3, 2)
    assert roi.subtile_mask_density().shape == (30, 20)


def test_tiles_are_pairs_with_their_densities(roi):
    indices, densities = roi.tiles()
    density = roi.tile_mask_density()
    assert indices.shape == (len(densities), 2)
    assert [[row, column] for column, row in indices] == np.argwhere(density).tolist()
    assert np.array_equal(densities, density[indices[:, 1], indices[:, 0]])
    assert 0 < densities.min() <= densities.max() <= 1


def test_density_is_the_part_that_is_covered(roi):
    shapely = pytest.importorskip("shapely")
    triangle = shapely.Polygon(roi.geom["data"])
    for row in range(3):
        for column in range(2):
            left, top = roi.tx + 100 * column, roi.ty + 100 * row
            part = shapely.box(left, top, left + 100, top + 100).intersection(triangle).area
            # Its outline covers half a sub-tile more, all along.
            assert part / 1e4 - 0.01 <= roi.tile_mask_density()[row, column] <= part / 1e4 + 0.16


def test_sub_tiles_are_full_or_empty_and_average_to_the_tiles(roi):
    sub_tiles = roi.subtile_mask_density()
    assert set(np.unique(sub_tiles)) == {0, 255}
    block = sub_tiles[10:20, :10]
    assert roi.tile_mask_density()[1, 0] == block.mean() / 255


def test_patch_is_a_tile_and_its_padding(roi, opened):
    patch, mask = roi.get_tile_patch_and_mask((1, 0))
    corner = (485 + 100 - 12, 590 - 12)
    expected = opened.read_region(corner, 0, (124, 124)).convert("RGB")
    assert np.array_equal(np.asarray(patch), np.asarray(expected))
    assert (patch.mode, mask.mode, mask.size) == ("RGB", "L", (124, 124))


def test_mask_is_empty_in_the_padding_and_full_in_the_roi(roi):
    shapely = pytest.importorskip("shapely")
    triangle = shapely.Polygon(roi.geom["data"])
    _, mask = roi.get_tile_patch_and_mask(np.array([0, 1]))
    values = np.asarray(mask)
    assert set(np.unique(values)) == {0, 255}
    inner = np.zeros_like(values)
    inner[12:-12, 12:-12] = values[12:-12, 12:-12]
    assert np.array_equal(values, inner)
    tile = shapely.box(485, 690, 585, 790).intersection(triangle).area
    assert np.count_nonzero(values) == pytest.approx(tile, rel=0.03)
    assert values[12 + 50, 12 + 50] == 255


def test_origin_is_the_centre_of_the_first_pixel_in_millimetres(roi):
    expected = [0.000499 * (585 - 12 + 0.5), 0.0005 * (590 - 12 + 0.5)]
    assert roi.tile_patch_origin((1, 0)) == pytest.approx(expected)


def test_origin_needs_a_pixel_size(phas, roi):
    phas.answer("GET /dzi/HTT pilot/7/header", HEADER | {"spacing": None})
    with pytest.raises(NotFound, match="not known"):
        roi.tile_patch_origin((0, 0))


def test_roi_may_lie_off_the_slide(slide, opened):
    roi = extractor(slide, [[-700, -200], [150, -90], [90, 120]], tile_size=256, padding=8)
    assert (roi.tx, roi.ty) == (-275 - 512, -40 - 256)
    indices, _ = roi.tiles()
    for index in indices:
        patch, _ = roi.get_tile_patch_and_mask(index)
        corner = (roi.tx + 256 * int(index[0]) - 8, roi.ty + 256 * int(index[1]) - 8)
        # Transparent black becomes black.
        expected = opened.read_region(corner, 0, (272, 272)).convert("RGB")
        assert np.array_equal(np.asarray(patch), np.asarray(expected))


def test_trapezoid_is_its_four_corners(slide):
    # Half as wide at the left as at the right.
    data = [[500, 700, 50], [900, 700, 100]]
    roi = SamplingROIPatchExtractor(slide, {"type": "trapezoid", "data": data}, 100, 0, 10)
    same = extractor(
        slide,
        [[500, 750], [500, 650], [900, 600], [900, 800]],
        tile_size=100,
        padding=0,
        sub_tiles_per_tile=10,
    )
    assert (roi.tx, roi.ty) == (same.tx, same.ty) == (500, 600)
    assert np.array_equal(roi.subtile_mask_density(), same.subtile_mask_density())
    moved = roi.translate_geom(roi.geom, 5, -3)
    assert np.allclose(moved["data"], [[505, 697, 50], [905, 697, 100]])
    assert roi.geom["data"] == data


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "polygon", "data": [[1, 1], [5, 1]]},
        {"type": "polygon", "data": [[1, 1]]},
        {"type": "polygon", "data": [[1, 1], [5, "x"]]},
        {"type": "polygon", "data": [[1, 1], [5, float("inf")], [3, 3]]},
        {"type": "trapezoid", "data": [[1, 1, 5], [1, 1, 5]]},
        {"type": "trapezoid", "data": [[1, 1], [5, 5]]},
        {"type": "circle", "data": [[1, 1, 5], [5, 5, 5]]},
        {},
        None,
    ],
)
def test_roi_without_an_area_is_refused(slide, geometry):
    with pytest.raises(Invalid):
        SamplingROIPatchExtractor(slide, geometry)


@pytest.mark.parametrize(
    "sizes", [{"tile_size": 0}, {"padding": -1}, {"sub_tiles_per_tile": 0}, {"tile_size": 1.5}]
)
def test_sizes_that_cannot_be_are_refused(slide, sizes):
    with pytest.raises(Invalid, match="whole numbers"):
        extractor(slide, [[0, 0], [10, 0], [0, 10]], **sizes)


def test_too_many_tiles_are_refused(slide):
    with pytest.raises(TooLarge, match="too many tiles"):
        extractor(slide, [[0, 0], [1e9, 0], [0, 1e9]])
