"""Patches, thumbnails and tiles of slides, and what a slide is like."""

from __future__ import annotations

import gzip
import io
from typing import Any

import httpx
import nibabel
import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 2220, 2967
DEEPZOOM = "{http://schemas.microsoft.com/deepzoom/2008}"


def _pixels(answer: httpx.Response, mode: str = "RGBA") -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.mode) == ("PNG", mode)
    return np.asarray(image)


def _nifti(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/octet-stream"
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))


def _patch(world: Any, client: httpx.Client, *place: Any) -> httpx.Response:
    level, x, y, width, height = place
    path = f"/dzi/patch/HTT pilot/{world.slide.id}/raw/{level}/{x}_{y}_{width}_{height}.png"
    return client.get(path)


def test_size_and_spacing_are_told_in_pixels_and_millimetres(
    phas_anywhere: Any, phas_world: Any
) -> None:
    client, slides = phas_anywhere.of("reader"), phas_world.slides
    told = client.get(f"/dzi/HTT pilot/{slides['demo'].id}/header").json()
    assert told == {"dimensions": [WIDTH, HEIGHT], "spacing": [0.000499, 0.000499]}
    plain = client.get(f"/dzi/HTT pilot/{slides['plain'].id}/header").json()
    assert plain == {"dimensions": [32, 32], "spacing": None}


def test_header_holds_levels_and_properties_in_openslides_words(
    phas_anywhere: Any, phas_world: Any
) -> None:
    path = f"/dzi/download/HTT pilot/slide_{phas_world.slide.id}_raw_header.json"
    told = phas_anywhere.of("reader").get(path).json()
    assert set(told) == {"properties", "level_dimensions", "level_downsamples"}
    assert told["level_dimensions"] == [[WIDTH, HEIGHT]]
    assert told["level_downsamples"] == [1.0]
    properties = told["properties"]
    assert properties["openslide.mpp-x"] == "0.499"
    assert all(isinstance(value, str) for value in properties.values())
    assert not any(name.startswith(("aperio.User", "aperio.Filename")) for name in properties)


def test_patch_lies_around_its_middle_and_is_clear_off_the_slide(
    phas_anywhere: Any, phas_world: Any
) -> None:
    world, client = phas_world, phas_anywhere.of("reader")
    found = _pixels(_patch(world, client, 0, -10, 5, 64, 33))
    assert found.shape == (33, 64, 4)
    # It begins at -10 - int(0.5 * 64), 5 - int(0.5 * 33).
    assert not found[:11].any()
    assert not found[:, :42].any()
    region = world.lab.tiles.region(world.owner, world.slide.id, (0, 0), (22, 22), level=0)
    assert (found[11:, 42:, :3] == region).all()
    assert (found[11:, 42:, 3] == 255).all()
    assert not _pixels(_patch(world, client, 0, -(10**8), 10**8, 9, 9)).any()


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ((1, 0, 0, 8, 8), 400),
        ((-1, 0, 0, 8, 8), 400),
        ((0, 0, 0, 0, 8), 400),
        ((0, 0, 0, -8, 8), 400),
        ((0, 0, 0, "x", 8), 400),
        ((0, "1.5", 0, 8, 8), 400),
        ((0, "--1", 0, 8, 8), 400),
        ((0, "9" * 40, 0, 8, 8), 400),
        ((0, "%D9%A3", 0, 8, 8), 400),
        (("x", 0, 0, 8, 8), 400),
        ((0, 0, 0, 10**8, 10**8), 413),
    ],
    ids=str,
)
def test_patch_that_there_is_not_is_refused(
    phas: Any, phas_world: Any, say: Any, place: tuple[Any, ...], status: int
) -> None:
    say(_patch(phas_world, phas.of("reader"), *place), status)


