"""Windows, thumbs, masks and crops, against what OpenSlide and shapely say."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import openslide
import pytest
import shapely
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 2220, 2967
BOX = (700, 800, 301, 203)
OUTLINE = shapely.Polygon(
    [(650.5, 760.25), (1010, 800), (820, 990), (640, 950)],
    [[(760, 840), (860.5, 850), (800, 900.75)]],
)


def turned(geometry: Any) -> Any:
    return shapely.transform(geometry, lambda places: np.c_[places[:, 0], HEIGHT - places[:, 1]])


def read(world: Any, left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
    with openslide.OpenSlide(str(world.slide_file)) as slide:
        found = np.asarray(slide.read_region((left, top), 0, (width, height)))
    return np.where(found[..., 3:] == 0, np.uint8(255), found[..., :3])


def inside(geometry: Any, left: int, top: int, width: int, height: int) -> NDArray[np.bool_]:
    x, y = np.meshgrid(left + np.arange(width) + 0.5, top + np.arange(height) + 0.5)
    return np.asarray(shapely.contains_xy(geometry, x, y))


def picture(door: Any, path: str, who: str = "viewer", **query: Any) -> Image.Image:
    answer = door.ask("GET", path, who, **query)
    assert answer.status_code == 200, answer.text
    found = Image.open(io.BytesIO(answer.content))
    found.load()
    assert answer.headers["Content-Type"] == f"image/{found.format.lower()}"
    return found


@pytest.mark.parametrize("noun", ["imageinstance", "sliceinstance", "abstractimage"])
def test_window_is_what_openslide_reads(door: Any, world: Any, noun: str) -> None:
    number = world.image.image_id if noun == "abstractimage" else world.slide.id
    base = f"api/{noun}/{number}/window-700-800-301-203"
    expected = read(world, *BOX)
    for ending in ("png", "tif", "tiff", "webp", "PNG"):
        found = picture(door, f"{base}.{ending}", bits=8, complete="True")
        assert found.format == "PNG"
        np.testing.assert_array_equal(np.asarray(found), expected)
    for ending in ("jpg", "jpeg"):
        found = picture(door, f"{base}.{ending}")
        assert found.format == "JPEG"
        difference = np.abs(np.asarray(found).astype(int) - expected)
        assert difference.mean() < 3
    for ending in ("", ".", ".bmp", ".jpg.exe"):
        assert door.refused(400, "GET", base + ending, "viewer")


@pytest.mark.parametrize(
    ("window", "box"),
    [
        ("2220-2967-0-0", (0, 0, 2220, 2967)),
        ("30-40-0-0", (0, 0, 30, 40)),
        ("0-0-30-40", (0, 0, 30, 40)),
        ("30-0-40-50", (30, 0, 40, 50)),
        ("2100-2900-200-100", (2100, 2900, 200, 100)),
        ("-20--10-60-50", (-20, -10, 60, 50)),
    ],
)
def test_numbers_of_a_window_stand_in_either_order(
    door: Any, world: Any, window: str, box: tuple[int, int, int, int]
) -> None:
    found = picture(door, f"api/imageinstance/{world.slide.id}/window-{window}.png", zoom=0)
    np.testing.assert_array_equal(np.asarray(found), read(world, *box))


@pytest.mark.parametrize(
    "window", ["0-0-0-0", "5-5-0-9", "5-5-9-0", "5-5--1-4", "5000-0-9-9", "0-5000-9-9", "30-0-0-0"]
)
def test_window_of_nothing_is_refused(door: Any, world: Any, window: str) -> None:
    path = f"api/imageinstance/{world.slide.id}/window-{window}.jpg"
    assert door.refused(400, "GET", path, "viewer")


def test_window_is_scaled_down(door: Any, world: Any) -> None:
    path = f"api/imageinstance/{world.slide.id}/window-0-0-1024-512.png"
    whole = Image.fromarray(read(world, 0, 0, 1024, 512))
    for query, size in (
        ({"zoom": 2}, (256, 128)),
        ({"maxSize": 100}, (100, 50)),
        ({"maxSize": 100, "zoom": 1}, (100, 50)),
        ({"maxSize": 5000}, (1024, 512)),
        ({"zoom": "1.0"}, (512, 256)),
        ({"zoom": 40}, (1, 1)),
    ):
        found = picture(door, path, **query)
        assert found.size == size, query
        expected = np.asarray(whole.resize(size, Image.Resampling.BOX)).astype(int)
        assert np.abs(np.asarray(found).astype(int) - expected).mean() < 4


def test_what_is_too_large_is_made_smaller_and_said_so(door: Any, world: Any) -> None:
    base = f"api/imageinstance/{world.slide.id}"
    answer = door.ask("GET", f"{base}/window-0-0-20000-40.png", "viewer")
    assert answer.status_code == 200
    assert answer.headers["X-Image-Size-Limit"] == "10000"
    assert Image.open(io.BytesIO(answer.content)).size == (10000, 20)
    for path in (f"{base}/window-0-0-2000-40.png", f"{base}/window-0-0-20000-40.png?zoom=1"):
        assert "X-Image-Size-Limit" not in door.ask("GET", path, "viewer").headers


@pytest.mark.parametrize("noun", ["imageinstance", "sliceinstance", "abstractimage"])
def test_whole_slide_is_made_small(door: Any, world: Any, noun: str) -> None:
    number = world.image.image_id if noun == "abstractimage" else world.slide.id
    whole = Image.fromarray(read(world, 0, 0, WIDTH, HEIGHT))
    for name, query, side in (
        ("thumb", {}, 512),
        ("preview", {}, 1024),
        ("thumb", {"maxSize": 100}, 100),
        ("thumb", {"maxSize": 99999}, HEIGHT),
    ):
        found = picture(door, f"api/{noun}/{number}/{name}.png", bits=8, **query)
        assert max(found.size) == side
        assert found.size[0] == pytest.approx(side * WIDTH / HEIGHT, abs=1)
        # What does not fill a pixel at the right edge is left out.
        shown = (0, 0, found.size[0] * HEIGHT / side, HEIGHT)
        expected = np.asarray(whole.resize(found.size, Image.Resampling.BOX, shown)).astype(int)
        assert np.abs(np.asarray(found).astype(int) - expected).mean() < 4
    assert picture(door, f"api/{noun}/{number}/thumb.jpg").format == "JPEG"


def test_image_that_is_in_no_project_has_a_thumb_only(door: Any, world: Any) -> None:
    boss = world.actor("site_admin")
    arriving = world.lab.images.receive(boss, f"{world.name('sent')}.svs")
    arriving.write([world.slide_file.read_bytes()])
    image = world.lab.images.register_upload(boss, arriving).image
    found = picture(door, f"api/abstractimage/{image.id}/thumb.jpg", "site_admin", maxSize=128)
    assert max(found.size) == 128
    window = f"api/abstractimage/{image.id}/window-0-0-9-9.png"
    assert "project" in door.refused(400, "GET", window)
    assert door.refused(403, "GET", window, "study_admin")


@pytest.fixture(scope="module")
def outlined(world: Any) -> Any:
    """A slide of its own with an outline of the member's and a triangle of the owner's on it."""
    slide = world.new_slide()
    first = world.draw(turned(OUTLINE).wkt, world.tumour, who=world.actor("member"), slide=slide)
    second = world.draw(
        turned(shapely.Polygon([(900, 850), (980, 850), (980, 980)])).wkt,
        world.stroma,
        slide=slide,
    )
    return slide, first, second


def test_masks_of_a_window_are_of_the_annotations_that_are_asked_for(
    door: Any, world: Any, outlined: Any
) -> None:
    slide, first, second = outlined
    other = shapely.Polygon([(900, 850), (980, 850), (980, 980)])
    path = f"api/imageinstance/{slide.id}/window-700-800-301-203.jpg"
    member, tumour, stroma = world.ids["member"], world.tumour.id, world.stroma.id
    for query, shape in (
        ({}, OUTLINE.union(other)),
        ({"annotations": second}, other),
        ({"annotations": f"{first},{second}", "terms": stroma}, OUTLINE.union(other)),
        ({"terms": stroma}, other),
        ({"terms": f"{tumour},{stroma}", "users": member}, OUTLINE),
        ({"users": member}, OUTLINE),
        ({"users": world.ids["viewer"]}, shapely.Polygon()),
        ({"reviewed": "True"}, shapely.Polygon()),
    ):
        found = picture(door, path, "study_admin", mask="true", **query)
        assert (found.format, found.mode) == ("PNG", "L")
        mask = np.asarray(found)
        assert set(np.unique(mask)) <= {0, 255}
        np.testing.assert_array_equal(mask == 255, inside(shape, *BOX), err_msg=str(query))
    found = picture(door, path, "study_admin", alphaMask="true", mask="false")
    pixels = np.asarray(found)
    expected = inside(OUTLINE.union(other), *BOX)
    assert found.mode == "RGBA"
    np.testing.assert_array_equal(pixels[..., 3] == 255, expected)
    np.testing.assert_array_equal(pixels[..., 3] == 0, ~expected)
    np.testing.assert_array_equal(pixels[expected][:, :3], read(world, *BOX)[expected])


def test_crops_and_masks_of_an_annotation_are_right_way_up(
    door: Any, world: Any, outlined: Any
) -> None:
    _, first, _ = outlined
    left, top, right, bottom = (
        *np.floor(OUTLINE.bounds[:2]).astype(int),
        *np.ceil(OUTLINE.bounds[2:]).astype(int),
    )
    box = (int(left), int(top), int(right - left), int(bottom - top))
    expected = inside(OUTLINE, *box)
    for noun in ("annotation", "userannotation"):
        crop = picture(door, f"api/{noun}/{first}/crop.png")
        np.testing.assert_array_equal(np.asarray(crop), read(world, *box))
        mask = np.asarray(picture(door, f"api/{noun}/{first}/mask.jpg"))
        np.testing.assert_array_equal(mask == 255, expected)
        assert set(np.unique(mask)) == {0, 255}
        alpha = np.asarray(picture(door, f"api/{noun}/{first}/alphamask.png"))
        np.testing.assert_array_equal(alpha[..., 3] == 255, expected)
    base = f"api/annotation/{first}/crop.png"
    width, height = box[2:]
    assert picture(door, base, maxSize=185).size == (185, round(185 * height / width))
    assert picture(door, base, zoom=1).size == (width // 2, height // 2)
    larger = picture(door, base, increaseArea="2").size
    assert np.abs(np.subtract(larger, (2 * width, 2 * height))).max() <= 2
    same = picture(
        door, base, contrast=1.5, gamma=0.5, colormap=3, inverse="True", bits=8, complete="True"
    )
    assert same.size == (width, height)
    for wrong in ("0", "-1", "x", "inf"):
        assert door.refused(400, "GET", base, "viewer", increaseArea=wrong)


def test_what_is_shown_of_a_point_is_around_it(door: Any, world: Any) -> None:
    number = world.draw(f"POINT (500.5 {HEIGHT - 600.5})")
    crop = picture(door, f"api/annotation/{number}/crop.png")
    np.testing.assert_array_equal(np.asarray(crop), read(world, 450, 550, 100, 100))


def test_file_is_downloaded_as_it_is(door: Any, world: Any) -> None:
    for path in (
        f"api/imageinstance/{world.slide.id}/download",
        f"api/abstractimage/{world.image.image_id}/download",
    ):
        answer = door.ask("GET", path, "study_admin", parentUploadedFile=1, token="x")
        assert answer.content == world.slide_file.read_bytes()
        assert world.slide_file.name in answer.headers["Content-Disposition"]
        assert answer.headers["Content-Disposition"].startswith("attachment")
