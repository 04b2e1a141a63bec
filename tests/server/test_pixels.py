"""Pixels over HTTP are the file's own: tiles, bundles, regions, thumbnails, Deep Zoom."""

from __future__ import annotations

import io
import struct
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import numpy as np
import pytest
import simplejpeg
import tifffile
from PIL import Image

FULL_ZOOM = 4
DEEPZOOM_FULL = 12


@pytest.fixture
def slide(world: Any) -> str:
    return f"/v1/slides/{world.slide.id}"


@pytest.fixture(scope="module")
def pixels(demo_slide: Any) -> Any:
    """All pixels of the demo slide, decoded by tifffile."""
    with tifffile.TiffFile(demo_slide) as tiff:
        return tiff.pages.first.asarray()


def _stored(demo_slide: Any, column: int, row: int) -> tuple[bytes, bytes]:
    with tifffile.TiffFile(demo_slide) as tiff:
        page = tiff.pages.first
        index = row * -(-page.imagewidth // page.tilewidth) + column
        with demo_slide.open("rb") as file:
            file.seek(page.dataoffsets[index])
            return file.read(page.databytecounts[index]), page.jpegtables


def test_tile_is_the_one_in_the_file(boss: httpx.Client, slide: str, demo_slide: Any) -> None:
    answer = boss.get(f"{slide}/tiles/{FULL_ZOOM}/3/5.jpg")
    stored, _tables = _stored(demo_slide, 3, 5)
    assert answer.headers["Content-Type"] == "image/jpeg"
    # Everything from the tile's first own segment on is the file's, byte for byte.
    assert answer.content.startswith(b"\xff\xd8")
    assert answer.content.endswith(stored[2:])
    assert len(answer.content) < len(stored) + 1000


def test_tile_has_the_colours_of_the_slide(boss: httpx.Client, slide: str, pixels: Any) -> None:
    answer = boss.get(f"{slide}/tiles/{FULL_ZOOM}/3/5.jpg")
    tile = simplejpeg.decode_jpeg(answer.content)
    expected = pixels[5 * 240 : 6 * 240, 3 * 240 : 4 * 240]
    assert tile.shape == (240, 240, 3)
    assert np.abs(tile.astype(int) - expected).mean() < 1.5


def test_edge_of_the_map_grid_is_white(boss: httpx.Client, slide: str, pixels: Any) -> None:
    tile = simplejpeg.decode_jpeg(boss.get(f"{slide}/tiles/{FULL_ZOOM}/9/12.jpg").content)
    assert tile.shape == (240, 240, 3)
    inside = (2967 - 12 * 240, 2220 - 9 * 240)
    assert tile[inside[0] + 8 :, :].min() > 245
    assert tile[:, inside[1] + 8 :].min() > 245
    expected = pixels[12 * 240 :, 9 * 240 :]
    assert np.abs(tile[: inside[0], : inside[1]].astype(int) - expected).mean() < 3


def test_deep_zoom_is_cropped_and_the_same_picture(
    boss: httpx.Client, slide: str, pixels: Any
) -> None:
    descriptor = boss.get(f"{slide}/deepzoom.dzi")
    image = ET.fromstring(descriptor.text)  # noqa: S314 (our own answer)
    size = image.find("{http://schemas.microsoft.com/deepzoom/2008}Size")
    assert descriptor.headers["Content-Type"] == "application/xml"
    assert dict(image.attrib) == {"Format": "jpg", "Overlap": "0", "TileSize": "240"}
    assert size is not None
    assert dict(size.attrib) == {"Width": "2220", "Height": "2967"}
    corner = simplejpeg.decode_jpeg(
        boss.get(f"{slide}/deepzoom_files/{DEEPZOOM_FULL}/9_12.jpg").content
    )
    assert corner.shape == (2967 - 12 * 240, 2220 - 9 * 240, 3)
    assert np.abs(corner.astype(int) - pixels[12 * 240 :, 9 * 240 :]).mean() < 3
    smallest = simplejpeg.decode_jpeg(boss.get(f"{slide}/deepzoom_files/0/0_0.jpg").content)
    assert smallest.shape == (1, 1, 3)


def test_bundle_is_the_single_tiles_in_the_order_asked(boss: httpx.Client, slide: str) -> None:
    for zoom, places in ((FULL_ZOOM, [(3, 5), (0, 0), (9, 12), (3, 5)]), (1, [(0, 0), (1, 1)])):
        tiles = ",".join(f"{column}.{row}" for column, row in places)
        answer = boss.get(f"{slide}/tiles/{zoom}", params={"tiles": tiles})
        assert answer.headers["Content-Type"] == "application/vnd.wsi-lab.tiles"
        (count,) = struct.unpack_from("<I", answer.content)
        lengths = struct.unpack_from(f"<{count}I", answer.content, 4)
        start, found = 4 + 4 * count, []
        for length in lengths:
            found.append(answer.content[start : start + length])
            start += length
        assert start == len(answer.content)
        assert found == [boss.get(f"{slide}/tiles/{zoom}/{x}/{y}.jpg").content for x, y in places]


def test_images_are_asked_for_once(boss: httpx.Client, slide: str) -> None:
    version = boss.get(f"{slide}/properties").json()["version"]
    for path in (
        f"{slide}/tiles/{FULL_ZOOM}/1/1.jpg",
        f"{slide}/tiles/0/0/0.jpg",
        f"{slide}/deepzoom_files/9/0_0.jpg",
        f"{slide}/thumbnail?width=64",
        f"{slide}/associated/label",
        f"{slide}/tiles/{FULL_ZOOM}?tiles=1.1,2.2",
    ):
        first = boss.get(path)
        etag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
        assert etag.startswith('"')
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = boss.get(path, headers={"If-None-Match": known})
            assert again.status_code == 304, path
            assert not again.content
            assert again.headers["ETag"] == etag
        assert boss.get(path, headers={"If-None-Match": '"other"'}).content == first.content
        named = boss.get(path + ("&" if "?" in path else "?") + f"v={version}")
        assert named.headers["Cache-Control"] == "private, max-age=86400, immutable"
        assert named.content == first.content
        outdated = boss.get(path + ("&" if "?" in path else "?") + "v=0123abc")
        assert outdated.headers["Cache-Control"] == "private, no-cache"


def test_etags_differ_where_bytes_do(boss: httpx.Client, slide: str) -> None:
    paths = [
        f"{slide}/tiles/{FULL_ZOOM}/1/1.jpg",
        f"{slide}/tiles/{FULL_ZOOM}/1/2.jpg",
        f"{slide}/tiles/3/1/1.jpg",
        f"{slide}/deepzoom_files/{DEEPZOOM_FULL}/1_1.jpg",
        f"{slide}/tiles/{FULL_ZOOM}?tiles=1.1,2.2",
        f"{slide}/tiles/{FULL_ZOOM}?tiles=2.2,1.1",
        f"{slide}/thumbnail?width=64",
        f"{slide}/thumbnail?width=65",
        f"{slide}/associated/label",
    ]
    etags = [boss.get(path).headers["ETag"] for path in paths]
    assert len(set(etags)) == len(etags)


def test_region_comes_in_three_formats(boss: httpx.Client, slide: str, pixels: Any) -> None:
    query = {"x": 100, "y": 200, "width": 50, "height": 40}
    array = boss.get(f"{slide}/region", params={**query, "format": "npy"})
    png = boss.get(f"{slide}/region", params={**query, "format": "png"})
    jpeg = boss.get(f"{slide}/region", params={**query, "format": "jpg"})
    assert array.content[:8] == b"\x93NUMPY\x01\x00"
    found = np.load(io.BytesIO(array.content), allow_pickle=False)
    assert found.shape == (40, 50, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - pixels[200:240, 100:150]).mean() < 1.5
    with Image.open(io.BytesIO(png.content), formats=["PNG"]) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), found)
    with Image.open(io.BytesIO(jpeg.content), formats=["JPEG"]) as image:
        assert image.size == (50, 40)
    assert png.headers["Content-Type"] == "image/png"
    assert jpeg.headers["Content-Type"] == "image/jpeg"
    assert array.headers["Content-Type"] == "application/octet-stream"


