"""What every address of the door answers when all is well."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET
from itertools import chain
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import openslide
import pytest
import simplejpeg
from PIL import Image

from wsi_lab.server.streamer.settings import StreamerSettings
from wsi_lab.version import __version__


def at(route: str, slide_id: str, *rest: object) -> str:
    """Return the path of a slide."""
    return "/".join([f"/{route}/{quote(slide_id, safe='')}", *map(str, rest)])


def image(answer: httpx.Response) -> Image.Image:
    """Return the JPEG of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/jpeg"
    return Image.open(io.BytesIO(answer.content), formats=["JPEG"])


def pixels(answer: httpx.Response) -> Any:
    """Return the pixels of an answer."""
    assert answer.status_code == 200, answer.text
    return simplejpeg.decode_jpeg(answer.content, "RGB").astype(int)


def test_health_needs_nothing(open_door: Any) -> None:
    answer = open_door.get("/health")
    assert answer.json() == {"status": "healthy", "version": __version__}
    assert answer.headers["Content-Type"] == "application/json"


def test_tile_is_jpeg_with_the_headers_of_the_contract(open_door: Any, names: Any) -> None:
    first = open_door.get(at("tiles", names.svs, 0, 4, 5) + ".jpg")
    again = open_door.get(at("tiles", names.svs, 0, 4, 5))
    assert image(first).size == (240, 240)
    for answer, hit in ((first, "false"), (again, "true")):
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert answer.headers["X-Tile-Cache-Hit"] == hit
        assert answer.headers["X-Tile-Quality"] == "80"
        assert answer.content == first.content
        assert answer.headers["ETag"] == first.headers["ETag"]


def test_browser_that_has_a_tile_is_not_sent_it_again(open_door: Any, names: Any) -> None:
    path = at("tiles", names.svs, 0, 0, 0)
    etag = open_door.get(path).headers["ETag"]
    again = open_door.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=3600"
    other = open_door.get(path, params={"quality": "20"}, headers={"If-None-Match": etag})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["svs", "board", "jpeg_2000", "odd"])
def test_tiles_show_what_openslide_shows(
    open_door: Any, names: Any, folder: Any, name: str
) -> None:
    slide_id = getattr(names, name)
    levels = open_door.get(at("slides", slide_id)).json()["levels"]
    with openslide.OpenSlide(str(folder / slide_id)) as slide:
        assert len(levels) == slide.level_count
        for level in levels:
            number, wide, high = level["level"], level["tile_width"], level["tile_height"]
            # Elsewhere in the other levels openslide moves the picture by parts of a pixel.
            column, row = (level["tiles_x"] // 2, level["tiles_y"] // 2) if not number else (0, 0)
            path = at("tiles", slide_id, number, column, row) + ".jpg"
            got = pixels(open_door.get(path, params={"quality": "100"}))
            corner = column * wide, row * high
            wanted = np.asarray(slide.read_region(corner, number, (wide, high)).convert("RGB"))
            inside = (
                slice(0, min(high, level["height"] - row * high)),
                slice(0, min(wide, level["width"] - column * wide)),
            )
            assert abs(got[inside] - wanted[inside].astype(int)).mean() < 1


def test_edge_tiles_are_whole(open_door: Any, names: Any) -> None:
    answer = open_door.get(at("tiles", names.svs, 0, 9, 12))
    assert image(answer).size == (240, 240)


def test_lower_quality_is_encoded_anew_and_a_miss(open_door: Any, names: Any) -> None:
    path = at("tiles", names.svs, 0, 3, 3) + ".jpg"
    stored = open_door.get(path)
    low = open_door.get(path, params={"quality": "10"})
    assert low.headers["X-Tile-Quality"] == "10"
    assert low.headers["X-Tile-Cache-Hit"] == "false"
    assert low.headers["ETag"] != stored.headers["ETag"]
    assert len(low.content) < len(stored.content) / 2
    assert open_door.get(path, params={"quality": "10"}).headers["X-Tile-Cache-Hit"] == "true"
    assert abs(pixels(low) - pixels(stored)).mean() < 12
    high = open_door.get(path, params={"quality": "100"})
    assert high.headers["X-Tile-Quality"] == "100"
    assert abs(pixels(high) - pixels(stored)).mean() < 1


def test_quality_of_the_server_is_what_tiles_and_thumbnails_get(
    site_of_folder: Any, serve: Any, names: Any
) -> None:
    path, thumbnail = at("tiles", names.svs, 0, 4, 4), at("slides", names.svs, "thumbnail")
    with serve(site_of_folder, StreamerSettings(quality=15, cache_max_age=7)) as server:
        for address in (path, thumbnail):
            usual = server.get(address)
            assert usual.headers["X-Tile-Quality"] == "15"
            assert usual.headers["Cache-Control"] == "public, max-age=7"
            better = server.get(address, params={"quality": "90"})
            assert better.headers["X-Tile-Quality"] == "90"
            assert len(usual.content) < len(better.content)
        assert server.get(at("slides", names.svs, "dzi")).headers["Cache-Control"].endswith("=7")


def test_metadata_of_an_svs(open_door: Any, names: Any) -> None:
    answer = open_door.get(at("slides", names.svs))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "slide_id": names.svs,
        "format": "Aperio SVS",
        "width": 2220,
        "height": 2967,
        "level_count": 1,
        "levels": [
            {
                "level": 0,
                "width": 2220,
                "height": 2967,
                "tile_width": 240,
                "tile_height": 240,
                "tiles_x": 10,
                "tiles_y": 13,
                "downsample": 1.0,
            }
        ],
    }