def test_only_png_is_known_of_patches(phas: Any, phas_world: Any, say: Any) -> None:
    path = f"/dzi/patch/HTT pilot/{phas_world.slide.id}/raw/0/5_5_8_8"
    for ending in (".jpeg", ".jpg", ".bmp", ""):
        say(phas.of("reader").get(path + ending), 404)


def test_image_of_a_training_sample_is_a_square_around_its_middle(
    phas_anywhere: Any, phas_world: Any
) -> None:
    world, client = phas_world, phas_anywhere.of("reader")
    label, task = world.labels.labels[0].id, world.tasks["boxes"].id
    made = world.lab.samples.create(world.owner, task, world.slide.id, label, (11, 21, 110, 80))
    found = client.get(f"/dltrain/api/sample/{made}/image.png")
    # (11 + 110) / 2 + 0.5 and (21 + 80) / 2 + 0.5, and the task's patches have 64 pixels.
    assert (_pixels(found) == _pixels(_patch(world, client, 0, 61, 51, 64, 64))).all()


def test_random_patch_lies_on_the_slide(phas: Any, phas_world: Any, say: Any) -> None:
    task, slide = phas_world.tasks["draw"].id, phas_world.slide.id
    path = f"/api/task/{task}/slide/{slide}/random_patch"
    for side in (1, 33, 2220):
        found = _pixels(phas.of("reader").get(f"{path}/{side}"))
        assert found.shape == (side, side, 4)
        assert (found[..., 3] == 255).all()
    say(phas.of("reader").get(f"{path}/0"), 400)
    say(phas.of("reader").get(f"{path}/999999999"), 413)


def test_thumbnail_shows_the_whole_slide(phas: Any, phas_world: Any) -> None:
    task, slide = phas_world.tasks["draw"].id, phas_world.slide.id
    found = _pixels(phas.of("reader").get(f"/api/task/{task}/slide/{slide}_thumbnail.png"), "RGB")
    assert found.shape == (512, 383, 3)


def test_thumbnail_file_is_the_same_at_both_addresses(phas_anywhere: Any, phas_world: Any) -> None:
    client, slide = phas_anywhere.of("reader"), phas_world.slide.id
    of_task = client.get(
        f"/dzi/download/task/{phas_world.tasks['draw'].id}/slide_{slide}_raw_300.nii.gz"
    )
    of_project = client.get(f"/dzi/download/HTT pilot/slide_{slide}_raw_300.nii.gz")
    assert of_task.content == of_project.content
    assert of_task.headers["Content-Disposition"] == (
        f'attachment; filename="slide_{slide}_raw_300.nii.gz"'
    )
    found = _nifti(of_task)
    assert found.shape == (224, 300, 1)
    assert int(found.header["datatype"]) == 128
    spacing = np.diag(found.affine)[:2]
    assert np.allclose(spacing, [-WIDTH * 0.000499 / 224, -HEIGHT * 0.000499 / 300])


def test_label_image_lies_on_the_grid_of_the_thumbnail(phas_anywhere: Any, phas_world: Any) -> None:
    client, slide = phas_anywhere.of("reader"), phas_world.slide.id
    phas_world.new_region()
    task = phas_world.tasks["regions"].id
    found = _nifti(client.get(f"/task/{task}/slide/{slide}/sampling_roi/make_image_300.nii.gz"))
    assert found.shape == (224, 300, 1, 1)
    assert int(found.header["datatype"]) == 2
    label = phas_world.labels.labels[0].id
    values = np.asanyarray(found.dataobj)[..., 0, 0]
    # The square from (100, 100) to (700, 900).
    assert values[40, 50] == label
    assert values[5, 5] == values[100, 50] == values[40, 120] == 0
    assert set(np.unique(values)) == {0, label}
    thumbnail = _nifti(client.get(f"/dzi/download/task/{task}/slide_{slide}_raw_300.nii.gz"))
    assert (found.affine == thumbnail.affine).all()