def test_name_in_a_header_is_harmless(world: Any, boss: httpx.Client) -> None:
    made = world.lab.slides.add(
        world.owner, world.new_study().id, world.slide_file, name='ü "x" %0a; \u200fB/C'
    )
    answer = boss.get(
        f"/v1/slides/{made.id}/region", params={"x": 0, "y": 0, "width": 2, "height": 2}
    )
    header = answer.headers["Content-Disposition"]
    assert header == (
        'inline; filename="_ _x_ _0a; _B_C.png"; '
        "filename*=UTF-8''%C3%BC%20%22x%22%20%250a%3B%20%E2%80%8FB_C.png"
    )


def test_large_region_arrives_whole(boss: httpx.Client, slide: str, pixels: Any) -> None:
    query = {"x": 0, "y": 0, "width": 2220, "height": 2967, "format": "npy"}
    answer = boss.get(f"{slide}/region", params=query)
    found = np.load(io.BytesIO(answer.content), allow_pickle=False)
    assert found.shape == pixels.shape
    assert np.abs(found.astype(int) - pixels).mean() < 1.5


def test_thumbnail_fits_the_box(boss: httpx.Client, slide: str) -> None:
    answer = boss.get(f"{slide}/thumbnail", params={"width": 100, "height": 50})
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size[0] <= 100
        assert image.size[1] == 50


def test_label_needs_the_right_to_private_images(
    world: Any, http: httpx.Client, boss: httpx.Client, slide: str
) -> None:
    names = boss.get(f"{slide}/associated").json()["items"]
    assert "label" in names
    with Image.open(io.BytesIO(boss.get(f"{slide}/associated/label").content)) as image:
        assert min(image.size) > 10
    viewer = world.headers("viewer")
    assert http.get(f"{slide}/properties", headers=viewer).json()["associated"] == []
    assert boss.get(f"{slide}/properties").json()["associated"] == names
    assert boss.get(f"{slide}/associated/nothing").status_code == 404


def test_path_of_the_file_is_for_site_administrators(
    world: Any, http: httpx.Client, slide: str
) -> None:
    for person, expected in (("site_admin", True), ("study_admin", False), ("viewer", False)):
        answer = http.get(slide, headers=world.headers(person))
        assert ("source" in answer.json()) is expected
        assert (str(world.slide_file.parent) in answer.text) is expected


def test_private_name_of_a_case_is_hidden(world: Any, http: httpx.Client) -> None:
    path = f"/v1/cases/{world.case.id}"
    assert http.get(path, headers=world.headers("study_admin")).json()["name"] == "Jane Doe"
    assert http.get(path, headers=world.headers("viewer")).json()["name"] is None
    for path in (f"/v1/studies/{world.study.id}/cases", f"/v1/slides/{world.slide.id}"):
        assert "Jane" not in http.get(path, headers=world.headers("viewer")).text