def test_metadata_of_a_pyramid(open_door: Any, names: Any, folder: Any) -> None:
    described = open_door.get(at("slides", names.board)).json()
    assert described["slide_id"] == names.board
    assert described["format"] == "Generic Pyramidal TIFF"
    with openslide.OpenSlide(str(folder / names.board)) as slide:
        assert described["level_count"] == slide.level_count == 3
        for level, size, downsample in zip(
            described["levels"], slide.level_dimensions, slide.level_downsamples, strict=True
        ):
            assert (level["width"], level["height"]) == size
            assert level["downsample"] == pytest.approx(downsample)
            assert level["tiles_x"] == -(-level["width"] // level["tile_width"])
            assert level["tiles_y"] == -(-level["height"] // level["tile_height"])
    assert [level["tile_width"] for level in described["levels"]] == [256, 64, 16]


def test_small_levels_are_kept(open_door: Any, names: Any) -> None:
    levels = open_door.get(at("slides", names.odd)).json()["levels"]
    assert [(each["width"], each["height"]) for each in levels] == [
        (501, 465),
        (250, 232),
        (125, 116),
    ]


def test_descriptor_tells_size_and_tiles(open_door: Any, names: Any) -> None:
    answer = open_door.get(at("slides", names.board, "dzi"))
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    root = ET.fromstring(answer.content)  # noqa: S314 (our own answer)
    space = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert root.tag == f"{space}Image"
    assert root.attrib == {"TileSize": "256", "Overlap": "0", "Format": "jpg"}
    assert [(each.tag, each.attrib) for each in root] == [
        (f"{space}Size", {"Width": "2560", "Height": "3072"})
    ]


@pytest.mark.parametrize(
    ("asked", "largest", "clamped"),
    [
        (None, 512, False),
        ("64", 64, False),
        ("300", 300, False),
        ("2048", 2048, False),
        ("63", 64, True),
        ("0", 64, True),
        ("-5", 64, True),
        ("2049", 2048, True),
        ("99999999999999999999999", 2048, True),
    ],
)
def test_thumbnail_fits_and_says_when_it_was_clamped(
    open_door: Any, names: Any, asked: str | None, largest: int, clamped: bool
) -> None:
    params = {} if asked is None else {"max_size": asked}
    answer = open_door.get(at("slides", names.svs, "thumbnail"), params=params)
    wide, high = image(answer).size
    assert high == largest
    assert abs(wide / high - 2220 / 2967) < 0.01
    said = {name: value for name, value in answer.headers.items() if "thumbnail" in name}
    if not clamped:
        assert said == {}
    else:
        assert said["x-thumbnail-size-clamped"] == "true"
        assert said["x-thumbnail-actual-size"] == str(largest)
        assert asked is not None
        assert said["x-thumbnail-requested-size"][:10] == asked[:10]


def test_thumbnail_has_the_headers_of_a_tile(open_door: Any, names: Any) -> None:
    path = at("slides", names.jpeg_2000, "thumbnail")
    first = open_door.get(path, params={"max_size": "100", "quality": "35"})
    again = open_door.get(path, params={"max_size": "100", "quality": "35"})
    assert first.headers["X-Tile-Quality"] == "35"
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert again.headers["X-Tile-Cache-Hit"] == "true"
    assert first.content == again.content
    worse = open_door.get(path, params={"max_size": "100", "quality": "5"})
    assert len(worse.content) < len(first.content)


def test_thumbnail_shows_no_label(open_door: Any, names: Any, folder: Any) -> None:
    got = pixels(open_door.get(at("slides", names.svs, "thumbnail")))
    with openslide.OpenSlide(str(folder / names.svs)) as slide:
        wanted = slide.get_thumbnail((512, 512)).convert("RGB").resize(got.shape[1::-1])
    assert abs(got - np.asarray(wanted).astype(int)).mean() < 6


def test_page_shows_the_slide_and_reaches_nothing_elsewhere(open_door: Any, names: Any) -> None:
    answer = open_door.get(at("view", names.odd))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "501" in answer.text
    assert "Generic Pyramidal TIFF" in answer.text
    assert "http://" not in answer.text.replace("http://www.w3.org/", "")
    assert "https://" not in answer.text
    assert "vt=" not in answer.text


def test_page_finds_its_files(open_door: Any, names: Any) -> None:
    page = open_door.get(at("view", names.svs)).text
    found = {each.split('"')[0].split("?")[0] for each in page.split('"assets/')[1:]} | {
        "openseadragon.LICENSE.txt"
    }
    assert {"openseadragon.min.js", "view.css", "view.mjs"} <= found
    for name in found:
        answer = open_door.get(f"/view/assets/{name}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-cache"
        etag = answer.headers["ETag"]
        again = open_door.get(f"/view/assets/{name}", headers={"If-None-Match": etag})
        assert again.status_code == 304
    version = page.split("assets/view.css?v=")[1].split('"')[0]
    kept = open_door.get("/view/assets/view.css", params={"v": version})
    assert "immutable" in kept.headers["Cache-Control"]
    assert open_door.get("/view/assets/page.py").json()["error"] == "not_found"


def listed(door: Any, **params: str) -> list[list[str]]:
    """Return all pages of a list."""
    pages = []
    while True:
        answer = door.get("/slides", params=params)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        assert "Cache-Control" not in answer.headers
        pages.append(answer.json()["slides"])
        cursor = answer.json().get("next_cursor")
        if cursor is None:
            return pages
        assert base64.urlsafe_b64decode(cursor).decode() == pages[-1][-1]
        params["cursor"] = cursor


def test_list_is_all_that_can_be_opened_in_the_order_of_bytes(open_door: Any, names: Any) -> None:
    assert listed(open_door) == [names.listed]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_are_full_and_lead_to_the_end(open_door: Any, names: Any, limit: int) -> None:
    pages = listed(open_door, limit=str(limit))
    assert [*chain.from_iterable(pages)] == names.listed
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


@pytest.mark.parametrize(
    ("limit", "count"),
    [("0", 1), ("-3", 1), ("-99999999999999999999999", 1), ("1001", 1000), ("9" * 400, 1000)],
)
def test_limit_is_clamped(open_door: Any, names: Any, limit: str, count: int) -> None:
    slides = open_door.get("/slides", params={"limit": limit}).json()["slides"]
    assert slides == names.listed[:count]


def test_prefix_is_letter_for_letter(open_door: Any, names: Any) -> None:
    for prefix in ("fol", "folder/", "folder/b", "folder/B", "ü ä/", "CMU", "cmu", "../", "/"):
        wanted = [key for key in names.listed if key.startswith(prefix)]
        assert listed(open_door, prefix=prefix) == [wanted]


def test_search_finds_in_the_whole_key_in_any_case(open_door: Any, names: Any) -> None:
    for search in ("BOARD", "older/b", "Ü Ä", "svs", "nothing like it", ""):
        wanted = [key for key in names.listed if search.lower() in key.lower()]
        assert listed(open_door, search=search) == [wanted]
    both = listed(open_door, search="TIF", prefix="folder/", limit="1")
    assert both == [[names.board]]


def test_slide_is_opened_whatever_it_is_called(open_door: Any) -> None:
    assert open_door.get(at("slides", "slide without ending")).status_code == 200
    assert open_door.get(at("slides", "link in.svs")).json()["width"] == 2220
    for hit in ("false", "true"):
        tile = open_door.get(at("tiles", "link in.svs", 0, 1, 1))
        assert tile.headers["X-Tile-Cache-Hit"] == hit or hit == "false"


def test_head_is_get_without_a_body(open_door: Any, names: Any) -> None:
    for path in (
        *("/health", "/slides", at("slides", names.svs), at("view", names.svs)),
        *(at("slides", names.svs, "dzi"), at("slides", names.svs, "thumbnail")),
        *(at("tiles", names.svs, 0, 0, 0), "/view/assets/view.css"),
    ):
        got, head = open_door.get(path), open_door.ask("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        ignored = {"date", "x-tile-cache-hit"}
        assert {n: v for n, v in head.headers.items() if n not in ignored} == {
            n: v for n, v in got.headers.items() if n not in ignored
        }
    assert open_door.ask("HEAD", at("tiles", names.svs, 9, 0, 0)).status_code == 400


def test_unknown_parameters_are_nobodys_business(open_door: Any, names: Any) -> None:
    path = at("tiles", names.svs, 0, 0, 0)
    assert open_door.get(path, params={"v": "1", "_": "x", "sig": "zz"}).status_code == 200
    twice = httpx.QueryParams([("sig", "zz"), ("exp", "x"), ("sig", "1"), ("vt", "")])
    for each in (path, "/slides", at("slides", names.svs)):
        assert open_door.get(each, params=twice).status_code == 200


def test_addresses_beside_the_mount_are_not_the_doors(open_door: Any) -> None:
    if open_door.mount != "/":
        status, headers, _ = open_door.raw("/health")
        assert status == 404
        assert "json" not in headers["content-type"]


def test_parts_of_an_address_may_be_encoded(open_door: Any, names: Any) -> None:
    whole = open_door.raw(f"{{}}/tiles/{names.svs}/0/0/0.jpg")
    for spelling in ("%30/0/0.jpg", "0/%30/0%2Ejpg", "00/000/0.jpg"):
        assert open_door.raw(f"{{}}/tiles/{names.svs}/{spelling}")[2] == whole[2]
    name = "".join(f"%{byte:02x}" for byte in names.svs.encode())
    assert open_door.raw(f"{{}}/tiles/{name}/0/0/0.jpg")[2] == whole[2]
