"""Tiles by grant: whose they are, what they show, and how soon they are there."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import requests
import simplejpeg
import tifffile
from lab_log import lab_log

from wsi_lab.model.people import Right

NAMESPACE = "{http://schemas.microsoft.com/deepzoom/2008}"
FULL = 12


class Viewer:
    """Somebody who holds a grant and nothing else."""

    def __init__(self, door: Any, slide_id: int, who: str = "viewer") -> None:
        self.slide_id = slide_id
        self.parts = door.get("GetTileServer", who, imageId=slide_id).json()
        self.base = f"{door.base}/i/{slide_id}/{self.parts['urlPart']}"
        self.session = requests.Session()

    def get(self, below: str, *, verb: str = "GET", **headers: str) -> requests.Response:
        cookie = {"Cookie": f"_xsrf=2|a|b; t={self.parts['cookiePart']}"}
        return self.session.request(
            verb, f"{self.base}/{below}", headers={**cookie, **headers}, timeout=30
        )

    def tile(self, level: int = FULL, x: int = 3, y: int = 5) -> requests.Response:
        return self.get(f"i_files/{level}/{x}_{y}.jpeg")


@pytest.fixture
def viewer(door: Any, world: Any) -> Viewer:
    return Viewer(door, world.slide.id)


@pytest.fixture
def new_viewer(root_door: Any) -> Callable[..., Viewer]:
    return lambda slide_id, who: Viewer(root_door, slide_id, who)


@pytest.fixture(scope="module")
def pixels(demo_slide: Any) -> Any:
    with tifffile.TiffFile(demo_slide) as tiff:
        return tiff.pages.first.asarray()


def _set_member(world: Any, study: Any, email: str, rights: list[Right]) -> None:
    world.lab.studies.set_member(world.owner, study.id, email, rights)


def test_tile_shows_the_slide(viewer: Viewer, pixels: Any) -> None:
    answer = viewer.tile()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    tile = simplejpeg.decode_jpeg(answer.content)
    expected = pixels[5 * 240 : 6 * 240, 3 * 240 : 4 * 240]
    assert np.abs(tile.astype(int) - expected).mean() < 1.5


def test_every_tile_of_the_pyramid_has_its_size(viewer: Viewer, world: Any) -> None:
    width, height = world.slide.width, world.slide.height
    for level in range(FULL + 1):
        scale = 1 << (FULL - level)
        columns, rows = -(-width // scale), -(-height // scale)
        last = (columns - 1) // 240, (rows - 1) // 240
        tile = simplejpeg.decode_jpeg(viewer.tile(level, *last).content)
        assert tile.shape == (rows - 240 * last[1], columns - 240 * last[0], 3)


@pytest.mark.parametrize("folder", ["i_files", "_files"])
@pytest.mark.parametrize("ending", ["jpeg", "jpg"])
def test_both_folders_and_endings_are_served(viewer: Viewer, folder: str, ending: str) -> None:
    assert viewer.get(f"{folder}/12/3_5.{ending}").content == viewer.tile().content


@pytest.mark.parametrize(
    "below",
    [
        *("13/0_0.jpeg", "12/10_0.jpeg", "12/0_13.jpeg", "999999999/0_0.jpeg", "12/0_0.png"),
        *(
            "12/0_0",
            "12/-1_0.jpeg",
            "12/0_0.jpeg.jpeg",
            "12/٣_0.jpeg",
            "x/0_0.jpeg",
            "12/0_%FF.jpeg",
        ),
        "12/9999999999_0.jpeg",
    ],
)
def test_what_is_outside_is_not_there(viewer: Viewer, below: str) -> None:
    assert viewer.get(f"i_files/{below}").status_code == 404


def test_browser_that_has_a_tile_is_told_so(viewer: Viewer) -> None:
    first = viewer.tile()
    assert "private" in first.headers["Cache-Control"]
    again = viewer.get("i_files/12/3_5.jpeg", **{"If-None-Match": first.headers["Etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = viewer.get("i_files/12/3_5.jpeg", **{"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_head_is_answered_without_the_body(viewer: Viewer) -> None:
    head = viewer.get("i_files/12/3_5.jpeg", verb="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(viewer.tile().content))


def test_descriptor_states_the_grid(viewer: Viewer, door: Any, world: Any) -> None:
    answer = viewer.get("i.dzi")
    image = ET.fromstring(answer.text)  # noqa: S314 (our own answer)
    said = door.get("GetImageMetadata", imageid=world.slide.id).json()["metadata"]
    assert image.tag == f"{NAMESPACE}Image"
    assert image.attrib == {
        "TileSize": str(said["osdTileSize"]),
        "Overlap": "0",
        "Format": "jpeg",
    }
    size = image.find(f"{NAMESPACE}Size")
    assert size is not None
    assert size.attrib == {"Width": "2220", "Height": "2967"}


def test_no_bearer_token_and_no_cookie_lets_in(viewer: Viewer, door: Any) -> None:
    answer = requests.get(
        f"{viewer.base}/i_files/12/3_5.jpeg", headers=door.headers("site_admin"), timeout=30
    )
    assert answer.status_code == 503


@pytest.mark.parametrize("below", ["i_files/12/3_5.jpeg", "i.dzi", "i_files/99/0_0.jpeg"])
def test_wrong_grants_are_told_to_ask_for_new_ones(
    viewer: Viewer, door: Any, world: Any, below: str
) -> None:
    cookie = {"Cookie": f"t={viewer.parts['cookiePart']}"}
    root = f"{door.base}/i"
    good = viewer.parts["urlPart"]
    for slide_id, url_part, headers in (
        (world.slide.id, "wrong", cookie),
        (world.slide.id, good[:-1] + ("A" if good[-1] != "A" else "B"), cookie),
        (world.slide.id + 1, good, cookie),
        (world.slide.id, good, {"Cookie": "t=wrong"}),
        (world.slide.id, good, {}),
    ):
        answer = requests.get(f"{root}/{slide_id}/{url_part}/{below}", headers=headers, timeout=30)
        assert answer.status_code == 503
        assert answer.json()["success"] is False
        assert "Retry-After" not in answer.headers


def test_tile_ends_at_once_with_the_rights(new_viewer: Any, world: Any) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    world.lab.people.add(world.owner, "leaving@lab")
    _set_member(world, study, "leaving@lab", [Right.VIEW])
    viewer = new_viewer(slide.id, world.token("leaving@lab"))
    assert viewer.tile().status_code == 200
    world.lab.studies.remove_member(world.owner, study.id, "leaving@lab")
    assert viewer.tile().status_code == 503
    assert viewer.get("i.dzi").status_code == 503
    _set_member(world, study, "leaving@lab", [Right.VIEW])
    assert viewer.tile().status_code == 200


def test_tile_ends_at_once_with_the_token(new_viewer: Any, root_door: Any, world: Any) -> None:
    token = world.token("viewer@lab")
    viewer = new_viewer(world.slide.id, token)
    assert viewer.tile().status_code == 200
    assert root_door.post("GiveUpToken", token).status_code == 200
    assert viewer.tile().status_code == 503


def test_tile_ends_at_once_with_the_slide(new_viewer: Any, world: Any) -> None:
    slide = world.new_slide()
    viewer = new_viewer(slide.id, "viewer")
    assert viewer.tile().status_code == 200
    world.lab.slides.remove(world.owner, slide.id, revision=slide.revision)
    assert viewer.tile().status_code == 503


def test_expiry_is_told(door: Any, viewer: Viewer) -> None:
    parts = {key: viewer.parts[key] for key in ("cookiePart", "urlPart")}
    assert viewer.parts["expiresOn"].endswith("Z")
    said = door.get("GetTokenExpiry", "viewer", **parts).json()
    assert said == {"expiresOn": viewer.parts["expiresOn"]}
    assert door.get("GetTokenExpiry", "viewer", **{**parts, "urlPart": "x"}).status_code == 503
    assert door.get("GetTokenExpiry", "stranger", **parts).status_code == 404
    assert door.get("GetTokenExpiry", "anonymous", **parts).status_code == 401


def test_image_id_may_stand_in_the_query(door: Any, world: Any) -> None:
    answer = door.send("GET", f"/Api/GetTileServer?imageId={world.slide.id}")
    assert set(answer.json()) == {"cookiePart", "urlPart", "expiresOn"}


@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 404), ("powerless", 404), ("expired", 401)]
)
def test_who_may_not_see_gets_no_grant(root_door: Any, world: Any, who: str, status: int) -> None:
    assert root_door.get("GetTileServer", who, imageId=world.slide.id).status_code == status


def test_no_grant_is_written_to_a_log(viewer: Viewer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        viewer.tile()
        viewer.get("i.dzi")
        viewer.get("i_files/99/0_0.jpeg")
        viewer.session.get(f"{viewer.base}/i_files/12/0_0.jpeg", timeout=30)
        viewer.session.get(f"{viewer.base}/nothing/here", timeout=30)
        viewer.session.post(f"{viewer.base}/i.dzi", timeout=30)
        ours = "\n".join(lab_log(caplog, " POST "))
    for secret in (viewer.parts["urlPart"], viewer.parts["cookiePart"]):
        assert secret not in ours


@pytest.mark.quiet
def test_first_tile_is_there_soon_and_asks_no_database(new_viewer: Any, world: Any) -> None:
    for _ in range(3):
        viewer = new_viewer(world.new_slide().id, "viewer")
        begun = time.perf_counter()
        assert viewer.tile().status_code == 200
        took = time.perf_counter() - begun
        if took < 0.1:
            break
    # Three times late is no other program on this machine.
    assert took < 0.1
    database = world.lab.tiles._sight._database
    asked: list[object] = []
    read = database.read
    with contextlib.ExitStack() as stack:
        database.read = lambda query: asked.append(query) or read(query)
        stack.callback(delattr, database, "read")
        for column in range(9):
            assert viewer.tile(FULL, column, 0).status_code == 200
    assert not asked