def test_without_a_scale_there_are_no_files_with_one(phas: Any, phas_world: Any, say: Any) -> None:
    client, plain = phas.of("reader"), phas_world.slides["plain"].id
    draw, regions = phas_world.tasks["draw"].id, phas_world.tasks["regions"].id
    for path in (
        f"/dzi/download/task/{draw}/slide_{plain}_raw_64.nii.gz",
        f"/dzi/download/HTT pilot/slide_{plain}_raw_64.nii.gz",
        f"/task/{regions}/slide/{plain}/sampling_roi/make_image_64.nii.gz",
    ):
        assert "scale" in say(client.get(path), 404)


def test_task_may_allow_small_files_only(phas: Any, phas_world: Any, say: Any) -> None:
    path = f"/dzi/download/task/{phas_world.tasks['browse'].id}/slide_{phas_world.slide.id}_raw"
    assert _nifti(phas.of("reader").get(f"{path}_200.nii.gz")).shape[1] == 200
    say(phas.of("reader").get(f"{path}_201.nii.gz"), 404)


@pytest.mark.parametrize(("size", "status"), [("0", 400), ("-1", 400), ("x", 400)])
def test_size_that_is_none_is_refused(
    phas: Any, phas_world: Any, say: Any, size: str, status: int
) -> None:
    slide, regions = phas_world.slide.id, phas_world.tasks["regions"].id
    for path in (
        f"/dzi/download/task/{regions}/slide_{slide}_raw_{size}.nii.gz",
        f"/task/{regions}/slide/{slide}/sampling_roi/make_image_{size}.nii.gz",
    ):
        say(phas.of("reader").get(path), status)


def test_tiles_are_those_of_the_lab(phas_anywhere: Any, phas_world: Any) -> None:
    world, client = phas_world, phas_anywhere.of("reader")
    below = f"/dzi/raw/HTT pilot/{world.slide.id}/raw"
    descriptor = client.get(f"{below}.dzi")
    assert descriptor.headers["Content-Type"] == "application/xml"
    root = fromstring(descriptor.content)
    size = root.find(f"{DEEPZOOM}Size")
    assert (root.get("Format"), root.get("Overlap")) == ("jpeg", "0")
    assert (size.get("Width"), size.get("Height")) == (str(WIDTH), str(HEIGHT))
    for level, x, y in ((12, 1, 1), (12, 9, 12), (11, 2, 3), (0, 0, 0)):
        made = world.lab.tiles.tile(world.owner, world.slide.id, "deepzoom", level, x, y)
        for ending in ("jpeg", "jpg"):
            tile = client.get(f"{below}_files/{level}/{x}_{y}.{ending}")
            assert tile.headers["Content-Type"] == "image/jpeg"
            assert tile.content == made.data
        again = client.get(
            f"{below}_files/{level}/{x}_{y}.jpeg", headers={"If-None-Match": tile.headers["ETag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        exact = _pixels(client.get(f"{below}_files/{level}/{x}_{y}.png"), "RGB").astype(int)
        jpeg = np.asarray(Image.open(io.BytesIO(made.data)).convert("RGB")).astype(int)
        # Two decoders round differently.
        assert np.abs(exact - jpeg).max() <= 3


@pytest.mark.parametrize(
    ("tile", "status"),
    [
        ("13/0_0.jpeg", 404),
        ("12/99_0.jpeg", 404),
        ("12/99_0.png", 404),
        ("12/0_0.gif", 404),
        ("12/0_0", 404),
        ("12/0_x.png", 404),
        ("12/x_0.png", 400),
        ("-1/0_0.png", 400),
    ],
)
def test_tile_that_there_is_not_is_refused(
    phas: Any, phas_world: Any, say: Any, tile: str, status: int
) -> None:
    path = f"/dzi/raw/HTT pilot/{phas_world.slide.id}/raw_files/{tile}"
    say(phas.of("reader").get(path), status)
    say(
        phas.of("reader").get(path.replace("dzi/raw", "dzi/affine")),
        status if status == 400 else 400,
    )
